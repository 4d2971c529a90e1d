"""What attacks are worth after a transformation of the saved query (section 5.2.1)."""

from typing import TYPE_CHECKING

import pandas as pd

from cvpire.layout import AS_SAVED, ORIGINAL
from cvpire.measures import MEASURES
from cvpire.tables.confidence import drop_table
from cvpire.tables.selection import headline_rows, random_percent
from cvpire.tables.statistics import shown_mean

if TYPE_CHECKING:
    from cvpire.config import TableOptions
    from cvpire.results import Results

_AP = MEASURES["ap"]


def transformations_table(results: "Results", options: "TableOptions") -> pd.DataFrame:
    """Mean average precision of every method after every transformation, system by system.

    Parameters
    ----------
    results : Results
        Of a run, with the mAP of random rankings. Only headline rows count, of datasets that have transformations.
    options : TableOptions
        Not asked.

    Returns
    -------
    DataFrame
        Columns `dataset`, `system`, `method`, `as saved mAP` and for each transformation `{transformation} mAP`
        (percent, rounded to 2 decimals). Of each dataset and system the first row is the clean mAP, of queries that
        were saved without an attack; the last is the expectation for a random ranking. Cells are empty where nothing
        was measured.
    """
    rows, table = _rows(results), []
    for (dataset, system), here in rows.groupby(["dataset", "victim"], sort=False):
        about = {"dataset": dataset, "system": system}
        for method, cells in here.groupby("method", sort=False):
            means = {_column(name): shown_mean(_AP, cell["ap"]) for name, cell in cells.groupby("transformation")}
            table.append(about | {"method": method} | means)
        chance = round(random_percent(results.random, dataset), _AP.decimals)
        table.append(about | {"method": "Random"} | {_column(name): chance for name in here["transformation"].unique()})
    columns = [_column(name) for name in rows["transformation"].unique()]
    return pd.DataFrame(table, columns=["dataset", "system", "method", *columns])


def transformations_confidence(results: "Results", options: "TableOptions") -> pd.DataFrame:
    """What stands behind `transformations_table`: intervals over landmarks, and what attacks took from the clean mAP.

    Parameters are those of `transformations_table`; `drop_table` says what is returned. Transformations are named as
    there.
    """
    made = drop_table(_rows(results), results.random)
    return made.assign(transformation=made["transformation"].map(condition))


def condition(transformation: str) -> str:
    """Name of a transformation in tables and figures; where there is none, `as saved`."""
    return "as saved" if transformation == AS_SAVED else transformation


def _column(transformation: str) -> str:
    return f"{condition(transformation)} {_AP.label}"


def _rows(results: "Results") -> pd.DataFrame:
    rows = headline_rows(results)
    having = [dataset for dataset, transformations in results.run.transformations.items() if transformations]
    return rows[(rows["attack"] != ORIGINAL) & rows["dataset"].isin(having)]
