"""Read photos of any kind as 8-bit RGB, upright, at a declared size, by a declared decoder."""

import io
import tempfile
import threading
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cvpire.errors import InputError, reason
from cvpire.untrusted.arrays import read_header, read_values

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
"""Files of a folder that count as photos (in any letter case)."""

MAX_PIXELS = 150_000_000
"""Photos above this are refused: a decompression bomb looks like this, a camera does not."""

PROGRAMS = ("EPS",)
"""Formats that Pillow leaves to another program; PostScript is a language, and its interpreter runs what it says."""

_ORIENTATION = 0x0112  # the EXIF tag
_ONE_DECODER = threading.Lock()


def load_photo(
    path: str | Path,
    decoder: str = "libjpeg-turbo",
    longest_side: int | None = None,
    box: tuple[float, float, float, float] | None = None,
) -> np.ndarray:
    """Read a photo as the networks and the metrics see it.

    The EXIF orientation is applied; grey, 16-bit, palette and CMYK photos become RGB, transparency is laid on white;
    the box is cut out, and the photo is then reduced (never enlarged) by Lanczos filtering.

    Parameters
    ----------
    path : str or Path
        A JPEG or any other format that Pillow reads.
    decoder : {"libjpeg-turbo", "libjpeg-9"}
        Who decodes a JPEG. The thesis's published numbers were made with libjpeg 9, whose chroma upsampling differs;
        Pillow brings libjpeg-turbo. CMYK files and other formats are always read by Pillow.
    longest_side : int, optional
        Longest side in pixels; with a box, the side is scaled by box / photo, as GeM's authors do for queries.
    box : (x0, y0, x1, y1), optional
        Cut-out in pixels of the upright photo, before the reduction.

    Returns
    -------
    numpy.ndarray
        uint8, shape (H, W, 3).

    Raises
    ------
    InputError
        Missing, empty, truncated or corrupt file, a file that is no photo, a box outside the photo.
    """
    path = Path(path)
    image = _upright_rgb(path, decoder)
    full_side = max(image.size)
    if box is not None:
        image = _cut(image, box, path)
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
    if found != expected:
        raise InputError(f"{path}: a map of shape {found} does not fit a photo of shape {expected} (height, width)")


def _upright_rgb(path: Path, decoder: str) -> Image.Image:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such photo") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
            if image.width * image.height > MAX_PIXELS:
                raise InputError(
                    f"{path}: {image.width} x {image.height} pixels, at most {MAX_PIXELS} in all are accepted"
                )
            if image.format in PROGRAMS:
                raise UnidentifiedImageError
            image.load()
        if decoder == "libjpeg-9" and image.format == "JPEG" and image.mode in ("RGB", "L"):
            orientation = image.getexif().get(_ORIENTATION, 1)
            image = Image.fromarray(_decode_libjpeg9(data, path))
            image.getexif()[_ORIENTATION] = orientation
        return _to_rgb(ImageOps.exif_transpose(image))
    except Image.DecompressionBombError:
        raise InputError(f"{path}: more than the {MAX_PIXELS} pixels that are accepted") from None
    except UnidentifiedImageError:
        raise InputError(f"{path}: not a photo (no known image format)") from None
    except InputError:
        raise
    except Exception as error:  # decoders raise anything on corrupt data: OSError, SyntaxError, struct.error, ...
        raise InputError(f"{path}: truncated or corrupt photo ({reason(error)}); replace or remove it") from None


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I;16", "I;16B", "I;16L", "I"):
        grey = np.clip(np.asarray(image, dtype=np.int32), 0, 65535)
        image = Image.fromarray(((grey + 128) // 257).astype(np.uint8))
    elif image.mode == "F":
        image = Image.fromarray(np.clip(np.nan_to_num(np.asarray(image)), 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
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


def _cut(image: Image.Image, box: tuple[float, float, float, float], path: Path) -> Image.Image:
    x0, y0, x1, y1 = box
    left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, image.width), min(y1, image.height)
    if right - left < 1 or bottom - top < 1:
        raise InputError(f"{path}: the box {list(box)} lies outside the photo of {image.width} x {image.height}")
    left, top = round(left), round(top)
    return image.crop((left, top, max(round(right), left + 1), max(round(bottom), top + 1)))
