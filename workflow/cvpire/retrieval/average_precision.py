"""Average precision of a ranking, of its reverse, and of a random one (section 3.3.2, 4.1.1, 4.2.3)."""

import math

import numpy as np

FORMS = ("sum", "trapezoid")
"""sum: eq. 4.1. trapezoid: the area under the precision-recall curve, as the benchmarks' own evaluation has it."""

LAST = 10
"""Photos at the end of a ranking that somebody who suspects an attack looks at."""


def average_precision(ranks: np.ndarray, form: str = "sum") -> float:
    """Average precision of one query.

    Parameters
    ----------
    ranks : numpy.ndarray
        Zero-based ranks of all R relevant photos, in any order, after junk has been removed from the ranking; R >= 1.
    form : {"sum", "trapezoid"}
        Equation 4.1, or the trapezoidal rule: each relevant photo counts with the mean of the precisions before and
        after it, where the precision before the first photo is 1.

    Returns
    -------
    float
        In (0, 1]; the thesis prints 100 times this.
    """
    ranks = np.sort(np.asarray(ranks, dtype=np.float64))
    found = np.arange(len(ranks))
    after = (found + 1) / (ranks + 1)
    if form == "sum":
        return float(after.mean())
    before = np.divide(found, ranks, out=np.ones_like(ranks), where=ranks > 0)
    return float((before + after).mean() / 2)


def reversed_ranks(ranks: np.ndarray, ranked: int) -> np.ndarray:
    """Turn zero-based ranks among `ranked` photos into those of the reversed ranking: its last photo comes first."""
    return ranked - 1 - np.asarray(ranks)


def among_last(ranks: np.ndarray, ranked: int) -> float:
    """Whether a relevant photo is among the last ten of a ranking, or, in a shorter one, among all.

    Section 3.3.2: who knows of an attack "could look at the images that are deemed least similar".

    Parameters
    ----------
    ranks : numpy.ndarray
        Zero-based ranks of the relevant photos, without junk, as for `average_precision`.
    ranked : int
        Number of ranked photos without junk.

    Returns
    -------
    float
        1.0 or 0.0.
    """
    return float(reversed_ranks(ranks, ranked).min() < LAST)


def expected_random_among_last(relevant: int, ranked: int) -> float:
    """Probability that a uniformly random ranking has a relevant photo among its last ten, exactly.

    The last ten are drawn without replacement, so that none is relevant with the probability of the hypergeometric
    distribution, C(N - R, 10) / C(N, 10).

    Parameters
    ----------
    relevant, ranked : int
        R and N, as for `expected_random_average_precision`.

    Returns
    -------
    float
        In (0, 1].
    """
    last = min(LAST, ranked)
    every = math.comb(ranked, last)
    return (every - math.comb(ranked - relevant, last)) / every


def expected_random_average_precision(relevant: int, ranked: int, form: str = "sum") -> float:
    """Expected average precision of a uniformly random ranking, exactly.

    Given a relevant photo at rank k, each of the k - 1 photos before it is relevant with probability
    (R - 1) / (N - 1); every rank holds a relevant photo with probability R / N. Summing the expected precision over the
    ranks gives the sum form; the trapezoid's second half, the precision before each relevant photo, sums to R / N.

    Parameters
    ----------
    relevant : int
        R, number of relevant photos, >= 1.
    ranked : int
        N, number of ranked photos without junk, >= R.
    form : {"sum", "trapezoid"}

    Returns
    -------
    float
        In (0, 1].
    """
    harmonic = float(np.sum(1 / np.arange(1, ranked + 1)))
    share = (relevant - 1) / (ranked - 1) if ranked > 1 else 0.0
    plain = (harmonic + share * (ranked - harmonic)) / ranked
    return plain if form == "sum" else (plain + relevant / ranked) / 2
