"""Mean average precision against the iterations of one attack, one line for each of its multipliers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from cvpire.figures import lines
from cvpire.figures.style import Drawn
from cvpire.layout import number
from cvpire.results import Results
from cvpire.tables.selection import attacks_of, first, method_labels, own_victim, select

if TYPE_CHECKING:
    from cvpire.config import FigureOptions


def draw(results: Results, shown: "FigureOptions") -> Drawn:
    """One attack on one dataset."""
    return against_iterations(results.queries, results.random, shown.dataset, shown.attack)


def against_iterations(
    rows: pd.DataFrame, random_map: Mapping[str, float], dataset: str | None = None, attack: str | None = None
) -> Drawn:
    """Draw one line for each multiplier of one attack.

    Parameters
    ----------
    rows : DataFrame
        Rows of queries.csv.
    random_map : mapping or Series
        Expected mAP in [0, 1] of a random ranking, by dataset.
    dataset, attack : str, optional
        Default: the first of each.

    Returns
    -------
    Drawn
        As `lines.over_iterations`.

    Raises
    ------
    InputError
        Where the dataset or the attack is missing, or a query at one of the points.
    """
    rows = own_victim(rows)
    dataset = first(rows["dataset"], dataset)
    chosen = select(rows, dataset=dataset, attack=first(attacks_of(rows), attack))
    curves = {f"m = {number(multiplier)}": curve for multiplier, curve in chosen.groupby("multiplier")}
    label = method_labels(rows)[chosen["attack"].iloc[0], chosen["network"].iloc[0]]
    return lines.over_iterations(rows, curves, random_map, dataset, f"{label}, {dataset}", ordered=True)
