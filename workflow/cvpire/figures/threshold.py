"""Figure 4.4: retrieval and image quality against the threshold multiplier."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cvpire.figures.style import (
    legend_below,
    plot_mean,
    plot_reference,
    random_percent,
    set_title,
    start_at_zero,
    style,
)
from cvpire.tables.selection import attacks_of, by_query, first, method_labels, own_victim, select


@style()
def threshold(results: pd.DataFrame, random_map: Mapping[str, float], attack: str | None = None) -> Figure:
    """Draw mAP and mSSIM of one attack against its multiplier, one line for each dataset (Figure 4.4).

    Two panels share the x axis: two scales in one panel would make readers match lines and axes.

    Parameters
    ----------
    results : DataFrame
        Rows of queries.csv; those at the iteration that goes into Table 4.1 count.
    random_map : mapping or Series
        Expected mAP in [0, 1] of a random ranking, by dataset.
    attack : str, optional
        Default: the first.

    Returns
    -------
    Figure
        Lines with 95 % confidence bands; dashed in a dataset's colour: its random ranking.

    Raises
    ------
    InputError
        Where the attack, or a dataset of it, is missing.
    """
    rows = own_victim(results)
    attack = first(attacks_of(rows), attack)
    figure = Figure(figsize=(3.5, 4.0))
    upper, lower = figure.subplots(2, 1, sharex=True)
    handles = []
    for dataset in rows["dataset"].unique():
        chosen = select(rows, dataset=dataset, attack=attack)
        last = chosen[chosen["iteration"] == select(chosen, headline=True)["iteration"].iloc[0]]
        line = plot_mean(upper, 100 * by_query(last, "multiplier", "ap"), dataset)
        plot_mean(lower, by_query(last, "multiplier", "ssim"), dataset)
        plot_reference(upper, random_percent(random_map, dataset), color=line.get_color())
        handles.append(line)
    handles.append(Line2D([], [], label="random ranking", color="black", linestyle="--", linewidth=0.8, marker=""))
    upper.set_ylabel("mAP (%)")
    lower.set(ylabel="mSSIM", xlabel="Threshold multiplier m (grey levels)")
    multipliers = sorted(last["multiplier"].unique())
    if len(multipliers) == 1:
        lower.set_xticks(multipliers)
    start_at_zero(upper)
    set_title(
        upper, f"{method_labels(rows)[attack, last['network'].iloc[0]]}, {last['iteration'].iloc[0]:g} iterations"
    )
    figure.align_ylabels()
    legend_below(figure, handles)
    return figure
