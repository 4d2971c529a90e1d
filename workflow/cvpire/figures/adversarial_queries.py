"""Queries under some attacks with their scores; drawn alone: one query, which the results choose."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cvpire.figures.captions import measured, scores
from cvpire.figures.choosing import shown_query
from cvpire.figures.panels import balanced, panel_rows
from cvpire.figures.style import Drawn, style
from cvpire.results import Results
from cvpire.tables.selection import own_victim

if TYPE_CHECKING:
    from cvpire.config import FigureOptions


def draw(results: Results, shown: "FigureOptions") -> Drawn:
    """One query under some attacks."""
    query = shown_query(results, shown)
    versions = {attack: results.photo(shown.dataset, query, attack) for attack in shown.attacks}
    return Drawn(adversarial_queries(results.queries, {(shown.dataset, query): versions}))


@style()
def adversarial_queries(
    rows: pd.DataFrame,
    photos: Mapping[tuple[str, str], Mapping[str, np.ndarray]],
    columns: int | None = None,
) -> Figure:
    """Draw queries under some attacks, each over its average precision and SSIM.

    Parameters
    ----------
    rows : DataFrame
        Rows of queries.csv, of which the headline ones count.
    photos : mapping of (dataset, query) to mapping of attack to (H, W, 3) uint8 array
        RGB photos, in the order of the panels; unattacked ones by the name `original`.
    columns : int, optional
        Default: one row a query, one column an attack. Else all panels in rows of at most so many,
        each with its query's name.

    Raises
    ------
    InputError
        Where the rows lack a dataset, a query or an attack.
    """
    rows = own_victim(rows)
    lines, panels = [], []
    for (dataset, query), versions in photos.items():
        found = measured(rows, dataset, query, list(versions))
        for row, photo in zip(found, versions.values(), strict=True):
            name = row["label"] if columns is None else f"{dataset}: {query}"
            panels.append((photo, f"{name}\n{scores(row)}"))
        if columns is None:
            lines.append((f"{dataset}: {query}", panels))
            panels = []
    if columns is None:
        columns = max((len(line) for _, line in lines), default=1)
    else:
        lines = [("", line) for line in balanced(panels, columns)]
        columns = len(lines[0][1])
    # Squares, so that upright photos do not take more of the page than others.
    figure, _ = panel_rows(lines, columns, tallest=7 / columns)
    return figure
