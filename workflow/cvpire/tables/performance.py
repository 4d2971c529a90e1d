"""How well the attacks do: Table 4.1."""

from statistics import fmean

import pandas as pd

from cvpire.errors import InputError
from cvpire.tables.selection import ORIGINAL, method_labels, own_victim


def performance_table(results: pd.DataFrame) -> pd.DataFrame:
    """Mean average precision and mean SSIM of every method on every dataset (Table 4.1).

    Parameters
    ----------
    results : DataFrame
        Rows of queries.csv. Only headline rows count, and only those that the attacked network itself ranked.

    Returns
    -------
    DataFrame
        Columns `method`, `multiplier` (grey levels), `iterations`, and for each dataset `{dataset} mAP` (percent,
        rounded to 2 decimals) and `{dataset} mSSIM` (rounded to 3). Unattacked queries come first, one row for each
        attacked network, then the attacks; attacks and datasets stand in the order of their first rows. Cells of an
        attack that does not run on a dataset are empty.

    Raises
    ------
    InputError
        Where the unattacked queries are missing for a dataset.
    """
    rows = own_victim(results)
    rows = rows[rows["headline"].astype(bool)]
    datasets = rows["dataset"].unique()
    labels = method_labels(rows)
    table = []
    for attack, network in sorted(labels, key=lambda method: method[0] != ORIGINAL):
        method = {"method": labels[attack, network], "multiplier": None, "iterations": None}
        for dataset in datasets:
            cell = rows[(rows["dataset"] == dataset) & (rows["attack"] == attack) & (rows["network"] == network)]
            if cell.empty:
                if attack == ORIGINAL:
                    raise InputError(f"results: dataset {dataset!r} has no unattacked queries ranked by {network!r}")
                continue
            if attack != ORIGINAL:
                method |= {"multiplier": cell["multiplier"].iloc[0], "iterations": cell["iteration"].iloc[0]}
            # fmean rounds the exact sum once, so the order of the rows cannot change a digit.
            method[f"{dataset} mAP"] = round(100 * fmean(cell["ap"]), 2)
            method[f"{dataset} mSSIM"] = round(fmean(cell["ssim"]), 3)
        table.append(method)
    columns = [f"{dataset} {measure}" for dataset in datasets for measure in ("mAP", "mSSIM")]
    made = pd.DataFrame(table, columns=["method", "multiplier", "iterations", *columns])
    return made.astype({"multiplier": "float64", "iterations": "Int64"})
