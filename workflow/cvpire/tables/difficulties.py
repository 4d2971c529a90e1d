"""The three difficulties of the revisited benchmarks."""

from typing import TYPE_CHECKING

import pandas as pd

from cvpire.errors import InputError
from cvpire.measures import DIFFICULTIES
from cvpire.tables.selection import about_method, compared, headline_methods

if TYPE_CHECKING:
    from cvpire.config import TableOptions
    from cvpire.results import Results


def difficulties_table(results: "Results", options: "TableOptions") -> pd.DataFrame:
    """Mean average precision of every method on the revisited benchmarks, for each of their difficulties [1]_.

    Parameters
    ----------
    results : Results
        Of a run. `ap_easy`, `ap_medium` and `ap_hard` of its queries are in [0, 1], and empty where a query has no
        relevant photo of a difficulty, and for other datasets. Headline rows count that the attacked network itself
        ranked.
    options : TableOptions
        Not asked.

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
    rows = compared(results)
    known = rows.groupby("dataset", sort=False)[[measure.column for measure in DIFFICULTIES]].count().any(axis=1)
    datasets = [dataset for dataset in rows["dataset"].unique() if known[dataset]]
    if not datasets:
        raise InputError("results: no dataset has difficulties; only roxford5k and rparis6k do")
    table = []
    for label, cells in headline_methods(rows[rows["dataset"].isin(datasets)]):
        given = about_method(label, cells)
        for dataset, cell in cells.groupby("dataset"):
            for measure in DIFFICULTIES:
                # A query without an answer of this difficulty is not counted, as in the benchmarks.
                mean = measure.factor * cell[measure.column].mean()
                given[f"{dataset} {measure.label}"] = round(mean, measure.decimals)
        table.append(given)
    columns = [f"{dataset} {measure.label}" for dataset in datasets for measure in DIFFICULTIES]
    made = pd.DataFrame(table, columns=["method", "multiplier", "iterations", *columns])
    return made.astype({"multiplier": "float64", "iterations": "Int64"})
