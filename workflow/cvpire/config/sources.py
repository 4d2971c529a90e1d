"""Options of what a run starts from: datasets, distractors, downloads, published artefacts."""

from functools import reduce
from operator import or_
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, model_validator

from cvpire.datasets.benchmarks import THESIS
from cvpire.datasets.catalogue import KINDS
from cvpire.datasets.options import PhotoOptions
from cvpire.options import Options

AnyDataset = Annotated[reduce(or_, dict.fromkeys(kind.options for kind in KINDS.values())), Field(discriminator="kind")]
"""A dataset of one of the kinds."""

Thesis = Literal[*THESIS]
"""The thesis's datasets."""


class DistractorOptions(PhotoOptions):
    """A folder of photos that are wrong answers to every query, like the million of R1M."""

    folder: str
    """Folder of the photos; subfolders are looked through."""


class DownloadOptions(Options):
    """A file to download (config/downloads.yaml)."""

    urls: Annotated[list[str], Field(min_length=1)]
    """Addresses, tried in this order."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{7,64}$")] | None = None
    """SHA-256 in hexadecimal, or its beginning; default: what the first download had, kept in downloads.lock."""
    megabytes: PositiveFloat
    """Size, roughly, for `cvpire estimate`."""


class AuditOptions(Options):
    """Where the thesis's published artefacts come from; with this section, the audit is part of the run."""

    photos: str | None = None
    """Folder of the original photos; default: those of the author's repository, which is downloaded."""
    published: str | None = None
    """Folder of the published artefacts: CV-PIRE, SD-PIRE, PIRE, variance; default: as for photos."""
    dataset: Thesis | None = None
    """Whose artefacts they are, and whose numbers of Table 4.1 stand beside the recomputed ones."""
    colour: bool = False
    """Also compare the published methods by measures that see colour (section 5.2.4); a quarter of an hour."""

    @model_validator(mode="after")
    def _source(self) -> "AuditOptions":
        if (self.photos is None) != (self.published is None):
            raise ValueError("expected both folders, photos and published, or neither (the author's repository)")
        if self.photos is None and self.dataset is None:
            raise ValueError(f"expected a dataset ({' or '.join(THESIS)}), or the folders photos and published")
        return self
