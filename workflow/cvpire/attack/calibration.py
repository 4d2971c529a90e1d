"""The multiplier that one photo needs, or that its quality allows (section 3.3.2), found in the job that attacks it.

Section 3.3.2 chooses m for a whole dataset: as small as it may be where queries do no better than random guessing, and
no larger, since a photo that is less alike than chance is found from the other end of the ranking. Photos differ in
what they need, and so do those who publish them in what they can bear to see.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from cvpire.attack.bisection import crossing
from cvpire.attack.loop import attack_photo
from cvpire.attack.members import Member, describing
from cvpire.attack.saved_files import read
from cvpire.errors import InputError
from cvpire.measures import MEASURES
from cvpire.networks.network import as_tensor
from cvpire.perturbations import Perturbations
from cvpire.quality.compare import quality
from cvpire.saving import adversarial_query, encode

if TYPE_CHECKING:
    from cvpire.config import AttackOptions, QualityOptions


class Calibration(NamedTuple):
    """What was found for a photo."""

    found_multiplier: float
    """m of the saved photo."""
    value: float
    """Of what was calibrated: mean similarity of the saved photo to its original, or its quality."""
    limit: float
    """What that may be at most, or has to be at least."""
    within_limit: bool
    """Whether it is. Otherwise m is the largest (no m up to it makes the photo as unlike as an unrelated one), or the
    smallest that was tried (none leaves the quality)."""


def calibrate_photo(
    pixels: np.ndarray,
    bound_map: np.ndarray,
    networks: Sequence[Member],
    method: "AttackOptions",
    *,
    name: str,
    seed: int,
    photo: str,
    quality_options: "QualityOptions",
    goal: np.ndarray | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> tuple[Perturbations, Calibration]:
    """Attack a photo at the multiplier that bisection finds for it, between 0 and that of the options.

    Parameters
    ----------
    pixels, bound_map, networks, name, seed, photo, goal, progress
        As `attack_photo` takes them.
    method : AttackOptions
        `calibrate` says what is looked for, `calibrate_by` how the photo is attacked at other multipliers than the
        largest, `bisections` how closely; `saving` how the photo is saved that is judged.
    quality_options : QualityOptions
        What measures need, for a budget.

    Returns
    -------
    Perturbations
        One, under the attack's own multiplier, so that its query has the place that the configuration gives it.
    Calibration

    Raises
    ------
    InputError
        As `attack_photo`; unrelated photos of which a network does not know how similar they are; a budget by a measure
        that cannot be computed.
    """
    judge = _similarity if method.calibrate == "unrelated" else _quality
    measured, limit, beyond = judge(pixels, networks, method, quality_options)
    told, runs = {"name": name, "seed": seed, "photo": photo, "goal": goal}, []

    def attacked(multiplier: float) -> Perturbations:
        def show(done: int, of: int) -> None:
            progress(len(runs) * of + done, of * (method.bisections + 1 if method.calibrate_by == "attacks" else 1))

        found = attack_photo(
            pixels, bound_map, networks, method.model_copy(update={"multiplier": multiplier}), **told, progress=show
        )
        runs.append(multiplier)
        return found

    largest = attacked(method.multiplier)
    found, values = {method.multiplier: largest.values}, {}

    def holds(multiplier: float) -> bool:
        if multiplier not in found:
            by_attack = method.calibrate_by == "attacks"
            share = np.float32(multiplier / method.multiplier)
            found[multiplier] = attacked(multiplier).values if by_attack else largest.values * share
        saved = read(adversarial_query(pixels, found[multiplier][0, 0], largest.unit, method.saving))
        values[multiplier] = measured(saved)
        return beyond(values[multiplier])

    low, high, reaches = 0.0, method.multiplier, holds(method.multiplier)
    if reaches:
        low, high = crossing(low, high, method.bisections, holds)
    if method.calibrate == "unrelated":
        multiplier, within = high, reaches
    elif reaches:
        multiplier, within = low or high, low > 0
    else:
        multiplier, within = high, True
    kept = Perturbations(found[multiplier], largest.multipliers, largest.checkpoints, largest.unit)
    return kept, Calibration(multiplier, values[multiplier], limit, within)


Judge = tuple[Callable[[np.ndarray], float], float, Callable[[float], bool]]
"""What is measured of a saved photo, its limit, and whether a value is what a larger multiplier leads to."""


def _similarity(
    pixels: np.ndarray, networks: Sequence[Member], method: "AttackOptions", quality_options: "QualityOptions"
) -> Judge:
    """Mean similarity (cosine) to the original, as the networks compare photos, by their weights."""
    if any(member.learnt is None for member in networks):
        raise InputError(
            "calibrate: unrelated needs to know how similar unrelated photos are; `cvpire learn` makes a file for each "
            "network, give it as learnt_file of its --member"
        )
    total = sum(member.weight for member in networks)
    originals = [_descriptor(member, pixels) for member in networks]
    limit = sum(member.weight * member.learnt.unrelated for member in networks) / total

    def measured(saved: np.ndarray) -> float:
        similarities = [
            member.weight * float(_descriptor(member, saved) @ original)
            for member, original in zip(networks, originals, strict=True)
        ]
        return sum(similarities) / total

    return measured, limit, lambda value: value <= limit


def _quality(
    pixels: np.ndarray, networks: Sequence[Member], method: "AttackOptions", quality_options: "QualityOptions"
) -> Judge:
    """A measure of quality against the original, and what it may lose against saving without an attack."""
    budget, measure = method.budget, MEASURES[method.budget.measure]
    sign = 1 if measure.better == "high" else -1

    def measured(saved: np.ndarray) -> float:
        value = quality(pixels, saved, quality_options, [measure.column])[measure.column]
        if np.isnan(value):
            raise InputError(f"budget.measure: {measure.column} is not a number for this photo; set another measure")
        return value

    limit = budget.limit
    if budget.loss is not None:
        saving = method.saving
        how = {"format": saving.format, "quality": saving.quality, "subsampling": saving.subsampling}
        plain = measured(read(encode(pixels, **how)))
        if not np.isfinite(plain):
            raise InputError(
                f"budget.loss: {measure.column} of a photo saved without an attack is {plain}; set `limit` instead, or "
                "another measure"
            )
        limit = plain - sign * budget.loss
    return measured, limit, lambda value: sign * value < sign * limit


@torch.no_grad()
def _descriptor(member: Member, pixels: np.ndarray) -> np.ndarray:
    """A photo's descriptor, as a network compares it: float64, shape (D,)."""
    device = next(member.network.parameters()).device
    photo = as_tensor(pixels).to(device)
    return describing(member, photo)(photo[None])[0].double().cpu().numpy()
