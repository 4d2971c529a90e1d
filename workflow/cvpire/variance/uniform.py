"""A map that is 1 everywhere: perturbations as PIRE bounds them."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cvpire.config import VarianceOptions


def compute(photo: np.ndarray, options: "VarianceOptions", *, device: str, threads: int | None) -> np.ndarray:
    """Compute the map of a photo, uint8 of shape (H, W, 3); see `cvpire.variance.maps.variance_map`."""
    return np.ones(photo.shape[:2], dtype=np.float32)
