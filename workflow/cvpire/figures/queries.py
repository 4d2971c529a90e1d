"""Figures 3.2, 4.1, 4.2, 4.5, A.4: queries, and adversarial ones with their scores."""

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cvpire.figures.panels import panel_rows
from cvpire.figures.style import style
from cvpire.tables.selection import ORIGINAL, method_labels, own_victim, select


@style()
def query_photos(photos: Mapping[str, np.ndarray], columns: int = 3) -> Figure:
    """Draw queries uncropped in rows of equal height, each over its name (Figures 4.1 and 4.2).

    Parameters
    ----------
    photos : mapping of str to (H, W, 3) uint8 array
        RGB photos by the query's name; see `evenly_spaced`.
    columns : int
        Most photos in a row.
    """
    panels = [(photo, name) for name, photo in photos.items()]
    figure, _ = panel_rows([("", row) for row in _balanced(panels, columns)], tallest=2.4)
    return figure


@style()
def adversarial_queries(
    results: pd.DataFrame,
    photos: Mapping[tuple[str, str], Mapping[str, np.ndarray]],
    columns: int | None = None,
) -> Figure:
    """Draw queries under some attacks, each over its average precision and SSIM (Figures 3.2, 4.5 and A.4).

    Parameters
    ----------
    results : DataFrame
        Rows of queries.csv, of which the headline ones count.
    photos : mapping of (dataset, query) to mapping of attack to (H, W, 3) uint8 array
        RGB photos, in the order of the panels; unattacked ones by the name `original`.
    columns : int, optional
        Default: one row a query, one column an attack (Figures 3.2 and 4.5). Else all panels in rows of at most so
        many, each with the query's name (Figure A.4).

    Raises
    ------
    InputError
        Where the results lack a dataset, a query or an attack.
    """
    results = own_victim(results)
    rows, panels = [], []
    for (dataset, query), versions in photos.items():
        found = measured(results, dataset, query, list(versions))
        for row, photo in zip(found, versions.values(), strict=True):
            name = row["label"] if columns is None else f"{dataset}: {query}"
            panels.append((photo, f"{name}\n{scores(row)}"))
        if columns is None:
            rows.append((f"{dataset}: {query}", panels))
            panels = []
    if columns is None:
        columns = max((len(row) for _, row in rows), default=1)
    else:
        rows = [("", row) for row in _balanced(panels, columns)]
        columns = len(rows[0][1])
    # Squares, so that upright photos do not take more of the page than others.
    figure, _ = panel_rows(rows, columns, tallest=7 / columns)
    return figure


def measured(results: pd.DataFrame, dataset: str, query: str, attacks: Sequence[str]) -> list[pd.Series]:
    """Headline results of one query under some attacks.

    Parameters
    ----------
    results : DataFrame
        Rows of queries.csv as `cvpire.tables.selection.own_victim` keeps them.
    dataset, query : str
        Which query it is.
    attacks : sequence of str
        `original` is ranked by the network of the first other one.

    Returns
    -------
    list of Series
        One row for each attack; no two attacks have the same `label`.

    Raises
    ------
    InputError
        Where the results lack the dataset, the query or an attack.
    """
    labels = method_labels(results)
    rows = select(results, dataset=dataset, query=query)
    networks = [select(rows, attack=attack)["network"].iloc[0] for attack in attacks if attack != ORIGINAL]
    found = []
    for attack in attacks:
        known = select(rows, attack=attack, network=networks[0]) if attack == ORIGINAL and networks else rows
        row = select(known, attack=attack, headline=True).iloc[0]
        found.append(pd.Series({**row, "label": labels[attack, row["network"]]}))
    return found


def scores(row: pd.Series) -> str:
    """Average precision in percent, to two digits as in the thesis (83, 8.7, 0.29), and SSIM."""
    percent = 100 * row["ap"]
    decimals = 0 if percent >= 9.95 else 1 if percent >= 0.995 else 2
    return f"AP = {percent:.{decimals}f}, SSIM = {row['ssim']:.3f}"


def evenly_spaced(names: Iterable[str], count: int = 6) -> list[str]:
    """Choose names at equal distances in their order, the first and the last among them; all where there are fewer."""
    names = sorted(names)
    last = min(count, len(names)) - 1
    return [names[round(place * (len(names) - 1) / last)] for place in range(last + 1)] if last > 0 else names[:count]


def sample(queries: Mapping[str, Iterable[str]], count: int, seed: int) -> list[tuple[str, str]]:
    """Draw queries of every dataset at random, without replacement.

    Parameters
    ----------
    queries : mapping of str to iterable of str
        Names by dataset.
    count : int
        How many of each; all where there are fewer.
    seed : int
        The draw from a dataset depends on the seed, its name and its queries only.

    Returns
    -------
    list of (dataset, query)
        Datasets in the order given, queries in the order of their names.
    """
    drawn = []
    for dataset, names in queries.items():
        names = sorted(names)
        chosen = random.Random(f"{seed} {dataset}").sample(names, min(count, len(names)))
        drawn += [(dataset, query) for query in sorted(chosen)]
    return drawn


def _balanced(panels: Sequence, most: int) -> list[Sequence]:
    # Rows of at most `most`, of nearly equal lengths, longer ones first.
    rows = math.ceil(len(panels) / most) or 1
    cuts = [math.ceil(len(panels) * row / rows) for row in range(rows + 1)]
    return [panels[start:stop] for start, stop in pairwise(cuts)]
