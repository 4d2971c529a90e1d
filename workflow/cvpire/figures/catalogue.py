"""The thesis's figures: what each shows, what it needs, and what is chosen where the configuration says nothing."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Figure(NamedTuple):
    """A figure of the thesis."""

    title: str
    """What it shows, and how to read it."""
    module: str
    """Module of `cvpire.figures` that draws it."""
    needs: frozenset[str] = frozenset()
    """What it is drawn from: `results` (queries.csv), `random` (random.csv), `listing` (dataset.json), `photo` and
    `map` (of one query), `photos` and `maps` (of all queries of the dataset: the results choose one)."""
    chosen: Mapping[str, Any] = MappingProxyType({})
    """Options (`cvpire.config.FigureOptions`) left open by the configuration. `dataset` is a position in its list."""


_PHOTOS = frozenset({"results", "photos"})
_CROPPED = _PHOTOS | {"maps"}
_DATA = frozenset({"results", "random"})
_COMPARED = "A query under each method; below, the marked square enlarged. AP and SSIM are of the whole photo."
_AGAINST = (
    "CV-PIRE against SD-PIRE on one query; below, the marked square enlarged. AP and SSIM are of the whole photo."
)
_ITERATIONS = (
    "mAP against iterations. Lines are means over the queries, bands their 95 % intervals, the diamond is the "
    "unattacked queries, the dashed line a random ranking. The axis is logarithmic where the lowest point is below a "
    "tenth of the highest."
)

CATALOGUE = {
    "1.2": Figure(
        "A query and its three best results, unattacked and adversarial. Check mark and solid frame: right; cross and "
        "dashed frame: wrong. The query is the one with the largest drop of AP.",
        "retrieval_results",
        _PHOTOS | {"listing"},
        {"quantile": 1.0},
    ),
    "2.13": Figure(
        "Two pairs of colours, equally far apart in RGB, but not to the eye (CIEDE2000).",
        "colour_pairs",
    ),
    "2.14": Figure(
        "Gaussian kernel: (a) the thesis's figure, eq. 2.13 averaged over each pixel and divided by the sum; (b) what "
        "Algorithm 1 uses, eq. 2.13 at the pixels' centres.",
        "gaussian_kernel",
    ),
    "3.1": Figure(
        "The same noise in the square of lowest and of highest mean variance of a photo.",
        "flat_and_busy",
        frozenset({"photo", "map"}),
        {"magnification": 8},
    ),
    "3.2": Figure("One query under some of the methods.", "queries", _PHOTOS, {"quantile": 0.5}),
    "3.3": Figure("A photo and its variance map.", "variance_map", frozenset({"photo", "map"})),
    "4.1": Figure("Six queries, at equal distances in the order of names.", "queries", frozenset({"photos"})),
    "4.2": Figure(
        "Six queries, at equal distances in the order of names.", "queries", frozenset({"photos"}), {"dataset": -1}
    ),
    "4.3": Figure(f"{_ITERATIONS} One line for each multiplier m.", "iterations", _DATA),
    "4.4": Figure(
        "mAP (top) and mSSIM (bottom) against the multiplier m, one line a dataset, with 95 % intervals; dashed: its "
        "random ranking.",
        "threshold",
        _DATA,
    ),
    "4.5": Figure(
        "A random sample of the queries of every dataset under each method.",
        "queries",
        _PHOTOS,
        {"count": 2, "seed": 0},
    ),
    "4.6": Figure(_COMPARED, "comparison", _CROPPED, {"quantile": 0.5, "magnification": 5}),
    "4.7": Figure(
        "A query and its variance maps, whole and enlarged.",
        "magnified",
        _CROPPED,
        {"rule": "ssim-difference", "quantile": 0.5, "magnification": 8},
    ),
    "4.8": Figure(_AGAINST, "comparison", _CROPPED, {"rule": "ssim-difference", "quantile": 0.5, "magnification": 8}),
    "4.9": Figure(_AGAINST, "comparison", _CROPPED, {"rule": "ssim-difference", "quantile": 1.0, "magnification": 6}),
    "4.10": Figure(
        _AGAINST,
        "comparison",
        _CROPPED,
        {"dataset": -1, "rule": "ssim-difference", "quantile": 0.5, "magnification": 4},
    ),
    "4.11": Figure(
        _AGAINST,
        "comparison",
        _CROPPED,
        {"dataset": -1, "rule": "ssim-difference", "quantile": 0.0, "magnification": 5},
    ),
    "4.12": Figure(f"{_ITERATIONS} One line for each attack.", "iterations", _DATA),
    "A.1": Figure(f"{_ITERATIONS} One line for each multiplier m.", "iterations", _DATA, {"dataset": -1}),
    "A.2": Figure(_COMPARED, "comparison", _CROPPED, {"quantile": 0.25, "magnification": 4}),
    "A.3": Figure(_COMPARED, "comparison", _CROPPED, {"quantile": 0.75, "magnification": 5}),
    "A.4": Figure(
        "Random queries under PIRE at the learning rate of CV-PIRE and SD-PIRE.",
        "queries",
        _PHOTOS,
        {"count": 2, "seed": 0},
    ),
}
"""By number."""
