"""What attacks are worth against systems that they were not made for: transfer (section 5.2.3)."""

from typing import TYPE_CHECKING

import pandas as pd

from cvpire.layout import AS_SAVED, ORIGINAL, PLAIN
from cvpire.measures import MEASURES
from cvpire.tables.confidence import drop_table
from cvpire.tables.selection import headline_rows, random_percent
from cvpire.tables.statistics import shown_mean

if TYPE_CHECKING:
    from cvpire.config import TableOptions
    from cvpire.results import Results

_AP = MEASURES["ap"]


def systems_table(results: "Results", options: "TableOptions") -> pd.DataFrame:
    """Mean average precision of every method, one column a system that ranks its queries.

    Parameters
    ----------
    results : Results
        Of a run, with the mAP of random rankings. Only headline rows count, as they were saved, of datasets that
        several systems rank.
    options : TableOptions
        Not asked.

    Returns
    -------
    DataFrame
        Columns `dataset`, `method`, `attacked` (the networks that the attack follows; empty where there is no attack),
        for each system `{system} mAP` in percent, and `random mAP`, the expectation for a random ranking. Cells are
        empty where a system does not rank a method.
    """
    rows, table = _rows(results), []
    for dataset, here in rows.groupby("dataset", sort=False):
        chance = round(random_percent(results.random, dataset), _AP.decimals)
        for method, cells in here.groupby("method", sort=False):
            about = {"dataset": dataset, "method": method, "attacked": attacked(cells)}
            means = {_column(system): shown_mean(_AP, cell["ap"]) for system, cell in cells.groupby("victim")}
            table.append(about | means | {"random mAP": chance})
    columns = [_column(system) for system in rows["victim"].unique()]
    return pd.DataFrame(table, columns=["dataset", "method", "attacked", *columns, "random mAP"])


def systems_confidence(results: "Results", options: "TableOptions") -> pd.DataFrame:
    """What stands behind `systems_table`: intervals over landmarks, and what each attack took from the clean mAP.

    Parameters are those of `systems_table`; `drop_table` says what is returned, without its column `transformation`.
    """
    return drop_table(_rows(results), results.random).drop(columns="transformation")


SEVERAL = " + "
"""Between the names of networks that are attacked together."""


def attacked(rows: pd.DataFrame) -> str | None:
    """Networks that the attack of some rows follows; None where there is no attack."""
    return None if rows["attack"].iloc[0] in (ORIGINAL, PLAIN) else rows["attacked"].iloc[0]


def is_attacked(system: str, attacked: str | None) -> bool:
    """Whether a system is among those that an attack follows."""
    return bool(attacked) and system in attacked.split(SEVERAL)


def _column(system: str) -> str:
    return f"{system} {_AP.label}"


def _rows(results: "Results") -> pd.DataFrame:
    rows = headline_rows(results)
    several = [dataset for dataset, systems in results.run.victims.items() if len(systems) > 1]
    return rows[(rows["transformation"] == AS_SAVED) & rows["dataset"].isin(several)]
