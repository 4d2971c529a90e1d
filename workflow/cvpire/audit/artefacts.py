"""Published adversarial queries, their numbers measured again.

The artefacts that belong to the thesis are adversarial queries (`METHOD/*.jpg`), the image quality and the average
precision that were printed for each of them (`METHOD/imageQualityComparison.txt`,
`METHOD/map_score_img_output_T*.txt`), and 8-bit variance maps of some photos (`variance/METHOD/*.png`).
"""

import io
import logging
import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from cvpire.audit.texts import MEASURES, read_average_precision, read_quality
from cvpire.config import PhotoOptions, QualityOptions, VarianceOptions, preset_values
from cvpire.datasets.names import photo_name
from cvpire.errors import InputError
from cvpire.measures import shown_in
from cvpire.photos import SUFFIXES, load_photo, load_variance_map
from cvpire.quality.compare import quality
from cvpire.saving import encode
from cvpire.tables.thesis_numbers import TABLE_4_1
from cvpire.variance.catalogue import KINDS
from cvpire.variance.maps import variance_map

logger = logging.getLogger(__name__)

COLUMNS = ["photo", "method", "metric", "published", "recomputed", "difference", "corrected"]
"""Columns of an audit: one row a photo, method and metric."""

MAP_PIXELS, MAP_LARGEST = "map-pixels-differing-per-100000", "map-largest-difference"
"""Metrics of a variance map: how many of 100,000 pixels differ, and by how many of its 255 levels at most."""

PLAIN = "JPEG 75"
"""Method of the original itself, saved as the published queries are."""

VARIANCE_KINDS = {kind.method: name for name, kind in reversed(KINDS.items()) if kind.varies}
"""Which variance map a method is bounded by, the first kind of several; PIRE has none."""


def run_audit(
    photos: str | Path,
    published: str | Path,
    progress: Callable[[int, int], None] | None = None,
    *,
    colour: bool = False,
) -> pd.DataFrame:
    """Measure all published artefacts of a dataset again.

    What is missing (a photo on one side, a text file, the variance maps) is logged and left out or left empty.

    Parameters
    ----------
    photos : str or Path
        Folder of the original photos.
    published : str or Path
        Folder of the artefacts; its sub-folders with photos are the methods.
    progress : callable, optional
        Called with the number of files that are done and of all files, after each.
    colour : bool
        Also measure what `audit_colour` does, which takes four times as long as all else.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`; see `audit_queries`, `audit_maps`, `audit_average_precision` and `audit_colour`.

    Raises
    ------
    InputError
        No photos, no methods, malformed text files, corrupt images, images of different size; with `colour`, a single
        method, or photos that are too small for a measure.
    """
    photos, published = Path(photos), Path(published)
    methods = published_methods(published)
    if colour and len(methods) < 2:
        raise InputError(f"{published}: comparing methods by measures that see colour takes two; found {methods[0]}")
    originals = _images(photos).keys()
    steps = sum(
        len(originals & _images(folder).keys())
        for method in methods
        for folder in (published / method, published / "variance" / method)
    )
    if colour:
        steps += sum(len(originals & files.keys()) for files in _with_plain(published).values())
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, steps)

    tables = []
    for method in methods:
        tables += [
            audit_queries(photos, published, method, progress=step),
            audit_maps(photos, published, method, progress=step),
            audit_average_precision(published, method),
        ]
    if colour:
        tables.append(audit_colour(photos, published, progress=step))
    return pd.concat([table for table in tables if len(table)] or tables, ignore_index=True)


def published_methods(published: str | Path) -> list[str]:
    """Names of the methods: the sub-folders that hold photos, in the order of Table 4.1, then by name."""
    published = Path(published)
    if not published.is_dir():
        raise InputError(f"{published}: no such folder of published artefacts")
    found = sorted(folder.name for folder in published.iterdir() if folder.is_dir() and _images(folder))
    if not found:
        raise InputError(f"{published}: no published queries; expected photos in sub-folders such as CV-PIRE")
    known = list(TABLE_4_1)
    return sorted(found, key=lambda method: known.index(method) if method in known else len(known))


