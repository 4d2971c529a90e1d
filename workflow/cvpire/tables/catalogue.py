"""The tables: what each shows, and which module makes it."""

from typing import NamedTuple


class Table(NamedTuple):
    """A table of the thesis, by its number, or of ours."""

    caption: str
    module: str
    """Module of `cvpire.tables` that makes it."""


_INTERVALS = (
    "Means with 95 % confidence intervals (BCa bootstrap, 9999 resamples, over queries and over landmarks), both forms "
    "of mAP and both SSIM ranges. Thesis: the printed number; difference: ours minus that."
)
_TESTS = (
    "Paired differences, first minus second, with 95 % intervals. The sign-flip p is adjusted by Holm's method over "
    "the pairs of a dataset, measure and unit; the landmark is the unit to go by: its queries are not independent."
)

CATALOGUE = {
    "4.1": Table(
        "Retrieval performance (mAP in percent) and image quality (mSSIM) of unchanged and adversarial queries.",
        "performance",
    ),
    "4.1-confidence": Table(_INTERVALS, "performance"),
    "4.2": Table(
        "One attack beside another at several multipliers m after equally many iterations. Random mAP is the "
        "expectation for a random ranking of the database.",
        "thresholds",
    ),
    "4.2-confidence": Table(_INTERVALS, "thresholds"),
    "4.2-comparisons": Table(_TESTS, "thresholds"),
    "comparisons": Table(_TESTS, "comparisons"),
    "difficulties": Table("mAP in percent by the difficulty of the revisited ground truth.", "difficulties"),
    "differences": Table(
        "The effect of each difference between text and code: mAP in percent, image quality, colour difference.",
        "differences",
    ),
}
"""By name."""
