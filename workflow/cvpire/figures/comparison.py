"""Figures 4.6, 4.8 to 4.11, A.2 and A.3: one query under some attacks, whole and magnified, and how it is chosen."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cvpire.errors import InputError
from cvpire.figures.magnified import magnified
from cvpire.figures.queries import measured, scores
from cvpire.tables.selection import ORIGINAL, attacks_of, own_victim, select


def comparison(
    results: pd.DataFrame, photos: Mapping[str, np.ndarray], dataset: str, query: str, crop: tuple[int, int, int]
) -> Figure:
    """Draw a query and its adversarial versions, above whole, below magnified (Figures 4.6 to 4.11, A.2, A.3).

    Parameters
    ----------
    results : DataFrame
        Rows of queries.csv; the captions' AP and SSIM are the headline ones of the whole photo.
    photos : mapping of str to (H, W, 3) uint8 array
        RGB photos by attack, in the order of the panels; the unattacked one by the name `original`.
    dataset, query : str
        Which query it is.
    crop : (left, top, side)
        Magnified square, in pixels of the photo; see `choose_crop`.

    Returns
    -------
    Figure
        As `cvpire.figures.magnified.magnified`.

    Raises
    ------
    InputError
        Where photos differ in size, the crop leaves them, or the results lack an attack, the dataset or the query.
    """
    found = measured(own_victim(results), dataset, query, list(photos))
    captions = [f"{row['label']}\n{scores(row)}" for row in found]
    return magnified(dict(zip(captions, photos.values(), strict=True)), crop)


def choose_query(
    results: pd.DataFrame,
    dataset: str,
    quantile: float = 0.5,
    rule: Literal["ap-drop", "ssim-difference"] = "ap-drop",
    attacks: Sequence[str] | None = None,
) -> str:
    """Choose a query by how the attacks work on it.

    Parameters
    ----------
    results : DataFrame
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
    rows = select(own_victim(results), dataset=dataset)
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
