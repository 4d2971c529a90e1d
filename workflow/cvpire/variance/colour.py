"""Colour variance: how much the colours around each pixel differ from its own (Algorithm 1), as CV-PIRE has it."""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from cvpire.colour import SQUARED_DIFFERENCES, Array, linear_to_lab, namespace, srgb_to_linear, with_chroma
from cvpire.variance.scaling import normalise
from cvpire.variance.windows import window_counts

if TYPE_CHECKING:
    from cvpire.config import VarianceOptions

_TILES = {"cpu": (96, 512), "cuda": (4096, 4096)}
"""Height and width of what is worked on at a time, so that temporaries stay in the CPU's cache or the GPU's memory."""


def compute(photo: np.ndarray, options: "VarianceOptions", *, device: str, threads: int | None) -> np.ndarray:
    """Compute the map of a photo, uint8 of shape (H, W, 3); see `cvpire.variance.maps.variance_map`."""
    algorithm = (options.kernel_size, options.sigma, options.difference, options.mean_over)
    return normalise(_tiled_colour_variance(photo, *algorithm, device=device, threads=threads), options.normalisation)


def gaussian(x: float, y: float, sigma: float) -> float:
    """Gaussian kernel at distance (x, y) from its origin, in pixels (eq. 2.13; it does not sum to 1)."""
    return math.exp(-(x * x + y * y) / (2 * sigma * sigma)) / (2 * math.pi * sigma * sigma)


def colour_variance(
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
    colours = with_chroma(lab)
    height, width = lab.shape[1:]
    reach = kernel_size // 2
    total = xp.zeros_like(lab[0])
    # Each unordered pair of pixels once: half of the neighbours suffices, and both ends receive the difference.
    for dy, dx in ((dy, dx) for dy in range(reach + 1) for dx in range(-reach, reach + 1) if dy > 0 or dx > 0):
        if dy >= height or abs(dx) >= width:
            continue
        here = (slice(0, height - dy), slice(max(0, -dx), width - max(0, dx)))
        there = (slice(dy, height), slice(max(0, dx), width + min(0, dx)))
        one, other = colours[:, *here], colours[:, *there]
        weight = gaussian(dx, dy, sigma) ** 2
        contribution = weight * squared_difference(other, one)
        total[here] += contribution
        total[there] += contribution if difference != "cie94" else weight * squared_difference(one, other)
    count = window_counts(height, width, reach) - (mean_over == "neighbours")
    count = xp.asarray(np.maximum(count, 1), dtype=total.dtype, **_device_of(total))
    # Rounding can make the square of a tiny difference negative.
    return xp.sqrt(xp.clip(total, 0, None) / count)


def _tiled_colour_variance(
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
        values = colour_variance(linear_to_lab(_on(device, patch)), kernel_size, *options)
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


def _device_of(array: Array) -> dict[str, Any]:
    return {} if isinstance(array, np.ndarray) else {"device": array.device}
