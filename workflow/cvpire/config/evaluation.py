"""Options of what is measured: image quality, ranking, and the check of clean mAP."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat

from cvpire.options import Odd, Options


class QualityOptions(Options):
    """Image quality of an adversarial query against its original (section 4.1.2)."""

    window: Odd = 7
    """Side of SSIM's uniform window in pixels."""
    data_range: PositiveFloat = 1.0
    """SSIM's dynamic range L for values in [0, 1]: 1 is right, the published numbers used 2."""


class RetrievalOptions(Options):
    """Ranking and its measure (section 4.1.1)."""

    average_precision: Literal["sum", "trapezoid"] = "sum"
    """eq. 4.1 (text) or the trapezoid under the precision-recall curve (code)."""
    shard_size: Annotated[int, Field(ge=1, le=1000)] = 256
    """Database images per descriptor job, on average."""


class GateOptions(Options):
    """Compare the clean mAP with the published one before any attack (docs/datasets.md)."""

    enabled: bool = False
    """Stop where the clean mAP is not the published one."""
    tolerance: PositiveFloat = 1.0
    """Largest difference that passes, in percentage points of mAP."""
