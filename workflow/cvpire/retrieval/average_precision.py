"""Average precision of a ranking, and of a random one (section 4.1.1, 4.2.3)."""

import numpy as np

FORMS = ("sum", "trapezoid")
"""sum: eq. 4.1. trapezoid: the area under the precision-recall curve, as the benchmarks' own evaluation has it."""


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
