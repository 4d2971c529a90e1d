"""What is left of attacks after transformations of the saved query: a heat map of systems and transformations."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from cvpire.colour import srgb_to_lab
from cvpire.figures.captions import two_digits
from cvpire.figures.panels import PAGE
from cvpire.figures.style import MARK, Drawn, fitted, style, width_of
from cvpire.layout import ORIGINAL
from cvpire.measures import MEASURES
from cvpire.results import Results
from cvpire.tables.selection import headline_rows, random_percent, select
from cvpire.tables.systems import attacked, is_attacked
from cvpire.tables.transformations import condition

if TYPE_CHECKING:
    from cvpire.config import FigureOptions

AP = MEASURES["ap"]

_COLUMN = 3.5  # inches, as all lengths here
_CELL = 0.38
_LINE = 0.13
_LONGEST_NAME = 1.5
_TITLE = 0.3
_BAR = 0.6
_SLOPE = math.radians(45)
"""Of the transformations' names."""

_MARKS = ("", " (attacked)")
"""Behind the name of a system, and of the one that an attack follows."""


def draw(results: Results, shown: "FigureOptions") -> Drawn:
    """Unattacked queries, and all attacks on one dataset or those that are asked for."""
    rows = select(headline_rows(results, shown.attacks), dataset=shown.dataset)
    return survival(rows[rows["attack"] != ORIGINAL], random_percent(results.random, shown.dataset))


def survival(rows: pd.DataFrame, random: float) -> Drawn:
    """Draw the mAP of each method on each system after each transformation.

    Parameters
    ----------
    rows : DataFrame
        Of `headline_rows`, of one dataset.
    random : float
        Expected mAP of a random ranking, in percent.

    Returns
    -------
    Drawn
        One panel a method, one row a system and one column a transformation, all in the order of their first rows. The
        data has a row for each cell: `method`, `attacked` (the networks that the attack follows), `system`,
        `transformation`, `mAP` and `random mAP`, in percent.
    """
    cells = [
        {
            "method": method,
            "attacked": attacked(cell) or "",
            "system": system,
            "transformation": condition(transformation),
            "mAP": AP.factor * cell[AP.column].mean(),
            "random mAP": random,
        }
        for (method, system, transformation), cell in rows.groupby(["method", "victim", "transformation"], sort=False)
    ]
    data = pd.DataFrame(cells)
    return Drawn(_figure(data, rows["dataset"].iloc[0], random), data)


@style()
def _figure(data: pd.DataFrame, title: str, random: float) -> Figure:
    methods, systems, transformations = (data[name].unique() for name in ("method", "system", "transformation"))
    size = rcParams["xtick.labelsize"]
    names = {(system, mark): fitted(f"{system}{mark}", _LONGEST_NAME, size) for system in systems for mark in _MARKS}
    left = max(width_of(line, size) for name in names.values() for line in name.splitlines()) / 72
    below = math.sin(_SLOPE) * max(width_of(name, size) for name in transformations) / 72
    row = _LINE * (1 + max(name.count("\n") for name in names.values())) + 0.1
    width = _COLUMN if left + _CELL * len(transformations) < _COLUMN - 0.2 else PAGE
    titles = [fitted(method, width - left - 0.2, rcParams["axes.titlesize"]) for method in methods]
    height = sum(_TITLE + _LINE * title.count("\n") + row * len(systems) for title in titles) + below + _BAR
    figure = Figure(figsize=(width, height))
    figure.suptitle(fitted(title, width, rcParams["figure.titlesize"]))
    panels = figure.subplots(len(methods), 1, sharex=True, squeeze=False)[:, 0]
    for axes, method, heading in zip(panels, methods, titles, strict=True):
        panel = data[data["method"] == method]
        values = panel.pivot(index="system", columns="transformation", values="mAP")
        _heat_map(axes, values.reindex(index=systems, columns=transformations).to_numpy())
        target = panel["attacked"].iloc[0]
        axes.set_yticks(_middles(systems), [names[system, _MARKS[is_attacked(system, target)]] for system in systems])
        axes.set_title(heading)
    slope = {"rotation": math.degrees(_SLOPE), "ha": "right", "rotation_mode": "anchor"}
    panels[-1].set_xticks(_middles(transformations), transformations, **slope)
    _bar(figure, list(panels), random)
    return figure


_COLOURS, _SCALE = matplotlib.colormaps["viridis"], Normalize(0, 100)
"""The scale is that of all such figures, so that one may be held beside another."""


def _middles(cells: Sequence[str]) -> np.ndarray:
    return np.arange(len(cells)) + 0.5


def _heat_map(axes: Axes, values: np.ndarray) -> None:
    """Draw values in percent of shape (systems, transformations), NaN where there is none, with their numbers."""
    axes.pcolormesh(np.ma.masked_invalid(values), cmap=_COLOURS, norm=_SCALE, edgecolors="white", linewidth=0.6)
    axes.invert_yaxis()
    axes.set_facecolor("0.9")
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(values):
        if not math.isnan(value):
            lightness = srgb_to_lab(np.array(_COLOURS(_SCALE(value))[:3]))[0]
            colour = "white" if lightness < 50 else "black"
            axes.text(column + 0.5, row + 0.5, two_digits(value), color=colour, size=6.5, ha="center", va="center")


def _bar(figure: Figure, panels: list[Axes], random: float) -> None:
    """Explain the colours, and mark that of a random ranking."""
    bar = figure.colorbar(ScalarMappable(_SCALE, _COLOURS), ax=panels, orientation="horizontal", aspect=40, pad=0.02)
    bar.set_label(AP.axis)
    bar.outline.set_visible(False)
    bar.ax.axvline(random, color=MARK, linewidth=1.5)
    side = "left" if random < 50 else "right"
    text = {"size": 6.5, "ha": side, "va": "bottom", "transform": bar.ax.get_xaxis_transform()}
    bar.ax.text(random, 1.1, f"random {two_digits(random)}", **text)
