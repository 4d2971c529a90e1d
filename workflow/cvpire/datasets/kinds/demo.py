"""Photos made from those that scikit-image ships: no download."""

from typing import Literal

from cvpire import layout
from cvpire.datasets import Dataset, with_clean_twin, with_queries
from cvpire.datasets.demo import PARTS, demo_dataset
from cvpire.datasets.options import DatasetOptions
from cvpire.datasets.planned import Find, Planned

Part = Literal[*PARTS]


class DemoDataset(DatasetOptions):
    """Photos made from those that scikit-image ships: no download."""

    kind: Literal["demo"]
    """demo"""
    part: Part
    """Which of the two demo datasets."""


def plan(options: DemoDataset, find: Find) -> Planned:
    """What is known of the dataset: everything, since what its photos show is decided here."""
    found = read(options)
    return Planned(found.photos, found.queries, len(found.database), found.database, made=True, notes=found.notes)


def read(options: DemoDataset) -> Dataset:
    """List the photos, queries and answers."""
    found = demo_dataset(options.part, layout.DEMO_PHOTOS.format(part=options.part))
    return with_clean_twin(with_queries(found, options.queries), options.clean_twin)
