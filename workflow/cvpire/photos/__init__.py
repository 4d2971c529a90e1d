"""Read photos of any kind as 8-bit RGB, upright, at a declared size, by a declared decoder."""

import io
import logging
import tempfile
import threading
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cvpire.errors import InputError, other_size, reason
from cvpire.photos.formats import PROGRAMS, SUFFIXES, refusal, register_decoders, unread
from cvpire.photos.profiles import lab_to_srgb, stated_profile, to_srgb
from cvpire.photos.samples import DEEP, as_8_bits, check_cut, is_cut
from cvpire.untrusted.arrays import read_header, read_values

__all__ = ["MAX_PIXELS", "MAX_REDUCED", "PROGRAMS", "SUFFIXES", "load_photo", "load_variance_map", "unread"]

MAX_PIXELS = 150_000_000
"""Photos above this are read with a longest side only, for which memory can be bounded; so large are phones' best."""

MAX_REDUCED = 300_000_000
"""Photos above this are refused: a decompression bomb looks like this."""

# Pillow's own limit is below what phones make; `_check_size` is stricter, and comes before any pixel is decoded.
Image.MAX_IMAGE_PIXELS = MAX_REDUCED

_logger = logging.getLogger(__name__)
_ONE_DECODER = threading.Lock()


def load_photo(
    path: str | Path,
    decoder: str = "libjpeg-turbo",
    longest_side: int | None = None,
    box: tuple[float, float, float, float] | None = None,
    profile: str = "convert",
) -> np.ndarray:
    """Read a photo as the networks and the metrics see it.

    The EXIF orientation is applied; grey, deep, palette and CMYK photos become sRGB of 8 bits, transparency is laid on
    white; the box is cut out, and the photo is then reduced (never enlarged) by Lanczos filtering. Of an animation or
    of several pages, the first is read, with a warning.

    Parameters
    ----------
    path : str or Path
        A JPEG or any other format that Pillow reads, or HEIC where pillow-heif is installed.
    decoder : {"libjpeg-turbo", "libjpeg-9"}
        Who decodes a JPEG. The thesis's published numbers were made with libjpeg 9, whose chroma upsampling differs;
        Pillow brings libjpeg-turbo, and reads CMYK files, other formats, and what is above `MAX_PIXELS`, in any case.
    longest_side : int, optional
        Longest side in pixels; with a box, the side is scaled by box / photo, as GeM's authors do for queries.
    box : (x0, y0, x1, y1), optional
        Cut-out in pixels of the upright photo, before the reduction.
    profile : {"convert", "ignore"}
        Colours are converted to sRGB from the photo's profile, or what else it says of them
        (`cvpire.photos.profiles`); or taken as if they were sRGB, as the thesis's code took them.

    Returns
    -------
    numpy.ndarray
        uint8, shape (H, W, 3).

    Raises
    ------
    InputError
        Missing, empty, truncated or corrupt file, a file that is no photo, a box outside the photo, values of which
        nothing says what is white (`cvpire.photos.samples`), more than `MAX_PIXELS` pixels.
    """
    path = Path(path)
    image, reduced = _upright_rgb(path, decoder, longest_side, profile)
    full_side = max(image.size)
    if box is not None:
        image = _cut(image, box, path, reduced)
    if longest_side is not None:
        side = max(1, longest_side * max(image.size) // full_side)  # cut, as Pillow does with GeM's fractions
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.array(image)


def load_variance_map(path: str | Path, shape: tuple[int, int]) -> np.ndarray:
    """Read a variance map, float32 in [0, 1], from .npy or from an 8-bit grey .png, and check its (H, W)."""
    path = Path(path)
    try:
        if path.suffix == ".npy":
            with path.open("rb") as file:
                header = read_header(file)
                _check_shape(path, header.shape, shape)
                values = read_values(file, header)
        else:
            with Image.open(path, formats=["PNG"]) as image:
                _check_shape(path, image.size[::-1], shape)
                values = np.asarray(image.convert("L"), dtype=np.float32) / 255
    except FileNotFoundError:
        raise InputError(f"{path}: no such variance map") from None
    except InputError:
        raise
    except Exception as error:  # decoders raise anything on corrupt data
        raise InputError(f"{path}: not a variance map ({reason(error)}); remove it and run again") from None
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        raise InputError(f"{path}: values outside [0, 1]; remove it and run again")
    return values.astype(np.float32)


def _check_shape(path: Path, found: tuple[int, ...], expected: tuple[int, int]) -> None:
    if len(found) != 2:
        raise InputError(
            f"{path}: an array of shape {found} does not fit a photo: a variance map has a height and a width"
        )
    if found != expected:
        raise InputError(f"{path}: this variance map does not fit the photo: {other_size(found, expected)}")


def _upright_rgb(path: Path, decoder: str, longest_side: int | None, profile: str) -> tuple[Image.Image, float]:
    """Read a photo, and by how much it is reduced already, which it is where it is too large to be read whole."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such photo") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    register_decoders()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
            if image.format in PROGRAMS:
                raise UnidentifiedImageError
            full = image.size
            factor = _check_size(full, longest_side, path)
            if image.format != "MPO" and getattr(image, "is_animated", False):
                _logger.warning("%s: has several frames or pages, of which the first is read", path)
            cut = is_cut(image)
            if factor > 1:
                image.draft(None, (full[0] // factor, full[1] // factor))
            image.load()
        if cut:
            check_cut(image, path)
        stated = stated_profile(image, data, path) if profile == "convert" else None
        if decoder == "libjpeg-9" and image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L") and factor == 1:
            image = _like(Image.fromarray(_decode_libjpeg9(data, path)), image)
        elif image.mode in DEEP:
            image = as_8_bits(image, path)
        if factor > 1:
            image = _reduced(image, factor * image.width // full[0])  # by what the decoder did not
        ratio = full[0] / image.width
        return _to_rgb(ImageOps.exif_transpose(image), stated, path), ratio
    except Image.DecompressionBombError:
        raise InputError(f"{path}: more than the {MAX_REDUCED} pixels that are accepted") from None
    except UnidentifiedImageError:
        raise InputError(f"{path}: {refusal(data)}") from None
    except InputError:
        raise
    except Exception as error:  # decoders raise anything on corrupt data: OSError, SyntaxError, struct.error, ...
        raise InputError(f"{path}: truncated or corrupt photo ({reason(error)}); replace or remove it") from None


def _check_size(size: tuple[int, int], longest_side: int | None, path: Path) -> int:
    """Refuse photos that are too large, and return by how much one may be reduced while it is decoded, mostly 1."""
    pixels, side = size[0] * size[1], max(size)
    if pixels <= MAX_PIXELS:
        return 1
    if pixels > MAX_REDUCED:
        raise InputError(
            f"{path}: {size[0]} x {size[1]} pixels; more than {MAX_REDUCED} in all are not accepted, reduced or not"
        )
    if longest_side is None or pixels * (longest_side / side) ** 2 > MAX_PIXELS:
        raise InputError(
            f"{path}: {size[0]} x {size[1]} pixels, of which at most {MAX_PIXELS} in all are read; have it reduced "
            f"while it is read: longest_side (--longest-side) of {int(side * (MAX_PIXELS / pixels) ** 0.5)} or less"
        )
    return max(1, side // (2 * longest_side))  # twice what is asked for, so that Lanczos has something to filter


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    if image.mode in ("1", "P", "PA"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image.reduce(factor) if factor > 1 else image


def _like(pixels: Image.Image, image: Image.Image) -> Image.Image:
    """Give pixels that another decoder made the metadata of the photo."""
    pixels.info = dict(image.info)
    return pixels


def _to_rgb(image: Image.Image, profile: bytes | None, path: Path) -> Image.Image:
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("RGB")
    if image.mode == "LAB":
        image = lab_to_srgb(image)
    elif profile is not None:
        if image.mode not in ("L", "RGB", "CMYK"):
            image = image.convert("RGB")
        image = to_srgb(image, profile, path)
    if alpha is not None:
        image = image.convert("RGBA")
        image.putalpha(alpha)
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _decode_libjpeg9(data: bytes, path: Path) -> np.ndarray:
    import jpeglib

    # jpeglib takes names, not bytes, and its C library stops at non-ASCII ones. Which libjpeg it uses holds for the
    # whole process: without the lock, a thread that has finished would take version 9 away from one that has not.
    with _ONE_DECODER, tempfile.NamedTemporaryFile(suffix=".jpg") as copy, jpeglib.version("9e"):
        copy.write(data)
        copy.flush()
        try:
            pixels = jpeglib.read_spatial(copy.name).spatial
        except Exception as error:
            raise InputError(f"{path}: libjpeg 9 cannot decode this photo ({reason(error)})") from None
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else np.ascontiguousarray(pixels)


def _cut(image: Image.Image, box: tuple[float, float, float, float], path: Path, reduced: float) -> Image.Image:
    x0, y0, x1, y1 = (edge / reduced for edge in box)
    left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, image.width), min(y1, image.height)
    if right - left < 1 or bottom - top < 1:
        size = " x ".join(str(round(side * reduced)) for side in image.size)
        raise InputError(f"{path}: the box {list(box)} lies outside the photo of {size}")
    left, top = round(left), round(top)
    return image.crop((left, top, max(round(right), left + 1), max(round(bottom), top + 1)))
