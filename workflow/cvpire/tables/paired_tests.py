"""Whether one method differs from another on the same queries."""

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pandas as pd

from cvpire.errors import InputError
from cvpire.layout import ORIGINAL
from cvpire.measures import shown_in
from cvpire.tables.selection import compared, headline_methods
from cvpire.tables.statistics import LEVEL, holm, mean_interval, sign_flip_test, signed_rank_test

if TYPE_CHECKING:
    from cvpire.config import TableOptions
    from cvpire.results import Results

Method = tuple[str, pd.DataFrame]
"""Label, and rows of queries.csv at one multiplier and iteration."""


def paired_tests_table(results: "Results", options: "TableOptions") -> pd.DataFrame:
    """Compare every two attacks as they stand in Table 4.1, on every dataset.

    Parameters
    ----------
    results : Results
        Of a run. Only headline rows count, and only those that the attacked network itself ranked.
    options : TableOptions
        Not asked.

    Returns
    -------
    DataFrame
        See `paired_tests`.

    Raises
    ------
    InputError
        Where two attacks have different queries on a dataset.
    """
    methods = headline_methods(compared(results))
    attacked = [(label, rows) for label, rows in methods if (rows["attack"] != ORIGINAL).all()]
    return paired_tests(combinations(attacked, 2))


def paired_tests(pairs: Iterable[tuple[Method, Method]]) -> pd.DataFrame:
    """Test pairs of methods, query by query.

    The unit of a test is the landmark (its queries stay together) or the query. The former is the one to go by: five
    queries to one landmark are not five experiments. Where every landmark has one query, there is only the latter.

    The tests of one dataset, measure and unit are a family: Holm's method keeps the probability that any of their
    verdicts finds a difference where there is none at 5 %.

    Parameters
    ----------
    pairs : iterable of pairs of methods
        A pair counts on the datasets that both have.

    Returns
    -------
    DataFrame
        One row a dataset, measure, unit and pair: `dataset`, `measure` (those that `cvpire.measures` shows here; mAP in
        percent), `unit`, `units` (their number), `first`, `second`, `difference` (mean over the queries of first minus
        second), its 95 % confidence interval `low`, `high` (`mean_interval`), `Wilcoxon p` (`signed_rank_test`),
        `sign-flip p` (`sign_flip_test`), `Holm p`, the latter adjusted for its family, and `verdict`, which goes by
        `Holm p`.

    Raises
    ------
    InputError
        Where the methods of a pair have different queries on a dataset.
    """
    columns = ["dataset", "measure", "unit", "units", "first", "second", "difference", "low", "high"]
    columns += ["Wilcoxon p", "sign-flip p", "Holm p", "verdict"]
    tests = pd.DataFrame([test for pair in pairs for test in _tests(*pair)], columns=columns)
    families = []
    for _, family in tests.groupby(["dataset", "measure", "unit"], sort=False):
        adjusted = family.assign(**{"Holm p": holm(family["sign-flip p"])})
        families.append(adjusted.assign(verdict=adjusted.apply(_verdict, axis=1, tests=len(family))))
    return pd.concat(families, ignore_index=True) if families else tests


def _tests(first: Method, second: Method) -> Iterator[dict[str, Any]]:
    for dataset in first[1]["dataset"].unique():
        one, two = (rows[rows["dataset"] == dataset].set_index("query") for _, rows in (first, second))
        if two.empty:
            continue
        if alone := sorted(set(one.index) ^ set(two.index)):
            raise InputError(f"results: dataset {dataset!r}: only one of {first[0]} and {second[0]} has {alone[0]!r}")
        landmark = one.sort_index()["landmark"]
        for measure in shown_in("comparisons"):
            apart = measure.factor * (one[measure.column] - two[measure.column])
            differences = apart.sort_index().to_numpy(dtype=float)
            for unit, members in (("landmark", landmark), ("query", None)):
                if unit == "query" or landmark.duplicated().any():
                    low, high = mean_interval(differences, members)
                    yield {
                        "dataset": dataset,
                        "measure": measure.label,
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
