"""What a figure shows where nobody says it: queries and squares, chosen by rules (docs/figures.md)."""

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from cvpire.errors import InputError
from cvpire.layout import ORIGINAL
from cvpire.results import Results
from cvpire.tables.selection import attacks_of, own_victim, select

if TYPE_CHECKING:
    from cvpire.config import FigureOptions


def shown_query(results: Results, shown: "FigureOptions") -> str:
    """The query that is asked for, or else the one that the results choose; see `choose_query`."""
    rule = given(quantile=shown.quantile, rule=shown.rule, attacks=shown.attacks)
    return shown.query or choose_query(results.queries, shown.dataset, **rule)


def shown_square(results: Results, shown: "FigureOptions", query: str, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """The square that is asked for, or else that of most contrast in the first attack's map."""
    if shown.crop:
        return shown.crop
    variance = results.variance(shown.dataset, results.run.attacks[shown.attacks[0]].map, query, shape)
    return choose_crop(variance, crop_side(shape, **given(magnification=shown.magnification)))


def given(**options: Any) -> dict[str, Any]:
    """Those of some options that are not left open; functions have defaults for the others."""
    return {key: value for key, value in options.items() if value is not None}


def choose_query(
    rows: pd.DataFrame,
    dataset: str,
    quantile: float = 0.5,
    rule: Literal["ap-drop", "ssim-difference"] = "ap-drop",
    attacks: Sequence[str] | None = None,
) -> str:
    """Choose a query by how the attacks work on it.

    Parameters
    ----------
    rows : DataFrame
        Rows of queries.csv.
    dataset : str
        Which dataset.
    quantile : float
        Which query of those in the order of the rule: 0 the first, 0.5 the median one, 1 the last; where it falls
        between two, the lower one.
    rule : {"ap-drop", "ssim-difference"}
        The order, ascending: the drop of AP from the unattacked to the headline result, averaged over the attacks; or
        the headline SSIM of the first attack minus that of the second. Equal ones are in the order of the names.
    attacks : sequence of str, optional
        Which attacks count. Default: all on the dataset.

    Returns
    -------
    str
        The query's name.

    Raises
    ------
    InputError
        Where the dataset, an attack on it, or a query of either is missing, or the rule needs another attack.
    """
    rows = select(own_victim(rows), dataset=dataset)
    rows = rows[rows["headline"].astype(bool)]
    attacks = attacks_of(rows) if attacks is None else list(attacks)
    attacked = {attack: select(rows, attack=attack).set_index("query") for attack in attacks}
    if rule == "ssim-difference":
        if len(attacks) < 2:
            raise InputError(f"choice by ssim-difference: needs two attacks, not {', '.join(attacks) or 'none'}")
        one, other, *_ = attacked.values()
        table = pd.DataFrame({"difference": one["ssim"] - other["ssim"]})
    else:
        drops = {}
        for attack, found in attacked.items():
            original = select(rows, attack=ORIGINAL, network=found["network"].iloc[0]).set_index("query")
            drops[attack] = original["ap"] - found["ap"]
        # Attacks by name, so that their order does not decide the last bit.
        table = pd.DataFrame(drops).sort_index(axis=1)
    if table.isna().any(axis=None):
        raise InputError(
            f"results: dataset {dataset!r}: query {table.index[table.isna().any(axis=1)][0]!r} is incomplete"
        )
    mean = table.mean(axis=1).round(12)
    ranked = sorted(mean.index, key=lambda query: (mean[query], query))
    return ranked[int(quantile * (len(ranked) - 1))]


def crop_side(shape: tuple[int, ...], magnification: int = 5) -> int:
    """Side in pixels of the square that, magnified, is as wide as the photo; at least 16, and within the photo.

    Parameters
    ----------
    shape : (H, W, ...)
        Of the photo.
    magnification : int
        Wanted magnification; smaller photos get less.
    """
    height, width = shape[:2]
    return min(max(16, width // magnification), height, width)


def choose_crop(
    variance_map: np.ndarray,
    side: int,
    rule: Literal["contrast", "flat", "busy"] = "contrast",
    allowed: np.ndarray | None = None,
) -> tuple[int, int, int]:
    """Choose a square of a photo by its variance map.

    Parameters
    ----------
    variance_map : (H, W) float array
        Values in [0, 1].
    side : int
        Side in pixels, at most the shorter side of the map.
    rule : {"contrast", "flat", "busy"}
        The square in which the map, in 8 bits, has the greatest standard deviation, so that it holds both flat and busy
        pixels; or the lowest, or the highest mean.
    allowed : (H - side + 1, W - side + 1) bool array, optional
        Which squares count, by their top and left. Default: all, as where none is allowed.

    Returns
    -------
    left, top, side : int
        Of equal squares the first in reading order.

    Raises
    ------
    InputError
        Where the square is larger than the map.
    """
    height, width = variance_map.shape
    if not 1 <= side <= min(height, width):
        raise InputError(f"crop: a square of side {side} does not fit a photo of {width} x {height} pixels")
    # Integers keep the sums exact, so that equal windows compare as equal.
    values = np.rint(np.clip(variance_map, 0, 1) * 255).astype(np.int64)
    score = window_sums(values, side)
    if rule == "contrast":
        score = side**2 * window_sums(values**2, side) - score**2  # side^4 * variance
    elif rule == "flat":
        score = -score
    if allowed is not None and allowed.any():
        score = np.where(allowed, score, score.min() - 1)
    top, left = np.unravel_index(np.argmax(score), score.shape)
    return int(left), int(top), side


def window_sums(values: np.ndarray, side: int) -> np.ndarray:
    """Sums over all squares of a map of integers, (H, W) -> (H - side + 1, W - side + 1), by the integral image."""
    integral = np.pad(values, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    return integral[side:, side:] - integral[:-side, side:] - integral[side:, :-side] + integral[:-side, :-side]


def evenly_spaced(names: Iterable[str], count: int = 6) -> list[str]:
    """Choose names at equal distances in their order, the first and the last among them; all where there are fewer."""
    names = sorted(names)
    last = min(count, len(names)) - 1
    return [names[round(place * (len(names) - 1) / last)] for place in range(last + 1)] if last > 0 else names[:count]


def sample(queries: Mapping[str, Iterable[str]], count: int = 2, seed: int = 0) -> list[tuple[str, str]]:
    """Draw queries of every dataset at random, without replacement.

    Parameters
    ----------
    queries : mapping of str to iterable of str
        Names by dataset.
    count : int
        How many of each; all where there are fewer.
    seed : int
        The draw from a dataset depends on the seed, its name and its queries only.

    Returns
    -------
    list of (dataset, query)
        Datasets in the order given, queries in the order of their names.
    """
    drawn = []
    for dataset, names in queries.items():
        names = sorted(names)
        chosen = random.Random(f"{seed} {dataset}").sample(names, min(count, len(names)))
        drawn += [(dataset, query) for query in sorted(chosen)]
    return drawn
