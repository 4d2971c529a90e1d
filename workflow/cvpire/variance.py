"""Variance maps: how strongly each pixel may be perturbed before people notice (sections 3.2 and 3.4.1)."""

import logging
import math
from typing import Any

import numpy as np

from cvpire.color import DIFFERENCES, Array, namespace, srgb_to_lab

logger = logging.getLogger(__name__)

_STRIP = 2**15  # pixels worked on at a time: their temporaries stay in the processor's cache


def variance_map(
    photo: np.ndarray,
    *,
    kind: str = "colour",
    kernel_size: int = 5,
    sigma: float = 1.0,
    difference: str = "ciede2000",
    mean_over: str = "window",
    luma: str = "bt709",
    deviation_divisor: str = "count",
    normalisation: str = "maximum",
    device: str = "cpu",
) -> np.ndarray:
    """Compute the normalised variance map of a photo (section 3.2.3).

    Parameters
    ----------
    photo : numpy.ndarray
        uint8, shape (H, W, 3).
    kind, kernel_size, sigma, difference, mean_over, luma, deviation_divisor, normalisation
        See `cvpire.config.VarianceOptions`.
    device : {"cpu", "cuda"}
        Where colour variances are computed: by NumPy on the CPU, by torch on a GPU.

    Returns
    -------
    numpy.ndarray
        float32, shape (H, W), in [0, 1]. A photo without any variance has a map of zeros, and a warning is logged.
    """
    if kind == "uniform":
        return np.ones(photo.shape[:2], dtype=np.float32)
    if kind == "luminance":
        values = luminance_deviation(grey_values(photo, luma), kernel_size, deviation_divisor)
    else:
        pixels = np.ascontiguousarray(photo.transpose(2, 0, 1))
        if device != "cpu":
            import torch

            pixels = torch.from_numpy(pixels).to(device)
        lab = srgb_to_lab(namespace(pixels).asarray(pixels, dtype=namespace(pixels).float32) / 255)
        values = color_variance(lab, kernel_size, sigma, difference, mean_over)
        values = values if isinstance(values, np.ndarray) else values.cpu().numpy()
    return normalise(values, normalisation)


def gaussian(x: float, y: float, sigma: float) -> float:
    """Gaussian kernel at distance (x, y) from its origin, in pixels (eq. 2.13; it does not sum to 1)."""
    return math.exp(-(x * x + y * y) / (2 * sigma * sigma)) / (2 * math.pi * sigma * sigma)


def color_variance(
    lab: Array, kernel_size: int, sigma: float, difference: str = "ciede2000", mean_over: str = "window"
) -> Array:
    """Root mean square of the Gaussian-weighted colour differences around each pixel (Algorithm 1).

    Neighbours outside the photo are skipped and not counted.

    Parameters
    ----------
    lab : array, shape (3, H, W)
        CIELAB colours, as a NumPy array or a torch tensor.
    kernel_size : int
        n, odd.
    sigma : float
        Standard deviation of the Gaussian kernel, in pixels.
    difference : {"cie76", "cie94", "ciede2000"}
        Colour difference; the neighbour is the first argument, the centre the second.
    mean_over : {"window", "neighbours"}
        Whether the mean counts the centre, whose difference is always 0.

    Returns
    -------
    array, shape (H, W)
        Colour variance pV, >= 0, in units of the colour difference.
    """
    xp = namespace(lab)
    measure = DIFFERENCES[difference]
    height, width = lab.shape[1:]
    reach = kernel_size // 2
    total = xp.zeros_like(lab[0])
    # Each unordered pair of pixels once: half of the neighbours suffices, and both ends receive the difference.
    offsets = [(dy, dx) for dy in range(reach + 1) for dx in range(-reach, reach + 1) if dy > 0 or dx > 0]
    rows = max(1, _STRIP // width)
    for top in range(0, height, rows):
        for dy, dx in offsets:
            bottom = min(top + rows, height - dy)
            if bottom <= top or abs(dx) >= width:
                continue
            left, right = max(0, -dx), width - max(0, dx)
            here = (slice(top, bottom), slice(left, right))
            there = (slice(top + dy, bottom + dy), slice(left + dx, right + dx))
            one, other = lab[:, *here], lab[:, *there]
            weight = gaussian(dx, dy, sigma)
            contribution = (weight * measure(other, one)) ** 2
            total[here] += contribution
            total[there] += contribution if difference != "cie94" else (weight * measure(one, other)) ** 2
    count = _window_counts(height, width, reach) - (mean_over == "neighbours")
    count = xp.asarray(np.maximum(count, 1), dtype=total.dtype, **_device_of(total))
    return xp.sqrt(total / count)


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
    count = _window_counts(*grey.shape, reach)
    total, squares = _window_sums(grey, reach), _window_sums(grey * grey, reach)
    sum_of_squares = np.maximum(squares - total * total / count, 0)
    return np.sqrt(sum_of_squares / (count if deviation_divisor == "count" else count * count))


def normalise(values: np.ndarray, normalisation: str = "maximum") -> np.ndarray:
    """Scale a map to [0, 1] (section 3.2.3).

    Parameters
    ----------
    values : numpy.ndarray
        Non-negative, shape (H, W).
    normalisation : {"maximum", "stretched-8-bit"}
        Divide by the maximum; or stretch from minimum to maximum in steps of 1 / 255, which is what an attack of the
        released code sees when the map was kept as a PNG.

    Returns
    -------
    numpy.ndarray
        float32; zeros where there is nothing to scale, with a warning.
    """
    lowest, highest = (0.0, values.max()) if normalisation == "maximum" else (values.min(), values.max())
    # A spread below rounding error is no variance: the map of a flat photo must not be its rounding noise.
    if highest - lowest <= 1e-6:
        logger.warning("the photo is flat: its variance map is 0 everywhere, and no attack can change it")
        return np.zeros(values.shape, dtype=np.float32)
    scaled = (values - lowest) / (highest - lowest)
    if normalisation == "stretched-8-bit":
        scaled = np.round(scaled * 255) / 255
    return scaled.astype(np.float32)


def _window_counts(height: int, width: int, reach: int) -> np.ndarray:
    def along(length: int) -> np.ndarray:
        position = np.arange(length)
        return np.minimum(position + reach, length - 1) - np.maximum(position - reach, 0) + 1

    return np.outer(along(height), along(width))


def _window_sums(values: np.ndarray, reach: int) -> np.ndarray:
    for axis in (0, 1):
        width = [(0, 0), (0, 0)]
        width[axis] = (reach, reach)
        padded = np.pad(values, width)
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=axis)
        values = windows.sum(axis=-1)
    return values


def _device_of(array: Array) -> dict[str, Any]:
    return {} if isinstance(array, np.ndarray) else {"device": array.device}
