"""What each difference between text and code does: attacks that differ in one option, side by side."""

import pandas as pd

from cvpire.errors import InputError
from cvpire.tables.selection import ORIGINAL, own_victim


def differences_table(results: pd.DataFrame) -> pd.DataFrame:
    """Retrieval performance in both forms and image quality in both ranges, of every attack after equally many steps.

    Parameters
    ----------
    results : DataFrame
        Rows of queries.csv. Each attack counts at the multiplier that goes into Table 4.1, and all of them at the last
        iteration that they have in common.

    Returns
    -------
    DataFrame
        One row a dataset and attack: `dataset`, `attack`, `iterations`, `mAP (eq. 4.1)` and `mAP (trapezoid)` in
        percent, `mSSIM (range 1)`, `mSSIM (range 2)`, and `CIEDE2000`, the mean colour difference.

    Raises
    ------
    InputError
        Where the attacks have no iteration in common.
    """
    rows = own_victim(results)
    attacked = rows[rows["attack"] != ORIGINAL]
    steps = attacked.groupby("attack")["iteration"].agg(set)
    common = set.intersection(*steps)
    if not common:
        raise InputError("results: the attacks have no iteration in common; give each one `other_iterations`")
    headline = attacked[attacked["headline"].astype(bool)].groupby("attack")["multiplier"].first()
    counted = (rows["iteration"] == max(common)) & (rows["multiplier"] == rows["attack"].map(headline))
    rows = rows[counted.fillna(False).astype(bool) | (rows["attack"] == ORIGINAL)]
    means = rows.groupby(["dataset", "attack"], sort=False)[
        ["iteration", "ap_sum", "ap_trapezoid", "ssim_range_1", "ssim_range_2", "ciede2000"]
    ].mean()
    return pd.DataFrame(
        {
            "iterations": means["iteration"].astype("Int64"),
            "mAP (eq. 4.1)": (100 * means["ap_sum"]).round(2),
            "mAP (trapezoid)": (100 * means["ap_trapezoid"]).round(2),
            "mSSIM (range 1)": means["ssim_range_1"].round(3),
            "mSSIM (range 2)": means["ssim_range_2"].round(3),
            "CIEDE2000": means["ciede2000"].round(2),
        }
    ).reset_index()
