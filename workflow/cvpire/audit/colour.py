"""Whether the order of the published methods changes under measures that see colour (section 5.2.4)."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pandas as pd

from cvpire.audit.artefacts import PLAIN
from cvpire.measures import Measure, shown_in
from cvpire.tables.statistics import holm, mean_interval, signed_rank_test

_COLUMNS = ["measure", "first", "second", "photos", PLAIN, "loss of first", "loss of second", "difference"]
_COLUMNS += ["low", "high", "first better on", "Wilcoxon p", "Holm p", "sign p"]


def compare_colour(audit: pd.DataFrame) -> pd.DataFrame:
    """Compare every two published methods, photo by photo, by what they lose against plain JPEG.

    Parameters
    ----------
    audit : pandas.DataFrame
        Of `run_audit` with `colour`.

    Returns
    -------
    pandas.DataFrame
        One row a measure and pair: `measure`, `first`, `second`, `photos` (that both have), the mean of the measure for
        `PLAIN`, mean losses against it (positive: worse than plain JPEG, whichever way the measure runs), `difference`
        (loss of second minus loss of first: positive where first is better), its 95 % confidence interval `low`, `high`
        (bootstrap over photos), on how many photos first is better, `Wilcoxon p` (signed-rank test), `Holm p`, the same
        adjusted for the measures of a pair, and `sign p` (two-sided sign test). Photos count as independent here: the
        artefacts do not say which of them show one landmark.
    """
    rows = [row for measure in shown_in("colour") for row in _pairs(audit[audit["metric"] == measure.column], measure)]
    table = pd.DataFrame(rows, columns=_COLUMNS)
    adjusted = table.groupby(["first", "second"])["Wilcoxon p"].transform(holm)
    return table.assign(**{"Holm p": adjusted})


def _pairs(values: pd.DataFrame, measure: Measure) -> Iterator[dict[str, Any]]:
    from scipy.stats import binomtest

    by_method = values.pivot(index="photo", columns="method", values="corrected")
    methods = [method for method in values["method"].unique() if method != PLAIN]
    loss = by_method[methods].rsub(by_method[PLAIN], axis=0) * (1 if measure.better == "high" else -1)
    for first, second in combinations(methods, 2):
        both = loss[[first, second]].dropna()
        gain = (both[second] - both[first]).to_numpy()
        low, high = mean_interval(gain)
        better, different = int((gain > 0).sum()), int((gain != 0).sum())
        yield {
            "measure": measure.label,
            "first": first,
            "second": second,
            "photos": len(both),
            PLAIN: by_method.loc[both.index, PLAIN].mean(),
            "loss of first": both[first].mean(),
            "loss of second": both[second].mean(),
            "difference": gain.mean(),
            "low": float(low),
            "high": float(high),
            "first better on": better,
            "Wilcoxon p": signed_rank_test(gain),
            "sign p": float(binomtest(better, different).pvalue) if different else 1.0,
        }
