"""A folder of photos and a ground-truth file."""

from typing import Literal

from pydantic import ConfigDict

from cvpire.datasets import Dataset, Missing, with_clean_twin, with_queries
from cvpire.datasets.options import DatasetOptions
from cvpire.datasets.planned import Find, Planned


class FolderDataset(DatasetOptions):
    """A folder of photos and a ground-truth file."""

    # An editor sees one file; `folder` and `ground_truth` may stand at its top or on the command line.
    model_config = ConfigDict(json_schema_extra={"required": ["kind"]})

    kind: Literal["folder"]
    """folder"""
    folder: str
    """Folder of the photos, from where snakemake is started; default: the top-level `folder`."""
    ground_truth: str
    """Ground truth, our JSON or the Oxford/Paris pickle; default: the top-level `ground_truth`."""
    missing: Missing = "error"
    """A photo that the ground truth names and the folder lacks stops the run, or is dropped."""


def plan(options: FolderDataset, find: Find) -> Planned:
    """What is known of the dataset: everything, since its photos are there."""
    found = read(options)
    return Planned(
        found.photos,
        found.queries,
        len(found.database),
        found.database,
        ground_truth=options.ground_truth,
        notes=found.notes,
    )


def read(options: FolderDataset) -> Dataset:
    """List the photos, queries and answers."""
    from cvpire.datasets.folder import read_folder

    found = read_folder(options.folder, options.ground_truth, options.missing)
    return with_clean_twin(with_queries(found, options.queries), options.clean_twin)
