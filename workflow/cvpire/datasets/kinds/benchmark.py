"""Oxford-5k and Paris-6k, with the original ground truth or the revisited one: downloaded."""

from typing import Literal

from cvpire import layout
from cvpire.datasets import Dataset, Difficulty, with_clean_twin
from cvpire.datasets.benchmarks import BENCHMARKS, planned_benchmark, read_benchmark
from cvpire.datasets.options import DatasetOptions
from cvpire.datasets.planned import Find, Planned


class BenchmarkDataset(DatasetOptions):
    """Oxford-5k or Paris-6k, with the original ground truth or the revisited one: downloaded."""

    kind: Literal[*BENCHMARKS]
    """oxford5k, paris6k (thesis): 55 queries that are in the database; roxford5k, rparis6k: 70 that are not."""
    ground_truth: str | None = None
    """Pickle or MATLAB file, or the name of a download; default: the pickle that the authors publish."""
    difficulty: Difficulty = "medium"
    """Which photos count as relevant in the revisited ground truth; the results hold all three."""


def plan(options: BenchmarkDataset, find: Find) -> Planned:
    """What is known of the dataset before anything is downloaded: its queries, and the size of its database."""
    known = BENCHMARKS[options.kind]
    found = planned_benchmark(options.kind, layout.PHOTOS.format(photo_set=known.photos), options.queries)
    ground_truth = options.ground_truth or known.ground_truth
    return Planned(
        found.photos,
        found.queries,
        known.database,
        unpacked=layout.UNPACKED.format(photo_set=known.photos),
        ground_truth=find(ground_truth),
        # Which photos the archives must give is what the original ground truth says.
        downloads=(*known.archives, ground_truth, BENCHMARKS[known.photos].ground_truth),
    )


def read(options: BenchmarkDataset) -> Dataset:
    """List the photos, queries and answers; `ground_truth` is the path of a file."""
    folder = layout.PHOTOS.format(photo_set=BENCHMARKS[options.kind].photos)
    found = read_benchmark(options.kind, folder, options.ground_truth, options.difficulty, options.queries)
    return with_clean_twin(found, options.clean_twin)