def audit_queries(
    photos: str | Path,
    published: str | Path,
    method: str,
    *,
    corrected: bool = True,
    progress: Callable[[], None] | None = None,
) -> pd.DataFrame:
    """Compare the published image quality of each adversarial query with its files.

    Parameters
    ----------
    photos, published : str or Path
        Folders of the original photos and of the artefacts.
    method : str
        Sub-folder of `published`.
    corrected : bool
        Measure the corrected SSIM too, which takes as long again.
    progress : callable, optional
        Called after each query.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`, with SSIM, MSE, NRMSE and PSNR (dB) as metrics. `recomputed` is measured as the published values
        were (preset `released`: libjpeg 9, data range 2), `difference` is recomputed - published, `corrected` is the
        SSIM of data range 1 with today's decoder. `published` is empty where nothing was published.
    """
    photos, folder = Path(photos), Path(published) / method
    values = _read_if_there(folder / "imageQualityComparison.txt", read_quality)
    released = _quality_as("released", MEASURES)
    today = _quality_as("text", ["ssim"])
    rows = []
    for name, original, altered in _pairs(photos, folder):
        stated = values.get(name, {})
        if values and not stated:
            logger.warning("%s: no published image quality of this photo", altered)
        measured = released(original, altered)
        right = {"ssim": today(original, altered)["ssim"]} if corrected else {}
        rows += [
            _row(name, method, measure, stated.get(measure), measured[measure], right.get(measure))
            for measure in MEASURES
        ]
        if progress:
            progress()
    return _table(rows)


def audit_maps(
    photos: str | Path, published: str | Path, method: str, *, progress: Callable[[], None] | None = None
) -> pd.DataFrame:
    """Compare the published variance maps of a method with those of preset `released`.

    Parameters
    ----------
    photos, published : str or Path
        Folders of the original photos and of the artefacts.
    method : str
        Sub-folder of `published` / variance.
    progress : callable, optional
        Called after each map.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`, with the metrics `MAP_PIXELS` and `MAP_LARGEST` (levels of 255). Both compare two maps, so
        `difference` repeats `recomputed`, and `published` is empty. No rows where no maps were published.
    """
    photos, folder = Path(photos), Path(published) / "variance" / method
    if not _images(folder):
        level = logging.WARNING if method in VARIANCE_KINDS else logging.INFO
        logger.log(level, "%s: no published variance maps", folder)
        return _table([])
    if method not in VARIANCE_KINDS:
        logger.warning("%s: skipped, no variance map is known for the method %s", folder, method)
        return _table([])
    options = VarianceOptions(**preset_values(VarianceOptions, "released"), kind=VARIANCE_KINDS[method])
    reading = PhotoOptions(**preset_values(PhotoOptions, "released")).model_dump()
    rows = []
    for name, original, path in _pairs(photos, folder, some=True):
        photo = load_photo(original, **reading)
        expected = load_variance_map(path, photo.shape[:2])
        levels = np.abs(np.rint(variance_map(photo, options) * 255) - np.rint(expected * 255))
        for metric, value in ((MAP_PIXELS, 1e5 * np.mean(levels > 0)), (MAP_LARGEST, levels.max())):
            rows.append({**_row(name, method, metric, None, float(value), None), "difference": float(value)})
        if progress:
            progress()
    return _table(rows)


def audit_average_precision(published: str | Path, method: str) -> pd.DataFrame:
    """List the published average precision of each query, for its mean to be compared with Table 4.1.

    Parameters
    ----------
    published : str or Path
        Folder of the artefacts.
    method : str
        Sub-folder of `published`. Of several files (one a number of iterations T), that of the largest T counts.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`, with the metric ap, in [0, 1] as published. `recomputed` is empty: it would take the whole database.
    """
    folder = Path(published) / method
    found = {
        int(match[1]): path
        for path in folder.glob("map_score_img_output_T*.txt")
        if (match := re.fullmatch(r"map_score_img_output_T(\d+)", path.stem))
    }
    if not found:
        logger.warning("%s: no published average precision (map_score_img_output_T*.txt)", folder)
        return _table([])
    values = read_average_precision(found[max(found)])
    return _table(_row(name, method, "ap", value, None, None) for name, value in sorted(values.items()))


