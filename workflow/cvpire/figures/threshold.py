"""Figure 4.4: retrieval and image quality against the threshold multiplier."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from cvpire.figures.lines import AP, SSIM, draw, mean_line, random_level, set_map_axis
from cvpire.figures.style import legend_below, set_title, style
from cvpire.tables.selection import attacks_of, first, method_labels, own_victim, random_percent, select


def threshold(
    results: pd.DataFrame,
    random_map: Mapping[str, float],
    attack: str | None = None,
    iterations: int | None = None,
) -> Figure:
    """Draw mAP and mSSIM of one attack against its multiplier, one line for each dataset (Figure 4.4).

    Two panels share the x axis: two scales in one panel would make readers match lines and axes.

    Parameters
    ----------
    results : DataFrame
        Rows of queries.csv.
    random_map : mapping or Series
        Expected mAP in [0, 1] of a random ranking, by dataset.
    attack : str, optional
        Default: the first.
    iterations : int, optional
        After how many (thesis: 150). Default: those that go into Table 4.1.

    Returns
    -------
    Figure
        Lines with 95 % confidence bands, for the datasets that the attack runs on; dashed in a dataset's colour: its
        random ranking. `threshold_data` gives what is drawn.

    Raises
    ------
    InputError
        Where the attack is missing, was not measured after these iterations, or lacks a query at one of the points.
    """
    return _draw(*_at_each_multiplier(results, random_map, attack, iterations))


def threshold_data(
    results: pd.DataFrame,
    random_map: Mapping[str, float],
    attack: str | None = None,
    iterations: int | None = None,
) -> pd.DataFrame:
    """Make the table that `threshold` draws; `figures.lines` explains its columns."""
    return _at_each_multiplier(results, random_map, attack, iterations)[0]


def _at_each_multiplier(
    results: pd.DataFrame, random_map: Mapping[str, float], attack: str | None, iterations: int | None
) -> tuple[pd.DataFrame, str]:
    """What is drawn, and its title."""
    rows = own_victim(results)
    chosen = select(rows, attack=first(attacks_of(rows), attack))
    if iterations is None:
        iterations = select(chosen, headline=True)["iteration"].iloc[0]
    after = select(chosen, iteration=iterations)
    tables = []
    for dataset, curve in after.groupby("dataset", sort=False):
        random = random_percent(random_map, dataset)
        tables.append(mean_line(curve, AP, dataset, "multiplier"))
        tables.append(random_level(random, f"random {dataset} ({random:.1f} %)"))
        tables.append(mean_line(curve, SSIM, dataset, "multiplier"))
    label = method_labels(rows)[chosen["attack"].iloc[0], chosen["network"].iloc[0]]
    return pd.concat(tables, ignore_index=True), f"{label}, {iterations:g} iterations"


@style()
def _draw(data: pd.DataFrame, title: str) -> Figure:
    figure = Figure(figsize=(3.5, 4.0))
    upper, lower = figure.subplots(2, 1, sharex=True)
    handles = draw(upper, data[data["panel"] == AP])
    draw(lower, data[data["panel"] == SSIM])
    set_map_axis(upper, data)
    lower.set(ylabel=SSIM, xlabel="Threshold multiplier m (grey levels)")
    if data["x"].nunique() == 1:
        lower.set_xticks(data["x"].dropna().unique())
    set_title(upper, title)
    figure.align_ylabels()
    legend_below(figure, handles)
    return figure
