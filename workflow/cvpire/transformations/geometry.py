"""Size and shape: resizing, crop and rotation."""

import numpy as np
from PIL import Image

from cvpire.errors import InputError

_FILTER = Image.Resampling.LANCZOS  # by which `cvpire.photos` reduces photos too


def resize(pixels: np.ndarray, share: float) -> np.ndarray:
    """Reduce pixels (H, W, 3) to a share of both sides, rounded to whole pixels, by Lanczos filtering."""
    return _scaled(pixels, share, _FILTER)


def longest_side(pixels: np.ndarray, side: int) -> np.ndarray:
    """Reduce pixels (H, W, 3) to a longest side, by Lanczos filtering; what is smaller stays as it is."""
    return _scaled(pixels, min(1.0, side / max(pixels.shape[:2])), _FILTER)


def back(pixels: np.ndarray, value: bool, size: tuple[int, int]) -> np.ndarray:
    """Bring pixels to a size (H, W), by Lanczos filtering."""
    return _resized(pixels, *size, _FILTER)


def screenshot(pixels: np.ndarray, share: float) -> np.ndarray:
    """Show pixels (H, W, 3) at a share of both sides, and keep what the screen shows without loss, as PNG does.

    Screens interpolate bilinearly; like `resize`, Pillow averages over all pixels that one of the screen stands for.
    """
    return _scaled(pixels, share, Image.Resampling.BILINEAR)


def crop(pixels: np.ndarray, share: float) -> np.ndarray:
    """Keep the centre of pixels (H, W, 3): of both sides, a share is cut away in all, half of it at each end."""
    height, width = (round(side * (1 - share)) for side in pixels.shape[:2])
    _check_left(height, width)
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width].copy()


def rotation(pixels: np.ndarray, degrees: float) -> np.ndarray:
    """Turn pixels (H, W, 3) about their centre, anticlockwise, by cubic splines.

    The size stays: corners that leave it are cut off, and those that are laid bare mirror the photo at its edge.
    """
    from scipy import ndimage

    return ndimage.rotate(pixels, degrees, reshape=False, mode="reflect")


def _scaled(pixels: np.ndarray, share: float, filter: Image.Resampling) -> np.ndarray:
    height, width = (round(side * share) for side in pixels.shape[:2])
    return _resized(pixels, height, width, filter)


def _resized(pixels: np.ndarray, height: int, width: int, filter: Image.Resampling) -> np.ndarray:
    _check_left(height, width)
    return np.array(Image.fromarray(pixels).resize((width, height), filter))


def _check_left(height: int, width: int) -> None:
    if min(height, width) < 1:
        raise InputError(f"{width} x {height} pixels (width x height) would be left of it; expected at least 1 x 1")
