"""Image quality of an altered photo against its original (section 4.1.2, appendix A.1)."""

import functools
from collections.abc import Collection

import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import structural_similarity

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
        Which of `MEASURES` to compute; each SSIM and CIEDE2000 take most of the time.

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
    def ssim(dynamic_range: float) -> float:
        return float(structural_similarity(first, second, win_size=window, data_range=dynamic_range, channel_axis=2))

    # Written out: importing these three from scikit-image takes longer than measuring a photo.
    mse = float(np.mean((first - second) ** 2))
    norm = float(np.sqrt(np.mean(first**2)))
    compute = {
        "ssim": lambda: ssim(float(data_range)),
        "ssim_range_1": lambda: ssim(1.0),
        "ssim_range_2": lambda: ssim(2.0),
        "mse": lambda: mse,
        "nrmse": lambda: float(np.sqrt(mse)) / norm if norm else float("nan"),
        "psnr": lambda: float(-10 * np.log10(mse)) if mse else float("inf"),
        "ciede2000": lambda: float(deltaE_ciede2000(rgb2lab(first), rgb2lab(second)).mean()),
    }
    return {measure: compute[measure]() for measure in measures}


def _size(photo: np.ndarray) -> str:
    return f"{photo.shape[1]} x {photo.shape[0]}"
