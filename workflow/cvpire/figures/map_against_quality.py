"""Mean average precision against image quality: what attacks are worth, and what they cost the photo."""

import math
from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cvpire.errors import InputError
from cvpire.figures.lines import AP, UNATTACKED, set_map_axis
from cvpire.figures.panels import PAGE
from cvpire.figures.style import Drawn, legend_below, plot_reference, set_title, style
from cvpire.layout import AS_SAVED, PLAIN
from cvpire.measures import MEASURES, Measure
from cvpire.results import Results
from cvpire.tables.selection import method_labels, random_percent, select
from cvpire.tables.systems import attacked, is_attacked

if TYPE_CHECKING:
    from cvpire.config import FigureOptions

COLUMNS = ["system", "kind", "series", "attacked", "multiplier", "headline", "x", "y"]


def draw(results: Results, shown: "FigureOptions") -> Drawn:
    """All attacks on one dataset, or those that are asked for, at all their multipliers."""
    rows = select(results.measured, dataset=shown.dataset, transformation=AS_SAVED)
    steps = rows["attack"].map({name: attack.iterations for name, attack in results.run.attacks.items()})
    chosen = rows["attack"].isin(shown.attacks) & (rows["iteration"] == steps)
    rows = rows[(rows["attack"] == PLAIN) | chosen.fillna(False).astype(bool)]
    return map_against_quality(rows, random_percent(results.random, shown.dataset), shown.measure)


def map_against_quality(rows: pd.DataFrame, random: float, measure: str | None = None) -> Drawn:
    """Draw one panel for each system, with one line for each attack through its multipliers.

    Parameters
    ----------
    rows : DataFrame
        Rows of queries.csv of one dataset, as saved: attacks after the iterations of Table 4.1, and `plain`.
    random : float
        Expected mAP of a random ranking, in percent.
    measure : str, optional
        Column of image quality. Default: `ssimulacra2` where it was measured, else `ssim`.

    Returns
    -------
    Drawn
        Of the data, `kind` is mean (a point of a line), plain (queries saved without an attack) or random (a level,
        without x); `series` the name in the legend, `attacked` the networks that an attack follows, `x` the mean of the
        measure, and `y` the mAP in percent.

    Raises
    ------
    InputError
        Where the measure was not measured of an attack.
    """
    quality = _chosen(rows, measure)
    labels, points = method_labels(rows[rows["attack"] != PLAIN]), []
    for (system, attack), line in rows.groupby(["victim", "attack"], sort=False):
        if line[quality.column].isna().any():
            raise InputError(f"results: {quality.label} was not measured of {attack}; see quality.measures")
        about = {"system": system, "kind": "plain", "series": line["label"].iloc[0], "attacked": None}
        if attack != PLAIN:
            network = line["network"].iloc[0]
            about |= {"kind": "mean", "series": labels[attack, network], "attacked": attacked(line)}
        for multiplier, cell in line.groupby("multiplier", dropna=False):
            place = {"multiplier": multiplier, "headline": bool(cell["headline"].iloc[0])}
            place |= {"x": quality.factor * cell[quality.column].mean(), "y": AP.factor * cell[AP.column].mean()}
            points.append(about | place)
    for system in dict.fromkeys(point["system"] for point in points):
        points.append({"system": system, "kind": "random", "series": f"random ranking ({random:.1f} %)", "y": random})
    data = pd.DataFrame(points, columns=COLUMNS)
    return Drawn(_figure(data, quality, rows["dataset"].iloc[0]), data)


def _chosen(rows: pd.DataFrame, measure: str | None) -> Measure:
    if measure is None:
        measured = "ssimulacra2" in rows and rows["ssimulacra2"].notna().any()
        measure = "ssimulacra2" if measured else "ssim"
    return MEASURES[measure]


def _mark(system: str, panel: pd.DataFrame) -> str:
    """Say in a panel's title whether the attacks follow its system."""
    attacks = panel.dropna(subset="attacked").drop_duplicates("series")
    follow = [is_attacked(system, names) for names in attacks["attacked"]]
    if not any(follow):
        return ""
    return " (attacked)" if all(follow) else " (attacked by some)"


@style()
def _figure(data: pd.DataFrame, quality: Measure, title: str) -> Figure:
    systems = data["system"].unique()
    columns = min(2, len(systems))
    rows = math.ceil(len(systems) / columns)
    figure = Figure(figsize=(PAGE * columns / 2, 2.4 * rows + 0.2))
    figure.suptitle(title)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    # An attack looks the same in each panel, also where a system does not rank them all.
    attacks = data.loc[data["kind"] == "mean", "series"].unique()
    looks, handles = dict(zip(attacks, cycle(rcParams["axes.prop_cycle"]), strict=False)), {}
    for system, axes in zip(systems, grid.flat, strict=False):
        panel = data[data["system"] == system]
        handles |= {handle.get_label(): handle for handle in _draw_panel(axes, panel, looks)}
        set_title(axes, f"{system}{_mark(system, panel)}")
    set_map_axis(grid[0, 0], data.assign(panel=AP.axis))
    if quality.better == "low":
        grid[0, 0].invert_xaxis()
    for axes in grid[:, 0]:
        axes.set_ylabel(AP.axis)
    for number, axes in enumerate(grid.flat):
        if number >= len(systems):
            axes.set_visible(False)
        elif number >= len(systems) - columns:
            axes.tick_params(labelbottom=True)
            axes.set_xlabel(f"{quality.axis}, better to the right")
    legend_below(figure, list(handles.values()))
    return figure


def _draw_panel(axes: Axes, panel: pd.DataFrame, looks: Mapping[str, Mapping[str, Any]]) -> list[Line2D]:
    """Draw one system; `looks` are colours, markers and line styles of the attacks, by series."""
    handles = []
    for series, points in panel.groupby("series", sort=False):
        x, y = points["x"], points["y"]
        match points["kind"].iloc[0]:
            case "mean":
                handles += axes.plot(x, y, label=series, **looks[series])
                look = {**looks[series], "linestyle": "none", "markerfacecolor": handles[-1].get_color()}
                axes.plot(x[points["headline"]], y[points["headline"]], **look)
            case "plain":
                # A line style that one point does not show, but the legend: the line through it is explained there.
                handles += axes.plot(x, y, label=series, **UNATTACKED | {"linestyle": ":"})
                if math.isfinite(x.iloc[0]):  # not the PSNR of a PNG, which loses nothing
                    axes.axvline(x.iloc[0], color="0.4", linestyle=":", linewidth=0.8, marker="")
            case "random":
                handles.append(plot_reference(axes, y.iloc[0], series))
    return handles
