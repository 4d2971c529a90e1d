"""What approximate nearest neighbours cost and save: time, memory, and the mAP of originals and of perturbed queries.

The database is synthetic: photos in clusters of 50, as landmarks have them, around centres that lie in 32 of all
dimensions. SEARCH_PHOTOS=200000 makes it smaller.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import faiss
import numpy as np
from cvpire.retrieval.average_precision import average_precision
from cvpire.retrieval.descriptors import write_shard
from cvpire.retrieval.ranking import positions
from cvpire.retrieval.search import KINDS, approximate_scores, build
from cvpire.retrieval.similarity import similarities

from benchmarks.timing import Line, Share, compare

SHARD = 4096  # photos
CLUSTER = 50  # photos of a landmark
LATENT = 32  # dimensions in which centres lie
KEPT = 0.7  # share of a perturbed query that is still of its landmark
RETURNED = 1000  # photos that a search is asked for
TOP = 100  # photos of the exact ranking that it should have found


class Town(NamedTuple):
    """A database, and queries of some of its landmarks."""

    vectors: np.ndarray
    originals: np.ndarray
    perturbed: np.ndarray
    relevant: np.ndarray
    """(Q, 50): rows of each query's landmark, anywhere: what is not found ends a ranking in the order of rows."""


def lines(
    photos: int = int(os.environ.get("SEARCH_PHOTOS", 1_000_000)), dimensions: int = 128, queries: int = 70
) -> list[Line | Share | tuple[str, float, float]]:
    """Compare every kind of search with exact ranking, on descriptors of a million photos (0.5 GB)."""
    town, made = make_town(photos, dimensions, queries), []
    both = {"originals": town.originals, "perturbed queries": town.perturbed}
    with tempfile.TemporaryDirectory() as folder:
        shards = write(Path(folder), town.vectors)
        exact = {name: clocked(similarities, shards, asked) for name, asked in both.items()}
    for kind in KINDS:
        index, built = clocked(build, kind, town.vectors, 0)
        made.append((f"build {kind} of {photos:,} x {dimensions}", megabytes(index), built))
        for name, asked in both.items():
            found, seconds = clocked(approximate_scores, index, asked, RETURNED)
            best, exact_seconds = exact[name]
            maps = [mean_precision(scores, town.relevant) for scores in (found, best)]
            made += [
                compare(f"search {queries} {name} by {kind}", "exact ranking", [seconds], [exact_seconds], ">= 1"),
                Share(f"  of the exact top {TOP} in the first {TOP} of {kind}", recall(found, best, TOP)),
                Share(f"  of the exact top {TOP} in the first {RETURNED} of {kind}", recall(found, best, RETURNED)),
                Share(f"  mAP of {name} by {kind}", maps[0], "exact ranking", maps[1]),
            ]
    return made


def clocked(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """Result of a call, and how many seconds it took."""
    start = time.perf_counter()
    return function(*arguments), time.perf_counter() - start


def make_town(photos: int, dimensions: int, queries: int) -> Town:
    """Make a database in clusters, whose photos have a part of noise as long as that of their centre.

    A perturbed query is turned towards another landmark, as an attack turns it away from its own.
    """
    random = np.random.default_rng(0)
    basis = np.linalg.qr(random.standard_normal((dimensions, min(LATENT, dimensions))))[0].T.astype(np.float32)
    centres = units(random.standard_normal((-(-photos // CLUSTER), len(basis)), dtype=np.float32) @ basis)

    def around(centre: np.ndarray) -> np.ndarray:
        return units(centre + units(random.standard_normal(centre.shape, dtype=np.float32)))

    made = np.concatenate(
        [around(np.repeat(centres[start : start + 1000], CLUSTER, axis=0)) for start in range(0, len(centres), 1000)]
    )[:photos]
    place = random.permutation(photos)
    vectors = np.empty_like(made)
    vectors[place] = made
    originals, others = around(centres[:queries]), around(centres[-queries:])
    perturbed = units(KEPT * originals + np.sqrt(1 - KEPT**2).astype(np.float32) * others)
    return Town(vectors, originals, perturbed, place[: queries * CLUSTER].reshape(queries, CLUSTER))


def recall(scores: np.ndarray, exact: np.ndarray, first: int) -> float:
    """Percentage of the first 100 photos of the exact rankings, (Q, N), that are among the first ones of the others."""
    top, found = (np.argpartition(-each, count - 1)[:, :count] for each, count in ((exact, TOP), (scores, first)))
    return 100 * float(np.mean([np.isin(one, other).mean() for one, other in zip(top, found, strict=True)]))


def mean_precision(scores: np.ndarray, relevant: np.ndarray) -> float:
    """The mAP, in percent, of rankings, (Q, N), with these rows relevant, (Q, R)."""
    return 100 * float(np.mean([average_precision(positions(*each)) for each in zip(scores, relevant, strict=True)]))


def megabytes(index: faiss.Index) -> float:
    """Size of an index in memory: that of its file."""
    return faiss.serialize_index(index).nbytes / 1e6


def write(folder: Path, vectors: np.ndarray) -> list[Path]:
    """Write the database as shards."""
    shards = []
    for start in range(0, len(vectors), SHARD):
        rows = vectors[start : start + SHARD]
        shards.append(folder / f"shard-{start:08}.npy")
        write_shard(shards[-1], [f"photo {start + row:08}" for row in range(len(rows))], rows)
    return shards


def units(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
