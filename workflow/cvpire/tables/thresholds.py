"""One attack beside another at several thresholds: Table 4.2."""

from collections.abc import Mapping

import pandas as pd

from cvpire.errors import InputError
from cvpire.tables.comparisons import compare
from cvpire.tables.confidence import confidence_table
from cvpire.tables.performance import means_by_dataset
from cvpire.tables.selection import attacks_of, method_labels, own_victim, random_percent, select


def thresholds_table(
    results: pd.DataFrame, random_map: Mapping[str, float], attack: str | None = None, other: str | None = None
) -> pd.DataFrame:
    """Mean average precision and mean SSIM of one attack, and of another at all its multipliers (Table 4.2).

    Parameters
    ----------
    results : DataFrame
        Rows of queries.csv that the attacked network itself ranked.
    random_map : mapping or Series
        Expected mAP in [0, 1] of a random ranking, by dataset.
    attack, other : str, optional
        Default: the first two attacks. The other one counts after as many iterations as go into Table 4.1 for the
        first.

    Returns
    -------
    DataFrame
        Columns as in Table 4.1, then for each dataset `{dataset} random mAP` in percent. The first row is `attack` at
        its headline multiplier; the multipliers of the other descend. Cells of an attack that does not run on a dataset
        are empty.

    Raises
    ------
    InputError
        Where an attack is missing, there is only one, or the other was not measured after as many iterations.
    """
    rows = own_victim(results)
    datasets = rows["dataset"].unique()
    table = means_by_dataset(_methods(rows, attack, other), datasets)
    return table.assign(**{f"{name} random mAP": round(random_percent(random_map, name), 2) for name in datasets})


def thresholds_confidence(
    results: pd.DataFrame,
    thesis: Mapping[str, str] | None = None,
    attack: str | None = None,
    other: str | None = None,
    groups: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """What stands behind Table 4.2: both forms of each measure, confidence intervals and the thesis's numbers.

    Parameters and errors are those of `thresholds_table` and `confidence_table`; the latter says what is returned.
    """
    return confidence_table(_methods(own_victim(results), attack, other), thesis, groups)


def thresholds_comparisons(
    results: pd.DataFrame, attack: str | None = None, other: str | None = None, groups: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Compare the first row of Table 4.2 with each of the others.

    At which multiplier do both attacks fool the network equally well, and which one leaves the better photo there?
    Parameters and errors are those of `thresholds_table`; `compare` says what is returned.
    """
    methods = _methods(own_victim(results), attack, other)
    first, *others = [(f"{label}, m = {rows['multiplier'].iloc[0]:g}", rows) for label, rows in methods]
    return compare([(first, other) for other in others], groups)


def _methods(rows: pd.DataFrame, attack: str | None, other: str | None) -> list[tuple[str, pd.DataFrame]]:
    attacks = attacks_of(rows)
    attack = attack or attacks[0]
    rest = [name for name in attacks if name != attack]
    if other is None and not rest:
        raise InputError(f"Table 4.2 compares two attacks; the results have only {attack!r}")
    headline = select(rows, attack=attack, headline=True)
    iterations = int(headline["iteration"].iloc[0])
    others = select(rows, attack=other or rest[0], iteration=iterations)
    labels = method_labels(rows)
    label, second = (labels[cells["attack"].iloc[0], cells["network"].iloc[0]] for cells in (headline, others))
    ordered = sorted(others.groupby("multiplier"), key=lambda cells: -cells[0])
    return [(label, headline), *((second, cells) for _, cells in ordered)]
