"""Luminance deviation: the standard deviation of grey values around each pixel (section 3.4.1), as SD-PIRE has it."""

from typing import TYPE_CHECKING

import numpy as np

from cvpire.variance.scaling import normalise
from cvpire.variance.windows import window_counts, window_sums

if TYPE_CHECKING:
    from cvpire.config import VarianceOptions


def compute(photo: np.ndarray, options: "VarianceOptions", *, device: str, threads: int | None) -> np.ndarray:
    """Compute the map of a photo, uint8 of shape (H, W, 3); see `cvpire.variance.maps.variance_map`."""
    grey = grey_values(photo, options.luma)
    return normalise(luminance_deviation(grey, options.kernel_size, options.deviation_divisor), options.normalisation)


def grey_values(photo: np.ndarray, luma: str) -> np.ndarray:
    """Convert a photo to grey values in [0, 255].

    Parameters
    ----------
    photo : numpy.ndarray
        uint8, shape (H, W, 3).
    luma : {"bt709", "bt601-truncated"}
        Equation 3.6, or ITU-R 601 in 16-bit integer arithmetic, cut to a whole number, as the released code has it.

    Returns
    -------
    numpy.ndarray
        float64, shape (H, W).
    """
    if luma == "bt709":
        return photo @ np.array([0.2126, 0.7152, 0.0722])
    return ((photo @ np.array([19595, 38470, 7471])) >> 16).astype(np.float64)


def luminance_deviation(grey: np.ndarray, kernel_size: int, deviation_divisor: str = "count") -> np.ndarray:
    """Standard deviation of the grey values around each pixel (eq. 3.7).

    Parameters
    ----------
    grey : numpy.ndarray
        Shape (H, W).
    kernel_size : int
        n, odd. Neighbours outside the photo are skipped and not counted.
    deviation_divisor : {"count", "count-squared"}
        What the sum of squares is divided by under the root.

    Returns
    -------
    numpy.ndarray
        float64, shape (H, W), >= 0.
    """
    reach = kernel_size // 2
    # Sums of squares of grey values lose digits to cancellation; float64 has enough, and a common offset costs none.
    grey = grey.astype(np.float64) - np.round(grey.mean())
    count = window_counts(*grey.shape, reach)
    total, squares = window_sums(grey, reach), window_sums(grey * grey, reach)
    sum_of_squares = np.maximum(squares - total * total / count, 0)
    return np.sqrt(sum_of_squares / (count if deviation_divisor == "count" else count * count))
