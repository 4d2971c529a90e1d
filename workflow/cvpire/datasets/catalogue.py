"""The kinds of datasets: options, plan and listing of each, by the name that the configuration gives it."""

from collections.abc import Callable
from typing import Any, NamedTuple

from cvpire.datasets import Dataset
from cvpire.datasets.benchmarks import BENCHMARKS
from cvpire.datasets.kinds import benchmark, demo, folder, logos
from cvpire.datasets.options import DatasetOptions
from cvpire.datasets.planned import Find, Planned


class Kind(NamedTuple):
    """A kind of dataset."""

    options: type[DatasetOptions]
    plan: Callable[[Any, Find], Planned]
    """What is known before any job runs."""
    read: Callable[[Any], Dataset]
    """The photos, queries and answers, when everything is there."""
    revisited: bool = False
    """Its ground truth tells easy from hard."""


KINDS = {
    "demo": Kind(demo.DemoDataset, demo.plan, demo.read),
    "folder": Kind(folder.FolderDataset, folder.plan, folder.read),
    "logos": Kind(logos.LogosDataset, logos.plan, logos.read),
    **{
        name: Kind(benchmark.BenchmarkDataset, benchmark.plan, benchmark.read, known.revisited)
        for name, known in BENCHMARKS.items()
    },
}
"""By name."""