def audit_colour(
    photos: str | Path, published: str | Path, *, progress: Callable[[], None] | None = None
) -> pd.DataFrame:
    """Measure the published queries with measures that see colour (section 5.2.4), and plain JPEG beside them.

    Parameters
    ----------
    photos, published : str or Path
        Folders of the original photos and of the artefacts.
    progress : callable, optional
        Called after each file.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`, with the measures that `cvpire.measures` shows as `colour` as metrics and `PLAIN` as one more method.
        Only `corrected` is filled: today's decoder and right data range. `audit_queries` has the SSIM of the others.
    """
    originals = _images(Path(photos))
    columns = [measure.column for measure in shown_in("colour")]
    rows = []
    for method, files in _with_plain(Path(published)).items():
        chosen = columns if method == PLAIN else [column for column in columns if column != "ssim"]
        measure = _quality_as("text", chosen)
        for name in sorted(originals.keys() & files.keys()):
            values = measure(originals[name], files[name])
            rows += [_row(name, method, column, None, None, values[column]) for column in chosen]
            if progress:
                progress()
    return _table(rows)


def _with_plain(published: Path) -> dict[str, dict[str, Path | None]]:
    """Published queries by method and name, and plain JPEG, which has no files, of the same photos."""
    queries = {method: _images(published / method) for method in published_methods(published)}
    return {**queries, PLAIN: {name: None for files in queries.values() for name in files}}


def _read_if_there(path: Path, read: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    if path.exists():
        return read(path)
    logger.warning("%s: no such file; the values it would hold are left empty", path)
    return {}


def _quality_as(preset: str, measures: Collection[str]) -> Callable[[Path, Path | None], dict[str, float]]:
    """Image quality of two files, or of an original and its plain JPEG, by the decoder and the options of a preset.

    Colour profiles are ignored under any preset: the code did so before it saved the altered photos, without profiles.
    """
    reading = {**PhotoOptions(**preset_values(PhotoOptions, preset)).model_dump(), "profile": "ignore"}
    options = QualityOptions(**preset_values(QualityOptions, preset))

    def measure(original: Path, altered: Path | None) -> dict[str, float]:
        file = altered or original
        try:
            photo = load_photo(original, **reading)
            other = load_photo(altered, **reading) if altered else np.asarray(Image.open(io.BytesIO(encode(photo))))
            return quality(photo, other, options, measures)
        except InputError as error:
            message = str(error)
            raise InputError(message if str(file.parent) in message else f"{file}: {message}") from None

    return measure


def _images(folder: Path) -> dict[str, Path]:
    """Photos of a folder by name; none where there is no folder."""
    if not folder.is_dir():
        return {}
    files = (path for path in sorted(folder.iterdir()) if path.name.lower().endswith(SUFFIXES))
    return {photo_name(path.stem): path for path in files if not path.name.startswith(".")}


def _pairs(photos: Path, folder: Path, some: bool = False) -> list[tuple[str, Path, Path]]:
    """Name, original and artefact of each photo that has both; with `some`, a photo without artefact is no news."""
    originals, artefacts = _images(photos), _images(folder)
    if not originals:
        raise InputError(f"{photos}: no photos; expected files ending in {', '.join(SUFFIXES)}")
    for name in sorted(artefacts.keys() - originals.keys()):
        logger.warning("%s: skipped, there is no photo %s in %s", artefacts[name], name, photos)
    for name in sorted(originals.keys() - artefacts.keys()) if not some else ():
        logger.warning("%s: skipped, it is not among the published queries in %s", originals[name], folder)
    return [(name, originals[name], artefacts[name]) for name in sorted(originals.keys() & artefacts.keys())]


def _row(
    photo: str, method: str, metric: str, published: float | None, recomputed: float | None, corrected: float | None
) -> dict[str, Any]:
    difference = None
    if published is not None and recomputed is not None:
        # Equal infinities (the PSNR of equal photos) have no difference in floating point.
        difference = 0.0 if published == recomputed else recomputed - published
    return dict(zip(COLUMNS, (photo, method, metric, published, recomputed, difference, corrected), strict=True))


def _table(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    numbers = {column: float for column in COLUMNS[3:]}
    return pd.DataFrame(list(rows), columns=COLUMNS).astype({**dict.fromkeys(COLUMNS[:3], str), **numbers})
