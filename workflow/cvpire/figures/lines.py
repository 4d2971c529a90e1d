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
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from cvpire.figures.style import Drawn, legend_below, plot_reference, set_title, start_at_zero, style
from cvpire.layout import ORIGINAL
from cvpire.measures import MEASURES, Measure
from cvpire.tables.selection import by_query, method_labels, random_percent, select
from cvpire.tables.statistics import mean_interval

COLUMNS = ["panel", "kind", "series", "x", "y", "low", "high"]

AP, SSIM = MEASURES["ap"], MEASURES["ssim"]
"""What panels show; a panel is named by the axis of its measure."""


def over_iterations(
    rows: pd.DataFrame,
    curves: Mapping[str, pd.DataFrame],
    random_map: Mapping[str, float],
    dataset: str,
    title: str,
    ordered: bool = False,
) -> Drawn:
    """Draw mean average precision against the iterations of attacks on a dataset.

    Parameters
    ----------
    rows : DataFrame
        Of `own_victim`.
    curves : mapping of str to DataFrame
        Those of them that each line is the mean of, by the line's name.
    random_map : mapping or Series
        Expected mAP in [0, 1] of a random ranking, by dataset.
    dataset, title : str
        Where the lines were measured, and what stands above them.
    ordered : bool
        As for `draw_lines`.

    Returns
    -------
    Drawn
        Lines of mAP in percent with 95 % confidence bands, a point at 0 iterations for the unattacked queries, and a
        dashed line for the random ranking.

    Raises
    ------
    InputError
        Where a query is missing at one of the points, or the dataset has no random ranking.
    """
    lines = [mean_line(curve, AP, label, "iteration") for label, curve in curves.items()]
    labels = method_labels(rows)
    for network in dict.fromkeys(curve["network"].iloc[0] for curve in curves.values()):
        original = select(rows, dataset=dataset, attack=ORIGINAL, network=network)
        lines.append(_unattacked_point(original, labels[ORIGINAL, network]))
    random = random_percent(random_map, dataset)
    data = pd.concat([*lines, random_level(random, f"random ranking ({random:.1f} %)")], ignore_index=True)
    return Drawn(_over_iterations(data, title, ordered), data)


@style()
def _over_iterations(data: pd.DataFrame, title: str, ordered: bool) -> Figure:
    figure = Figure()
    axes = figure.subplots()
    handles = draw_lines(axes, data, ordered)
    axes.set_xlabel("Iterations")
    axes.set_xlim(left=0)
    set_map_axis(axes, data)
    set_title(axes, title)
    legend_below(figure, handles)
    return figure


def mean_line(rows: pd.DataFrame, measure: Measure, series: str, x: str) -> pd.DataFrame:
    """Mean of a measure at each position, with its 95 % confidence interval.

    Parameters
    ----------
    rows : DataFrame
        Rows of queries.csv, one a query and position.
    measure : Measure
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
    samples = measure.factor * by_query(rows, x, measure.column)
    low, high = mean_interval(samples.to_numpy(dtype=float))
    points = {"x": samples.columns.astype(float), "y": samples.mean().to_numpy(), "low": low, "high": high}
    return pd.DataFrame({"panel": measure.axis, "kind": "mean", "series": series, **points})


def _unattacked_point(rows: pd.DataFrame, series: str) -> pd.DataFrame:
    """Mean average precision of the unattacked queries, at 0 iterations."""
    return mean_line(rows.assign(iteration=0), AP, series, "iteration").assign(kind="unattacked")


def random_level(percent: float, series: str) -> pd.DataFrame:
    """Expected mean average precision of a random ranking."""
    level = pd.DataFrame([{"panel": AP.axis, "kind": "random", "series": series, "y": percent}], columns=COLUMNS)
    return level.astype(dict.fromkeys(COLUMNS[3:], float))


def draw_lines(axes: Axes, data: pd.DataFrame, ordered: bool = False) -> list[Line2D]:
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
    colours = iter(matplotlib.colormaps["viridis"](np.linspace(0, 0.75, len(means)))) if ordered else None
    levels = data.loc[data["kind"] == "random", "series"].tolist()
    handles = []
    for series, points in data.groupby("series", sort=False):
        match points["kind"].iloc[0]:
            case "mean":
                handles.append(_draw_mean(axes, points, series, {"color": next(colours)} if ordered else {}))
            case "unattacked":
                # No line joins this point: an attack starts from a perturbed photo, so no measurement lies between.
                handles += axes.plot(points["x"], points["y"], label=series, **UNATTACKED)
            case "random":
                several = len(levels) > 1
                colour = handles[-1].get_color() if several else "black"
                handles.append(plot_reference(axes, points["y"].iloc[0], series, colour))
                if several:  # each level's dashes lie in the gaps of the others, so that equal levels are all seen
                    handles[-1].set_linestyle((4 * levels.index(series), (4, 4 * (len(levels) - 1))))
    return handles


UNATTACKED = {
    "color": "black",
    "linestyle": "none",
    "marker": "d",
    "markersize": 5,
    "markerfacecolor": "black",
    "clip_on": False,
}
"""How the point of unattacked queries looks."""


def _draw_mean(axes: Axes, points: pd.DataFrame, label: str, look: Mapping[str, Any]) -> Line2D:
    x = points["x"]
    (line,) = axes.plot(x, points["y"], label=label, markevery=math.ceil(len(x) / 20), clip_on=False, **look)
    if points["low"].notna().all():
        colour = line.get_color()
        if len(x) > 1:
            # Thin edges, so that bands on top of each other are told apart.
            edge = to_rgba(colour, 0.4)
            axes.fill_between(x, points["low"], points["high"], facecolor=to_rgba(colour, 0.12), edgecolor=edge, lw=0.4)
        else:  # one position has no area
            axes.vlines(x, points["low"], points["high"], linewidth=4, color=to_rgba(colour, 0.2))
    return line


def set_map_axis(axes: Axes, data: pd.DataFrame) -> None:
    """Label and scale the y axis of mean average precision.

    It begins at zero; where the lowest point is below a tenth of the highest, it is logarithmic, for else all that
    matters of a strong attack would lie on the line of the random ranking.
    """
    points = data.loc[data["panel"] == AP.axis, "y"]
    axes.set_ylabel(AP.axis)
    if 0 < 10 * points.min() < points.max():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylim(points.min() / 1.25, max(1.25 * points.max(), axes.get_ylim()[1]))
    else:
        start_at_zero(axes)
