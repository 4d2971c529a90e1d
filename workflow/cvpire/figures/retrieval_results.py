"""What a query and its adversarial versions retrieve."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.path import Path
from matplotlib.transforms import ScaledTranslation

from cvpire.errors import InputError
from cvpire.figures.captions import measured, scores
from cvpire.figures.choosing import shown_query
from cvpire.figures.panels import PAGE, frame, panel_rows
from cvpire.figures.style import Drawn, style
from cvpire.layout import ORIGINAL
from cvpire.photos import load_photo
from cvpire.results import Results
from cvpire.tables.selection import own_victim

if TYPE_CHECKING:
    from cvpire.config import FigureOptions

_CHECK = Path([(-0.5, 0.0), (-0.15, -0.4), (0.5, 0.45)])
# Colours of Okabe and Ito that differ in grey too, line styles, and marks: each alone tells right from wrong.
_LOOKS = {
    True: ("right: relevant to the query", "#0072B2", "-", {"marker": _CHECK, "fillstyle": "none"}),
    False: ("wrong: not relevant", "#D55E00", (0, (4, 2)), {"marker": "x"}),
}


def draw(results: Results, shown: "FigureOptions") -> Drawn:
    """A query, unattacked and under some attacks, and what each of them retrieves."""
    query, listing = shown_query(results, shown), results.listing(shown.dataset)
    versions = {attack: results.photo(shown.dataset, query, attack) for attack in (ORIGINAL, *shown.attacks)}
    top = top_results(results.queries, shown.dataset, query, list(versions))
    found = {name: load_photo(listing.photos[name]) for names in top.values() for name in names}
    relevant = listing.queries[query].relevant
    return Drawn(retrieval_results(results.queries, versions, found, relevant, shown.dataset, query))


@style()
def retrieval_results(
    rows: pd.DataFrame,
    queries: Mapping[str, np.ndarray],
    found: Mapping[str, np.ndarray],
    relevant: Collection[str],
    dataset: str,
    query: str,
) -> Figure:
    """Draw a query and its three best results, one row for each attack; right and wrong ones are marked.

    Parameters
    ----------
    rows : DataFrame
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
        Where the rows lack the dataset, the query or an attack, or `found` lacks a result.
    """
    versions = measured(own_victim(rows), dataset, query, list(queries))
    lines = []
    for row, photo in zip(versions, queries.values(), strict=True):
        missing = [name for name in _top(row) if name not in found]
        if missing:
            raise InputError(f"results of query {query!r}: no photo of {missing[0]!r} is given")
        panels = [(photo, "Query")]
        for rank, name in enumerate(_top(row), start=1):
            panels.append((found[name], f"{rank} (the query's own photo)" if name == query else f"{rank}"))
        lines.append((f"{row['label']}: {scores(row)}", panels))
    columns = max(len(panels) for _, panels in lines)
    figure, axes = panel_rows(lines, columns, tallest=PAGE / columns, footer=0.2)
    for row, (_, *panels) in zip(versions, axes, strict=True):
        for name, panel in zip(_top(row), panels, strict=True):
            _judge(panel, name in relevant)
    handles = [
        Line2D([], [], label=label, color=colour, linestyle="none", **_mark(colour), **marker)
        for label, colour, _, marker in _LOOKS.values()
    ]
    figure.legend(handles=handles, loc="lower center", ncols=2)
    return figure


def top_results(rows: pd.DataFrame, dataset: str, query: str, attacks: Sequence[str]) -> dict[str, list[str]]:
    """Names of the best results of a query, by attack; see `retrieval_results` for the arguments."""
    found = measured(own_victim(rows), dataset, query, attacks)
    return {attack: _top(row) for attack, row in zip(attacks, found, strict=True)}


def _top(row: pd.Series) -> list[str]:
    return str(row["top"]).split("/")


def _judge(axes: Axes, right: bool) -> None:
    _, colour, linestyle, marker = _LOOKS[right]
    frame(axes, colour, linestyle, linewidth=2)
    corner = axes.transAxes + ScaledTranslation(-0.11, -0.11, axes.figure.dpi_scale_trans)
    badge = {"transform": corner, "linestyle": "none"}
    axes.plot(1, 1, marker="o", markersize=12, markerfacecolor="white", markeredgecolor=colour, **badge)
    axes.plot(1, 1, **badge, **_mark(colour), **marker)


def _mark(colour: str) -> dict[str, float | str]:
    return {"markersize": 6.5, "markeredgecolor": colour, "markeredgewidth": 1.8}
