"""One tidy table of everything that was measured: the source of all tables and figures."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from cvpire import layout
from cvpire.datasets import Dataset
from cvpire.errors import InputError, reason
from cvpire.measures import DIFFICULTIES, QUALITY, RETRIEVAL, REVERSED
from cvpire.tables.statistics import landmarks

if TYPE_CHECKING:
    from cvpire.results import Attack, Results

_KEYS = ["query", "multiplier", "iteration"]
_UNCHANGED = {measure.column: measure.unchanged for measure in QUALITY}
"""Image quality of a query that is its own original."""

_FOUND = ["found_multiplier", "within_limit"]
"""By an attack that calibrates: m of a query, and whether it keeps the limit."""

COLUMNS = ["dataset", "network", "attack", "label", "victim", "transformation", *_KEYS, "headline"]
COLUMNS += [*(measure.column for measure in (*RETRIEVAL, *REVERSED)), *_UNCHANGED]
COLUMNS += ["top", "landmark", *(measure.column for measure in DIFFICULTIES), "attacked", *_FOUND]
"""Of the table."""

_TEXTS = frozenset(
    {"dataset", "network", "attacked", "attack", "label", "victim", "transformation", "query", "top", "landmark"}
)
"""Columns that hold names."""

_PLAIN = "Saved without attack"
"""Label of queries that were saved like attacked ones."""

_LONGEST_HEAD = 10_000  # bytes of its first line


def collect_results(results: "Results") -> pd.DataFrame:
    """Join the rankings and the image quality of all queries.

    Parameters
    ----------
    results : Results
        A run, whose run.json says what was to be measured.

    Returns
    -------
    pandas.DataFrame
        One row a dataset, attack, victim, transformation, query, multiplier and iteration; unattacked queries first,
        then those that were saved without an attack (`plain`), last the transformed ones (`transformation` is `none`
        for the file as it was saved). `network` is the attacked one, of several the first, and `attacked` names all.
        `landmark` names what a query shows, `ap_easy`, `ap_medium` and `ap_hard` are empty where the ground truth does
        not tell them, measures of image quality where the configuration leaves them out; `found_multiplier` and
        `within_limit` (True or False) but for attacks that calibrate.

    Raises
    ------
    InputError
        A file that is truncated, damaged or lacks rows.
    """
    run, tables = results.run, []
    listings = {dataset: results.listing(dataset) for dataset in run.datasets}

    def ranking(dataset: str, attack: str, victim: str) -> pd.DataFrame:
        names = {"dataset": dataset, "attack": attack, "victim": victim}
        return _ranking(layout.path(layout.RETRIEVAL, results.root, **names), listings[dataset])

    for dataset in run.datasets:
        for victim in run.victims[dataset]:
            about = {"network": victim, "attack": layout.ORIGINAL, "label": "Original", "victim": victim}
            unattacked = ranking(dataset, layout.ORIGINAL, victim)
            tables.append(unattacked.assign(dataset=dataset, **about, headline=True))
    for dataset in run.plain:
        for victim in run.victims[dataset]:
            about = {"network": victim, "attack": layout.PLAIN, "label": _PLAIN, "victim": victim}
            table = _with_quality(ranking(dataset, layout.PLAIN, victim), results, dataset, layout.PLAIN)
            tables.append(table.assign(dataset=dataset, **about, headline=True))
    for dataset in run.datasets:
        for name, attack in run.attacks.items():
            for victim in attack.victims.get(dataset, ()):
                ranked = ranking(dataset, name, victim)
                table = _with_quality(ranked, results, dataset, name)
                headline = (table.multiplier == attack.multiplier) & (table.iteration == attack.iterations)
                about = {**_networks(attack), "attack": name, "label": attack.label, "victim": victim}
                tables.append(table.assign(dataset=dataset, **about, headline=headline))
    for table in tables:
        table["transformation"] = layout.AS_SAVED
    for dataset in run.datasets:
        tables += _transformed(results, dataset, listings[dataset])
    shown = {dataset: _landmarks(listing) for dataset, listing in listings.items()}
    collected = pd.concat(tables, ignore_index=True)
    collected["landmark"] = [shown[row.dataset][row.query] for row in collected[["dataset", "query"]].itertuples()]
    # What the configuration leaves out is empty for unattacked queries as well; without attacks there is no telling.
    measured = [column for column in _UNCHANGED if column in collected] or list(_UNCHANGED)
    collected = collected.reindex(columns=COLUMNS)
    collected.loc[collected["attack"] == layout.ORIGINAL, measured] = [_UNCHANGED[column] for column in measured]
    return collected.astype({"multiplier": "Float64", "iteration": "Int64"})


def _networks(attack: "Attack") -> dict[str, str]:
    """The network for which an attack stands in tables, and all that it follows."""
    return {"network": attack.network, "attacked": " + ".join(attack.networks)}


def _transformed(results: "Results", dataset: str, listing: Dataset) -> list[pd.DataFrame]:
    """Rankings of transformed queries; their image quality is that of the saved files."""
    run, tables = results.run, []
    for victim in run.victims[dataset]:
        for transformation in run.transformations.get(dataset, ()):
            names = {"dataset": dataset, "victim": victim, "transformation": transformation}
            path = layout.path(layout.TRANSFORMED, results.root, **names)
            for name, rows in _read(path).groupby("attack", sort=False):
                about = {"network": victim, "label": _PLAIN}
                if name != layout.PLAIN:
                    about = {**_networks(run.attacks[name]), "label": run.attacks[name].label}
                _check_queries(rows, path, listing)
                table = _with_quality(rows, results, dataset, name)
                tables.append(table.assign(**names, **about, headline=True))
    return tables


def _with_quality(ranking: pd.DataFrame, results: "Results", dataset: str, attack: str) -> pd.DataFrame:
    """Join the image quality of an attack's queries to their ranking, and the multipliers that it found for them."""

    def files(template: str) -> dict[str, Path]:
        names = {"dataset": dataset, "attack": attack}
        return {photo: layout.path(template, results.root, **names, photo=photo) for photo in ranking["query"].unique()}

    table = _joined(ranking, files(layout.QUALITY), list(_UNCHANGED))
    if attack in results.run.attacks and results.run.attacks[attack].calibrated:
        table = _joined(table, files(layout.CALIBRATION), _FOUND)
    return table


