"""Whether one method differs from another on the same queries."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

import pandas as pd

from cvpire.errors import InputError
from cvpire.tables.selection import ORIGINAL, headline_methods, own_victim, with_landmarks
from cvpire.tables.statistics import LEVEL, holm, mean_interval, sign_flip_test, signed_rank_test

_MEASURES = {"mAP": ("ap", 100), "mSSIM": ("ssim", 1)}


def comparisons_table(results: pd.DataFrame, groups: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Compare every two attacks as they stand in Table 4.1, on every dataset.

    Parameters
    ----------
    results : DataFrame
        Rows of queries.csv. Only headline rows count, and only those that the attacked network itself ranked.
    groups : mapping, optional
        Landmark of every query; see `with_landmarks`.

    Returns
    -------
    DataFrame
        See `compare`.

    Raises
    ------
    InputError
        Where two attacks have different queries on a dataset.
    """
    methods = [
        (label, rows) for label, rows in headline_methods(own_victim(results)) if (rows["attack"] != ORIGINAL).all()
    ]
    return compare(combinations(methods, 2), groups)


def compare(
    pairs: Iterable[tuple[tuple[str, pd.DataFrame], tuple[str, pd.DataFrame]]],
    groups: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Test pairs of methods, query by query.

    The unit of a test is the landmark (its queries stay together) or the query. The former is the one to go by: five
    queries to one landmark are not five experiments. Where every landmark has one query, there is only the latter.

    The tests of one dataset, measure and unit are a family: Holm's method keeps the probability that any of their
    verdicts finds a difference where there is none at 5 %.

    Parameters
    ----------
    pairs : iterable of pairs of (str, DataFrame)
        Label of each method, and its rows of queries.csv at one multiplier and iteration. A pair counts on the datasets
        that both have.
    groups : mapping, optional
        Landmark of every query; see `with_landmarks`.

    Returns
    -------
    DataFrame
        One row a dataset, measure, unit and pair: `dataset`, `measure` (mAP in percent, or mSSIM), `unit`, `units`
        (their number), `first`, `second`, `difference` (mean over the queries of first minus second), its 95 %
        confidence interval `low`, `high` (`mean_interval`), `Wilcoxon p` (`signed_rank_test`), `sign-flip p`
        (`sign_flip_test`), `Holm p`, the latter adjusted for its family, and `verdict`, which goes by `Holm p`.

    Raises
    ------
    InputError
        Where the methods of a pair have different queries on a dataset.
    """
    columns = ["dataset", "measure", "unit", "units", "first", "second", "difference", "low", "high"]
    columns += ["Wilcoxon p", "sign-flip p", "Holm p", "verdict"]
    tests = pd.DataFrame([test for pair in pairs for test in _tests(*pair, groups)], columns=columns)
    families = []
    for _, family in tests.groupby(["dataset", "measure", "unit"], sort=False):
        adjusted = family.assign(**{"Holm p": holm(family["sign-flip p"])})
        families.append(adjusted.assign(verdict=adjusted.apply(_verdict, axis=1, tests=len(family))))
    return pd.concat(families, ignore_index=True) if families else tests


def _tests(
    first: tuple[str, pd.DataFrame], second: tuple[str, pd.DataFrame], groups: Mapping[str, str] | None
) -> Iterator[dict[str, Any]]:
    for dataset in first[1]["dataset"].unique():
        one, two = (rows[rows["dataset"] == dataset].set_index("query") for _, rows in (first, second))
        if two.empty:
            continue
        if alone := sorted(set(one.index) ^ set(two.index)):
            raise InputError(f"results: dataset {dataset!r}: only one of {first[0]} and {second[0]} has {alone[0]!r}")
        landmark = with_landmarks(one.sort_index().reset_index(), groups)["landmark"]
        for measure, (column, factor) in _MEASURES.items():
            differences = (factor * (one[column] - two[column])).sort_index().to_numpy(dtype=float)
            for unit, members in (("landmark", landmark), ("query", None)):
                if unit == "query" or landmark.duplicated().any():
                    low, high = mean_interval(differences, members)
                    yield {
                        "dataset": dataset,
                        "measure": measure,
                        "unit": unit,
                        "units": len(differences) if members is None else landmark.nunique(),
                        "first": first[0],
                        "second": second[0],
                        "difference": differences.mean(),
                        "low": float(low),
                        "high": float(high),
                        "Wilcoxon p": signed_rank_test(differences, members),
                        "sign-flip p": sign_flip_test(differences, members),
                    }


def _verdict(test: pd.Series, tests: int) -> str:
    if test["Holm p"] <= LEVEL:
        return f"{test['first' if test['difference'] > 0 else 'second']} higher"
    # Even if all units agreed, the smallest p-value that their sign patterns allow would not do.
    if 2.0 ** (1 - test["units"]) * tests > LEVEL:
        return f"too few to tell ({test['units']})"
    return f"no difference shown at {100 * LEVEL:g} %"
