"""All measures of image quality, as `cvpire.measures` lists them."""

from collections.abc import Collection, Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import numpy as np

from cvpire.errors import about
from cvpire.layout import read_variant
from cvpire.measures import QUALITY
from cvpire.photos import load_photo
from cvpire.quality.pair import Pair

if TYPE_CHECKING:
    from cvpire.config import PhotoOptions, QualityOptions


def quality(
    original: np.ndarray, altered: np.ndarray, options: "QualityOptions", measures: Collection[str] | None = None
) -> dict[str, float]:
    """Measure how far an altered photo is from its original.

    Parameters
    ----------
    original, altered : numpy.ndarray
        uint8, shape (H, W, 3); compared as values in [0, 1].
    options : cvpire.config.QualityOptions
        What the measures need: SSIM its window and dynamic range.
    measures : collection of str, optional
        Columns of `cvpire.measures.QUALITY` to compute, default: all; SSIM and CIEDE2000 take most of the time.

    Returns
    -------
    dict
        By column, in the order in which they are listed.

    Raises
    ------
    InputError
        Photos of different size, or, for SSIM, smaller than its window.
    """
    pair, functions = Pair(original, altered), {measure.column: measure.function for measure in QUALITY}
    # Imported one by one: who asks for few measures does not wait for the packages of the others.
    return {
        column: resolve_name(f"cvpire.quality.{functions[column]}")(pair, options) for column in measures or functions
    }


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
        For each, `query` (the original's name), `multiplier` and `iteration` (None where no folder says them), and the
        columns of `quality`.
    """
    pixels = load_photo(original, photo_options.decoder, photo_options.longest_side)
    rows = []
    for path in altered:
        multiplier, iteration = read_variant(path) or (None, None)
        other = load_photo(path, photo_options.decoder)
        with about(path):
            values = quality(pixels, other, options)
        rows.append({"query": original.stem, "multiplier": multiplier, "iteration": iteration, **values})
    return rows
