"""How measures of image quality judge the attacks, beside what saving alone costs (section 5.2.4)."""

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from cvpire.layout import AS_SAVED, ORIGINAL, PLAIN
from cvpire.measures import MEASURES, QUALITY, Measure
from cvpire.tables.selection import headline_rows
from cvpire.tables.statistics import holm, shown_mean, sign_flip_test, signed_rank_test

if TYPE_CHECKING:
    from cvpire.config import TableOptions
    from cvpire.results import Results

_SHARE = "share with first better (%)"


class _Judged(NamedTuple):
    """Headline rows on one dataset, one row a query, which is the index."""

    dataset: str
    plain: pd.DataFrame
    """Saved without an attack."""
    attacks: dict[str, pd.DataFrame]
    """By label."""
    measures: list[Measure]
    """Those that were measured."""


def quality_table(results: "Results", options: "TableOptions") -> pd.DataFrame:
    """Means of every measure of quality, and what attacks lose against queries that were saved without one.

    Parameters
    ----------
    results : Results
        Of a run. Only headline rows count, of datasets whose queries are also saved without an attack.
    options : TableOptions
        Not asked.

    Returns
    -------
    DataFrame
        One row a dataset and measure that was measured (`cvpire.measures`): `dataset`, `measure`, `better` (high or
        low), and for each method its mean, after each attack `loss of {method}`: the mean over the queries of how much
        worse the attacked file is than the one saved without an attack, in the measure's unit; negative where it is
        better.
    """
    table = []
    for dataset, plain, attacks, measures in _judged(results):
        for measure in measures:
            row = {"dataset": dataset, "measure": measure.label, "better": measure.better}
            row[plain["method"].iloc[0]] = shown_mean(measure, plain[measure.column])
            for method, rows in attacks.items():
                row[method] = shown_mean(measure, rows[measure.column])
                row[f"loss of {method}"] = shown_mean(measure, _better_by(measure, plain, rows))
            table.append(row)
    return pd.DataFrame(table)


def quality_order(results: "Results", options: "TableOptions") -> pd.DataFrame:
    """Compare every two attacks under every measure of quality: is their order that of SSIM?

    Parameters
    ----------
    results : Results
        As for `quality_table`.
    options : TableOptions
        Not asked.

    Returns
    -------
    DataFrame
        One row a dataset, pair and measure: `dataset`, `first`, `second`, `measure`, `mean of first`, `mean of second`,
        `better` (the label of the better one, or `equal`), `as by SSIM` (yes or no; empty where that was not measured),
        `share with first better (%)` of the queries, `Wilcoxon p` and `sign-flip p` over landmarks
        (`signed_rank_test`, `sign_flip_test`; empty where a difference is infinite), and `Holm p`, the latter adjusted
        over the pairs of a dataset and measure.
    """
    columns = ["dataset", "first", "second", "measure", "mean of first", "mean of second", "better", "as by SSIM"]
    columns += [_SHARE, "Wilcoxon p", "sign-flip p"]
    table = [row for judged in _judged(results) for row in _orders(judged)]
    made = pd.DataFrame(table, columns=columns)
    families = made.groupby(["dataset", "measure"], sort=False)["sign-flip p"]
    return made.assign(**{"Holm p": families.transform(holm) if table else []})


def _orders(judged: _Judged) -> Iterator[dict[str, Any]]:
    for (first, one), (second, two) in combinations(judged.attacks.items(), 2):
        by_ssim = _better(_better_by(MEASURES["ssim"], one, two), first, second)
        for measure in judged.measures:
            differences = _better_by(measure, one, two)
            better, landmark = _better(differences, first, second), one["landmark"]
            finite = np.isfinite(differences).all()
            yield {
                "dataset": judged.dataset,
                "first": first,
                "second": second,
                "measure": measure.label,
                "mean of first": shown_mean(measure, one[measure.column]),
                "mean of second": shown_mean(measure, two[measure.column]),
                "better": better,
                "as by SSIM": by_ssim and ("yes" if better == by_ssim else "no"),
                _SHARE: round(100 * float((differences > 0).mean()), 1),
                "Wilcoxon p": signed_rank_test(differences, landmark) if finite else np.nan,
                "sign-flip p": sign_flip_test(differences, landmark) if finite else np.nan,
            }


def _better(differences: pd.Series, first: str, second: str) -> str | None:
    """Which of two methods is better in the mean; None where that cannot be told."""
    mean = differences.mean(skipna=False)
    return None if np.isnan(mean) else first if mean > 0 else second if mean < 0 else "equal"


def _better_by(measure: Measure, one: pd.DataFrame, other: pd.DataFrame) -> pd.Series:
    """By how much one is better than the other, query by query."""
    one, other = one[measure.column].astype(float), other[measure.column].astype(float)
    # Two perfect photos have the same PSNR, which is infinite.
    apart = (one - other).mask(one == other, 0.0)
    return apart if measure.better == "high" else -apart


def _judged(results: "Results") -> Iterator[_Judged]:
    rows = headline_rows(results)
    # Whatever ranks a photo, its quality is the same.
    rows = rows[rows["transformation"] == AS_SAVED].drop_duplicates(["dataset", "attack", "query"])
    for dataset in results.run.plain:
        here = rows[(rows["dataset"] == dataset) & (rows["attack"] != ORIGINAL)]
        methods = {name: each.set_index("query").sort_index() for name, each in here.groupby("attack", sort=False)}
        plain = methods.pop(PLAIN)
        measures = [measure for measure in QUALITY if here[measure.column].notna().any()]
        yield _Judged(dataset, plain, {each["method"].iloc[0]: each for each in methods.values()}, measures)
