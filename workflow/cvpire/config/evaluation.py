"""Options of what is measured: image quality, ranking, and the check of clean mAP."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt

from cvpire.measures import QUALITY
from cvpire.options import Odd, Options


def _in_order(columns: list[str]) -> list[str]:
    return [measure.column for measure in QUALITY if measure.column in columns]


_Columns = Annotated[
    list[Literal[*(measure.column for measure in QUALITY)]], Field(min_length=1), AfterValidator(_in_order)
]


class QualityOptions(Options):
    """Image quality of an adversarial query against its original (section 4.1.2)."""

    window: Odd = 7
    """Side of SSIM's uniform window in pixels."""
    data_range: PositiveFloat = 1.0
    """SSIM's dynamic range L for values in [0, 1]: 1 is right, the published numbers used 2."""
    measures: _Columns = [measure.column for measure in QUALITY if measure.by_default]
    """What is measured, as columns of queries.csv; the others stay empty. docs/performance.md says what each costs."""


class RetrievalOptions(Options):
    """Ranking and its measure (section 4.1.1)."""

    average_precision: Literal["sum", "trapezoid"] = "sum"
    """eq. 4.1 (text) or the trapezoid under the precision-recall curve (code)."""
    shard_size: Annotated[int, Field(ge=1, le=1000)] = 256
    """Database images per descriptor job, on average."""


class DatabaseOptions(Options):
    """What a system of any kind learns from a database, and how it looks for the nearest photos there."""

    learnt: Literal["nothing", "centre", "whiten"] = "nothing"
    """What descriptors get that is learnt from those of the database: nothing (thesis), minus their mean, or whitening
    by their principal components. Then unit length again. Not for systems of local features, which learn words."""
    dimensions: PositiveInt | None = None
    """Of a whitening, the first ones; default: all that the database has photos for."""
    search: Literal["exact", "hnsw", "ivf-pq"] = "exact"
    """Nearest photos exactly, or nearly so and faster in large databases (section 2.2.1): a graph of neighbours, or
    compressed descriptors in cells. What a search does not find stands last."""


class GateOptions(Options):
    """Compare the clean mAP with the published one before any attack (docs/datasets.md)."""

    enabled: bool = False
    """Stop where the clean mAP is not the published one."""
    tolerance: PositiveFloat = 1.0
    """Largest difference that passes, in percentage points of mAP."""
