"""Formats that lose something: a photo is encoded and decoded again, by Pillow."""

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from cvpire.errors import InputError, reason

if TYPE_CHECKING:
    from cvpire.config.transformations import JpegOptions


def jpeg(pixels: np.ndarray, options: "JpegOptions") -> np.ndarray:
    """Save pixels (H, W, 3) as JPEG, and read them (libjpeg-turbo, whichever decoder reads the saved query)."""
    return again(pixels, "JPEG", quality=options.quality, subsampling=options.subsampling)


def webp(pixels: np.ndarray, quality: int) -> np.ndarray:
    """Save pixels (H, W, 3) as lossy WebP, which always halves the resolution of colour, and read them."""
    return again(pixels, "WEBP", quality=quality)


def again(pixels: np.ndarray, format: str, **options: Any) -> np.ndarray:
    """Encode pixels, uint8 (H, W, 3), in one of Pillow's formats with its options, and decode them."""
    buffer = io.BytesIO()
    try:
        Image.fromarray(pixels).save(buffer, format, **options)
    except (OSError, ValueError) as error:  # WebP ends at 16383 pixels a side, JPEG at 65535
        height, width = pixels.shape[:2]
        raise InputError(
            f"{width} x {height} pixels (width x height) cannot be saved as {format} ({reason(error)})"
        ) from None
    with Image.open(buffer, formats=[format]) as image:
        return np.array(image.convert("RGB"))
