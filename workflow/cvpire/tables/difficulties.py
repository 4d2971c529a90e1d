"""The three difficulties of the revisited benchmarks."""

import pandas as pd

from cvpire.errors import InputError
from cvpire.tables.selection import about_method, headline_methods, own_victim

DIFFICULTIES = ("easy", "medium", "hard")


def difficulties_table(results: pd.DataFrame) -> pd.DataFrame:
    """Mean average precision of every method on the revisited benchmarks, for each of their difficulties [1]_.

    Parameters
    ----------
    results : DataFrame
        Rows of queries.csv with `ap_easy`, `ap_medium` and `ap_hard` in [0, 1]; empty where a query has no relevant
        photo of a difficulty, and for other datasets. Headline rows count that the attacked network itself ranked.

    Returns
    -------
    DataFrame
        Columns `method`, `multiplier`, `iterations`, and for each revisited dataset `{dataset} easy mAP`, `{dataset}
        medium mAP` and `{dataset} hard mAP` in percent; methods are in the order of Table 4.1.

    Raises
    ------
    InputError
        Where no dataset has difficulties.

    References
    ----------
    .. [1] Radenovic, F., Iscen, A., Tolias, G., Avrithis, Y. and Chum, O., "Revisiting Oxford and Paris: Large-Scale
       Image Retrieval Benchmarking", CVPR 2018.
    """
    rows = own_victim(results)
    columns = [f"ap_{difficulty}" for difficulty in DIFFICULTIES]
    known = rows.groupby("dataset", sort=False)[columns].count().any(axis=1) if set(columns) <= set(rows) else {}
    datasets = [dataset for dataset in rows["dataset"].unique() if known.get(dataset)]
    if not datasets:
        raise InputError("results: no dataset has difficulties; only roxford5k and rparis6k do")
    table = []
    for label, cells in headline_methods(rows[rows["dataset"].isin(datasets)]):
        given = about_method(label, cells)
        for dataset, cell in cells.groupby("dataset"):
            for difficulty, column in zip(DIFFICULTIES, columns, strict=True):
                # A query without an answer of this difficulty is not counted, as in the benchmarks.
                given[f"{dataset} {difficulty} mAP"] = round(100 * cell[column].mean(), 2)
        table.append(given)
    measures = [f"{dataset} {difficulty} mAP" for dataset in datasets for difficulty in DIFFICULTIES]
    made = pd.DataFrame(table, columns=["method", "multiplier", "iterations", *measures])
    return made.astype({"multiplier": "float64", "iterations": "Int64"})
