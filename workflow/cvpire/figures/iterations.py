"""Figures 4.3, A.1 and 4.12: mean average precision against the iterations of the attack."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from cvpire.figures.lines import AP, draw, mean_line, random_level, set_map_axis, unattacked_point
from cvpire.figures.style import legend_below, set_title, style
from cvpire.tables.selection import ORIGINAL, attacks_of, first, method_labels, own_victim, random_percent, select


def map_against_iterations(
    results: pd.DataFrame, random_map: Mapping[str, float], dataset: str | None = None, attack: str | None = None
) -> Figure:
    """Draw one line for each multiplier of one attack (Figures 4.3 and A.1).

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
        dashed line for the random ranking: what `map_against_iterations_data` gives.

    Raises
    ------
    InputError
        Where the dataset or the attack is missing, or a query at one of the points.
    """
    return _against_iterations(*_at_each_multiplier(results, random_map, dataset, attack), ordered=True)


def map_against_iterations_data(
    results: pd.DataFrame, random_map: Mapping[str, float], dataset: str | None = None, attack: str | None = None
) -> pd.DataFrame:
    """Make the table that `map_against_iterations` draws; `figures.lines` explains its columns."""
    return _at_each_multiplier(results, random_map, dataset, attack)[0]


def convergence(results: pd.DataFrame, random_map: Mapping[str, float], dataset: str | None = None) -> Figure:
    """Draw one line for each attack on a dataset, at the multiplier that goes into Table 4.1 (Figure 4.12).

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
        As `map_against_iterations`; every line ends at its own attack's last iteration. `convergence_data` gives what
        is drawn.

    Raises
    ------
    InputError
        Where the dataset is missing, or a query at one of the points.
    """
    return _against_iterations(*_of_each_attack(results, random_map, dataset))


def convergence_data(
    results: pd.DataFrame, random_map: Mapping[str, float], dataset: str | None = None
) -> pd.DataFrame:
    """Make the table that `convergence` draws; `figures.lines` explains its columns."""
    return _of_each_attack(results, random_map, dataset)[0]


def _at_each_multiplier(
    results: pd.DataFrame, random_map: Mapping[str, float], dataset: str | None, attack: str | None
) -> tuple[pd.DataFrame, str]:
    """What is drawn, and its title."""
    rows = own_victim(results)
    dataset = first(rows["dataset"], dataset)
    chosen = select(rows, dataset=dataset, attack=first(attacks_of(rows), attack))
    curves = {f"m = {multiplier:g}": curve for multiplier, curve in chosen.groupby("multiplier")}
    label = method_labels(rows)[chosen["attack"].iloc[0], chosen["network"].iloc[0]]
    return _data(rows, curves, random_map, dataset), f"{label}, {dataset}"


def _of_each_attack(
    results: pd.DataFrame, random_map: Mapping[str, float], dataset: str | None
) -> tuple[pd.DataFrame, str]:
    """What is drawn, and its title."""
    rows = own_victim(results)
    dataset = first(rows["dataset"], dataset)
    here = select(rows, dataset=dataset)
    labels = method_labels(rows)
    curves = {}
    for attack in attacks_of(here):
        chosen = select(here, attack=attack)
        multiplier = select(chosen, headline=True)["multiplier"].iloc[0]
        curves[labels[attack, chosen["network"].iloc[0]]] = chosen[chosen["multiplier"] == multiplier]
    return _data(rows, curves, random_map, dataset), dataset


def _data(
    rows: pd.DataFrame, curves: Mapping[str, pd.DataFrame], random_map: Mapping[str, float], dataset: str
) -> pd.DataFrame:
    lines = [mean_line(curve, AP, label, "iteration") for label, curve in curves.items()]
    labels = method_labels(rows)
    for network in dict.fromkeys(curve["network"].iloc[0] for curve in curves.values()):
        original = select(rows, dataset=dataset, attack=ORIGINAL, network=network)
        lines.append(unattacked_point(original, labels[ORIGINAL, network]))
    random = random_percent(random_map, dataset)
    return pd.concat([*lines, random_level(random, f"random ranking ({random:.1f} %)")], ignore_index=True)


@style()
def _against_iterations(data: pd.DataFrame, title: str, ordered: bool = False) -> Figure:
    figure = Figure()
    axes = figure.subplots()
    handles = draw(axes, data, ordered)
    axes.set_xlabel("Iterations")
    axes.set_xlim(left=0)
    set_map_axis(axes, data)
    set_title(axes, title)
    legend_below(figure, handles)
    return figure
