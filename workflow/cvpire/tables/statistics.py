"""How sure a mean over queries is, and whether two methods differ.

Queries are not independent: in Oxford-5k and Paris-6k five of them show one landmark and share their relevant photos,
so their average precision rises and falls together. Every function therefore takes the group of each value; groups, not
values, are then what is drawn, flipped and ranked. Without groups every value stands for itself.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import fmean

import numpy as np
from numpy.typing import ArrayLike

from cvpire.measures import Measure

RESAMPLES = 9999
"""Resamples of the bootstrap and, where there are too many sign patterns to try all, of the permutation test."""

SEED = 0
"""Seed of both."""

LEVEL = 0.05
"""Level of the tests; the intervals cover the rest."""


def landmarks(labelled: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Group the queries that show one landmark, by their ground truth.

    Names do not tell: the query `oxford_002985` shows All Souls, `bodleian_000132` the Radcliffe Camera.

    Parameters
    ----------
    labelled : mapping
        By query, the photos that are relevant to it or junk. Two queries show one landmark where these sets, each with
        its query, have at least half of their union in common, or where a chain of such queries joins them.

    Returns
    -------
    dict
        By query, the landmark: the first of its queries in the order of the names. Oxford-5k and Paris-6k have 11 each,
        with the original ground truth and with the revisited one.
    """
    from scipy.sparse.csgraph import connected_components

    names = sorted(labelled)
    sets = [{name, *labelled[name]} for name in names]
    alike = [[2 * len(one & two) >= len(one | two) for two in sets] for one in sets]
    number, members = connected_components(np.array(alike, dtype=bool).reshape(len(names), len(names)))
    first = {group: names[int(np.argmax(members == group))] for group in range(number)}
    return {name: first[group] for name, group in zip(names, members.tolist(), strict=True)}


def shown_mean(measure: Measure, values: Iterable[float]) -> float:
    """Mean of a measure over queries in its unit, rounded as it is shown.

    The order of the values cannot change a digit: their exact sum is rounded once.
    """
    return round(measure.factor * fmean(values), measure.decimals)


def mean_interval(values: ArrayLike, groups: Sequence[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Confidence interval of a mean: 95 %, bias-corrected and accelerated bootstrap (BCa).

    Parameters
    ----------
    values : (queries,) or (queries, positions) array
        Measurements. The same resamples serve all positions.
    groups : sequence of str, optional
        Group of each query; whole groups are drawn, with replacement. The mean is over queries all the same.

    Returns
    -------
    low, high : arrays, () or (positions,)
        NaN where there are fewer than two groups. Equal to the mean where all groups are equal.

    References
    ----------
    .. [1] Efron, B., "Better Bootstrap Confidence Intervals", Journal of the American Statistical Association 82
       (1987), 171-185.
    """
    import warnings

    from scipy.stats import DegenerateDataWarning, bootstrap

    totals, sizes = _grouped(values, groups)
    mean = totals.sum(axis=0) / sizes.sum(axis=0)
    if len(totals) < 2:
        return np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    # Equal groups have no bootstrap distribution, and NaN bounds.
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", DegenerateDataWarning)
        low, high = bootstrap(
            (totals, sizes),
            lambda total, size, axis: total.sum(axis=axis) / size.sum(axis=axis),
            paired=True,
            axis=0,
            confidence_level=1 - LEVEL,
            n_resamples=RESAMPLES,
            batch=500,
            method="BCa",
            rng=np.random.default_rng(SEED),
        ).confidence_interval
    return tuple(np.where(np.isnan(bound), mean, bound) for bound in (low, high))


def sign_flip_test(differences: ArrayLike, groups: Sequence[str] | None = None) -> float:
    """P-value of the paired permutation test: is the mean of the differences zero?

    Were the two methods alike, each difference could as well have the other sign. All sign patterns are tried, or 9999
    random ones where there are more.

    Parameters
    ----------
    differences : (queries,) array
        First method minus second.
    groups : sequence of str, optional
        Group of each query; the differences of a group change their sign together.

    Returns
    -------
    float
        Two-sided; NaN where there are fewer than two groups. Of n groups it is at least 2 / 2^n.
    """
    from scipy.stats import permutation_test

    totals, _ = _grouped(differences, groups)
    if len(totals) < 2:
        return float("nan")
    return float(
        permutation_test(
            (totals,),
            lambda total, axis: total.sum(axis=axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=RESAMPLES,
            rng=np.random.default_rng(SEED),
        ).pvalue
    )


def signed_rank_test(differences: ArrayLike, groups: Sequence[str] | None = None) -> float:
    """P-value of Wilcoxon's signed-rank test: are the differences symmetric about zero?

    Parameters
    ----------
    differences : (queries,) array
        First method minus second.
    groups : sequence of str, optional
        Group of each query; the mean differences of the groups are ranked.

    Returns
    -------
    float
        Two-sided; 1 where no difference is left, NaN where there are fewer than two groups.
    """
    from scipy.stats import wilcoxon

    totals, sizes = _grouped(differences, groups)
    if len(totals) < 2:
        return float("nan")
    return float(wilcoxon(totals / sizes).pvalue) if totals.any() else 1.0


def holm(p_values: ArrayLike) -> np.ndarray:
    """Adjust p-values for their number, by Holm's step-down method.

    Parameters
    ----------
    p_values : (tests,) array
        NaN marks tests that could not be made; they do not count.

    Returns
    -------
    (tests,) array
        Those at or below a level may be rejected, with at most that probability of any false rejection.
    """
    p_values = np.asarray(p_values, dtype=float)
    order = np.argsort(p_values)[: np.count_nonzero(~np.isnan(p_values))]
    adjusted = np.full_like(p_values, np.nan)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1)))
    return adjusted


def _grouped(values: ArrayLike, groups: Sequence[str] | None) -> tuple[np.ndarray, np.ndarray]:
    """Sums and sizes of the groups, both of shape (groups, ...)."""
    values = np.asarray(values, dtype=float)
    _, group = np.unique(range(len(values)) if groups is None else list(groups), return_inverse=True)
    member = np.arange(group.max() + 1)[:, None] == group
    totals = member @ values
    sizes = np.broadcast_to(member.sum(axis=1).reshape(-1, *[1] * (totals.ndim - 1)), totals.shape)
    return totals, sizes.astype(float)
