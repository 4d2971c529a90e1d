"""Confidence intervals, both forms of each measure, and the thesis's own numbers beside ours."""

from collections.abc import Iterable, Mapping
from statistics import fmean

import pandas as pd

from cvpire.errors import InputError
from cvpire.tables.selection import about_method, with_landmarks
from cvpire.tables.statistics import mean_interval
from cvpire.tables.thesis_numbers import DATASETS, printed

_MEASURES = {
    "mAP (eq. 4.1)": ("ap_sum", 100, 2),
    "mAP (trapezoid)": ("ap_trapezoid", 100, 2),
    "mSSIM (range 1)": ("ssim_range_1", 1, 3),
    "mSSIM (range 2)": ("ssim_range_2", 1, 3),
}
"""Column of queries.csv, factor and decimals of each."""


def confidence_table(
    methods: Iterable[tuple[str, pd.DataFrame]],
    thesis: Mapping[str, str] | None = None,
    groups: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Every mean with two confidence intervals and, where it has one, the thesis's number.

    The narrower interval takes the queries for independent; the wider one draws whole landmarks and so says what other
    landmarks might give. With 11 landmarks of skewed average precision it covered the truth in 84 % of 600 simulated
    experiments rather than 95 %: the doubt is at least as large.

    Parameters
    ----------
    methods : iterable of (str, DataFrame)
        Label, and its rows of queries.csv at one multiplier and iteration.
    thesis : mapping, optional
        Which datasets are the thesis's, ranked by its network: by name, oxford5k or paris6k.
    groups : mapping, optional
        Landmark of every query; see `with_landmarks`.

    Returns
    -------
    DataFrame
        One row a dataset, method and measure: `dataset`, `method`, `multiplier`, `iterations`, `measure`, `mean` (mAP
        in percent), `low (queries)`, `high (queries)`, `low (landmarks)`, `high (landmarks)`; with `thesis` also
        `thesis`, the printed number, and `difference`, ours minus that. The bootstrap is `mean_interval`.

    Raises
    ------
    InputError
        Where `thesis` names what is not a dataset of the thesis.
    """
    thesis = thesis or {}
    for name, kind in thesis.items():
        if kind not in DATASETS:
            raise InputError(f"thesis: dataset {name!r}: expected one of {', '.join(DATASETS)}, found {kind!r}")
    methods = [(label, with_landmarks(rows, groups)) for label, rows in methods]
    table = []
    for dataset in dict.fromkeys(name for _, rows in methods for name in rows["dataset"]):
        for label, rows in methods:
            cell = rows[rows["dataset"] == dataset].sort_values("query")
            if not cell.empty:
                about = about_method(label, cell)
                for measure in _MEASURES:
                    given = printed(thesis.get(dataset), measure, **about)
                    table.append({"dataset": dataset, **about, "measure": measure, **_numbers(cell, measure, given)})
    made = pd.DataFrame(table).astype({"multiplier": "float64", "iterations": "Int64"})
    return made if thesis else made.drop(columns=["thesis", "difference"])


def _numbers(cell: pd.DataFrame, measure: str, thesis: float) -> dict[str, float]:
    column, factor, decimals = _MEASURES[measure]
    values = factor * cell[column].to_numpy(dtype=float)
    # As in Table 4.1, so that the two never differ in their last digit.
    mean = round(factor * fmean(cell[column]), decimals)
    numbers = {"mean": mean}
    for unit, group in (("queries", None), ("landmarks", cell["landmark"])):
        numbers[f"low ({unit})"], numbers[f"high ({unit})"] = mean_interval(values, group)
    numbers |= {"thesis": thesis, "difference": mean - thesis}
    return {name: round(float(number), decimals) for name, number in numbers.items()}
