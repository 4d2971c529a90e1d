"""Differences of photos pixel by pixel.

Written out: importing the first three from scikit-image takes longer than measuring a photo.
"""

from typing import TYPE_CHECKING

import numpy as np

from cvpire.colour import ciede2000, srgb_to_lab
from cvpire.quality.pair import Pair

if TYPE_CHECKING:
    from cvpire.config import QualityOptions


def mse(pair: Pair, options: "QualityOptions") -> float:
    """Measure the mean squared error."""
    return pair.once(_mse)


def nrmse(pair: Pair, options: "QualityOptions") -> float:
    """Measure the root of the mean squared error by the original's Euclidean norm; not a number for a black one."""
    norm = float(np.sqrt(np.mean(pair.original**2)))
    return float(np.sqrt(pair.once(_mse))) / norm if norm else float("nan")


def psnr(pair: Pair, options: "QualityOptions") -> float:
    """Measure the peak signal-to-noise ratio in dB; infinite for equal photos."""
    error = pair.once(_mse)
    return float(-10 * np.log10(error)) if error else float("inf")


def mean_ciede2000(pair: Pair, options: "QualityOptions") -> float:
    """Measure the mean colour difference (CIEDE2000)."""
    return pair.once(_ciede2000)[0]


def p95_ciede2000(pair: Pair, options: "QualityOptions") -> float:
    """Measure the colour difference (CIEDE2000) that 95 % of the pixels do not exceed."""
    return pair.once(_ciede2000)[1]


def _mse(pair: Pair) -> float:
    return float(np.mean((pair.original - pair.altered) ** 2))


def _ciede2000(pair: Pair) -> tuple[float, float]:
    """Mean and 95th percentile, of one pass."""
    differences = ciede2000(_lab(pair.original), _lab(pair.altered))
    return float(differences.mean()), float(np.percentile(differences, 95))


def _lab(photo: np.ndarray) -> np.ndarray:
    return srgb_to_lab(np.ascontiguousarray(photo.transpose(2, 0, 1)))
