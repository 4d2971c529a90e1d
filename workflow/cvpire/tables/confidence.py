"""Confidence intervals, both forms of each measure, and the thesis's own numbers beside ours."""

from collections.abc import Iterable, Mapping

import pandas as pd

from cvpire.datasets.benchmarks import THESIS
from cvpire.measures import Measure, shown_in
from cvpire.tables.selection import about_method
from cvpire.tables.statistics import mean_interval, shown_mean
from cvpire.tables.thesis_numbers import printed


def confidence_table(methods: Iterable[tuple[str, pd.DataFrame]], kinds: Mapping[str, str]) -> pd.DataFrame:
    """Every mean with two confidence intervals and, where it has one, the thesis's number.

    The narrower interval takes the queries for independent; the wider one draws whole landmarks and so says what other
    landmarks might give. With 11 landmarks of skewed average precision it covered the truth in 84 % of 600 simulated
    experiments rather than 95 %: the doubt is at least as large.

    Parameters
    ----------
    methods : iterable of (str, DataFrame)
        Label, and its rows of queries.csv at one multiplier and iteration.
    kinds : mapping
        Kind of each dataset, by name; the thesis has numbers of oxford5k and paris6k.

    Returns
    -------
    DataFrame
        One row a dataset, method and measure (`cvpire.measures`): `dataset`, `method`, `multiplier`, `iterations`,
        `measure`, `mean` (mAP in percent), `low (queries)`, `high (queries)`, `low (landmarks)`, `high (landmarks)`;
        where a dataset is the thesis's also `thesis`, the printed number, and `difference`, ours minus that. The
        bootstrap is `mean_interval`.
    """
    methods = list(methods)
    table = []
    for dataset in dict.fromkeys(name for _, rows in methods for name in rows["dataset"]):
        for label, rows in methods:
            cell = rows[rows["dataset"] == dataset].sort_values("query")
            if not cell.empty:
                about = about_method(label, cell)
                for measure in shown_in("confidence"):
                    given = printed(kinds[dataset], measure.column, **about)
                    numbers = _numbers(cell, measure, given)
                    table.append({"dataset": dataset, **about, "measure": measure.label, **numbers})
    made = pd.DataFrame(table).astype({"multiplier": "float64", "iterations": "Int64"})
    return made if set(kinds.values()) & set(THESIS) else made.drop(columns=["thesis", "difference"])


def _numbers(cell: pd.DataFrame, measure: Measure, thesis: float) -> dict[str, float]:
    values = measure.factor * cell[measure.column].to_numpy(dtype=float)
    # As in Table 4.1, so that the two never differ in their last digit.
    mean = shown_mean(measure, cell[measure.column])
    numbers = {"mean": mean}
    for unit, group in (("queries", None), ("landmarks", cell["landmark"])):
        numbers[f"low ({unit})"], numbers[f"high ({unit})"] = mean_interval(values, group)
    numbers |= {"thesis": thesis, "difference": mean - thesis}
    return {name: round(float(number), measure.decimals) for name, number in numbers.items()}
