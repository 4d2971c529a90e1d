"""Structural similarity (SSIM, appendix A.1)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import uniform_filter

from cvpire.errors import InputError
from cvpire.quality.pair import Pair, size

if TYPE_CHECKING:
    from cvpire.config import QualityOptions


def ssim(pair: Pair, options: "QualityOptions") -> float:
    """Measure mean structural similarity with the dynamic range that the options give."""
    return _of_range(options.data_range, pair, options)


def range_1(pair: Pair, options: "QualityOptions") -> float:
    """Measure mean structural similarity with a dynamic range of 1, which is right for values in [0, 1]."""
    return _of_range(1.0, pair, options)


def range_2(pair: Pair, options: "QualityOptions") -> float:
    """Measure mean structural similarity with a dynamic range of 2, as the published numbers have it."""
    return _of_range(2.0, pair, options)


def _of_range(data_range: float, pair: Pair, options: "QualityOptions") -> float:
    # One pass over the windows for all ranges. Kept are its results: the windows' statistics are as large as photos.
    return pair.once(_mean_ssims, options.window, float(options.data_range))[data_range]


def _mean_ssims(pair: Pair, window: int, data_range: float) -> dict[float, float]:
    if min(pair.original.shape[:2]) < window:
        raise InputError(
            f"a photo of {size(pair.original)} is smaller than SSIM's window of {window}; set a smaller window"
        )
    ranges = list(dict.fromkeys((data_range, 1.0, 2.0)))
    return dict(zip(ranges, mean_ssim(pair.original, pair.altered, window, ranges), strict=True))


def mean_ssim(first: np.ndarray, second: np.ndarray, window: int, data_ranges: Sequence[float]) -> list[float]:
    """Mean structural similarity (appendix A.1) for several dynamic ranges, which share their windows' statistics.

    As `skimage.metrics.structural_similarity` with a uniform window, which would compute them anew for each range:
    variances of samples, each channel alone, and only windows that lie within the photo.

    Parameters
    ----------
    first, second : numpy.ndarray
        float64, shape (H, W, C).
    window : int
        Side of the window in pixels, odd.
    data_ranges : sequence of R floats
        L.

    Returns
    -------
    list of R floats
    """
    inner = slice(window // 2, -(window // 2))
    totals = np.zeros(len(data_ranges))
    for x, y in zip(np.moveaxis(first, 2, 0), np.moveaxis(second, 2, 0), strict=True):
        mean_x, mean_y, mean_xx, mean_yy, mean_xy = (
            uniform_filter(values, window)[inner, inner] for values in (x, y, x * x, y * y, x * y)
        )
        of_samples = window**2 / (window**2 - 1)
        product, squares = mean_x * mean_y, mean_x * mean_x + mean_y * mean_y
        variances = of_samples * (mean_xx + mean_yy - squares)
        covariance = of_samples * (mean_xy - product)
        for number, data_range in enumerate(data_ranges):
            c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
            similarity = (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))
            totals[number] += similarity.mean()
    return (totals / first.shape[2]).tolist()
