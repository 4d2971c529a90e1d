"""Colours of a photo as sRGB, whatever its file says of them.

Relative colorimetric, with black point compensation: colours that sRGB has stay what they are, and only those outside
are moved, to its edge. That is what colour-managed viewers and editors do with the profiles of cameras and monitors,
for which perceptual means the same; in profiles of printers, perceptual changes all colours, by each maker's taste.
"""

import io
import logging
import re
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from cvpire.errors import reason

_NEARLY = 2
"""Levels within which a profile counts as sRGB: the photo keeps its values."""

_SRGB_GAMMA = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_D65 = (0.3127, 0.3290)
_BT709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_P3 = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
_BT2020 = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046)
_ADOBE = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
_PRIMARIES = {9: _BT2020, 12: _P3}
_CURVES = {1: _SRGB_GAMMA, 4: (2.2,), 5: (2.8,), 6: _SRGB_GAMMA, 8: (1.0,), 13: _SRGB_GAMMA, 14: _SRGB_GAMMA}
"""Of ITU-T H.273; what cameras call by the curves of television is shown by that of sRGB."""

_INTEROPERABILITY, _INDEX = 0xA005, 1  # EXIF
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
_logger = logging.getLogger(__name__)


def stated_profile(image: Image.Image, data: bytes, path: Path) -> bytes | None:
    """Return the ICC profile that a photo has, or one of what else it says about its colours; None for sRGB.

    Parameters
    ----------
    image : PIL.Image.Image
        As Pillow opened it, with its pixels loaded (chunks of a PNG may come after them).
    data : bytes
        The file.
    path : Path
        Its name, for warnings: what cannot be used counts as sRGB.
    """
    try:
        if (codes := _code_points(image, data)) is not None:
            return _of_code_points(*codes)
        if "icc_profile" in image.info:
            if not image.info["icc_profile"]:
                raise ValueError("damaged or incomplete")
            return image.info["icc_profile"]
        if image.format == "PNG" and "srgb" not in image.info:
            return _of_png(image.info)
        if image.format == "JPEG2000":
            return _of_jpeg2000(data)
        if image.format in ("JPEG", "MPO", "TIFF", "WEBP", "HEIF") and _is_adobe_rgb(image):
            return matrix_profile(_D65, _ADOBE, (563 / 256,))
    except ValueError as error:
        _warn(path, error)
    return None


def to_srgb(image: Image.Image, profile: bytes, path: Path) -> Image.Image:
    """Convert a photo of mode L, RGB or CMYK to sRGB; where the profile cannot be used, warn and leave it as it is."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        if space == "RGB" and image.mode == "L":
            image = image.convert("RGB")
        if _MODES.get(space) != image.mode:
            raise ValueError(f"it is one of {space} colours, and the photo is {image.mode}")
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            image.mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        if image.mode != "CMYK" and _changes_little(transform, image.mode):
            return image
        return transform.apply(image)
    except Exception as error:  # littlecms and Pillow raise anything on a profile of another sort
        _warn(path, error)
        return image


def lab_to_srgb(image: Image.Image) -> Image.Image:
    """Convert a photo of mode LAB, whose colours are what they are."""
    spaces = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.profileToProfile(image, *spaces, ImageCms.Intent.RELATIVE_COLORIMETRIC, outputMode="RGB")


def matrix_profile(
    white: tuple[float, float], primaries: tuple[float, ...], curve: tuple[float, ...] = _SRGB_GAMMA
) -> bytes:
    """Make an ICC profile of the chromaticities of white, red, green and blue.

    Parameters
    ----------
    white : (x, y)
    primaries : (x, y, x, y, x, y)
    curve : (gamma,) or (gamma, a, b, c, d)
        A plain power, or that of (a v + b) above d and c v below, as ICC.1:2010 numbers them.

    Raises
    ------
    ValueError
        Chromaticities that span no colours.
    """
    points = np.array([*white, *primaries], dtype=float).reshape(4, 2)
    if not (np.isfinite(points).all() and (points[:, 1] > 0).all()):
        raise ValueError("chromaticities that are no colours")
    columns = np.stack([points[:, 0], points[:, 1], 1 - points.sum(axis=1)]) / points[:, 1]
    try:
        matrix = columns[:, 1:] * np.linalg.solve(columns[:, 1:], columns[:, 0])
    except np.linalg.LinAlgError:
        raise ValueError("chromaticities that span no colours") from None
    adapted = np.linalg.inv(_BRADFORD) @ np.diag((_BRADFORD @ _D50) / (_BRADFORD @ columns[:, 0])) @ _BRADFORD @ matrix
    if not (np.isfinite(adapted).all() and np.abs(adapted).max() < 100):
        raise ValueError("chromaticities that span no colours")
    kind = {1: 0, 5: 3}[len(curve)]
    tone = struct.pack(">4s4xHxx", b"para", kind) + _fixed(*curve)
    tags = {b"wtpt": b"XYZ \0\0\0\0" + _fixed(*_D50)}
    for letter, column in zip(b"rgb", adapted.T, strict=True):
        tags[bytes([letter]) + b"XYZ"] = b"XYZ \0\0\0\0" + _fixed(*column)
        tags[bytes([letter]) + b"TRC"] = tone
    start, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, value in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(value))
        body += value
    version, kinds = 0x04200000, (b"mntr", b"RGB ", b"XYZ ", b"acsp")
    head = struct.pack(">I4xI4s4s4s12x4s28x12s48x", start + len(body), version, *kinds, _fixed(*_D50))
    return head + struct.pack(">I", len(tags)) + table + body


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(65536 * value) for value in values))


def _changes_little(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether colours all over the cube, or all greys, come out as they went in, but for rounding."""
    if mode == "L":
        probe = np.arange(256, dtype=np.uint8)[None]
        expected = np.repeat(probe[..., None], 3, axis=2)
    else:
        steps = np.linspace(0, 255, 16).astype(np.uint8)
        expected = probe = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    result = np.asarray(transform.apply(Image.fromarray(probe)))
    return bool(np.abs(result.astype(int) - expected).max() <= _NEARLY)


