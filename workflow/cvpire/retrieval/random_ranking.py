"""The mAP of random rankings, and the other numbers that chapter 4 derives (section 4.2.3, Table 4.2)."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cvpire.datasets import Dataset, Query
from cvpire.errors import InputError
from cvpire.retrieval.average_precision import (
    FORMS,
    average_precision,
    expected_random_among_last,
    expected_random_average_precision,
)

if TYPE_CHECKING:
    import pandas as pd

    from cvpire.datasets.ground_truth import GroundTruth

_FEWEST = 30  # shuffles before the estimated standard error is trusted


def ranking_sizes(queries: Mapping[str, Query], database: Collection[str]) -> tuple[list[int], list[int]]:
    """Count the relevant photos R and the ranked photos N (without junk) of each query.

    Parameters
    ----------
    queries : mapping
        By name, as in ground truth; the relevant photos must be in the database.
    database : collection of str
        Names that are ranked.

    Returns
    -------
    relevant_counts, ranked_counts : list of int
        In the order of the queries.
    """
    database = frozenset(database)
    return (
        [len(query.relevant) for query in queries.values()],
        [len(database - query.junk) for query in queries.values()],
    )


def random_table(dataset: Dataset, form: str = "sum") -> list[dict[str, Any]]:
    """Compute what is expected of a random ranking for each query (section 3.3.2, 4.2.3).

    Parameters
    ----------
    dataset : Dataset
    form : {"sum", "trapezoid"}
        Of column `ap`.

    Returns
    -------
    list of dict
        One row a query: `query`, `ap`, average precision in each form, `ap_reversed` (that of `ap`, because the reverse
        of a random ranking is one too), and `among_last`, the probability of a relevant photo among the last ten.
    """
    rows = []
    for name, relevant, ranked in zip(dataset.queries, *ranking_sizes(dataset.queries, dataset.database), strict=True):
        values = {f"ap_{each}": expected_random_average_precision(relevant, ranked, each) for each in FORMS}
        ap, last = values[f"ap_{form}"], expected_random_among_last(relevant, ranked)
        rows.append({"query": name, "ap": ap, **values, "ap_reversed": ap, "among_last": last})
    return rows


def shuffled_map(
    relevant_counts: Sequence[int],
    ranked_counts: Sequence[int],
    form: str = "trapezoid",
    standard_error: float = 5e-5,
    generator: np.random.Generator | None = None,
) -> tuple[float, float, int]:
    """Estimate the mAP of random rankings by shuffling until it has converged (section 4.2.3).

    A shuffle ranks the database at random for every query; of a ranking only the ranks of the relevant photos matter,
    so these are drawn, without replacement.

    Parameters
    ----------
    relevant_counts, ranked_counts : sequence of int
        R and N of each query, 1 <= R <= N.
    form : {"sum", "trapezoid"}
        See `cvpire.retrieval.average_precision.average_precision`.
    standard_error : float
        Where to stop: standard error of the estimate, as a share of 1; 5e-5 is 0.005 percent points.
    generator : numpy.random.Generator, optional
        Source of randomness; default: seed 0.

    Returns
    -------
    mean : float
        The estimated mAP, in (0, 1].
    error : float
        Its standard error.
    shuffles : int
        How many shuffles it took.

    Raises
    ------
    InputError
        No query, impossible counts or an error that cannot be reached.
    """
    _check(relevant_counts, ranked_counts)
    if not standard_error > 0:
        raise InputError(f"standard_error: expected a positive number, given {standard_error}")
    generator = generator or np.random.default_rng(0)
    samples: list[float] = []
    while True:
        samples.append(
            np.mean(
                [
                    average_precision(generator.choice(ranked, relevant, replace=False, shuffle=False), form)
                    for relevant, ranked in zip(relevant_counts, ranked_counts, strict=True)
                ]
            )
        )
        if len(samples) >= _FEWEST:
            error = np.std(samples, ddof=1) / np.sqrt(len(samples))
            if error < standard_error:
                return float(np.mean(samples)), float(error), len(samples)


def expected_map(relevant_counts: Sequence[int], ranked_counts: Sequence[int], form: str = "trapezoid") -> float:
    """Expected mAP of random rankings, exactly: what `shuffled_map` converges to, with the same arguments."""
    _check(relevant_counts, ranked_counts)
    return float(
        np.mean(
            [
                expected_random_average_precision(relevant, ranked, form)
                for relevant, ranked in zip(relevant_counts, ranked_counts, strict=True)
            ]
        )
    )


def random_map_table(truths: Mapping[str, "GroundTruth"], standard_error: float = 0.005) -> "pd.DataFrame":
    """Compare the random mAP of some ground truths, exactly and by shuffling, in both forms.

    Parameters
    ----------
    truths : mapping
        Ground truth by name; each must say what is ranked.
    standard_error : float
        Where shuffling stops, in percent of mAP.

    Returns
    -------
    pandas.DataFrame
        Columns ground truth, form, exact, shuffled, standard error (all in percent) and shuffles.
    """
    import pandas as pd

    rows = []
    for name, truth in truths.items():
        if truth.database is None:
            raise InputError(f"{name}: the ground truth does not say which photos are ranked; add `database` to it")
        sizes = ranking_sizes(truth.queries, truth.database)
        for form in FORMS:
            mean, error, shuffles = shuffled_map(*sizes, form, standard_error / 100)
            rows.append((name, form, 100 * expected_map(*sizes, form), 100 * mean, 100 * error, shuffles))
    columns = ["ground truth", "form", "exact", "shuffled", "standard error", "shuffles"]
    return pd.DataFrame(rows, columns=columns).round({"exact": 4, "shuffled": 4, "standard error": 5})


def derived_numbers() -> "pd.DataFrame":
    """Numbers of chapter 4 that follow from others by arithmetic alone.

    Section 4.2.3 sets P(k) = 1 and a single corr(k) = 1 in eq. 4.1, which leaves mAP = 100 / R, and reads R as the
    number of top photos with one relevant photo among them. The caption of Table 4.2 calls 100 / (number of text
    searches that a dataset was collected by, section 4.1.3) the random mAP: the chance to guess the search of a photo
    if all searches were of equal size and there were no distractors. It is neither of a ranking nor of the ground
    truth, and several times the random mAP of section 4.2.3.

    Returns
    -------
    pandas.DataFrame
        Columns printed (in the thesis), place, meaning, formula and value.
    """
    import pandas as pd

    rows = [
        ("19.72", "section 4.2.3", "R for the mAP of CV-PIRE on Oxford-5k", "100 / 5.07", 100 / 5.07),
        ("11.24", "section 4.2.3", "R for the mAP of CV-PIRE on Paris-6k", "100 / 8.90", 100 / 8.90),
        ("5.88", "Table 4.2", "percentage of one in 17 text searches of Oxford-5k", "100 / 17", 100 / 17),
        ("8.33", "Table 4.2", "percentage of one in 12 text searches of Paris-6k", "100 / 12", 100 / 12),
    ]
    return pd.DataFrame(rows, columns=["printed", "place", "meaning", "formula", "value"])


def _check(relevant_counts: Sequence[int], ranked_counts: Sequence[int]) -> None:
    if len(relevant_counts) == 0 or len(relevant_counts) != len(ranked_counts):
        raise InputError(
            f"expected one count of relevant and of ranked photos for each query, given {len(relevant_counts)} and "
            f"{len(ranked_counts)}"
        )
    for relevant, ranked in zip(relevant_counts, ranked_counts, strict=True):
        if not 1 <= relevant <= ranked:
            raise InputError(f"{relevant} relevant of {ranked} ranked photos: expected 1 <= relevant <= ranked")
