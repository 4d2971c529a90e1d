"""Rank databases of any size for queries, and measure the rankings (section 4.1.1)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cvpire.datasets import Dataset, Query
from cvpire.datasets.listing import read_listing
from cvpire.errors import InputError, counted
from cvpire.layout import QUERY_SUFFIXES, read_variant
from cvpire.progress import progress
from cvpire.retrieval.average_precision import FORMS, among_last, average_precision, reversed_ranks
from cvpire.retrieval.describing import describe_photos
from cvpire.retrieval.descriptors import shard_names
from cvpire.retrieval.similarity import similarities

_SCORES = 2**29  # bytes of similarities held at a time


class System(NamedTuple):
    """A retrieval system as ranking sees it."""

    describe: Callable[[np.ndarray], Any]
    """From a photo, uint8 (H, W, 3), to what the system compares."""
    similarities: Callable[[Sequence[Path], Any], np.ndarray]
    """From the shards of N photos and Q described queries to float32 (Q, N): higher is nearer, in the shards' order."""
    names: Callable[[Path], list[str]] = shard_names
    """Names of a shard's photos."""


def rank_versions(
    listing: Path,
    folder: Path,
    system: System,
    read: Callable[[Path], np.ndarray],
    shards: Sequence[Path],
    *,
    distractors: Path | None = None,
    variants: Sequence[str] = (),
    suffix: str = ".jpg",
    form: str = "sum",
) -> list[dict[str, Any]]:
    """Rank a database for all versions of its queries, and measure each ranking.

    Parameters
    ----------
    listing : Path
        dataset.json.
    folder : Path
        Of the queries: `folder / variant / (name + suffix)`.
    system : System
        What ranks.
    read : callable
        See `cvpire.retrieval.describing.describe_photos`.
    shards : sequence of Path
        Descriptors of the database by the same system.
    distractors : Path, optional
        Folder of shards of wrong answers.
    variants : sequence of str
        Sub-folders like m50_T100; none: the queries lie in the folder itself.
    suffix : str
        Of the queries' files.
    form : {"sum", "trapezoid"}
        Form of average precision in column `ap`, of the reversed ranking and at the difficulties.

    Returns
    -------
    list of dict
        One row a query and variant: `query`, `multiplier` and `iteration` (None where no folder says them), `ap`, and
        what `measure` returns, with `/` between the names of `top`. Queries without a relevant photo are left out.

    Raises
    ------
    InputError
        Bad input of any kind, or no query has a relevant photo.
    """
    listed = read_listing(listing)
    versions = [(name, folder / variant / f"{name}{suffix}") for name in listed.queries for variant in variants or [""]]
    wrong = sorted(distractors.glob("shard-*.npy")) if distractors else []
    return _rank(listing, listed, versions, system, read, shards, wrong, form, str(folder))


def rank_transformed(
    listing: Path,
    folders: Mapping[str, Path],
    system: System,
    read: Callable[[Path], np.ndarray],
    shards: Sequence[Path],
    *,
    distractors: Path | None = None,
    form: str = "sum",
) -> list[dict[str, Any]]:
    """Rank a database for transformed queries of several attacks, and measure each ranking.

    Parameters
    ----------
    listing, system, shards, distractors, form
        See `rank_versions`.
    folders : mapping
        By attack, the folder of its saved queries at one multiplier and iteration: `folder / (name + suffix)`, where
        the suffix is that of a format in which queries are saved.
    read : callable
        Reads and transforms a photo.

    Returns
    -------
    list of dict
        As `rank_versions`, with `attack`.

    Raises
    ------
    InputError
        Bad input of any kind, or a query that is not there.
    """
    listed = read_listing(listing)
    wrong = sorted(distractors.glob("shard-*.npy")) if distractors else []
    rows = []
    for attack, folder in folders.items():
        versions = [(name, _saved_query(folder, name)) for name in listed.queries]
        ranked = _rank(listing, listed, versions, system, read, shards, wrong, form, str(folder))
        rows += [{"attack": attack, **row} for row in ranked]
    return rows


