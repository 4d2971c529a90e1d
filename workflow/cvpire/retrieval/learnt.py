"""Centring and whitening of descriptors, learnt from a database: its mean and its principal components [1]_.

References
----------
.. [1] Jégou and Chum, "Negative evidences and co-occurrences in image retrieval: the benefit of PCA and whitening",
   ECCV 2012.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from cvpire import files
from cvpire.errors import InputError, counted, reason
from cvpire.retrieval.descriptors import open_shard, shard_names
from cvpire.untrusted.arrays import read_arrays

_FRACTION_BITS = 25  # of numbers below 2 as fixed-point numbers
_BLOCK = 512  # descriptors at a time
_REGULAR = 1e-3
"""Share of the mean variance of the directions kept that is added to each: those of nearly none would be noise."""
_EQUAL = 1e-10
"""Variance of descriptors of length 1 that differ by rounding alone, or little more."""


class Learnt(NamedTuple):
    """An affine map of descriptors, x to P (x - m), or to x - m, or none; and how similar photos are after it."""

    mean: np.ndarray | None = None
    """m, float64 (D,)."""
    projection: np.ndarray | None = None
    """P, float64 (E, D), with orthogonal rows; None: centring alone."""
    unrelated: float = 0.0
    """Mean similarity (cosine) of two photos of the database; nearly all pairs have nothing to do with each other."""


Kind = Literal["nothing", "centre", "whiten"]


def learn(shards: Sequence[Path], kind: Kind, dimensions: int | None = None) -> Learnt:
    """Learn a map from the descriptors of a database, and how similar its photos are after it.

    Photos are read in the order of their names, a few at a time, so that the result does not depend on how the database
    was cut into shards.

    Parameters
    ----------
    shards : sequence of Path
        .npy files of float32 unit vectors, (N_i, D), with the photos' names beside them.
    kind : {"nothing", "centre", "whiten"}
        No map; subtract the mean; and divide by the standard deviation along each principal component.
    dimensions : int, optional
        E, how many principal components are kept, of the largest variance; default: all, min(N - 1, D).

    Returns
    -------
    Learnt
        With the variances λ_i, descending, and directions v_i, row i of P is v_i / sqrt(λ_i + ε), where ε is a
        thousandth of the mean of λ_1 to λ_E; the largest entry of v_i is positive.

    Raises
    ------
    InputError
        Broken shards, photos of different length, descriptors that are all equal, or more dimensions than there are
        directions.
    """
    photos, length = _by_name(shards)
    found = _learnt(photos, length, kind, dimensions)
    return found._replace(unrelated=_similarity(photos, found))


def _learnt(photos: list, length: int, kind: Kind, dimensions: int | None) -> Learnt:
    total = sum((block.sum(axis=0) for block in _blocks(photos)), start=np.zeros(length))
    mean = total / max(len(photos), 1)
    variance = sum(float(((block - mean) ** 2).sum()) for block in _blocks(photos)) / max(len(photos), 1)
    if not variance > _EQUAL:
        raise InputError(
            f"{kind}: the descriptors of the database's {counted(len(photos), 'photo')} are all equal, so that nothing "
            "can be learnt from them; does this system describe every photo alike?"
        )
    if kind == "nothing":
        return Learnt()
    if kind == "centre":
        return Learnt(mean)
    most = min(len(photos) - 1, length)
    kept = most if dimensions is None else dimensions
    if kept > most:
        raise InputError(
            f"dimensions: {kept} are more than the {most} directions in which {counted(len(photos), 'descriptor')} of "
            f"{length} values can differ; set `dimensions` to {most} at most"
        )
    covariance = np.zeros((length, length))
    for block in _blocks(photos):
        covariance += (block - mean).T @ (block - mean)
    variances, directions = np.linalg.eigh(covariance / len(photos))
    variances, directions = np.maximum(variances[::-1][:kept], 0), directions.T[::-1][:kept]
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    directions = directions * np.sign(largest)
    return Learnt(mean, directions / np.sqrt(variances + _REGULAR * variances.mean())[:, None])


def _similarity(photos: list, learnt: Learnt) -> float:
    """Mean cosine over all pairs of two photos: of unit vectors, from the length of their sum."""
    total = np.zeros(())
    for block in _blocks(photos):
        total = total + apply(learnt, block.astype(np.float32)).astype(np.float64).sum(axis=0)
    return float((total @ total - len(photos)) / (len(photos) * (len(photos) - 1)))


def apply(learnt: Learnt, vectors: np.ndarray) -> np.ndarray:
    """Map descriptors, and give them length 1 again.

    As in `cvpire.retrieval.similarity` this must not depend on which vectors are mapped together. So products are of
    fixed-point numbers, of which sums are exact in any order.

    Parameters
    ----------
    learnt : Learnt
    vectors : numpy.ndarray
        float32 unit vectors, (N, D).

    Returns
    -------
    numpy.ndarray
        float32 unit vectors, (N, D), or (N, E) with a projection. A vector that equals the mean becomes 0, and is as
        similar to all as any other: 0.

    Raises
    ------
    InputError
        Vectors of another length than those that the map was learnt from.
    """
    if learnt.mean is None:
        return vectors
    check_length(learnt, vectors.shape[1])
    mapped = vectors - learnt.mean
    if learnt.projection is not None:
        scales = np.linalg.norm(learnt.projection, axis=1)
        units = learnt.projection / np.where(scales > 0, scales, 1)[:, None]
        mapped = (_fixed_point(mapped) @ _fixed_point(units).T) * scales
    lengths = np.linalg.norm(mapped, axis=1)
    return (mapped / np.where(lengths > 0, lengths, 1)[:, None]).astype(np.float32)


def check_length(learnt: Learnt, length: int) -> None:
    """Raise `InputError` where a map was learnt from descriptors of another length."""
    if learnt.mean is not None and length != len(learnt.mean):
        raise InputError(
            f"descriptors of {length} values, and what was learnt is for {len(learnt.mean)}; "
            "was it learnt from another system's?"
        )


def write_learnt(path: Path, learnt: Learnt) -> None:
    """Write a map as .npz, whole or not at all."""
    arrays = {name: np.asarray(values) for name, values in learnt._asdict().items() if values is not None}
    with files.whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def read_learnt(path: Path, kind: Kind) -> Learnt:
    """Read a map of a kind; `InputError` where the file is missing, damaged or another."""
    forms = {"unrelated": ("float64", 0), "mean": ("float64", 1), "projection": ("float64", 2)}
    wanted = list(forms)[: {"nothing": 1, "centre": 2, "whiten": 3}[kind]]
    try:
        learnt = Learnt(**read_arrays(path, {name: forms[name] for name in wanted}))
        learnt = learnt._replace(unrelated=float(learnt.unrelated))
        if learnt.projection is not None and learnt.projection.shape[1] != len(learnt.mean):
            raise ValueError(f"a projection of shape {learnt.projection.shape} and a mean of {len(learnt.mean)} values")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not what `{kind}` learns ({reason(error)}); delete it and run again") from None
    return learnt


def _by_name(shards: Sequence[Path]) -> tuple[list[tuple[str, Path, int]], int]:
    """Where the descriptor of each photo lies, in the order of the photos' names, and how long all of them are."""
    lengths = {shard: open_shard(shard).shape for shard in shards}
    filled = {shard: columns for shard, (rows, columns) in lengths.items() if rows}
    if len(set(filled.values())) > 1:
        (one, first), (other, second) = ((shard, length) for shard, length in _two_that_differ(filled))
        raise InputError(
            f"{one} and {other}: descriptors of {first} and of {second} values; describe the photos again by one system"
        )
    found = chain.from_iterable(((name, shard, row) for row, name in enumerate(shard_names(shard))) for shard in shards)
    return sorted(found, key=lambda photo: photo[0]), next(iter(filled.values()), 0)


def _two_that_differ(lengths: dict[Path, int]) -> list[tuple[Path, int]]:
    first = next(iter(lengths.items()))
    return [first, next(each for each in lengths.items() if each[1] != first[1])]


def _blocks(photos: Sequence[tuple[str, Path, int]]) -> Iterator[np.ndarray]:
    """Descriptors as float64, (512, D) and less at the end."""
    for start in range(0, len(photos), _BLOCK):
        part = photos[start : start + _BLOCK]
        # Mapped anew for each block, because pages once read count as this process's memory until they are unmapped.
        mapped = {shard: open_shard(shard) for shard in {shard for _, shard, _ in part}}
        yield np.stack([mapped[shard][row] for _, shard, row in part]).astype(np.float64)


def _fixed_point(values: np.ndarray) -> np.ndarray:
    """Vectors of length 2 at most in steps of 2**-25: partial sums of products with unit vectors stay below 2**53."""
    return np.rint(values * 2.0**_FRACTION_BITS) * 2.0**-_FRACTION_BITS
