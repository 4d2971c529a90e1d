"""Image quality of an altered photo against its original (section 4.1.2, appendix A.1)."""

import functools
from collections.abc import Collection, Sequence

import numpy as np
from scipy.ndimage import uniform_filter

from cvpire.color import ciede2000, srgb_to_lab
from cvpire.errors import InputError

MEASURES = ("ssim", "ssim_range_1", "ssim_range_2", "mse", "nrmse", "psnr", "ciede2000")


def quality(
    original: np.ndarray,
    altered: np.ndarray,
    *,
    window: int = 7,
    data_range: float = 1.0,
    measures: Collection[str] = MEASURES,
) -> dict[str, float]:
    """Measure how far an altered photo is from its original.

    Parameters
    ----------
    original, altered : numpy.ndarray
        uint8, shape (H, W, 3); compared as values in [0, 1].
    window : int
        Side of SSIM's uniform window in pixels, odd.
    data_range : float
        SSIM's dynamic range L; 1 is right for values in [0, 1], the published numbers used 2.
    measures : collection of str
        Which of `MEASURES` to compute; SSIM and CIEDE2000 take most of the time.

    Returns
    -------
    dict
        ssim (with `data_range`), ssim_range_1, ssim_range_2, mse, nrmse (by the original's Euclidean norm), psnr in dB
        (inf for equal photos), ciede2000 (mean colour difference).

    Raises
    ------
    InputError
        Photos of different size, or smaller than the window.
    """
    if original.shape != altered.shape:
        raise InputError(
            f"photos of different size cannot be compared: {_size(original)} and {_size(altered)} (width x height)"
        )
    if min(original.shape[:2]) < window:
        raise InputError(
            f"a photo of {_size(original)} is smaller than SSIM's window of {window}; set a smaller window"
        )
    first, second = original / 255, altered / 255

    @functools.cache
    def ssims() -> dict[float, float]:
        ranges = (float(data_range), 1.0, 2.0)
        return dict(zip(ranges, mean_ssim(first, second, window, ranges), strict=True))

    # Written out: importing these three from scikit-image takes longer than measuring a photo.
    mse = float(np.mean((first - second) ** 2))
    norm = float(np.sqrt(np.mean(first**2)))
    compute = {
        "ssim": lambda: ssims()[float(data_range)],
        "ssim_range_1": lambda: ssims()[1.0],
        "ssim_range_2": lambda: ssims()[2.0],
        "mse": lambda: mse,
        "nrmse": lambda: float(np.sqrt(mse)) / norm if norm else float("nan"),
        "psnr": lambda: float(-10 * np.log10(mse)) if mse else float("inf"),
        "ciede2000": lambda: float(ciede2000(*map(_lab, (first, second))).mean()),
    }
    return {measure: compute[measure]() for measure in measures}


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


def _lab(photo: np.ndarray) -> np.ndarray:
    return srgb_to_lab(np.ascontiguousarray(photo.transpose(2, 0, 1)))


def _size(photo: np.ndarray) -> str:
    return f"{photo.shape[1]} x {photo.shape[0]}"
