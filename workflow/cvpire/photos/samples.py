"""Photos of more than 8 bits: which of their values are black and white."""

import logging
from pathlib import Path

import numpy as np
from PIL import Image

from cvpire.errors import InputError

DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
"""Pillow's modes of grey photos of more than 8 bits."""

_BITS, _PHOTOMETRIC, _MAX, _FORMAT, _S_MIN, _S_MAX = 258, 262, 281, 339, 340, 341  # TIFF tags
_FULL = 65535
_REMEDY = "save it with the full range of 8 or 16 bits"
_logger = logging.getLogger(__name__)


def as_8_bits(image: Image.Image, path: Path) -> Image.Image:
    """Scale a grey photo of one of the modes `DEEP` to 8 bits, by what the file says its values mean.

    In a TIFF, SMinSampleValue and SMaxSampleValue are black and white, and a MaxSampleValue of 2^n - 1 says that n bits
    of the sample are used. Without them integers of 16 bits, or 12 where these are packed, have their whole range, and
    floating-point numbers lie between 0 and 1.

    Raises
    ------
    InputError
        Nothing says what is white: integers of 32 bits, floating-point numbers beyond 1, or 16 bits of which the upper
        four are empty. Values that are not finite.
    """
    values = np.asarray(image, dtype=np.float32)
    least, largest = float(values.min()), float(values.max())
    if not (np.isfinite(least) and np.isfinite(largest)):
        raise InputError(f"{path}: holds values that are not finite; {_REMEDY}")
    limits = _stated(image, path)
    if limits is None and image.mode == "F" and least >= 0 and largest <= 1:
        limits = 0.0, 1.0
    elif limits is None and (image.mode.startswith("I;16") or image.format == "PPM"):
        limits = 0.0, float(_packed(image))
        if limits[1] == _FULL:
            _check_bits_are_used(largest, path)
    if limits is None:
        form = "floating-point numbers" if image.mode == "F" else "integers"
        raise InputError(
            f"{path}: {form} from {least:g} to {largest:g}, and the file does not say which of them is white "
            f"(SMaxSampleValue); {_REMEDY}"
        )
    black, white = limits
    grey = np.clip((values - np.float32(black)) * np.float32(255 / (white - black)) + np.float32(0.5), 0, 255)
    grey = grey.astype(np.uint8)
    if image.format == "TIFF" and image.tag_v2.get(_PHOTOMETRIC) == 0:  # white is zero; Pillow inverts 8 bits only
        grey = 255 - grey
    result = Image.fromarray(grey)
    result.info = {key: value for key, value in image.info.items() if key != "transparency"}  # of 16 bits
    return result


def is_cut(image: Image.Image) -> bool:
    """Whether Pillow will give the upper 8 of 16 bits only, as of colours, of a photo that is not decoded yet."""
    return image.mode not in DEEP and any(";16" in str(tile.args) for tile in image.tile)


def check_cut(image: Image.Image, path: Path) -> None:
    """Refuse a colour photo that uses the lower of its 16 bits, of which Pillow gives the upper 8."""
    bands = image.getbands()
    largest = max(image.getchannel(band).getextrema()[1] for band in bands if band != "A")
    said = _stated(image, path)
    if said is not None and said != (0.0, float(_FULL)):
        raise InputError(
            f"{path}: colours of 16 bits with values from {said[0]:g} to {said[1]:g}, as the file says, which is not "
            f"read; {_REMEDY}"
        )
    _check_bits_are_used(largest * 257.0, path)


def _check_bits_are_used(largest: float, path: Path) -> None:
    """Refuse what looks like 12 or fewer bits in 16, which would be all but black, and warn of what may be 14."""
    if 0 < largest < 4096:
        raise InputError(
            f"{path}: no value of its 16 bits is above {largest:g} of {_FULL}: it seems to hold 12 bits or fewer, and "
            f"does not say so (MaxSampleValue); {_REMEDY}"
        )
    if 0 < largest < 16384:
        _logger.warning(
            "%s: no value of its 16 bits is above %g of %s; it is read as a dark photo", path, largest, _FULL
        )


def _packed(image: Image.Image) -> int:
    """The largest value that a sample has room for."""
    bits = image.tag_v2.get(_BITS, (16,))[0] if image.format == "TIFF" else 16
    return 2**bits - 1


def _stated(image: Image.Image, path: Path) -> tuple[float, float] | None:
    """Black and white, where the file says them."""
    if image.format != "TIFF":
        return None
    tags = image.tag_v2
    if _S_MAX in tags:
        black, white = _number(tags.get(_S_MIN, 0)), _number(tags[_S_MAX])
        if not (np.isfinite(black) and np.isfinite(white) and black < white):
            raise InputError(f"{path}: says that its values go from {black:g} to {white:g}; {_REMEDY}")
        return black, white
    most, room = int(_number(tags.get(_MAX, 0))), 2 ** tags.get(_BITS, (8,))[0] - 1
    if image.mode != "F" and 255 <= most <= room and (most + 1) & most == 0:
        return 0.0, float(most)
    return None


def _number(value) -> float:
    """A tag's value, or the first of one a sample."""
    return float(value[0] if isinstance(value, tuple) else value)
