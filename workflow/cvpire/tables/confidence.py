"""Confidence intervals, of means beside the thesis's numbers, and of what attacks take from the clean mAP."""

from collections.abc import Iterable, Mapping

import pandas as pd

from cvpire.datasets.benchmarks import THESIS
from cvpire.layout import ORIGINAL, PLAIN
from cvpire.measures import MEASURES, Measure, shown_in
from cvpire.tables.selection import about_method, random_percent
from cvpire.tables.statistics import mean_interval, shown_mean
from cvpire.tables.thesis_numbers import printed

_AP = MEASURES["ap"]


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


def drop_table(rows: pd.DataFrame, random_map: Mapping[str, float]) -> pd.DataFrame:
    """Mean average precision of methods, and what attacks took from the clean one: same system, same transformation.

    Parameters
    ----------
    rows : DataFrame
        Of `headline_rows`.
    random_map : mapping or Series
        Expected mAP in [0, 1] of a random ranking, by dataset.

    Returns
    -------
    DataFrame
        One row a dataset, system, transformation and method: `dataset`, `system`, `transformation`, `method`, `mAP`,
        `clean mAP` (of queries saved without an attack), `drop of mAP` (the mean over the queries of the clean average
        precision minus the attacked one; empty where there is no attack) and `random mAP`, all in percent. Bounds named
        `low of` and `high of` are those of `mean_interval` over landmarks. Without clean queries what needs them is
        empty.
    """
    keys = ["dataset", "victim", "transformation", "query"]
    clean = rows.loc[rows["attack"] == PLAIN, [*keys, "ap"]].rename(columns={"ap": "clean"})
    paired, table = rows.merge(clean, on=keys, how="left", validate="many_to_one"), []
    paired["drop"] = (paired["clean"] - paired["ap"]).mask(paired["attack"].isin([ORIGINAL, PLAIN]))
    for (dataset, system), here in paired.groupby(["dataset", "victim"], sort=False):
        chance = random_percent(random_map, dataset)
        for (transformation, method), cell in here.groupby(["transformation", "method"], sort=False):
            cell = cell.sort_values("query")
            # Each by itself, so that a bound is to the last digit that of `confidence_table`.
            (low, high), (low_drop, high_drop) = (
                mean_interval(_AP.factor * cell[column].to_numpy(dtype=float), cell["landmark"])
                for column in ("ap", "drop")
            )
            numbers = {
                "mAP": shown_mean(_AP, cell["ap"]),
                "low of mAP": low,
                "high of mAP": high,
                "clean mAP": shown_mean(_AP, cell["clean"]),
                "drop of mAP": shown_mean(_AP, cell["drop"]),
                "low of drop of mAP": low_drop,
                "high of drop of mAP": high_drop,
                "random mAP": chance,
            }
            about = {"dataset": dataset, "system": system, "transformation": transformation, "method": method}
            table.append(about | {name: round(float(value), _AP.decimals) for name, value in numbers.items()})
    return pd.DataFrame(table)
