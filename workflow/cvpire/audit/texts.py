"""Text files of the published measurements of adversarial queries."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cvpire.datasets.names import photo_name
from cvpire.errors import InputError
from cvpire.photos import SUFFIXES

MEASURES = ("ssim", "mse", "nrmse", "psnr")
"""Measures of image quality that were published."""


def read_quality(path: str | Path) -> dict[str, dict[str, float]]:
    """Read imageQualityComparison.txt.

    Parameters
    ----------
    path : str or Path
        For each photo a line with its file name and lines `ssim: 0.9`, `mse: ...`, `nrmse: ...`, `psnr: ...`; other
        keys, and all after a line of dashes (the averages), are passed over.

    Returns
    -------
    dict
        By photo name: the value of each of `MEASURES`.

    Raises
    ------
    InputError
        Names the file and the line.
    """
    photos: dict[str, dict[str, float]] = {}
    begun = {}
    current = None
    for place, line in _lines(Path(path)):
        key, colon, value = line.rpartition(":")
        if not colon:
            current = _photo(line, place)
            if current in photos:
                raise InputError(f"{place}: a second entry of the photo {current}")
            photos[current], begun[current] = {}, place
        elif current is None:
            raise InputError(f"{place}: expected the file name of a photo before {line!r}")
        elif (key := key.strip()) in MEASURES:
            if key in photos[current]:
                raise InputError(f"{place}: a second {key} of the photo {current}")
            photos[current][key] = _number(value, place)
    for name, values in photos.items():
        if lacking := [measure for measure in MEASURES if measure not in values]:
            raise InputError(f"{begun[name]}: the photo {name} has no {', '.join(lacking)}")
    return _not_empty(photos, Path(path))


def read_average_precision(path: str | Path) -> dict[str, float]:
    """Read map_score_img_output_T*.txt.

    Parameters
    ----------
    path : str or Path
        A line `photo.jpg : 0.1` for each photo; all after a line of dashes (the average) is passed over.

    Returns
    -------
    dict
        Average precision in [0, 1] by photo name.

    Raises
    ------
    InputError
        Names the file and the line.
    """
    photos: dict[str, float] = {}
    for place, line in _lines(Path(path)):
        file, _, text = line.rpartition(":")
        name, value = _photo(file.strip(), place), _number(text, place)
        if not 0 <= value <= 1:
            raise InputError(f"{place}: expected an average precision from 0 to 1, found {value}")
        if name in photos:
            raise InputError(f"{place}: a second entry of the photo {name}")
        photos[name] = value
    return _not_empty(photos, Path(path))


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Non-empty lines before the averages, with their place for messages."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file in UTF-8 ({error.reason})") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if re.fullmatch("-{3,}", line):
            return
        if line:
            yield f"{path}: line {number}", line


def _photo(file: str, place: str) -> str:
    if not file.lower().endswith(SUFFIXES):
        raise InputError(f"{place}: expected the file name of a photo, found {file[:80]!r}")
    try:
        return photo_name(Path(file).stem)
    except ValueError as error:
        raise InputError(f"{place}: {error}") from None


def _number(text: str, place: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise InputError(f"{place}: expected a number, found {text.strip()[:80]!r}")
    return value


def _not_empty(photos: dict[str, Any], path: Path) -> dict[str, Any]:
    if not photos:
        raise InputError(f"{path}: names no photo")
    return photos
