"""From a perturbation to a file: enlargement, 8 bits, JPEG or PNG (section 3.3.1)."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from cvpire.config import SavingOptions

_SUBSAMPLING = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}


def adversarial_query(
    photo: np.ndarray, perturbation: np.ndarray, unit: Sequence[float], options: "SavingOptions"
) -> bytes:
    """Make a file of a perturbed photo: `adversarial_pixels`, then `encode`, as the options say."""
    pixels = adversarial_pixels(photo, perturbation, unit, enlargement=options.enlargement, rounding=options.rounding)
    return encode(pixels, format=options.format, quality=options.quality, subsampling=options.subsampling)


def adversarial_pixels(
    photo: np.ndarray,
    perturbation: np.ndarray,
    unit: Sequence[float],
    *,
    enlargement: str = "minimal",
    rounding: str = "nearest",
) -> np.ndarray:
    """Add a perturbation to a photo and make 8 bits of it.

    Parameters
    ----------
    photo : numpy.ndarray
        uint8, shape (H, W, 3).
    perturbation : numpy.ndarray
        float, shape (3, H, W), in the space of its bound.
    unit : sequence of 3 floats
        One unit of the perturbation as a share of the full range 0..255, per channel: 1 in pixel space, the network's
        standard deviation in normalised space.
    enlargement : {"none", "minimal", "released"}
        minimal: where rounding would lose a non-zero perturbation, one grey level in its direction.
        released: ceil(256 |v|) sign(v) * 0.032, about 8 times v, as the released code has it.
    rounding : {"nearest", "truncate"}
        How values become whole numbers.

    Returns
    -------
    numpy.ndarray
        uint8, shape (H, W, 3).
    """
    levels = perturbation.transpose(1, 2, 0).astype(np.float64)
    if enlargement == "released":
        levels = np.ceil(np.abs(levels) * 256) * np.sign(levels) * (0.004 * 8)
    levels = levels * (255 * np.asarray(unit, dtype=np.float64))
    values = photo + levels
    pixels = np.rint(values) if rounding == "nearest" else np.trunc(np.clip(values, 0, 255))
    if enlargement == "minimal":
        pixels = np.where(pixels == photo, photo + np.sign(levels), pixels)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def encode(pixels: np.ndarray, *, format: str = "jpeg", quality: int = 75, subsampling: str = "4:2:0") -> bytes:
    """Encode pixels as the bytes of a file, without any metadata.

    Parameters
    ----------
    pixels : numpy.ndarray
        uint8, shape (H, W, 3).
    format : {"jpeg", "png"}
    quality : int
        JPEG quality, 1 to 100.
    subsampling : {"4:4:4", "4:2:2", "4:2:0"}
        JPEG chroma subsampling.
    """
    buffer = io.BytesIO()
    options = {"quality": quality, "subsampling": _SUBSAMPLING[subsampling]} if format == "jpeg" else {}
    Image.fromarray(pixels).save(buffer, format, **options)
    return buffer.getvalue()