def _of_png(info: dict) -> bytes | None:
    """What the chunks gAMA and cHRM say; a gamma within 5 % of 1/2.2 stands for the curve of sRGB, as in libpng."""
    gamma, points = info.get("gamma"), info.get("chromaticity")
    if gamma is None and points is None:
        return None
    if gamma is not None and not 0.01 < gamma < 100:
        raise ValueError(f"a gamma of {gamma:g}")
    curve = _SRGB_GAMMA if gamma is None or abs(2.2 * gamma - 1) < 0.05 else (1 / gamma,)
    white, primaries = (points[:2], points[2:]) if points else (_D65, _BT709)
    return matrix_profile(white, primaries, curve)


def _code_points(image: Image.Image, data: bytes) -> tuple[int, int] | None:
    """Numbers of primaries and transfer curve, which precede a profile in a PNG and stand in for one elsewhere."""
    if image.format == "PNG":
        position = 8
        while position + 8 < len(data):
            length, name = struct.unpack(">I4s", data[position : position + 8])
            if name == b"IDAT":
                return None
            if name == b"cICP" and length == 4:
                content = data[position + 8 : position + 12]
                intact = data[position + 12 : position + 16] == struct.pack(">I", zlib.crc32(name + content))
                return tuple(content[:2]) if intact else None
            position += length + 12
    elif image.format in ("AVIF", "HEIF") and not image.info.get("icc_profile"):
        start = data.find(b"colrnclx")
        if start >= 0 and len(data) >= start + 12:
            return struct.unpack(">HH", data[start + 8 : start + 12])
    return None


def _of_code_points(primaries: int, curve: int) -> bytes | None:
    if curve in (16, 18):
        raise ValueError("high dynamic range (PQ or HLG), which is not converted")
    if primaries not in _PRIMARIES and curve not in (4, 5, 8):
        return None
    return matrix_profile(_D65, _PRIMARIES.get(primaries, _BT709), _CURVES.get(curve, _SRGB_GAMMA))


def _of_jpeg2000(data: bytes) -> bytes | None:
    """The profile in a JP2 file's box `colr`, which Pillow leaves there."""
    header = data[: data.find(b"jp2c") if b"jp2c" in data else 0]
    found = re.search(rb"(.{4})colr\x02..", header, re.DOTALL)
    return header[found.end() : found.start() + int.from_bytes(found[1], "big")] if found else None


def _is_adobe_rgb(image: Image.Image) -> bool:
    """Whether a camera says so by the name of its file system's rule (DCF 2.0), as many do that embed no profile."""
    try:
        index = image.getexif().get_ifd(_INTEROPERABILITY).get(_INDEX, "")
    except Exception:  # damaged metadata says nothing
        return False
    return str(index).startswith("R03")


def _warn(path: Path, error: Exception) -> None:
    _logger.warning("%s: what it says of its colours cannot be used (%s); read as sRGB", path, reason(error))
