"""What a workflow needs to know of a dataset before any of its jobs has run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cvpire.datasets import Query

Find = Callable[[str], str]
"""From the name of a download, or a path, to the path of a file."""


@dataclass(frozen=True)
class Planned:
    """Queries and database of a dataset, as far as they are known."""

    photos: Mapping[str, Path]
    """By name: those of the queries at least."""
    queries: Mapping[str, Query]
    """By name, sorted; with boxes, and with answers where they are known."""
    size: int
    """Number of photos in the database."""
    database: tuple[str, ...] | None = None
    """Their names, sorted; None: known when everything is downloaded."""
    unpacked: str | None = None
    """A file that is there when all photos are, which jobs depend on instead of the photos: they come together."""
    ground_truth: str | None = None
    """The file of the ground truth."""
    made: bool = False
    """A rule of the workflow makes the photos; else they are there, or are unpacked."""
    downloads: tuple[str, ...] = ()
    """Names of the files that have to be downloaded for it."""
    notes: tuple[str, ...] = ()
    """What is left out and why, as far as it is known: said before the run starts."""

    @property
    def given(self) -> Mapping[str, Path]:
        """Photos that are there before the run, by name: neither made nor unpacked by it."""
        return {} if self.made or self.unpacked else self.photos

    def source(self, photo: str) -> str:
        """What a job that reads a photo depends on."""
        return self.unpacked or str(self.photos[photo])

    def sources(self) -> list[str]:
        """What the listing of the dataset depends on."""
        return [file for file in (self.ground_truth, self.unpacked) if file]
