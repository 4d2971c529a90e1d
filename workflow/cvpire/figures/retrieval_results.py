"""Figure 1.2: what a query and its adversarial versions retrieve."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.path import Path
from matplotlib.transforms import ScaledTranslation

from cvpire.errors import InputError
from cvpire.figures.panels import PAGE, frame, panel_rows
from cvpire.figures.queries import measured, scores
from cvpire.figures.style import style
from cvpire.tables.selection import own_victim

_CHECK = Path([(-0.5, 0.0), (-0.15, -0.4), (0.5, 0.45)])
# Colours of Okabe and Ito that differ in grey too, line styles, and marks: each alone tells right from wrong.
_LOOKS = {
    True: ("right: relevant to the query", "#0072B2", "-", {"marker": _CHECK, "fillstyle": "none"}),
    False: ("wrong: not relevant", "#D55E00", (0, (4, 2)), {"marker": "x"}),
}


@style()
def retrieval_results(
    results: pd.DataFrame,
    queries: Mapping[str, np.ndarray],
    found: Mapping[str, np.ndarray],
    relevant: Collection[str],
    dataset: str,
    query: str,
) -> Figure:
    """Draw a query and its three best results, one row for each attack; right and wrong ones are marked (Figure 1.2).

    Parameters
    ----------
    results : DataFrame
        Rows of queries.csv, of which the headline ones count.
    queries : mapping of str to (H, W, 3) uint8 array
        The query's RGB photos by attack, in the order of the rows; the unattacked one by the name `original`.
    found : mapping of str to (H, W, 3) uint8 array
        RGB photos of the database by name: at least those of `top_results`.
    relevant : collection of str
        Names of the right answers.
    dataset, query : str
        Which query it is.

    Raises
    ------
    InputError
        Where the results lack the dataset, the query or an attack, or `found` lacks a result.
    """
    rows = []
    names = top_results(results, dataset, query, list(queries))
    for row, photo, top in zip(
        measured(own_victim(results), dataset, query, list(queries)), queries.values(), names.values(), strict=True
    ):
        missing = [name for name in top if name not in found]
        if missing:
            raise InputError(f"results of query {query!r}: no photo of {missing[0]!r} is given")
        panels = [(photo, "Query")]
        for rank, name in enumerate(top, start=1):
            panels.append((found[name], f"{rank} (the query's own photo)" if name == query else f"{rank}"))
        rows.append((f"{row['label']}: {scores(row)}", panels))
    columns = max(len(panels) for _, panels in rows)
    figure, axes = panel_rows(rows, columns, tallest=PAGE / columns, footer=0.2)
    for top, (_, *shown) in zip(names.values(), axes, strict=True):
        for name, panel in zip(top, shown, strict=True):
            _judge(panel, name in relevant)
    handles = [
        Line2D([], [], label=label, color=color, linestyle="none", **_mark(color), **marker)
        for label, color, _, marker in _LOOKS.values()
    ]
    figure.legend(handles=handles, loc="lower center", ncols=2)
    return figure


def top_results(results: pd.DataFrame, dataset: str, query: str, attacks: Sequence[str]) -> dict[str, list[str]]:
    """Names of the best results of a query, by attack; see `retrieval_results` for the arguments."""
    rows = measured(own_victim(results), dataset, query, attacks)
    return {attack: str(row["top"]).split("/") for attack, row in zip(attacks, rows, strict=True)}


def _judge(axes: Axes, right: bool) -> None:
    _, color, linestyle, marker = _LOOKS[right]
    frame(axes, color, linestyle, linewidth=2)
    corner = axes.transAxes + ScaledTranslation(-0.11, -0.11, axes.figure.dpi_scale_trans)
    badge = {"transform": corner, "linestyle": "none"}
    axes.plot(1, 1, marker="o", markersize=12, markerfacecolor="white", markeredgecolor=color, **badge)
    axes.plot(1, 1, **badge, **_mark(color), **marker)


def _mark(color: str) -> dict[str, float | str]:
    return {"markersize": 6.5, "markeredgecolor": color, "markeredgewidth": 1.8}
