"""Rank databases of any size for queries, and measure the rankings (section 4.1.1)."""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

import numpy as np

from cvpire.datasets import Dataset, Query
from cvpire.datasets.listing import read_listing
from cvpire.errors import InputError, counted
from cvpire.layout import read_variant
from cvpire.progress import progress
from cvpire.retrieval.average_precision import FORMS, average_precision
from cvpire.retrieval.describing import Describer, describe_photos
from cvpire.retrieval.descriptors import open_shard, shard_names

_FRACTION_BITS = 26  # of descriptors as fixed-point numbers
_LONGEST = 1.005  # length of a unit vector, with room for rounding
_BLOCK = 512  # descriptors multiplied at a time: 12 MB where D = 2048
_SCORES = 2**29  # bytes of similarities held at a time


def rank_versions(
    listing: Path,
    folder: Path,
    network: Describer,
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
    network, read
        See `cvpire.retrieval.describing.describe_photos`.
    shards : sequence of Path
        Descriptors of the database by the same network.
    distractors : Path, optional
        Folder of shards of wrong answers.
    variants : sequence of str
        Sub-folders like m50_T100; none: the queries lie in the folder itself.
    suffix : str
        Of the queries' files.
    form : {"sum", "trapezoid"}
        Form of average precision in column `ap` and at the difficulties.

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
    names, paths = zip(*versions, strict=True)
    wrong = sorted(distractors.glob("shard-*.npy")) if distractors else []
    with progress(f"describe {folder}", len(paths)) as show:
        described = describe_photos(paths, network, read, progress=show)
    with progress(f"rank {folder}", len(paths)) as show:
        measured = measure(listed, shards, wrong, names, described, form, show)
    rows = []
    for (name, path), values in zip(versions, measured, strict=True):
        if values is not None:
            multiplier, iteration = read_variant(path) or (None, None)
            values = {"ap": values[f"ap_{form}"], **values, "top": "/".join(values["top"])}
            rows.append({"query": name, "multiplier": multiplier, "iteration": iteration, **values})
    if not rows:
        raise InputError(f"{listing}: no query has a relevant photo; nothing can be measured")
    return rows


def similarities(shards: Sequence[Path], queries: np.ndarray, threads: int = 2) -> np.ndarray:
    """Compute the dot products of a database with queries, exactly, while streaming over the database.

    Ranks must not depend on how the database was cut into shards, nor on which queries are ranked together, and two
    photos of one descriptor must be equally similar. Floating-point sums guarantee none of this, since a library for
    matrix products adds up rows in different orders, by where they lie. So descriptors are taken as fixed-point numbers
    with 26 bits after the point; on the demo this moves similarities by up to 2e-7, half of what sums of float32 lose.
    Products then have 52 bits, and since a partial sum of products of unit vectors is below 2 (Cauchy-Schwarz), float64
    holds every one exactly, in any order.

    Parameters
    ----------
    shards : sequence of Path
        .npy files of float32 unit vectors, (N_i, D). At most `threads` blocks of them are in memory at a time.
    queries : numpy.ndarray
        float32 unit vectors, (Q, D).
    threads : int
        Threads that read and multiply, besides those that the matrix product starts (OPENBLAS_NUM_THREADS).

    Returns
    -------
    numpy.ndarray
        float32, shape (Q, N): the exact dot products, rounded once; the shards' rows follow each other.

    Raises
    ------
    InputError
        A missing or broken shard, vectors longer than 1, or of another dimension than the queries.
    """
    factors = _fixed_point(queries, "queries").T
    sizes = [len(open_shard(shard)) for shard in shards]
    scores = np.empty((len(queries), sum(sizes)), np.float32)

    def fill(block: tuple[Path, int, int]) -> None:
        shard, row, column = block
        # Mapped anew for each block, because pages once read count as this process's memory until they are unmapped.
        rows = open_shard(shard)[row : row + _BLOCK]
        if rows.shape[1] != len(factors):
            raise InputError(
                f"{shard}: descriptors of {rows.shape[1]} dimensions, the queries have {len(factors)}; "
                "were they made by another network?"
            )
        products = _fixed_point(rows, shard) @ factors
        scores[:, column : column + len(rows)] = products.T * 2.0 ** (-2 * _FRACTION_BITS)

    blocks = [
        (shard, row, start + row)
        for shard, size, start in zip(shards, sizes, accumulate(sizes, initial=0), strict=False)
        for row in range(0, size, _BLOCK)
    ]
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(fill, blocks):
            pass
    return scores


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
    descriptors: np.ndarray,
    form: str = "sum",
    progress: Callable[[int], None] = lambda done: None,
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
    descriptors : numpy.ndarray
        Their descriptors, float32 unit vectors (Q, D).
    form : {"sum", "trapezoid"}
        Form of average precision at the difficulties.
    progress : callable
        Told how many queries are measured.

    Returns
    -------
    list of dict or None
        For each query `ap_sum` and `ap_trapezoid`, average precision in (0, 1]; where the ground truth tells
        difficulties, the same at each of them, `ap_easy`, `ap_medium` and `ap_hard`, None where no photo is relevant;
        and `top`, names of the first three photos without junk. None for a query without a relevant photo.

    Raises
    ------
    InputError
        Shards that are broken or do not make up the database, or descriptors that do not fit each other.
    """
    names, rows = _ranked(dataset.database, shards, distractors)
    numbers = {name: number for number, name in enumerate(dataset.database)}
    measured: list[dict[str, Any] | None] = []
    together = max(1, _SCORES // (4 * len(names)))
    for start in range(0, len(queries), together):
        scores = similarities([*shards, *distractors], descriptors[start : start + together])
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
    values: dict[str, Any] = {f"ap_{form}": average_precision(ranks, form) for form in FORMS}
    for difficulty, ranks in zip(query.difficulties, at_difficulties, strict=True):
        values[f"ap_{difficulty}"] = average_precision(ranks, form) if len(ranks) else None
    return values | {"top": [names[row] for row in first_rows(scores, rows(query.junk), 3)]}


def _ranked(
    database: Sequence[str], shards: Sequence[Path], distractors: Sequence[Path]
) -> tuple[list[str], np.ndarray]:
    """Names that are ranked: the database, then the distractors by name; and where in the shards their rows lie."""
    in_shards = list(chain.from_iterable(map(shard_names, shards)))
    where = {name: row for row, name in enumerate(in_shards)}
    missing = [name for name in database if name not in where]
    if missing or len(in_shards) != len(database):
        raise InputError(
            f"descriptor shards hold {counted(len(in_shards), 'photo')}, the database {len(database)}"
            + (f"; missing: {', '.join(missing[:5])}" if missing else "")
        )
    added = list(chain.from_iterable(map(shard_names, distractors)))
    by_name = sorted(range(len(added)), key=added.__getitem__)
    rows = [where[name] for name in database] + [len(database) + number for number in by_name]
    return [*database, *(added[number] for number in by_name)], np.array(rows, dtype=np.intp)


def _fixed_point(vectors: np.ndarray, source: Path | str) -> np.ndarray:
    """Vectors in steps of 2**-26, as whole numbers in float64; at most of length 1, so that dot products are exact."""
    squares = np.einsum("nd,nd->n", vectors, vectors)
    if not (squares <= _LONGEST**2).all():  # nor where one is not a number
        length = np.sqrt(squares[~(squares <= _LONGEST**2)][0])
        raise InputError(f"{source}: a descriptor of length {length:.4g}, expected 1; describe the photos again")
    return np.rint(vectors * np.float32(2**_FRACTION_BITS)).astype(np.float64)
