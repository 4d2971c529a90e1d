"""Compare the clean mAP of a network with the published one, before any attack."""

import csv
import math
import re
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

from cvpire.datasets import CleanTwin, Difficulty, QueryPart
from cvpire.datasets.benchmarks import BENCHMARKS
from cvpire.errors import InputError

if TYPE_CHECKING:
    from cvpire.config import NetworkOptions


class Protocol(NamedTuple):
    """How a mAP was measured."""

    query: str
    """whole or box"""
    longest_side: int | None
    """Pixels; None: native size."""
    scales: tuple[float, ...]
    whitening: str
    """none, learned or layer"""

    def __str__(self) -> str:
        side = f"longest side {self.longest_side}" if self.longest_side else "native size"
        scales = "one scale" if self.scales == (1,) else f"scales {', '.join(f'{scale:.4g}' for scale in self.scales)}"
        return f"query {self.query}, {side}, {scales}, whitening {self.whitening}"


def check_ranking(
    ranking: Path,
    dataset: str,
    network: "NetworkOptions",
    tolerance: float,
    *,
    query: QueryPart = "whole",
    longest_side: int | None = None,
    clean_twin: CleanTwin = "junk",
    difficulty: Difficulty = "medium",
    part: bool = False,
) -> dict[str, Any]:
    """Compare the clean mAP of a ranking with the published one.

    Parameters
    ----------
    ranking : Path
        Rows of `cvpire.retrieval.ranking.rank_versions` for the unattacked queries, .csv.
    dataset : str
        Kind of the dataset; nothing is published but for the benchmarks.
    network : cvpire.config.NetworkOptions
        What ranked.
    tolerance : float
        Largest difference that passes, in percentage points.
    query, longest_side, clean_twin, difficulty
        How the dataset was read, see `cvpire.config`.
    part : bool
        Not all queries were measured, or distractors were added.

    Returns
    -------
    dict
        See `check_clean_map`.

    Raises
    ------
    InputError
        The file is not a ranking, or the difference is larger than the tolerance.
    """
    try:
        with ranking.open(encoding="utf-8", newline="") as file:
            measured = 100 * fmean(float(row["ap_trapezoid"]) for row in csv.DictReader(file))
        if not math.isfinite(measured):
            raise ValueError("an average precision is not a number")
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{ranking}: not a ranking of `cvpire rank` ({error!r})") from None
    whitening = network.whitening or ("layer" if "-gem-w-" in network.weights else "none")
    protocol = Protocol(query, longest_side, tuple(network.scales), whitening)
    about = f"{Path(network.weights).name} on {dataset}"
    twin = "relevant" if _revisited(dataset) else clean_twin  # revisited queries have none
    departures = [name for name in ("gem_power", "mean", "std") if getattr(network, name) is not None]
    departures += ["another pooling"] if network.pooling != "gem" else []
    departures += ["some of the queries only, or distractors"] if part else []
    published = published_maps(network.weights, dataset, difficulty)
    return check_clean_map(measured, protocol, published, tolerance, twin, about, departures)


def published_maps(weights: str, dataset: str, difficulty: str) -> dict[Protocol, float]:
    """Look up what was published for a network on a dataset (`published-map.csv`).

    Parameters
    ----------
    weights : str
        File name of the checkpoint; the authors end it with the beginning of its SHA-256.
    dataset : str
        oxford5k, paris6k, roxford5k or rparis6k.
    difficulty : str
        Of the revisited ground truth; the original one has none.

    Returns
    -------
    dict
        mAP in percent by protocol: trapezoidal average precision, junk removed; in the original protocol a query is in
        the database and relevant to itself.

    References
    ----------
    .. [1] Radenović, Tolias and Chum, "Fine-tuning CNN image retrieval with no human annotation", TPAMI 2018, and the
       README of their code, cnnimageretrieval-pytorch.
    .. [2] Liu, Zhao and Larson, "Who's afraid of adversarial queries?", ICMR 2019, and the README of their code, PIRE:
       native size, without whitening.
    """
    with Path(__file__).with_name("published-map.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    network = re.sub(r"-[0-9a-f]{7,64}$", "", Path(weights).stem)
    return {
        Protocol(
            row["query"],
            int(row["longest_side"]) if row["longest_side"] else None,
            tuple(float(scale) for scale in row["scales"].split(";")),
            row["whitening"],
        ): float(row["map"])
        for row in rows
        if row["weights"] == network
        and row["dataset"] == dataset
        and (not _revisited(dataset) or row["difficulty"] == difficulty)
    }


def check_clean_map(
    measured: float,
    protocol: Protocol,
    published: dict[Protocol, float],
    tolerance: float,
    clean_twin: str,
    about: str,
    departures: Sequence[str] = (),
) -> dict[str, Any]:
    """Compare a clean mAP with the published one.

    Parameters
    ----------
    measured : float
        Trapezoidal mAP in percent.
    protocol : Protocol
        How it was measured.
    published : dict
        See `published_maps`.
    tolerance : float
        Largest difference that passes, in percentage points.
    clean_twin : {"relevant", "junk"}
        What a query's own photo in the database counted as; the published values are of `relevant`.
    about : str
        Network and dataset, for messages.
    departures : sequence of str
        What else sets the measurement apart from every published one: distractors, a part of the queries, another
        pooling. Comparing would say nothing then, and the record says why.

    Returns
    -------
    dict
        `protocol`, `measured`, `published` (None where there is none), `difference`, `tolerance` and `verdict`.

    Raises
    ------
    InputError
        The difference is larger than the tolerance. The message says which setting to look at.
    """
    record = {"protocol": str(protocol), "measured": round(measured, 2), "published": None, "difference": None}
    record |= {"tolerance": tolerance}
    expected = next((value for known, value in published.items() if _same(known, protocol)), None)
    if expected is None:
        return record | {"verdict": "not checked: nothing is published for this network, dataset and protocol"}
    if clean_twin != "relevant":
        return record | {"verdict": "not checked: the published values count a query's own photo as relevant"}
    if departures:
        return record | {"verdict": f"not checked: nothing is published with {', '.join(departures)}"}
    record |= {"published": expected, "difference": round(measured - expected, 2)}
    if abs(measured - expected) <= tolerance:
        return record | {"verdict": "passed"}
    near = [f"{value} ({known})" for known, value in published.items() if abs(measured - value) <= tolerance]
    hint = (
        f"it is near what is published for another protocol, {'; '.join(near)}: compare query, size, scales, whitening"
        if near
        else "look at the size of the photos (longest_side, decoder), the box of the queries (query), the protocol "
        "(clean_twin, junk, difficulty), and whitening and scales of the network"
    )
    raise InputError(
        f"{about}: the clean mAP is {measured:.2f}, published is {expected} ({protocol}), and gate.tolerance is "
        f"{tolerance:g} percentage points; {hint}. To attack all the same, set gate.enabled to false"
    )


def _revisited(dataset: str) -> bool:
    return dataset in BENCHMARKS and BENCHMARKS[dataset].revisited


def _same(one: Protocol, other: Protocol) -> bool:
    scales = len(one.scales) == len(other.scales) and all(
        abs(a - b) < 1e-3 for a, b in zip(sorted(one.scales), sorted(other.scales), strict=True)
    )
    return scales and one._replace(scales=()) == other._replace(scales=())
