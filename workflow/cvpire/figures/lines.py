"""Figures of means over queries: the data that is drawn, and how it is drawn.

The data of such a figure is a tidy table, one row a point. `panel` is the y axis; `kind` is mean (a point of a line),
unattacked (a point that no line joins) or random (a level, without x); `series` is the name in the legend; `low` and
`high` bound the 95 % confidence interval over queries, and are empty where there is none.
"""

import math
from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from cvpire.figures.style import plot_reference, start_at_zero
from cvpire.tables.selection import by_query
from cvpire.tables.statistics import mean_interval

COLUMNS = ["panel", "kind", "series", "x", "y", "low", "high"]

AP, SSIM = "mAP (%)", "mSSIM"
"""Panels."""

_MEASURES = {AP: ("ap", 100), SSIM: ("ssim", 1)}


def mean_line(rows: pd.DataFrame, panel: str, series: str, x: str) -> pd.DataFrame:
    """Mean of a measure at each position, with its 95 % confidence interval.

    Parameters
    ----------
    rows : DataFrame
        Rows of queries.csv, one a query and position.
    panel : {AP, SSIM}
        What is averaged.
    series : str
        Name of the line.
    x : {"iteration", "multiplier"}
        Column of the positions.

    Returns
    -------
    DataFrame
        `COLUMNS`. The interval is `mean_interval` over queries; one query has none.

    Raises
    ------
    InputError
        Where a query is missing at a position.
    """
    column, factor = _MEASURES[panel]
    samples = factor * by_query(rows, x, column)
    low, high = mean_interval(samples.to_numpy(dtype=float))
    points = {"x": samples.columns.astype(float), "y": samples.mean().to_numpy(), "low": low, "high": high}
    return pd.DataFrame({"panel": panel, "kind": "mean", "series": series, **points})


def unattacked_point(rows: pd.DataFrame, series: str) -> pd.DataFrame:
    """Mean average precision of the unattacked queries, at 0 iterations."""
    return mean_line(rows.assign(iteration=0), AP, series, "iteration").assign(kind="unattacked")


def random_level(percent: float, series: str) -> pd.DataFrame:
    """Expected mean average precision of a random ranking."""
    level = pd.DataFrame([{"panel": AP, "kind": "random", "series": series, "y": percent}], columns=COLUMNS)
    return level.astype(dict.fromkeys(COLUMNS[3:], float))


def draw(axes: Axes, data: pd.DataFrame, ordered: bool = False) -> list[Line2D]:
    """Draw the data of one panel.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    data : DataFrame
        Rows of one panel.
    ordered : bool
        The lines are steps of one quantity: their colours go from dark to light, so that the order is seen.

    Returns
    -------
    list of Line2D
        What the legend shows, in the order of the data.
    """
    means = data.loc[data["kind"] == "mean", "series"].unique()
    # The lightest part of the colour map is too pale on white.
    colors = iter(matplotlib.colormaps["viridis"](np.linspace(0, 0.75, len(means)))) if ordered else None
    levels = data.loc[data["kind"] == "random", "series"].tolist()
    handles = []
    for series, points in data.groupby("series", sort=False):
        match points["kind"].iloc[0]:
            case "mean":
                handles.append(_draw_mean(axes, points, series, {"color": next(colors)} if ordered else {}))
            case "unattacked":
                # No line joins this point: an attack starts from a perturbed photo, so no measurement lies between.
                handles += axes.plot(points["x"], points["y"], label=series, **_UNATTACKED)
            case "random":
                several = len(levels) > 1
                color = handles[-1].get_color() if several else "black"
                handles.append(plot_reference(axes, points["y"].iloc[0], series, color))
                if several:  # each level's dashes lie in the gaps of the others, so that equal levels are all seen
                    handles[-1].set_linestyle((4 * levels.index(series), (4, 4 * (len(levels) - 1))))
    return handles


_UNATTACKED = {
    "color": "black",
    "linestyle": "none",
    "marker": "d",
    "markersize": 5,
    "markerfacecolor": "black",
    "clip_on": False,
}


def _draw_mean(axes: Axes, points: pd.DataFrame, label: str, look: Mapping[str, Any]) -> Line2D:
    x = points["x"]
    (line,) = axes.plot(x, points["y"], label=label, markevery=math.ceil(len(x) / 20), clip_on=False, **look)
    if points["low"].notna().all():
        color = line.get_color()
        if len(x) > 1:
            # Thin edges, so that bands on top of each other are told apart.
            edge = to_rgba(color, 0.4)
            axes.fill_between(x, points["low"], points["high"], facecolor=to_rgba(color, 0.12), edgecolor=edge, lw=0.4)
        else:  # one position has no area
            axes.vlines(x, points["low"], points["high"], linewidth=4, color=to_rgba(color, 0.2))
    return line


def set_map_axis(axes: Axes, data: pd.DataFrame) -> None:
    """Label and scale the y axis of mean average precision.

    It begins at zero; where the lowest point is below a tenth of the highest, it is logarithmic, for else all that
    matters of a strong attack would lie on the line of the random ranking.
    """
    points = data.loc[data["panel"] == AP, "y"]
    axes.set_ylabel(AP)
    if 0 < 10 * points.min() < points.max():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylim(points.min() / 1.25, max(1.25 * points.max(), axes.get_ylim()[1]))
    else:
        start_at_zero(axes)
