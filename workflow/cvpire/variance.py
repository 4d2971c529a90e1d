"""Variance maps: how strongly each pixel may be perturbed before people notice (sections 3.2 and 3.4.1)."""

import logging
import math
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from cvpire.color import SQUARED_DIFFERENCES, Array, linear_to_lab, namespace, srgb_to_linear, with_chroma

logger = logging.getLogger(__name__)

_TILES = {"cpu": (96, 512), "cuda": (4096, 4096)}
"""Height and width of what is worked on at a time, so that temporaries stay in the CPU's cache or the GPU's memory."""


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
    threads: int | None = None,
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
    threads : int, optional
        For colour variances on the CPU; the result does not depend on it. Default: the environment's OMP_NUM_THREADS,
        which Snakemake sets to a job's share, or else one a processor.

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
        values = _tiled_color_variance(photo, kernel_size, sigma, difference, mean_over, device=device, threads=threads)
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
    squared_difference = SQUARED_DIFFERENCES[difference]
    colors = with_chroma(lab)
    height, width = lab.shape[1:]
    reach = kernel_size // 2
    total = xp.zeros_like(lab[0])
    # Each unordered pair of pixels once: half of the neighbours suffices, and both ends receive the difference.
    for dy, dx in ((dy, dx) for dy in range(reach + 1) for dx in range(-reach, reach + 1) if dy > 0 or dx > 0):
        if dy >= height or abs(dx) >= width:
            continue
        here = (slice(0, height - dy), slice(max(0, -dx), width - max(0, dx)))
        there = (slice(dy, height), slice(max(0, dx), width + min(0, dx)))
        one, other = colors[:, *here], colors[:, *there]
        weight = gaussian(dx, dy, sigma) ** 2
        contribution = weight * squared_difference(other, one)
        total[here] += contribution
        total[there] += contribution if difference != "cie94" else weight * squared_difference(one, other)
    count = _window_counts(height, width, reach) - (mean_over == "neighbours")
    count = xp.asarray(np.maximum(count, 1), dtype=total.dtype, **_device_of(total))
    # Rounding can make the square of a tiny difference negative.
    return xp.sqrt(xp.clip(total, 0, None) / count)


def _tiled_color_variance(
    photo: np.ndarray, kernel_size: int, *options: Any, device: str, threads: int | None
) -> np.ndarray:
    """Colour variance of an 8-bit photo, tile by tile; the tiling changes no bit of it."""
    height, width = photo.shape[:2]
    tile_height, tile_width = _TILES[device]
    reach = kernel_size // 2
    pixels = np.ascontiguousarray(photo.transpose(2, 0, 1))
    linear = srgb_to_linear(np.arange(256) / 255).astype(np.float32)
    result = np.empty((height, width), dtype=np.float32)

    def fill(top: int, left: int) -> None:
        # With the surroundings, which are computed again: what is kept of each tile has all of its neighbours.
        bottom, right = min(top + tile_height, height), min(left + tile_width, width)
        above, before = max(top - reach, 0), max(left - reach, 0)
        patch = np.take(linear, pixels[:, above : bottom + reach, before : right + reach])
        values = color_variance(linear_to_lab(_on(device, patch)), kernel_size, *options)
        values = values if isinstance(values, np.ndarray) else values.cpu().numpy()
        result[top:bottom, left:right] = values[top - above : bottom - above, left - before : right - before]

    # Until glibc has freed a large block, it returns all freed memory to the system; taken anew for each temporary
    # array, that memory doubles the time.
    np.empty(2**24, dtype=np.uint8)
    corners = [(top, left) for top in range(0, height, tile_height) for left in range(0, width, tile_width)]
    # Threads share the work well: NumPy and torch release the interpreter while they compute.
    with ThreadPoolExecutor(1 if device != "cpu" else threads or _available_threads()) as pool:
        list(pool.map(fill, *zip(*corners, strict=True)))
    return result


def _available_threads() -> int:
    # A list stands for nested levels of parallelism.
    share = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return int(share) if share.isdecimal() and int(share) else os.cpu_count() or 1


def _on(device: str, array: np.ndarray) -> Array:
    if device == "cpu":
        return array
    import torch

    return torch.from_numpy(array).to(device)


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
