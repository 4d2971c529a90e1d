"""What someone finds who looks at the photos that are deemed least similar (section 3.3.2)."""

from typing import TYPE_CHECKING

import pandas as pd

from cvpire.layout import AS_SAVED
from cvpire.measures import MEASURES, REVERSED
from cvpire.tables.selection import headline_rows
from cvpire.tables.statistics import shown_mean

if TYPE_CHECKING:
    from cvpire.config import TableOptions
    from cvpire.results import Results
_SHOWN = (MEASURES["ap"], *REVERSED)


def reversed_table(results: "Results", options: "TableOptions") -> pd.DataFrame:
    """Mean average precision of every ranking and of its reverse, and how often the scene stands among the last.

    Parameters
    ----------
    results : Results
        Of a run, with what is expected of random rankings. Only headline rows count, as they were saved.
    options : TableOptions
        Not asked.

    Returns
    -------
    DataFrame
        One row a dataset, system and method: `dataset`, `system`, `method`, and in percent `mAP`, `mAP (reversed)` and
        `among the last ten`, the share of queries that have a relevant photo there. The last row of each dataset and
        system is the expectation for a random ranking, whose reverse is one too.
    """
    rows, table = headline_rows(results), []
    expected = {measure: results.random_in(measure.column) for measure in _SHOWN}
    for (dataset, system), here in rows[rows["transformation"] == AS_SAVED].groupby(["dataset", "victim"], sort=False):
        about = {"dataset": dataset, "system": system}
        for method, cells in here.groupby("method", sort=False):
            means = {measure.label: shown_mean(measure, cells[measure.column]) for measure in _SHOWN}
            table.append(about | {"method": method} | means)
        chance = {measure.label: shown_mean(measure, [mean[dataset]]) for measure, mean in expected.items()}
        table.append(about | {"method": "Random"} | chance)
    return pd.DataFrame(table, columns=["dataset", "system", "method", *(measure.label for measure in _SHOWN)])
