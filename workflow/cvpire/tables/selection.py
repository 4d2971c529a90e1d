"""Which rows of queries.csv count, and how they are named: what tables and figures share.

One row is one query of one dataset under one attack, multiplier and iteration, ranked by one victim; `ap` and `ssim`
are in [0, 1]. Unattacked queries have the attack `original` and no multiplier and iteration.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

import pandas as pd

from cvpire.errors import InputError
from cvpire.layout import ORIGINAL, PLAIN, number

if TYPE_CHECKING:
    from cvpire.results import Results


def compared(results: "Results") -> pd.DataFrame:
    """Keep the rows of queries.csv that Table 4.1 is about: `own_victim` of all attacks but those that stand apart.

    Parameters
    ----------
    results : Results
        Of a run.

    Returns
    -------
    DataFrame
        Rows of queries.csv.

    Raises
    ------
    InputError
        As `own_victim`.
    """
    apart = [name for name, attack in results.run.attacks.items() if not attack.compared]
    return own_victim(results.queries[~results.queries["attack"].isin(apart)])


def headline_rows(results: "Results", attacks: Collection[str] | None = None) -> pd.DataFrame:
    """Keep the rows of queries.csv at the multipliers and iterations of Table 4.1, whatever ranks them.

    Parameters
    ----------
    results : Results
        Of a run.
    attacks : collection of str, optional
        Default: all but those that stand apart.

    Returns
    -------
    DataFrame
        Rows of all systems and transformations, and those of queries that were not attacked, as they are (`original`)
        and saved like the others (`plain`). A column `method` names each as tables do.
    """
    if attacks is None:
        attacks = [name for name, attack in results.run.attacks.items() if attack.compared]
    rows = results.measured
    rows = rows[rows["headline"].astype(bool) & rows["attack"].isin([ORIGINAL, PLAIN, *attacks])]
    attacked = rows[~rows["attack"].isin([ORIGINAL, PLAIN])]
    labels = {attack: label for (attack, _), label in method_labels(attacked).items()}
    return rows.assign(method=rows["attack"].map(labels).fillna(rows["label"]))


def own_victim(results: pd.DataFrame) -> pd.DataFrame:
    """Keep the queries that the attacked network itself ranks, as everywhere in the thesis.

    Parameters
    ----------
    results : DataFrame
        Rows of queries.csv.

    Returns
    -------
    DataFrame
        Attacked queries whose victim is the attacked network, and unattacked queries ranked by such a network; the
        `network` of the latter is that victim.

    Raises
    ------
    InputError
        Where an attack has no such row, or no row is an attack.
    """
    unattacked = results["attack"] == ORIGINAL
    rows = results.assign(network=results["network"].where(~unattacked, results["victim"]))
    networks = rows.loc[~unattacked, "network"].unique()
    kept = rows[(rows["victim"] == rows["network"]) & (~unattacked | rows["network"].isin(networks))]
    attacked = rows.loc[~unattacked, ["attack", "network"]].drop_duplicates()
    if attacked.empty:
        raise InputError("results: no attacked queries")
    for attack, network in attacked.itertuples(index=False):
        if attack not in kept["attack"].values:
            raise InputError(
                f"results: attack {attack!r} is not ranked by its own network {network!r}; list it in victims"
            )
    return kept


def select(rows: pd.DataFrame, **wanted: str | float | bool) -> pd.DataFrame:
    """Rows that have the wanted value in each of some columns.

    Raises
    ------
    InputError
        Where no row is left; the message names the value and those that there are.

    Examples
    --------
    >>> rows = pd.DataFrame({"dataset": ["a", "b"], "ap": [0.1, 0.2]})
    >>> select(rows, dataset="b")["ap"].tolist()
    [0.2]
    """
    given = []
    for column, value in wanted.items():
        found = rows[rows[column] == value]
        if found.empty:
            place = f" ({', '.join(given)})" if given else ""
            known = ", ".join(map(_shown, rows[column].unique().tolist())) or "none"
            raise InputError(f"results{place}: no {column} {_shown(value)}; there are: {known}")
        rows, given = found, [*given, f"{column} {_shown(value)}"]
    return rows


def _shown(value: str | float | bool) -> str:
    # Multipliers and iterations are floats in memory, where some are missing.
    return number(value) if isinstance(value, float) else repr(value)


def attacks_of(rows: pd.DataFrame) -> list[str]:
    """Names of the attacks, in the order of their first rows, without the unattacked queries."""
    return [attack for attack in rows["attack"].unique() if attack != ORIGINAL]


def method_labels(rows: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Label of every (attack, network) in the rows; a label that two of them share gets its name in brackets."""
    methods = rows[["attack", "network", "label"]].drop_duplicates(["attack", "network"])
    shared = methods["label"].duplicated(keep=False)
    return {
        (attack, network): f"{label} ({network if attack == ORIGINAL else attack})" if ambiguous else label
        for (attack, network, label), ambiguous in zip(methods.itertuples(index=False), shared, strict=True)
    }


def headline_methods(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Methods of Table 4.1 in its order: unattacked queries first, one entry for each attacked network.

    Parameters
    ----------
    rows : DataFrame
        Of `own_victim`.

    Returns
    -------
    list of (str, DataFrame)
        Label, as `method_labels` gives it, and the headline rows on all datasets.

    Raises
    ------
    InputError
        Where an attack was not measured at its multiplier and iterations of Table 4.1.
    """
    labels = method_labels(rows)
    return [
        (labels[attack, network], select(rows, attack=attack, network=network, headline=True))
        for attack, network in sorted(labels, key=lambda method: method[0] != ORIGINAL)
    ]


def about_method(label: str, rows: pd.DataFrame) -> dict[str, str | float | int | None]:
    """First columns of a table: `method`, `multiplier` (grey levels) and `iterations`; no numbers if unattacked."""
    multiplier, iterations = rows["multiplier"].iloc[0], rows["iteration"].iloc[0]
    if pd.isna(multiplier):
        return {"method": label, "multiplier": None, "iterations": None}
    return {"method": label, "multiplier": float(multiplier), "iterations": int(iterations)}


def by_query(rows: pd.DataFrame, column: str, value: str) -> pd.DataFrame:
    """Spread rows to a matrix with one row a query and one column for each value of `column`, both ascending.

    Parameters
    ----------
    rows : DataFrame
        One row a query and value of `column`.
    column : str
        What the columns shall be: `iteration` or `multiplier`.
    value : str
        What the cells shall hold: `ap`, `ssim`, ...

    Raises
    ------
    InputError
        Where a cell has no row: a mean over different queries at different points would mislead.
    """
    matrix = rows.pivot(index="query", columns=column, values=value).sort_index(axis=0).sort_index(axis=1)
    if matrix.isna().any(axis=None):
        query, at = matrix.stack(future_stack=True).loc[lambda cells: cells.isna()].index[0]
        raise InputError(f"results: query {query!r} has no {value} at {column} {number(at)}")
    return matrix


def random_percent(random_map: Mapping[str, float], dataset: str) -> float:
    """Expected mAP of a random ranking of a dataset, in percent.

    Raises
    ------
    InputError
        Where the dataset has none.
    """
    if dataset not in random_map:
        known = ", ".join(map(repr, random_map.keys())) or "none"
        raise InputError(f"random mAP: no dataset {dataset!r}; there are: {known}")
    return 100 * float(random_map[dataset])


def first(values: Iterable[str], given: str | None) -> str:
    """What is given, or else the first value."""
    return next(iter(values)) if given is None else given
