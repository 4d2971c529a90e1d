"""Sums over the neighbourhoods of pixels; neighbours outside the photo are skipped and not counted."""

import numpy as np


def window_counts(height: int, width: int, reach: int) -> np.ndarray:
    """Count the pixels around each pixel of a photo, up to `reach` away and itself included: integers, (H, W)."""

    def along(length: int) -> np.ndarray:
        position = np.arange(length)
        return np.minimum(position + reach, length - 1) - np.maximum(position - reach, 0) + 1

    return np.outer(along(height), along(width))


def window_sums(values: np.ndarray, reach: int) -> np.ndarray:
    """Add up the values, (H, W), around each pixel, up to `reach` away and itself included."""
    for axis in (0, 1):
        width = [(0, 0), (0, 0)]
        width[axis] = (reach, reach)
        padded = np.pad(values, width)
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=axis)
        values = windows.sum(axis=-1)
    return values
