"""The multiplier with which a dataset's queries do as badly as random guessing (section 4.2.3), by bisection."""

import math
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cvpire import layout
from cvpire.attack.bisection import crossing
from cvpire.errors import InputError, shown
from cvpire.plan.run import Plan
from cvpire.provenance import PROJECT
from cvpire.tables.collection import mean_map, mean_random_map


class Calibrated(NamedTuple):
    """What was found for an attack on a dataset."""

    multiplier: float | None
    """The smallest m known to reach the random level, too large by the interval at most; None where none reaches it."""
    interval: tuple[float, float | None]
    """The level is crossed between these two; (the largest m that was tried, None) where it is not."""
    random_map: float
    """Of a random ranking, in [0, 1] like those of `probes`; in the configured form, by default eq. 4.1."""
    probes: dict[float, float]
    """mAP by multiplier."""


def calibrate(
    known: Mapping[float, float], measure: Callable[[float], float], random_map: float, tolerance: float
) -> Calibrated:
    """Find the smallest multiplier whose mAP is at most that of a random ranking.

    Parameters
    ----------
    known : mapping
        mAP in [0, 1] by multiplier, of one at least.
    measure : callable
        mAP at a multiplier, of the one that is known to reach the level and those below it that are not.
    random_map : float
        In [0, 1].
    tolerance : float
        Largest width of the interval in the end, in grey levels.
    """
    probes = dict(known)

    def holds(multiplier: float) -> bool:
        probes[multiplier] = measure(multiplier)
        return probes[multiplier] <= random_map

    high = min((each for each in known if known[each] <= random_map), default=None)
    low = max((each for each in known if high is None or each < high), default=0.0)
    if high is not None:
        steps = max(0, math.ceil(math.log2((high - low) / tolerance)))
        low, high = crossing(low, high, steps, holds)
    return Calibrated(high, (low, high), random_map, dict(sorted(probes.items())))


def calibrate_dataset(
    configuration: Path,
    attack: str,
    dataset: str,
    *,
    tolerance: float,
    given: Sequence[str] = (),
    words: Sequence[str] = (),
    told: Callable[[float, float], None] = lambda multiplier, found: None,
) -> Calibrated:
    """Calibrate an attack on a dataset by runs of the workflow, which keep what they make.

    The first run is of the configuration as it is. Queries at another multiplier have a folder of their own, so that
    none is made twice: what was interrupted goes on. The ranking is made anew each time; that of the configuration
    stands there in the end.

    Parameters
    ----------
    configuration : Path
    attack, dataset : str
        Names.
    tolerance : float
        See `calibrate`.
    given : sequence of str
        What `snakemake --config` is given beside the configuration.
    words : sequence of str
        Further words for `snakemake`, like ``--cores 4``.
    told : callable, optional
        Hears each multiplier with its mAP in [0, 1].

    Raises
    ------
    InputError
        A configuration that has no such attack on the dataset, or whose attack calibrates itself; a run that fails.
    """
    config = Plan.read(configuration, given=given).config
    if dataset not in config.datasets:
        raise InputError(
            f"--dataset: {shown(dataset)} is not in {configuration}; there are {', '.join(config.datasets)}"
        )
    if attack not in config.attacks_on(dataset):
        there = ", ".join(config.attacks_on(dataset)) or "none"
        raise InputError(f"--attack: {shown(attack)} does not run on dataset {dataset}; attacks there: {there}")
    options = config.attacks[attack]
    victim = options.attacked[0]
    if options.calibrates:
        raise InputError(
            f"--attack: {attack} finds a multiplier for each photo itself (calibrate: {options.calibrate})"
        )
    if victim not in config.victims_of(attack, dataset):
        raise InputError(f"--attack: {attack} is not ranked by its own network {victim!r}; list it in victims")
    ranking = layout.RETRIEVAL.format(dataset=dataset, attack=attack, victim=victim)
    random = layout.RANDOM.format(dataset=dataset)

    def run(*also: str) -> dict[float, float]:
        entries = ["--config", *given, *also] if given or also else []
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(PROJECT / "Snakefile")]
        command += ["--configfile", str(configuration), *entries, "--cores", "all", *words, "--", ranking, random]
        if status := subprocess.run(command, stdout=sys.stderr).returncode:
            raise InputError(f"the workflow ended with status {status}, see above; what is finished is kept")
        return mean_map(Path(ranking), options.iterations)

    def measure(multiplier: float) -> float:
        place, at = f"set=attacks.{attack}", layout.number(multiplier)
        # Kept perturbations of all multipliers are one file, which a run of one multiplier would replace.
        maps = run(f"{place}.multiplier={at}", f"{place}.other_multipliers=[]", "set=keep_perturbations=false")
        told(multiplier, maps[multiplier])
        return maps[multiplier]

    known = run()
    for multiplier, value in known.items():
        told(multiplier, value)
    found = calibrate(known, measure, mean_random_map(Path(random)), tolerance)
    if found.probes.keys() > known.keys():
        run()
    return found


def as_json(found: Calibrated, **about: Any) -> dict[str, Any]:
    """What was found, as plain values."""
    probes = [{"multiplier": each, "map": value} for each, value in found.probes.items()]
    return {**about, **found._asdict(), "probes": probes}


def in_words(found: Calibrated) -> str:
    """What was found, as a sentence."""
    low, high = found.interval
    level = f"that of a random ranking, {100 * found.random_map:.2f} %"
    if high is None:
        return f"no multiplier up to {layout.number(low)} takes mAP to {level}; try larger ones (other_multipliers)"
    return f"m = {layout.number(high)} takes mAP to {level}; m = {layout.number(low)} does not"
