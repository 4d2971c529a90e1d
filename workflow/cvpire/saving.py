"""From a perturbation to a file: enlargement, 8 bits, JPEG or PNG (section 3.3.1)."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from cvpire.errors import InputError

if TYPE_CHECKING:
    from cvpire.config import SavingOptions

FORMATS = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png"}
"""By the suffix of a file."""

_SUBSAMPLING = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}

# Of the space that PIRE's repository stretches in, which is that of ImageNet's networks.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def file_format(path: Path, options: "SavingOptions") -> str:
    """Return the format that the suffix of a file says; `InputError` where it says none, or options say another."""
    found = FORMATS.get(path.suffix.lower())
    if found is None:
        raise InputError(f"{path}: expected a name ending in {', '.join(FORMATS)}, which says the format")
    if "format" in options.model_fields_set and options.format != found:
        raise InputError(
            f"{path}: a file of this name is {found}, but --format is {options.format}; change one of them"
        )
    return found


def adversarial_query(
    photo: np.ndarray, perturbation: np.ndarray, unit: Sequence[float], options: "SavingOptions"
) -> bytes:
    """Make a file of a perturbed photo: `adversarial_pixels`, then `encode`, as the options say."""
    how = {"enlargement": options.enlargement, "rounding": options.rounding, "range": options.range}
    pixels = adversarial_pixels(photo, perturbation, unit, **how)
    return encode(pixels, format=options.format, quality=options.quality, subsampling=options.subsampling)


def adversarial_pixels(
    photo: np.ndarray,
    perturbation: np.ndarray,
    unit: Sequence[float],
    *,
    enlargement: str = "minimal",
    rounding: str = "nearest",
    range: str = "clip",
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
    range : {"clip", "stretch"}
        clip: what leaves 0..255 is cut.
        stretch: the image is stretched from its minimum to its maximum, as PIRE's repository [1]_ has it. It saves what
        the network sees, mean and standard deviation of ImageNet removed, so that colours shift too.

    Returns
    -------
    numpy.ndarray
        uint8, shape (H, W, 3).

    References
    ----------
    .. [1] https://github.com/liuzrcc/PIRE, `pire.py`: `torchvision.utils.save_image(modified, path, normalize=True)`.
    """
    levels = perturbation.transpose(1, 2, 0).astype(np.float64)
    if enlargement == "released":
        levels = np.ceil(np.abs(levels) * 256) * np.sign(levels) * (0.004 * 8)
    levels = levels * (255 * np.asarray(unit, dtype=np.float64))
    values = photo + levels
    unchanged, values = _stretched(photo, values) if range == "stretch" else (photo.astype(np.float64), values)
    unchanged, pixels = (
        np.rint(each) if rounding == "nearest" else np.trunc(np.clip(each, 0, 255)) for each in (unchanged, values)
    )
    if enlargement == "minimal":
        pixels = np.where(pixels == unchanged, unchanged + np.sign(levels), pixels)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _stretched(photo: np.ndarray, values: np.ndarray) -> list[np.ndarray]:
    """Stretch an image from its minimum to its maximum, and its photo by the same two."""
    seen = [(pixels / 255 - _MEAN) / _STD for pixels in (photo, values)]
    low, high = seen[1].min(), seen[1].max()
    # torchvision adds 1e-5, so that an image of one value does not divide by zero.
    return [255 * (pixels - low) / (high - low + 1e-5) for pixels in seen]


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
