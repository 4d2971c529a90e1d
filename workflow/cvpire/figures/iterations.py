"""Figures 4.3 and 4.12: mean average precision against the iterations of the attack."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from cvpire.figures.style import (
    legend_below,
    plot_mean,
    plot_reference,
    random_percent,
    set_title,
    start_at_zero,
    style,
)
from cvpire.tables.selection import ORIGINAL, attacks_of, by_query, first, method_labels, own_victim, select


def map_against_iterations(
    results: pd.DataFrame, random_map: Mapping[str, float], dataset: str | None = None, attack: str | None = None
) -> Figure:
    """Draw one line for each multiplier of one attack (Figure 4.3).

    Parameters
    ----------
    results : DataFrame
        Rows of queries.csv.
    random_map : mapping or Series
        Expected mAP in [0, 1] of a random ranking, by dataset.
    dataset, attack : str, optional
        Default: the first of each.

    Returns
    -------
    Figure
        Lines of mAP in percent with 95 % confidence bands, a point at 0 iterations for the unattacked queries, and a
        dashed line for the random ranking.

    Raises
    ------
    InputError
        Where the dataset or the attack is missing.
    """
    rows = own_victim(results)
    dataset = first(rows["dataset"], dataset)
    attack = first(attacks_of(rows), attack)
    chosen = select(rows, dataset=dataset, attack=attack)
    curves = {f"m = {multiplier:g}": curve for multiplier, curve in chosen.groupby("multiplier")}
    title = f"{method_labels(rows)[attack, chosen['network'].iloc[0]]}, {dataset}"
    return _against_iterations(rows, curves, random_map, dataset, title)


def convergence(results: pd.DataFrame, random_map: Mapping[str, float], dataset: str | None = None) -> Figure:
    """Draw one line for each attack, at the multiplier that goes into Table 4.1 (Figure 4.12).

    Parameters
    ----------
    results : DataFrame
        Rows of queries.csv.
    random_map : mapping or Series
        Expected mAP in [0, 1] of a random ranking, by dataset.
    dataset : str, optional
        Default: the first.

    Returns
    -------
    Figure
        As `map_against_iterations`; every line ends at its own attack's last iteration.

    Raises
    ------
    InputError
        Where the dataset, or an attack on it, is missing.
    """
    rows = own_victim(results)
    dataset = first(rows["dataset"], dataset)
    labels = method_labels(rows)
    curves = {}
    for attack in attacks_of(rows):
        chosen = select(rows, dataset=dataset, attack=attack)
        multiplier = select(chosen, headline=True)["multiplier"].iloc[0]
        curves[labels[attack, chosen["network"].iloc[0]]] = chosen[chosen["multiplier"] == multiplier]
    return _against_iterations(rows, curves, random_map, dataset, dataset)


@style()
def _against_iterations(
    rows: pd.DataFrame, curves: Mapping[str, pd.DataFrame], random_map: Mapping[str, float], dataset: str, title: str
) -> Figure:
    figure = Figure()
    axes = figure.subplots()
    handles = [plot_mean(axes, 100 * by_query(curve, "iteration", "ap"), label) for label, curve in curves.items()]
    labels = method_labels(rows)
    for network in dict.fromkeys(curve["network"].iloc[0] for curve in curves.values()):
        # A point that no line joins: an attack starts from a perturbed photo, so no measurement lies between.
        original = select(rows, dataset=dataset, attack=ORIGINAL, network=network)
        height, label = 100 * original["ap"].mean(), labels[ORIGINAL, network]
        marks = {
            "color": "black",
            "linestyle": "none",
            "marker": "d",
            "markersize": 5,
            "markerfacecolor": "black",
            "clip_on": False,
        }
        handles += axes.plot([0], [height], label=label, **marks)
    random = random_percent(random_map, dataset)
    handles.append(plot_reference(axes, random, f"random ranking ({random:.1f} %)"))
    axes.set(xlabel="Iterations", ylabel="mAP (%)")
    axes.set_xlim(left=0)
    start_at_zero(axes)
    set_title(axes, title)
    legend_below(figure, handles)
    return figure
