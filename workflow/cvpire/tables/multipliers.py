"""One attack beside another at several multipliers: Table 4.2."""

from typing import TYPE_CHECKING

import pandas as pd

from cvpire.errors import InputError
from cvpire.layout import number
from cvpire.tables.confidence import confidence_table
from cvpire.tables.paired_tests import paired_tests
from cvpire.tables.performance import means_by_dataset
from cvpire.tables.selection import attacks_of, method_labels, own_victim, random_percent, select

if TYPE_CHECKING:
    from cvpire.config import TableOptions
    from cvpire.results import Results


def multipliers_table(results: "Results", options: "TableOptions") -> pd.DataFrame:
    """Mean average precision and mean SSIM of one attack, and of another at all its multipliers (Table 4.2).

    Parameters
    ----------
    results : Results
        Of a run, with the mAP of random rankings. Only rows count that the attacked network itself ranked.
    options : TableOptions
        Both attacks; default: the first two. The other one counts after as many iterations as go into Table 4.1 for
        the first.

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
    methods = _methods(results, options)
    datasets = own_victim(results.queries)["dataset"].unique()
    chance = {f"{name} random mAP": round(random_percent(results.random, name), 2) for name in datasets}
    return means_by_dataset(methods, datasets).assign(**chance)


def multipliers_confidence(results: "Results", options: "TableOptions") -> pd.DataFrame:
    """What stands behind Table 4.2: both forms of each measure, confidence intervals and the thesis's numbers.

    Parameters and errors are those of `multipliers_table`; `confidence_table` says what is returned.
    """
    return confidence_table(_methods(results, options), results.run.datasets)


def multipliers_paired_tests(results: "Results", options: "TableOptions") -> pd.DataFrame:
    """Compare the first row of Table 4.2 with each of the others.

    At which multiplier do both attacks fool the network equally well, and which one leaves the better photo there?
    Parameters and errors are those of `multipliers_table`; `paired_tests` says what is returned.
    """
    methods = _methods(results, options)
    first, *others = [(f"{label}, m = {number(rows['multiplier'].iloc[0])}", rows) for label, rows in methods]
    return paired_tests((first, other) for other in others)


def _methods(results: "Results", options: "TableOptions") -> list[tuple[str, pd.DataFrame]]:
    rows = own_victim(results.queries)
    attacks = attacks_of(rows)
    attack = options.attack or attacks[0]
    rest = [name for name in attacks if name != attack]
    if options.other is None and not rest:
        raise InputError(f"Table 4.2 compares two attacks; the results have only {attack!r}")
    headline = select(rows, attack=attack, headline=True)
    iterations = int(headline["iteration"].iloc[0])
    others = select(rows, attack=options.other or rest[0], iteration=iterations)
    labels = method_labels(rows)
    label, second = (labels[cells["attack"].iloc[0], cells["network"].iloc[0]] for cells in (headline, others))
    ordered = sorted(others.groupby("multiplier"), key=lambda cells: -cells[0])
    return [(label, headline), *((second, cells) for _, cells in ordered)]
