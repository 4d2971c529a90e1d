"""Smoothing: each pixel becomes a mean or the median of its neighbours."""

import numpy as np


def blur(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """Convolve pixels (H, W, 3) with a Gaussian of `sigma` pixels, cut at four of them; the edges are mirrored."""
    from scipy import ndimage

    # Rounded once, where both directions are done: SciPy would cut the decimals off after each.
    smooth = ndimage.gaussian_filter(pixels.astype(np.float32), sigma, axes=(0, 1))
    return np.clip(np.rint(smooth), 0, 255).astype(np.uint8)


def median(pixels: np.ndarray, window: int) -> np.ndarray:
    """Replace each value of pixels (H, W, 3) by the median of its channel in a square of `window` pixels a side."""
    from PIL import Image, ImageFilter

    return np.array(Image.fromarray(pixels).filter(ImageFilter.MedianFilter(window)))
