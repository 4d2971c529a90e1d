"""What each difference between text and code does: attacks that differ in one option, side by side."""

from typing import TYPE_CHECKING

import pandas as pd

from cvpire.errors import InputError
from cvpire.layout import ORIGINAL
from cvpire.measures import shown_in
from cvpire.tables.selection import own_victim

if TYPE_CHECKING:
    from cvpire.config import TableOptions
    from cvpire.results import Results


def differences_table(results: "Results", options: "TableOptions") -> pd.DataFrame:
    """Retrieval performance in both forms and image quality in both ranges, of every attack after equally many steps.

    Parameters
    ----------
    results : Results
        Of a run. Each attack counts at the multiplier that goes into Table 4.1, and all of them at the last iteration
        that they have in common.
    options : TableOptions
        Not asked.

    Returns
    -------
    DataFrame
        One row a dataset and attack: `dataset`, `attack`, `iterations`, and the means of what `cvpire.measures` shows
        here: both forms of mAP in percent, both ranges of mSSIM, and `CIEDE2000`, the mean colour difference.

    Raises
    ------
    InputError
        Where the attacks have no iteration in common.
    """
    rows = own_victim(results.queries)
    attacked = rows[rows["attack"] != ORIGINAL]
    steps = attacked.groupby("attack")["iteration"].agg(set)
    common = set.intersection(*steps)
    if not common:
        raise InputError("results: the attacks have no iteration in common; give each one `other_iterations`")
    headline = attacked[attacked["headline"].astype(bool)].groupby("attack")["multiplier"].first()
    counted = (rows["iteration"] == max(common)) & (rows["multiplier"] == rows["attack"].map(headline))
    rows = rows[counted.fillna(False).astype(bool) | (rows["attack"] == ORIGINAL)]
    shown = shown_in("differences")
    grouped = rows.groupby(["dataset", "attack"], sort=False)
    means = grouped[["iteration", *(measure.column for measure in shown)]].mean()
    columns = {"iterations": means["iteration"].astype("Int64")}
    for measure in shown:
        columns[measure.label] = (measure.factor * means[measure.column]).round(measure.decimals)
    return pd.DataFrame(columns).reset_index()
