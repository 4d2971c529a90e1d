"""Oxford-5k and Paris-6k, original and revisited: what is known before any download, and how they are read after it."""

import csv
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cvpire.datasets import Dataset, Difficulty, Query, some, with_queries
from cvpire.errors import InputError, counted

if TYPE_CHECKING:
    from cvpire.datasets.ground_truth import GroundTruth

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Benchmark:
    """A public dataset with ground truth."""

    photos: str
    """Whose photos it has: the revisited benchmarks judge those of the original ones anew."""
    archives: tuple[str, ...]
    """Downloads that hold the photos."""
    ground_truth: str
    """Download of the ground truth."""
    database: int
    """Number of photos that are ranked."""
    queries: int
    """Number of queries: photos of the database, or, revisited, photos beside it."""
    revisited: bool
    """The ground truth tells easy from hard."""


_OXFORD = ("oxbuild_images-v1.tgz",)
_PARIS = ("paris_1-v1.tgz", "paris_2-v1.tgz")

BENCHMARKS = {
    "oxford5k": Benchmark("oxford5k", _OXFORD, "gnd_oxford5k.pkl", 5063, 55, revisited=False),
    "paris6k": Benchmark("paris6k", _PARIS, "gnd_paris6k.pkl", 6392, 55, revisited=False),
    "roxford5k": Benchmark("oxford5k", _OXFORD, "gnd_roxford5k.pkl", 4993, 70, revisited=True),
    "rparis6k": Benchmark("paris6k", _PARIS, "gnd_rparis6k.pkl", 6322, 70, revisited=True),
}
"""By name of the dataset.

Counts are those of the ground-truth files that the authors of cnnimageretrieval-pytorch and revisitop distribute (the
20 corrupt photos of Paris are not among them); archives are those that the Visual Geometry Group, Oxford, distributes.

References
----------
.. [1] Philbin, Chum, Isard, Sivic and Zisserman, "Object retrieval with large vocabularies and fast spatial matching",
   CVPR 2007.
.. [2] The same, "Lost in quantization: Improving particular object retrieval in large scale image databases",
   CVPR 2008.
.. [3] Radenović, Iscen, Tolias, Avrithis and Chum, "Revisiting Oxford and Paris: Large-Scale Image Retrieval
   Benchmarking", CVPR 2018.
"""


THESIS = tuple(name for name, known in BENCHMARKS.items() if not known.revisited)
"""The thesis's datasets, in the order of its tables' columns."""


def benchmark_queries(kind: str) -> dict[str, Box]:
    """Queries of a benchmark, as its ground-truth file has them (`benchmark-queries.csv`).

    Parameters
    ----------
    kind : str
        A key of `BENCHMARKS`.

    Returns
    -------
    dict
        Bounding box (x0, y0, x1, y1) in pixels by photo name, sorted.

    Raises
    ------
    InputError
        There is no such benchmark.
    """
    if kind not in BENCHMARKS:
        raise InputError(f"{kind!r}: no such benchmark; there are {', '.join(BENCHMARKS)}")
    with Path(__file__).with_name("benchmark-queries.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["dataset"] == kind]
    return {row["query"]: (float(row["x0"]), float(row["y0"]), float(row["x1"]), float(row["y1"])) for row in rows}


def planned_benchmark(kind: str, folder: str | Path, queries: Collection[str] | None = None) -> Dataset:
    """The queries of a benchmark before anything is downloaded: enough to plan every job that handles one query.

    Parameters
    ----------
    kind : str
        A key of `BENCHMARKS`.
    folder : str or Path
        Where the photos will be.
    queries : collection of str, optional
        Names; default: all.

    Returns
    -------
    Dataset
        Photos `folder/NAME.jpg` and bounding boxes of the queries; no answers yet and an empty database, of which
        `BENCHMARKS` knows the size. `read_benchmark` gives the same queries with all the rest.

    Raises
    ------
    InputError
        There is no such benchmark or query.
    """
    boxes, nothing = benchmark_queries(kind), frozenset()
    photos = {name: Path(folder) / f"{name}.jpg" for name in boxes}
    planned = Dataset(photos, (), {name: Query(nothing, nothing, box) for name, box in boxes.items()})
    return with_queries(planned, queries)


def read_benchmark(
    kind: str,
    folder: str | Path,
    ground_truth: str | Path,
    difficulty: Difficulty = "medium",
    queries: Collection[str] | None = None,
) -> Dataset:
    """Join a benchmark's photos with its ground truth.

    Parameters
    ----------
    kind : str
        A key of `BENCHMARKS`.
    folder : str or Path
        Holds every photo of the ground truth as `NAME.jpg`; what else is there is not looked at.
    ground_truth : str or Path
        See `cvpire.datasets.ground_truth.read_ground_truth`.
    difficulty : {"easy", "medium", "hard"}
        Which answers the queries of a revisited benchmark carry.
    queries : collection of str, optional
        Names; default: all. With names given the file may be a part of the benchmark's: only these queries must be in
        it, and its database may have any size.

    Returns
    -------
    Dataset
        With the ground truth as it is given (`cvpire.datasets.with_clean_twin` says what to do with it).

    Raises
    ------
    InputError
        There is no such benchmark or query, bad ground truth or another benchmark's, missing photos.
    """
    from cvpire.datasets.ground_truth import read_ground_truth

    folder, known = Path(folder), BENCHMARKS.get(kind)
    planned = planned_benchmark(kind, folder, queries)
    truth = read_ground_truth(ground_truth, difficulty)
    if fault := _fault(truth, planned, known.database if queries is None else None, known.revisited):
        raise InputError(
            f"{ground_truth}: not the ground truth of {kind} ({fault}); expected the content of {known.ground_truth}, "
            f"with {known.queries} queries and {known.database} database photos"
        )
    photos = {name: folder / f"{name}.jpg" for name in sorted({*truth.database, *planned.queries})}
    if lacking := [name for name, photo in photos.items() if not photo.is_file()]:
        raise InputError(
            f"{folder}: lacks {len(lacking)} of the {len(photos)} photos that {ground_truth} names ({some(lacking)}); "
            f"unpack {', '.join(known.archives)} again"
        )
    return Dataset(photos, truth.database, {name: truth.queries[name] for name in planned.queries})


def photo_names(ground_truth: str | Path) -> frozenset[str]:
    """Photos that a ground-truth file names: what must come out of the archives, no more and no less."""
    from cvpire.datasets.ground_truth import read_ground_truth

    return read_ground_truth(ground_truth).names


def _fault(truth: "GroundTruth", planned: Dataset, database: int | None, revisited: bool) -> str | None:
    """Say why ground truth is not that of the planned queries, or None; a `database` of None may have any size."""
    if lacking := planned.queries.keys() - truth.queries.keys():
        return f"it lacks the queries {some(lacking)}"
    if any(bool(query.difficulties) != revisited for query in truth.queries.values()):
        return "it is the original one" if revisited else "it is the revisited one"
    if moved := [name for name, query in planned.queries.items() if query.box != truth.queries[name].box]:
        return f"the boxes of {some(moved)} differ"
    if truth.database is None:
        return "it has no database"
    if database is not None and len(truth.database) != database:
        return f"its database has {counted(len(truth.database), 'photo')}"
    if database is not None and (others := truth.queries.keys() - planned.queries.keys()):
        return f"it has other queries: {some(others)}"
    return None
