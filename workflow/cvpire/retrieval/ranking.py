"""Rank a database for a query by the dot product of descriptors."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from cvpire.errors import InputError


def rank(descriptors: np.ndarray, query: np.ndarray) -> np.ndarray:
    """Order a database by similarity.

    Parameters
    ----------
    descriptors : numpy.ndarray
        Shape (N, D).
    query : numpy.ndarray
        Shape (D,).

    Returns
    -------
    numpy.ndarray
        Row numbers, most similar first; equal similarities in the order of the rows.
    """
    # Not `descriptors @ query`: BLAS rounds equal rows differently, by where they lie.
    return np.argsort(-np.einsum("nd,d->n", descriptors, query), kind="stable")


def without_junk(ranking: np.ndarray, names: Sequence[str], junk: Collection[str]) -> list[str]:
    """Names in the order of a ranking, junk left out."""
    return [names[row] for row in ranking if names[row] not in junk]


def relevant_ranks(ranked: Sequence[str], relevant: Collection[str]) -> np.ndarray:
    """Zero-based ranks of the relevant names."""
    return np.flatnonzero([name in relevant for name in ranked])


def read_descriptors(shards: Sequence[Path], database: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Read descriptor shards into one matrix, in the order of the database.

    Parameters
    ----------
    shards : sequence of Path
        .npy files (N_i, D), each with its names in a .txt beside it.
    database : sequence of str
        Names that must be there, each once.

    Returns
    -------
    list of str
        Names, in the order of `database`: rankings do not depend on how the shards were cut.
    numpy.ndarray
        float32, shape (N, D).

    Raises
    ------
    InputError
        A missing or broken shard, or shards that do not make up the database.
    """
    rows: dict[str, np.ndarray] = {}
    for shard in shards:
        try:
            values = np.load(shard, allow_pickle=False)
            names = shard.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{shard}: not a descriptor shard ({error})") from None
        if len(names) != len(values):
            raise InputError(f"{shard}: {len(values)} descriptors but {len(names)} names")
        rows.update(zip(names, values, strict=True))
    missing = [name for name in database if name not in rows]
    if missing or len(rows) != len(database):
        raise InputError(
            f"descriptor shards hold {len(rows)} photos, the database {len(database)}"
            + (f"; missing: {', '.join(missing[:5])}" if missing else "")
        )
    return list(database), np.stack([rows[name] for name in database])
