"""Options that datasets of every kind have."""

from typing import Annotated, Literal

from pydantic import Field

from cvpire.datasets import CleanTwin, QueryPart
from cvpire.options import Name, Options


class PhotoOptions(Options):
    """How a photo is read."""

    decoder: Literal["libjpeg-turbo", "libjpeg-9"] = "libjpeg-turbo"
    """Who decodes JPEG files; the published numbers were made with libjpeg 9."""
    profile: Literal["convert", "ignore"] = "convert"
    """Colours are converted to sRGB by the photo's profile, or taken as if they were sRGB (the released code)."""
    longest_side: Annotated[int, Field(ge=16)] | None = None
    """Longest side in pixels, larger photos are reduced (thesis: native size)."""


class DatasetOptions(PhotoOptions):
    """A dataset of any kind."""

    query: QueryPart = "whole"
    """Query with the whole image (thesis) or its bounding box (the standard protocol)."""
    clean_twin: CleanTwin = "junk"
    """The query's own clean photo in the database counts as relevant (code) or is left out of the ranking."""
    attacks: Annotated[list[Name], Field(min_length=1)] | None = None
    """Attacks that run on this dataset; default: all."""
    victims: Annotated[list[Name], Field(min_length=1)] | None = None
    """Networks and systems that rank its queries; default: those of the whole run."""
    transformations: list[Name] | None = None
    """Transformations that its saved queries go through; default: all."""
    queries: Annotated[list[str], Field(min_length=1)] | None = None
    """Queries that are attacked and measured, by photo name; default: all of the ground truth."""
    distractors: Name | None = None
    """Further photos in the database, wrong answers to every query: a name of the section `distractors`."""


BESIDE_THE_LISTING = (*PhotoOptions.model_fields, "query", "attacks", "victims", "transformations", "distractors")
"""Fields that say how photos are read and attacked, not which there are: not options of `cvpire dataset`."""
