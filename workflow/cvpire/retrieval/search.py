"""Approximate nearest neighbours, for databases too large to compare a query with every photo (section 2.2.1)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import faiss
import numpy as np

from cvpire.errors import InputError, counted

KINDS = ("hnsw", "ivf-pq")
"""hnsw: a graph of neighbours; quick and near exact, with more memory than the vectors. ivf-pq: lists of vectors near
one of many centres, packed; little memory, and similarities that are estimates."""

NOT_FOUND = -2.0
"""Score of photos that a search did not return: below that of any two unit vectors."""

_NEIGHBOURS = 32
"""Edges of a vector in the graph; twice as many at its ground."""
_BUILDING, _SEARCHING = 80, 256
"""Candidates that are kept while the graph is built, and at least while it is searched."""
_PROBED = 32
"""Lists that are searched."""
_CODES = 256
"""Centres of each part of a vector: one byte."""


def build(kind: Literal["hnsw", "ivf-pq"], vectors: np.ndarray, seed: int) -> faiss.Index:
    """Build an index of a database, the same each time.

    Parameters
    ----------
    kind : {"hnsw", "ivf-pq"}
        A hierarchical navigable small world [1]_, or an inverted file with product quantisation [2]_.
    vectors : numpy.ndarray
        float32 unit vectors, (N, D).
    seed : int
        Of the graph's levels, or of k-means.

    Returns
    -------
    faiss.Index
        Of inner products. For N vectors hnsw takes about 4 D + 280 bytes each; ivf-pq D / 4 + 8, with parts of four
        values a byte where D can be divided by 4.

    Raises
    ------
    InputError
        ivf-pq of fewer than 256 vectors, from which its codes cannot be learnt.

    References
    ----------
    .. [1] Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using hierarchical navigable
       small world graphs", TPAMI 2020.
    .. [2] Jégou, Douze and Schmid, "Product quantization for nearest neighbor search", TPAMI 2011.
    """
    count, dimensions = vectors.shape
    if kind == "hnsw":
        index = faiss.IndexHNSWFlat(dimensions, _NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = _BUILDING
        index.hnsw.rng = faiss.RandomGenerator(seed)
    else:
        if count < _CODES:
            raise InputError(
                f"ivf-pq: {counted(count, 'photo')}, and it learns its codes from {_CODES} at least; search exactly"
            )
        parts = next(dimensions // size for size in (4, 3, 2, 1) if dimensions % size == 0)
        lists = max(1, min(int(4 * np.sqrt(count)), count // 39))  # faiss asks for 39 vectors a list
        index = faiss.IndexIVFPQ(faiss.IndexFlatIP(dimensions), dimensions, lists, parts, 8, faiss.METRIC_INNER_PRODUCT)
        index.nprobe = min(_PROBED, lists)
        index.cp.seed = index.pq.cp.seed = seed
        index.cp.min_points_per_centroid = index.pq.cp.min_points_per_centroid = 1  # faiss prints what it finds few
    with one_thread():
        index.train(vectors)
        index.add(vectors)
    return index


def approximate_scores(index: faiss.Index, queries: np.ndarray, count: int) -> np.ndarray:
    """Search for the nearest vectors, and score all.

    Parameters
    ----------
    index : faiss.Index
        Of N vectors, see `build`.
    queries : numpy.ndarray
        float32 unit vectors, (Q, D).
    count : int
        How many are searched for.

    Returns
    -------
    numpy.ndarray
        float32, (Q, N): dot products (estimates: ivf-pq) of those that were found, at most `count` a query, and -2 of
        the others, so that they end the ranking in the order of rows.

    Raises
    ------
    InputError
        Queries of another dimension.
    """
    if queries.shape[1] != index.d:
        raise InputError(f"queries of {queries.shape[1]} dimensions, the database has {index.d}")
    scores = np.full((len(queries), index.ntotal), NOT_FOUND, np.float32)
    count = min(count, index.ntotal)
    if isinstance(index, faiss.IndexHNSW):
        index.hnsw.efSearch = max(count, _SEARCHING)
    with one_thread():
        found, rows = index.search(np.ascontiguousarray(queries), count)
    for each, values, places in zip(scores, found, rows, strict=True):
        each[places[places >= 0]] = values[places >= 0]
    return scores


@contextmanager
def one_thread() -> Iterator[None]:
    """Let faiss compute with one thread: of several, the order in which they end decides the graph and the rounding."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)
