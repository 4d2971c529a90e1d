"""All measures of image quality, as `cvpire.measures` lists them."""

import functools
import json
import logging
import math
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import numpy as np

from cvpire.errors import InputError, about, reason, right_size, shown
from cvpire.layout import read_variant
from cvpire.measures import QUALITY
from cvpire.photos import load_photo
from cvpire.quality.pair import Pair, different_size

if TYPE_CHECKING:
    from cvpire.config import PhotoOptions, QualityOptions

logger = logging.getLogger(__name__)


def quality(
    original: np.ndarray, altered: np.ndarray, options: "QualityOptions", measures: Collection[str] | None = None
) -> dict[str, float]:
    """Measure how far an altered photo is from its original.

    Parameters
    ----------
    original, altered : numpy.ndarray
        uint8, shape (H, W, 3); compared as values in [0, 1].
    options : cvpire.config.QualityOptions
        Which measures, and what they need: SSIM its window and dynamic range.
    measures : collection of str, optional
        Columns of `cvpire.measures.QUALITY` to compute in place of those that the options name.

    Returns
    -------
    dict
        By column, in the order in which they are listed. Not a number, after a warning, where a measure's package is
        not installed.

    Raises
    ------
    InputError
        Photos of different size, or smaller than a measure needs; a measure that there is not.
    """
    pair, chosen = Pair(original, altered), options.measures if measures is None else measures
    functions = {measure.column: measure.function for measure in QUALITY}
    if unknown := sorted(set(chosen) - functions.keys()):
        raise InputError(f"unknown measure {shown(unknown[0])}; expected one of {', '.join(functions)}")
    values = {}
    for column in functions:
        if column in chosen:
            measure = _function(column, functions[column])
            values[column] = measure(pair, options) if measure else math.nan
    return values


@functools.cache
def _function(column: str, name: str) -> Callable[[Pair, "QualityOptions"], float] | None:
    """Import a measure; None, with one warning, where its package is not installed.

    One by one: who asks for few measures does not wait for the packages of the others.
    """
    try:
        return resolve_name(f"cvpire.quality.{name}")
    except ImportError as error:
        if (error.name or "").startswith("cvpire"):
            raise
        logger.warning("%s is left empty, package %s cannot be imported: %s", column, error.name, reason(error))
        return None


def quality_rows(
    original: Path, altered: Sequence[Path], photo_options: "PhotoOptions", options: "QualityOptions"
) -> list[dict[str, Any]]:
    """Measure altered photos against their original.

    Parameters
    ----------
    original : Path
        The photo, which is read as the photo options say.
    altered : sequence of Path
        Made from it, at the size at which it is read; a folder like m50_T100 says by which variant of an attack.

    Returns
    -------
    list of dict
        For each, `query` (the original's name), `file` (the altered photo), `multiplier` and `iteration` (None where no
        folder says them), and the columns of `quality`.
    """
    pixels = load_photo(original, **photo_options.model_dump())
    rows = []
    for path in altered:
        multiplier, iteration = read_variant(path) or (None, None)
        other = load_photo(path, photo_options.decoder, profile=photo_options.profile)
        with about(path):
            if other.shape != pixels.shape:
                advice = right_size(other.shape[:2], pixels.shape[:2])
                raise InputError(f"{different_size(pixels, other)}: {advice}")
            values = quality(pixels, other, options)
        about_it = {"query": original.stem, "file": _text(path), "multiplier": multiplier, "iteration": iteration}
        rows.append({**about_it, **values})
    return rows


def quality_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as JSON: one as an object, several as a list.

    JSON knows no infinity: what is not a finite number is null, which is the PSNR of equal photos (infinite) and the
    NRMSE of a black original (not a number). Multiplier and iteration stand there where they are known.
    """
    measures = {measure.column for measure in QUALITY}
    finite = [
        {
            key: value if not isinstance(value, float) or math.isfinite(value) else None
            for key, value in row.items()
            if value is not None or key in measures
        }
        for row in rows
    ]
    return json.dumps(finite[0] if len(finite) == 1 else finite, indent=1, ensure_ascii=False, allow_nan=False)


def _text(path: Path) -> str:
    """A path as valid Unicode, which every file can hold."""
    return os.fsencode(path).decode("utf-8", "replace")
