"""Changes of each pixel by itself: noise, brightness, contrast, gamma."""

import numpy as np
from PIL import Image, ImageEnhance


def noise(pixels: np.ndarray, deviation: float, generator: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise of a standard deviation in grey levels to each value of pixels (H, W, 3)."""
    noisy = pixels + deviation * generator.standard_normal(pixels.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def brightness(pixels: np.ndarray, factor: float) -> np.ndarray:
    """Multiply the values of pixels (H, W, 3) by a factor."""
    return np.array(ImageEnhance.Brightness(Image.fromarray(pixels)).enhance(factor))


def contrast(pixels: np.ndarray, factor: float) -> np.ndarray:
    """Multiply how far the values of pixels (H, W, 3) are from the photo's mean grey by a factor."""
    return np.array(ImageEnhance.Contrast(Image.fromarray(pixels)).enhance(factor))


def gamma(pixels: np.ndarray, exponent: float) -> np.ndarray:
    """Raise the values of pixels (H, W, 3), as shares of 255, to an exponent: above 1 is darker, below 1 brighter."""
    return np.array(Image.fromarray(pixels).point([round(255 * (level / 255) ** exponent) for level in range(256)] * 3))
