"""The figures: what each shows, what it needs, and what is chosen where the configuration says nothing."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Figure(NamedTuple):
    """A figure; its number is the thesis's, or a name."""

    title: str
    """What it shows, and how to read it."""
    module: str
    """Module of `cvpire.figures` whose `draw` draws it."""
    needs: frozenset[str] = frozenset()
    """What it is drawn from: `results` (queries.csv), `random` (random.csv), `listing` (dataset.json), `originals`,
    `adversarial` (photos under its attacks, as in Table 4.1) and `maps` (those that it shows, and that of its first
    attack), of one query where that is known, else of all queries, of which the results choose."""
    dataset: int = 0
    """Position of the dataset in the configuration's list."""
    attacks: int | None = None
    """How many of the dataset's attacks, from the first; None: all. Of one, the option is `attack`, else `attacks`."""
    query: int | None = None
    """Position of the query in the order of names; None: the results choose it."""
    maps: bool = False
    """Whether it shows variance maps: all that are not uniform."""
    every_dataset: bool = False
    """Whether it shows all datasets that have the attacks."""
    options: Mapping[str, Any] = MappingProxyType({})
    """Other options (`cvpire.config.FigureOptions`)."""
    with_data: bool = False
    """Whether what it shows is numbers, which are written beside it."""


_PHOTOS = frozenset({"results", "originals", "adversarial"})
_BOUND = frozenset({"originals", "maps"})
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
_MULTIPLIERS = f"{_ITERATIONS} One line for each multiplier m."
_SPACED = "Six queries, at equal distances in the order of names."


def _side_by_side(title: str, rule: str, quantile: float, magnification: int, **more) -> Figure:
    options = {"rule": rule, "quantile": quantile, "magnification": magnification}
    return Figure(title, "side_by_side", _PHOTOS | {"maps"}, options=options, **more)


CATALOGUE = {
    "1.2": Figure(
        "A query and its three best results, unattacked and adversarial. Check mark and solid frame: right; cross and "
        "dashed frame: wrong. The query is the one with the largest drop of AP.",
        "retrieval_results",
        _PHOTOS | {"listing"},
        options={"quantile": 1.0},
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
        _BOUND,
        attacks=1,
        query=0,
        options={"magnification": 8},
    ),
    "3.2": Figure(
        "One query under some of the methods.",
        "adversarial_queries",
        frozenset({"results", "adversarial"}),
        options={"quantile": 0.5},
    ),
    "3.3": Figure("A photo and its variance map.", "variance_map", _BOUND, attacks=1, query=0),
    "4.1": Figure(_SPACED, "query_photos", frozenset({"listing", "originals"})),
    "4.2": Figure(_SPACED, "query_photos", frozenset({"listing", "originals"}), dataset=-1),
    "4.3": Figure(_MULTIPLIERS, "against_iterations", _DATA, attacks=1, with_data=True),
    "4.4": Figure(
        "mAP (top) and mSSIM (bottom) against the multiplier m, one line a dataset, with 95 % intervals; dashed: its "
        "random ranking, with the m at which the line falls to it.",
        "against_multiplier",
        _DATA,
        attacks=1,
        every_dataset=True,
        with_data=True,
    ),
    "4.5": Figure(
        "A random sample of the queries of every dataset under each method.",
        "random_sample",
        _PHOTOS,
        every_dataset=True,
        options={"count": 2, "seed": 0},
    ),
    "4.6": _side_by_side(_COMPARED, "ap-drop", 0.5, 5),
    "4.7": Figure(
        "A query and its variance maps, whole and enlarged.",
        "magnified_maps",
        frozenset({"results", "originals", "maps"}),
        attacks=2,
        maps=True,
        options={"rule": "ssim-difference", "quantile": 0.5, "magnification": 8},
    ),
    "4.8": _side_by_side(_AGAINST, "ssim-difference", 0.5, 8, attacks=2),
    "4.9": _side_by_side(_AGAINST, "ssim-difference", 1.0, 6, attacks=2),
    "4.10": _side_by_side(_AGAINST, "ssim-difference", 0.5, 4, attacks=2, dataset=-1),
    "4.11": _side_by_side(_AGAINST, "ssim-difference", 0.0, 5, attacks=2, dataset=-1),
    "4.12": Figure(f"{_ITERATIONS} One line for each attack.", "convergence", _DATA, with_data=True),
    "A.1": Figure(_MULTIPLIERS, "against_iterations", _DATA, dataset=-1, attacks=1, with_data=True),
    "A.2": _side_by_side(_COMPARED, "ap-drop", 0.25, 4),
    "A.3": _side_by_side(_COMPARED, "ap-drop", 0.75, 5),
    "A.4": Figure(
        "Random queries under PIRE at the learning rate of CV-PIRE and SD-PIRE.",
        "random_sample",
        _PHOTOS,
        every_dataset=True,
        options={"count": 2, "seed": 0},
    ),
    "survival": Figure(
        "mAP in percent of each retrieval system (rows) after each transformation of the saved query (columns), one "
        "panel a method; grey: not measured. The line in the colour bar is a random ranking.",
        "survival",
        _DATA,
        with_data=True,
    ),
    "side-by-side": _side_by_side(_COMPARED, "ap-drop", 0.5, 5),
    "map-against-quality": Figure(
        "mAP against image quality, one panel a retrieval system, one line an attack through its multipliers; the "
        "filled marker is that of Table 4.1. The diamond and the dotted line are queries saved without an attack, the "
        "dashed line a random ranking.",
        "map_against_quality",
        _DATA,
        with_data=True,
    ),
}
"""By number, or by name where the thesis has no such figure."""
