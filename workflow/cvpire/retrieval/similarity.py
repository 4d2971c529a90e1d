"""Similarities of a database with queries: dot products of unit vectors, exactly."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path

import numpy as np

from cvpire.errors import InputError
from cvpire.retrieval.descriptors import open_shard

_FRACTION_BITS = 26  # of descriptors as fixed-point numbers
_LONGEST = 1.005  # length of a unit vector, with room for rounding
_BLOCK = 512  # descriptors multiplied at a time: 12 MB where D = 2048


def similarities(
    shards: Sequence[Path],
    queries: np.ndarray,
    threads: int = 2,
    applied: Callable[[np.ndarray], np.ndarray] = lambda vectors: vectors,
) -> np.ndarray:
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
    applied : callable
        What descriptors and queries get before they are compared: float32 (N, D) to unit vectors (N, E).

    Returns
    -------
    numpy.ndarray
        float32, shape (Q, N): the exact dot products, rounded once; the shards' rows follow each other.

    Raises
    ------
    InputError
        A missing or broken shard, vectors longer than 1, or of another dimension than the queries.
    """
    factors = _fixed_point(applied(queries), "queries").T
    sizes = [len(open_shard(shard)) for shard in shards]
    scores = np.empty((len(queries), sum(sizes)), np.float32)

    def fill(block: tuple[Path, int, int]) -> None:
        shard, row, column = block
        # Mapped anew for each block, because pages once read count as this process's memory until they are unmapped.
        rows = open_shard(shard)[row : row + _BLOCK]
        if rows.shape[1] != queries.shape[1]:
            raise InputError(
                f"{shard}: descriptors of {rows.shape[1]} dimensions, the queries have {queries.shape[1]}; "
                "were they made by another network?"
            )
        products = _fixed_point(applied(rows), shard) @ factors
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


def _fixed_point(vectors: np.ndarray, source: Path | str) -> np.ndarray:
    """Vectors in steps of 2**-26, as whole numbers in float64; at most of length 1, so that dot products are exact."""
    squares = np.einsum("nd,nd->n", vectors, vectors)
    if not (squares <= _LONGEST**2).all():  # nor where one is not a number
        length = np.sqrt(squares[~(squares <= _LONGEST**2)][0])
        raise InputError(f"{source}: a descriptor of length {length:.4g}, expected 1; describe the photos again")
    return np.rint(vectors * np.float32(2**_FRACTION_BITS)).astype(np.float64)