def _saved_query(folder: Path, name: str) -> Path:
    found = [path for suffix in QUERY_SUFFIXES if (path := folder / f"{name}{suffix}").exists()]
    if not found:
        raise InputError(f"{folder}: no query {name} in {' or '.join(QUERY_SUFFIXES)}; `cvpire save` makes it")
    return found[0]


def _rank(
    listing: Path,
    listed: Dataset,
    versions: Sequence[tuple[str, Path]],
    system: System,
    read: Callable[[Path], np.ndarray],
    shards: Sequence[Path],
    distractors: Sequence[Path],
    form: str,
    title: str,
) -> list[dict[str, Any]]:
    names, paths = zip(*versions, strict=True)
    with progress(f"describe {title}", len(paths)) as show:
        described = describe_photos(paths, system, read, progress=show)
    with progress(f"rank {title}", len(paths)) as show:
        measured = measure(listed, shards, distractors, names, described, form, show, system)
    rows = []
    for (name, path), values in zip(versions, measured, strict=True):
        if values is not None:
            multiplier, iteration = read_variant(path) or (None, None)
            values = {"ap": values[f"ap_{form}"], **values, "top": "/".join(values["top"])}
            rows.append({"query": name, "multiplier": multiplier, "iteration": iteration, **values})
    if not rows:
        raise InputError(f"{listing}: no query has a relevant photo; nothing can be measured")
    return rows


