"""Logos, plain and photographed, made from icons: no download."""

from typing import Literal

from cvpire import layout
from cvpire.datasets import Dataset, with_clean_twin, with_queries
from cvpire.datasets.logos import logos_dataset
from cvpire.datasets.options import DatasetOptions
from cvpire.datasets.planned import Find, Planned


class LogosDataset(DatasetOptions):
    """Logos, plain and photographed, made from icons: no download."""

    kind: Literal["logos"]
    """logos"""


def plan(options: LogosDataset, find: Find) -> Planned:
    """What is known of the dataset: everything, since what its photos show is decided here."""
    found = read(options)
    return Planned(found.photos, found.queries, len(found.database), found.database, made=True, notes=found.notes)


def read(options: LogosDataset) -> Dataset:
    """List the photos, queries and answers."""
    found = logos_dataset(layout.LOGO_PHOTOS)
    return with_clean_twin(with_queries(found, options.queries), options.clean_twin)
