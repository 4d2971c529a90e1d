"""Options of tables and figures."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from cvpire.figures.catalogue import CATALOGUE as FIGURES
from cvpire.measures import QUALITY
from cvpire.options import Name, Options
from cvpire.tables.catalogue import CATALOGUE as TABLES

FigureNumber = Literal[*FIGURES]
TableNumber = Literal[*dict.fromkeys(table.section for table in TABLES.values() if table.section)]
"""Tables that a configuration asks for; the others are always made."""


class FigureOptions(Options):
    """What a figure shows; what is not given is chosen by the rule in docs/figures.md."""

    dataset: Name | None = None
    """Dataset (default: the first, or the last where the thesis shows Paris-6k)."""
    datasets: Annotated[list[Name], Field(min_length=1)] | None = None
    """Datasets side by side (4.4, 4.5, A.4; default: all that have the attacks)."""
    attack: Name | None = None
    """Attack of 4.3, 4.4, A.1, or the one whose map bounds (default: the first)."""
    attacks: Annotated[list[Name], Field(min_length=1)] | None = None
    """Attacks side by side (default: all on the dataset; 4.8 to 4.11: the first two)."""
    maps: Annotated[list[Name], Field(min_length=1)] | None = None
    """Variance maps of 4.7 (default: all but the uniform ones)."""
    query: str | None = None
    """Query photo."""
    rule: Literal["ap-drop", "ssim-difference"] | None = None
    """Order from which a query is taken: drop of AP, or SSIM of the first attack minus that of the second."""
    quantile: Annotated[float, Field(ge=0, le=1)] | None = None
    """Which query of that order: 0 the first, 0.5 the median one, 1 the last."""
    count: PositiveInt | None = None
    """How many queries, or, of a random sample, how many of each dataset."""
    seed: Annotated[int, Field(ge=0)] | None = None
    """Seed of a random sample."""
    iterations: PositiveInt | None = None
    """After how many iterations (4.4; thesis: 150; default: those of Table 4.1)."""
    crop: tuple[int, int, int] | None = None
    """Magnified square: left, top, side in pixels of the query."""
    magnification: Annotated[int, Field(ge=2, le=32)] | None = None
    """Magnification of the square."""
    measure: Literal[*(measure.column for measure in QUALITY)] | None = None
    """Measure of image quality of map-against-quality (default: SSIMULACRA2 where it was measured, else SSIM)."""


class TableOptions(Options):
    """What a table compares."""

    attack: Name | None = None
    """Attack at its headline multiplier (default: the first)."""
    other: Name | None = None
    """Attack at all its multipliers (default: the second)."""