def positions(scores: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Find some rows in the ranking of all: how many rows come before each.

    Parameters
    ----------
    scores : numpy.ndarray
        Similarity of every row, shape (N,). The ranking starts with the highest; equal ones follow the order of rows.
    rows : numpy.ndarray
        Row numbers, shape (R,).

    Returns
    -------
    numpy.ndarray
        Integers in [0, N), shape (R,).
    """
    ordered, values = np.sort(scores), scores[rows]
    before = len(scores) - np.searchsorted(ordered, values, side="right")
    tied = len(scores) - np.searchsorted(ordered, values, side="left") > before + 1
    for place in np.flatnonzero(tied):
        before[place] += np.count_nonzero(scores[: rows[place]] == values[place])
    return before


def without_junk(relevant: np.ndarray, junk: np.ndarray) -> np.ndarray:
    """Turn positions of relevant photos in a ranking into ranks, by leaving out those of junk before them."""
    return relevant - np.searchsorted(np.sort(junk), relevant)


def first_rows(scores: np.ndarray, junk: np.ndarray, count: int) -> np.ndarray:
    """Find the first rows of a ranking without its junk, like `positions`; fewer where there are not so many."""
    scores = scores.copy()
    scores[junk] = -np.inf
    count = min(count, len(scores) - len(np.unique(junk)))
    if count == 0:
        return np.empty(0, np.intp)
    rows = np.flatnonzero(scores >= np.partition(scores, -count)[-count])
    return rows[np.argsort(-scores[rows], kind="stable")][:count]


def measure(
    dataset: Dataset,
    shards: Sequence[Path],
    distractors: Sequence[Path],
    queries: Sequence[str],
    descriptors: Any,
    form: str = "sum",
    progress: Callable[[int], None] = lambda done: None,
    system: System | None = None,
) -> list[dict[str, Any] | None]:
    """Rank a database for queries, and measure each ranking.

    Parameters
    ----------
    dataset : Dataset
        Whose database is ranked.
    shards : sequence of Path
        Descriptors of the database, .npy, each with the names in a .txt beside it; in any order, cut in any way.
    distractors : sequence of Path
        Descriptors of further photos: wrong answers to every query, which follow the database where similarities are
        equal, by their names.
    queries : sequence of str
        Q names of queries of the dataset; a name may occur many times, as versions of a query do.
    descriptors : numpy.ndarray or list
        Their descriptors, float32 unit vectors (Q, D), or whatever else the system compares.
    form : {"sum", "trapezoid"}
        Form of average precision of the reversed ranking and at the difficulties.
    progress : callable
        Told how many queries are measured.
    system : System, optional
        What compares described queries with the photos of shards; default: exact dot products of unit vectors.

    Returns
    -------
    list of dict or None
        For each query `ap_sum` and `ap_trapezoid`, average precision in (0, 1]; `ap_reversed`, that of exactly the
        reverse order, and `among_last`, 1.0 where a relevant photo is among the last ten, else 0.0; where the ground
        truth tells difficulties, average precision at each of them, `ap_easy`, `ap_medium` and `ap_hard`, None where no
        photo is relevant; and `top`, names of the first three photos without junk. None for a query without a relevant
        photo.

    Raises
    ------
    InputError
        Shards that are broken or do not make up the database, or descriptors that do not fit each other.
    """
    similar, names_of = (system.similarities, system.names) if system else (similarities, shard_names)
    names, rows = _ranked(dataset.database, shards, distractors, names_of)
    numbers = {name: number for number, name in enumerate(dataset.database)}
    measured: list[dict[str, Any] | None] = []
    together = max(1, _SCORES // (4 * len(names)))
    for start in range(0, len(queries), together):
        scores = similar([*shards, *distractors], descriptors[start : start + together])
        for name, similarity in zip(queries[start : start + together], scores, strict=True):
            measured.append(_measured(dataset.queries[name], similarity[rows], names, numbers, form))
            progress(len(measured))
    return measured


def _measured(
    query: Query, scores: np.ndarray, names: Sequence[str], numbers: dict[str, int], form: str
) -> dict[str, Any] | None:
    if not query.relevant:
        return None

    def rows(photos: Collection[str]) -> np.ndarray:
        return np.array([numbers[name] for name in photos if name in numbers], dtype=np.intp)

    answers = [(query.relevant, query.junk), *query.difficulties.values()]
    judged = rows(frozenset(chain.from_iterable(chain.from_iterable(answers))))
    place = np.full(len(numbers), -1)
    place[judged] = positions(scores, judged)

    ranks, *at_difficulties = (without_junk(place[rows(relevant)], place[rows(junk)]) for relevant, junk in answers)
    values: dict[str, Any] = {f"ap_{each}": average_precision(ranks, each) for each in FORMS}
    ranked = len(scores) - len(rows(query.junk))
    values["ap_reversed"] = average_precision(reversed_ranks(ranks, ranked), form)
    values["among_last"] = among_last(ranks, ranked)
    for difficulty, ranks in zip(query.difficulties, at_difficulties, strict=True):
        values[f"ap_{difficulty}"] = average_precision(ranks, form) if len(ranks) else None
    return values | {"top": [names[row] for row in first_rows(scores, rows(query.junk), 3)]}


def _ranked(
    database: Sequence[str],
    shards: Sequence[Path],
    distractors: Sequence[Path],
    names_of: Callable[[Path], list[str]],
) -> tuple[list[str], np.ndarray]:
    """Names that are ranked: the database, then the distractors by name; and where in the shards their rows lie."""
    in_shards = list(chain.from_iterable(map(names_of, shards)))
    where = {name: row for row, name in enumerate(in_shards)}
    missing = [name for name in database if name not in where]
    if missing or len(in_shards) != len(database):
        raise InputError(
            f"descriptor shards hold {counted(len(in_shards), 'photo')}, the database {len(database)}"
            + (f"; missing: {', '.join(missing[:5])}" if missing else "")
        )
    added = list(chain.from_iterable(map(names_of, distractors)))
    by_name = sorted(range(len(added)), key=added.__getitem__)
    rows = [where[name] for name in database] + [len(database) + number for number in by_name]
    return [*database, *(added[number] for number in by_name)], np.array(rows, dtype=np.intp)
