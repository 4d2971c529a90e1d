"""How well the attacks do: Table 4.1."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd

from cvpire.errors import InputError
from cvpire.layout import ORIGINAL
from cvpire.measures import MEASURES
from cvpire.tables.confidence import confidence_table
from cvpire.tables.selection import about_method, compared, headline_methods
from cvpire.tables.statistics import shown_mean

if TYPE_CHECKING:
    from cvpire.config import TableOptions
    from cvpire.results import Results

_SHOWN = (MEASURES["ap"], MEASURES["ssim"])
"""What the thesis's tables show."""


def performance_table(results: "Results", options: "TableOptions") -> pd.DataFrame:
    """Mean average precision and mean SSIM of every method on every dataset (Table 4.1).

    Parameters
    ----------
    results : Results
        Of a run. Only headline rows count, and only those that the attacked network itself ranked.
    options : TableOptions
        Not asked.

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
    rows = compared(results)
    return means_by_dataset(_methods(rows), rows["dataset"].unique())


def performance_confidence(results: "Results", options: "TableOptions") -> pd.DataFrame:
    """What stands behind Table 4.1: both forms of each measure, confidence intervals and the thesis's numbers.

    Parameters and errors are those of `performance_table`; `confidence_table` says what is returned. Methods are in the
    order of Table 4.1.
    """
    return confidence_table(_methods(compared(results)), results.run.datasets)


def means_by_dataset(methods: Iterable[tuple[str, pd.DataFrame]], datasets: Iterable[str]) -> pd.DataFrame:
    """Lay out mAP and mSSIM as the thesis does: a row for each method, two columns for each dataset.

    Parameters
    ----------
    methods : iterable of (str, DataFrame)
        Label, and its rows of queries.csv at one multiplier and iteration.
    datasets : iterable of str
        In the order of the columns.

    Returns
    -------
    DataFrame
        Columns as in `performance_table`; empty cells where a method has no rows of a dataset.
    """
    table = []
    for label, rows in methods:
        given = about_method(label, rows)
        for dataset, cell in rows.groupby("dataset"):
            for measure in _SHOWN:
                given[f"{dataset} {measure.label}"] = shown_mean(measure, cell[measure.column])
        table.append(given)
    columns = [f"{dataset} {measure.label}" for dataset in datasets for measure in _SHOWN]
    made = pd.DataFrame(table, columns=["method", "multiplier", "iterations", *columns])
    return made.astype({"multiplier": "float64", "iterations": "Int64"})


def _methods(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    methods = headline_methods(rows)
    for _, cells in methods:
        if (cells["attack"] == ORIGINAL).all():
            for dataset in rows["dataset"].unique():
                if dataset not in cells["dataset"].values:
                    network = cells["network"].iloc[0]
                    raise InputError(f"results: dataset {dataset!r} has no unattacked queries ranked by {network!r}")
    return methods