def _joined(ranking: pd.DataFrame, files: dict[str, Path], columns: list[str]) -> pd.DataFrame:
    """Join columns of tables of each query, where they have them, to a ranking."""
    about = pd.concat([_read(file) for file in files.values()])
    about = about[[column for column in about if column in {*_KEYS, *columns}]]
    table = ranking.merge(about, on=_KEYS, how="left", validate="one_to_one", indicator=True)
    for photo in table.loc[table.pop("_merge") != "both", "query"]:
        raise _damaged(files[photo], "it lacks rows")
    return table


def _landmarks(listing: Dataset) -> dict[str, str]:
    return landmarks({name: query.relevant | query.junk for name, query in listing.queries.items()})


def _ranking(path: Path, listing: Dataset) -> pd.DataFrame:
    """Read a ranking, which has every query that anything is relevant to, and as many versions of each."""
    ranking = _read(path)
    _check_queries(ranking, path, listing)
    return ranking


def _check_queries(ranking: pd.DataFrame, path: Path, listing: Dataset) -> None:
    versions = ranking["query"].value_counts()
    if set(versions.index) != {name for name, query in listing.queries.items() if query.relevant} or (
        versions.nunique() > 1
    ):
        raise _damaged(path, "it lacks rows")


def collect_random_results(paths: Sequence[Path]) -> pd.DataFrame:
    """Means of what is expected of a random ranking: one row for each DATASET/random.csv."""
    columns = [measure.column for measure in (*RETRIEVAL, *REVERSED)]
    means = pd.DataFrame([_read(path)[columns].mean() for path in paths])
    return means.assign(dataset=[path.parent.name for path in paths])[["dataset", *columns]]


def mean_map(ranking: Path, iterations: int) -> dict[float, float]:
    """Mean average precision in [0, 1] of an attack's queries after as many iterations, by multiplier, ascending."""
    rows = _read(ranking)
    means = rows[rows["iteration"] == iterations].groupby("multiplier")["ap"].mean()
    return {float(multiplier): float(value) for multiplier, value in means.items()}


def mean_random_map(path: Path) -> float:
    """Mean average precision in [0, 1] that is expected of a random ranking, of a dataset's random.csv."""
    return float(_read(path)["ap"].mean())


def read_results(path: str | Path) -> pd.DataFrame:
    """Read the table that `collect_results` made; `InputError` where it is another one."""
    try:
        with Path(path).open(encoding="utf-8") as file:
            head = file.readline(_LONGEST_HEAD).strip().split(",")  # pandas takes minutes for a million columns
        if lacking := [column for column in COLUMNS if column not in head]:
            raise ValueError(f"no column {', '.join(lacking[:5])}")
        table = _read(Path(path))
        ap, shown = pd.to_numeric(table["ap"]), table[["dataset", "query", "attack", "label"]]
        if not ap.between(0, 1).all() or shown.isna().any(axis=None):
            raise ValueError("expected a query and an average precision from 0 to 1 in each row")
    except FileNotFoundError:
        raise InputError(f"{path}: no such table; `cvpire collect` makes it") from None
    except InputError:
        raise
    except (OSError, ValueError, TypeError) as error:  # pandas's own are ValueErrors
        raise InputError(f"{path}: not the table of `cvpire collect` ({reason(error)})") from None
    return table


def read_random(path: str | Path, column: str = "ap") -> pd.Series:
    """Read the random-ranking mAP in [0, 1], by dataset, in the configured form, or in that of another column."""
    return _read(Path(path)).set_index("dataset")[column]


def _read(path: Path) -> pd.DataFrame:
    try:
        text = path.read_text(encoding="utf-8")
        if not text.endswith("\n"):
            raise ValueError("it ends within a line")
        columns = pd.read_csv(io.StringIO(text), nrows=0).columns
        # pandas would take a photo named NA, null or nan for an empty cell, and an attack named 1 for a number.
        return pd.read_csv(
            io.StringIO(text),
            dtype=dict.fromkeys(_TEXTS, str),
            keep_default_na=False,
            na_values={column: [""] if column in _TEXTS else ["", "nan"] for column in columns},
        )
    except FileNotFoundError:
        raise InputError(f"{path}: no such table") from None
    except (OSError, ValueError) as error:  # what pandas raises on bad tables is a ValueError too
        raise _damaged(path, reason(error)) from None


def _damaged(path: Path, how: str) -> InputError:
    return InputError(f"{path}: truncated or damaged ({how}); delete it and run again")
