"""What is said below a photo: its method, and what was measured of it."""

from collections.abc import Sequence

import pandas as pd

from cvpire.layout import ORIGINAL
from cvpire.measures import MEASURES
from cvpire.tables.selection import method_labels, select

AP, SSIM = MEASURES["ap"], MEASURES["ssim"]


def measured(rows: pd.DataFrame, dataset: str, query: str, attacks: Sequence[str]) -> list[pd.Series]:
    """Headline results of one query under some attacks.

    Parameters
    ----------
    rows : DataFrame
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
    labels = method_labels(rows)
    rows = select(rows, dataset=dataset, query=query)
    networks = [select(rows, attack=attack)["network"].iloc[0] for attack in attacks if attack != ORIGINAL]
    found = []
    for attack in attacks:
        known = select(rows, attack=attack, network=networks[0]) if attack == ORIGINAL and networks else rows
        row = select(known, attack=attack, headline=True).iloc[0]
        found.append(pd.Series({**row, "label": labels[attack, row["network"]]}))
    return found


def scores(row: pd.Series) -> str:
    """Average precision in percent, and SSIM."""
    return f"{AP.name} = {two_digits(AP.factor * row[AP.column])}, {SSIM.name} = {row[SSIM.column]:.{SSIM.decimals}f}"


def two_digits(percent: float) -> str:
    """Write average precision as the thesis does: 83, 8.7, 0.29."""
    decimals = 0 if percent >= 9.95 else 1 if percent >= 0.995 else 2
    return f"{percent:.{decimals}f}"
