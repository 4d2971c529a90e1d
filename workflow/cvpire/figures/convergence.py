"""Mean average precision against the iterations of some attacks, one line for each."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from cvpire.figures import lines
from cvpire.figures.style import Drawn
from cvpire.layout import ORIGINAL
from cvpire.results import Results
from cvpire.tables.selection import attacks_of, first, method_labels, own_victim, select

if TYPE_CHECKING:
    from cvpire.config import FigureOptions


def draw(results: Results, shown: "FigureOptions") -> Drawn:
    """All attacks on one dataset, or those that are asked for."""
    rows = results.queries
    if shown.attacks:
        rows = rows[rows["attack"].isin([ORIGINAL, *shown.attacks])]
    return convergence(rows, results.random, shown.dataset)


def convergence(rows: pd.DataFrame, random_map: Mapping[str, float], dataset: str | None = None) -> Drawn:
    """Draw one line for each attack on a dataset, at the multiplier that goes into Table 4.1.

    Parameters
    ----------
    rows : DataFrame
        Rows of queries.csv.
    random_map : mapping or Series
        Expected mAP in [0, 1] of a random ranking, by dataset.
    dataset : str, optional
        Default: the first.

    Returns
    -------
    Drawn
        As `lines.over_iterations`; every line ends at its own attack's last iteration.

    Raises
    ------
    InputError
        Where the dataset is missing, or a query at one of the points.
    """
    rows = own_victim(rows)
    dataset = first(rows["dataset"], dataset)
    here = select(rows, dataset=dataset)
    labels = method_labels(rows)
    curves = {}
    for attack in attacks_of(here):
        chosen = select(here, attack=attack)
        multiplier = select(chosen, headline=True)["multiplier"].iloc[0]
        curves[labels[attack, chosen["network"].iloc[0]]] = chosen[chosen["multiplier"] == multiplier]
    return lines.over_iterations(rows, curves, random_map, dataset, dataset)
