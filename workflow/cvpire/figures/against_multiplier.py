"""Retrieval and image quality against the multiplier of the threshold."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from cvpire.errors import counted
from cvpire.figures.lines import AP, SSIM, draw_lines, mean_line, random_level, set_map_axis
from cvpire.figures.style import Drawn, legend_below, set_title, style
from cvpire.layout import number
from cvpire.results import Results
from cvpire.tables.calibration import map_by_multiplier, reading
from cvpire.tables.selection import attacks_of, first, method_labels, own_victim, random_percent, select

if TYPE_CHECKING:
    from cvpire.config import FigureOptions


def draw(results: Results, shown: "FigureOptions") -> Drawn:
    """One attack on the datasets that it runs on."""
    return against_multiplier(results.queries, results.random, shown.attack, shown.iterations, shown.datasets)


def against_multiplier(
    rows: pd.DataFrame,
    random_map: Mapping[str, float],
    attack: str | None = None,
    iterations: int | None = None,
    datasets: Sequence[str] | None = None,
) -> Drawn:
    """Draw mAP and mSSIM of one attack against its multiplier, one line for each dataset.

    Two panels share the x axis: two scales in one panel would make readers match lines and axes.

    Parameters
    ----------
    rows : DataFrame
        Rows of queries.csv.
    random_map : mapping or Series
        Expected mAP in [0, 1] of a random ranking, by dataset.
    attack : str, optional
        Default: the first.
    iterations : int, optional
        After how many (thesis: 150). Default: those that go into Table 4.1.
    datasets : sequence of str, optional
        Default: all that the attack runs on.

    Returns
    -------
    Drawn
        Lines with 95 % confidence bands; dashed in a dataset's colour: its random ranking, and at which multiplier the
        line falls to it (interpolated), if any.

    Raises
    ------
    InputError
        Where the attack is missing, does not run on one of the datasets, was not measured after these iterations, or
        lacks a query at one of the points.
    """
    rows = own_victim(rows)
    chosen = select(rows, attack=first(attacks_of(rows), attack))
    if iterations is None:
        iterations = select(chosen, headline=True)["iteration"].iloc[0]
    after, tables = select(chosen, iteration=iterations), []
    for dataset in datasets or after["dataset"].unique():
        curve = select(after, dataset=dataset)
        random = random_percent(random_map, dataset)
        tables.append(mean_line(curve, AP, dataset, "multiplier"))
        tables.append(random_level(random, f"random {dataset} ({random:.1f} %){_reached(curve, random)}"))
        tables.append(mean_line(curve, SSIM, dataset, "multiplier"))
    label = method_labels(rows)[chosen["attack"].iloc[0], chosen["network"].iloc[0]]
    data = pd.concat(tables, ignore_index=True)
    return Drawn(_figure(data, f"{label}, {counted(int(iterations), 'iteration')}"), data)


def _reached(rows: pd.DataFrame, random: float) -> str:
    """Say at which multiplier a line falls to the random level, as section 4.2.3 reads it off, if it does."""
    smallest, interpolated = reading(map_by_multiplier(rows), random)
    if smallest is None:
        return ""
    return f", at m = {number(smallest) if interpolated is None else round(interpolated)}"


@style()
def _figure(data: pd.DataFrame, title: str) -> Figure:
    figure = Figure(figsize=(3.5, 4.0))
    upper, lower = figure.subplots(2, 1, sharex=True)
    handles = draw_lines(upper, data[data["panel"] == AP.axis])
    draw_lines(lower, data[data["panel"] == SSIM.axis])
    set_map_axis(upper, data)
    lower.set(ylabel=SSIM.axis, xlabel="Threshold multiplier m (grey levels)")
    if data["x"].nunique() == 1:
        lower.set_xticks(data["x"].dropna().unique())
    set_title(upper, title)
    figure.align_ylabels()
    legend_below(figure, handles)
    return figure
