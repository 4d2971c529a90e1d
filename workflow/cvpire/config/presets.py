"""Where the thesis's text and its released code differ: what the code does."""

from typing import Any

from cvpire.config.attacks import AttackOptions, SavingOptions
from cvpire.config.evaluation import QualityOptions, RetrievalOptions
from cvpire.config.variance import VarianceOptions
from cvpire.datasets.options import DatasetOptions, PhotoOptions
from cvpire.options import Options

RELEASED: dict[type[Options], dict[str, Any]] = {
    PhotoOptions: {"decoder": "libjpeg-9", "profile": "ignore"},
    DatasetOptions: {"clean_twin": "relevant"},
    VarianceOptions: {
        "mean_over": "neighbours",
        "luma": "bt601-truncated",
        "deviation_divisor": "count-squared",
        "normalisation": "stretched-8-bit",
    },
    AttackOptions: {
        "objective": "descriptor-sum",
        "bound_space": "normalised",
        "projection": "before-step",
    },
    SavingOptions: {"enlargement": "released", "rounding": "nearest"},
    QualityOptions: {"data_range": 2.0},
    RetrievalOptions: {"average_precision": "trapezoid"},
}
"""What the released code does where it differs from the text (docs/reproduction.md has the evidence)."""


def preset_values(section: type[Options], preset: str) -> dict[str, Any]:
    """Options of a section that a preset sets; for `text` none, since the defaults are the text's."""
    if preset != "released":
        return {}
    return {key: value for base in reversed(section.__mro__) for key, value in RELEASED.get(base, {}).items()}
