"""Which files are photos: by their names in a folder, by their first bytes where they cannot be read."""

import io
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PIL import TiffImagePlugin, features

from cvpire.errors import printable

_JPEG_2000 = (".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc")
_HEIC = (".heic", ".heif", ".hif", ".heics", ".heifs")
_OPTIONAL = (("webp", (".webp",)), ("jpg_2000", _JPEG_2000), ("avif", (".avif", ".avifs")), ("heif", _HEIC))
"""Suffixes of formats that not every installation reads."""

READS_HEIC = find_spec("pillow_heif") is not None
"""Whether the optional package is installed."""

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".tif", ".tiff", ".bmp", ".dib", ".gif"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
    *(
        suffix
        for part, suffixes in _OPTIONAL
        if (READS_HEIC if part == "heif" else features.check(part))
        for suffix in suffixes
    ),
)
"""Files of a folder that count as photos (in any letter case): what the installed decoders read."""

PROGRAMS = ("EPS",)
"""Formats that Pillow leaves to another program; PostScript is a language, and its interpreter runs what it says."""

_PHOTOS_ELSEWHERE = (
    *(suffix for _, suffixes in _OPTIONAL for suffix in suffixes),
    *(".jxl", ".jxr", ".wdp", ".hdp", ".bpg", ".psd", ".psb", ".xcf", ".tga", ".qoi", ".pcx", ".sgi", ".dds"),
    *(".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".raf", ".orf", ".rw2", ".pef", ".srw"),
    *(".exr", ".hdr", ".pfm", ".fits", ".svg"),
)
"""What programs for photos write, and a folder may hold beside those that are read."""

_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"heif", b"mif1", b"msf1")
_SIGNATURES = (
    (0, b"\xff\x0a", "a JPEG XL photo"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL photo"),
    (0, b"FUJIFILMCCD-RAW", "a raw photo of a Fujifilm camera"),
    (8, b"CR\x02\0", "a raw photo of a Canon camera"),
    (0, b"IIRO", "a raw photo of an Olympus camera"),
    (0, b"IIRS", "a raw photo of an Olympus camera"),
    (0, b"IIU\0", "a raw photo of a Panasonic camera"),
    (0, b"II\xbc\x01", "a JPEG XR photo"),
    (0, b"BPG\xfb", "a BPG photo"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"gimp xcf", "a GIMP file"),
    (0, b"v/1\x01", "an OpenEXR image"),
    (0, b"%!PS", "a PostScript program"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
)
_NO_PHOTOS = ("a PostScript program", "a PDF document", "a zip archive", "a gzip archive", "a video", "a web page")


@cache
def register_decoders() -> None:
    """Tell Pillow of the decoders that it does not know by itself."""
    if READS_HEIC:
        from pillow_heif import register_heif_opener

        register_heif_opener()


def kind_of(data: bytes) -> str | None:
    """What a file is that Pillow does not read, by its first bytes; None where they do not tell."""
    if data[4:8] == b"ftyp":
        brands = [data[start : start + 4] for start in (8, *range(16, min(len(data), 64), 4))]
        if b"avif" in brands or b"avis" in brands:
            return "an AVIF photo"
        if brands[0] == b"crx ":
            return "a raw photo of a Canon camera"
        return "a HEIC photo" if any(brand in _HEIC_BRANDS for brand in brands) else "a video"
    for start, signature, kind in _SIGNATURES:
        if data[start : start + len(signature)] == signature:
            return kind
    begin = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if begin.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if begin.startswith(b"<svg") or (begin.startswith(b"<?xml") and b"<svg" in begin):
        return "an SVG drawing"
    return _tiff_kind(data)


def refusal(data: bytes) -> str:
    """Say why Pillow does not know a file, and what to do."""
    kind = kind_of(data)
    if kind is None:
        return "not a photo (no known image format)"
    if kind == "a HEIC photo" and not READS_HEIC:
        return "a HEIC photo, which needs pillow-heif; `pip install pillow-heif`, or save it as JPEG"
    if kind in ("a HEIC photo", "an AVIF photo"):
        return f"{kind}, which cannot be read (damaged, or of a kind that is not known); save it as JPEG"
    if kind in _NO_PHOTOS:
        return f"not a photo, but {kind}; remove it, or put the photo in its place"
    return f"{kind}, which is not read; save it as JPEG, PNG or TIFF of 8 bits"


def unread(paths: Iterable[Path]) -> str | None:
    """Say which files look like photos, by name or content, and are none that can be read; None without any.

    Parameters
    ----------
    paths : iterable of Path
        Files of a folder. Those with a suffix of `SUFFIXES` are photos, and hidden ones nothing.
    """
    found = [path for path in paths if not path.name.startswith(".") and _looks_like_photo(path)]
    if not found:
        return None
    names = [printable(path.name) for path in sorted(found)]
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    advice = f"save {'it' if len(found) == 1 else 'them'} as JPEG or PNG"
    if not READS_HEIC and any(path.suffix.lower() in _HEIC for path in found):
        advice = f"`pip install pillow-heif` reads HEIC, or {advice}"
    them = "a file that looks like a photo" if len(found) == 1 else f"{len(found)} files that look like photos"
    return f"left out {them} and cannot be read by this name ({shown}); {advice}"


def _looks_like_photo(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return False
    if suffix in _PHOTOS_ELSEWHERE:
        return True
    try:
        with path.open("rb") as file:
            data = file.read(64)
    except OSError:
        return False
    if data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8")) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP"):
        return True
    kind = kind_of(data)
    return kind is not None and kind not in _NO_PHOTOS


def _tiff_kind(data: bytes) -> str | None:
    """Say of a TIFF what its samples are."""
    try:
        header = TiffImagePlugin.ImageFileDirectory_v2(data[:16] if data[2:3] == b"\x2b" else data[:8])
        file = io.BytesIO(data)
        file.seek(header.next)
        header.load(file)
        bits, forms = header[258], header.get(339, (1,))
    except Exception:  # no TIFF, or a damaged one
        return None
    form = {1: "unsigned integers", 2: "signed integers", 3: "floating-point numbers"}.get(forms[0], "unknown form")
    return f"a TIFF with {len(bits)} samples a pixel, {form} of {bits[0]} bits"
