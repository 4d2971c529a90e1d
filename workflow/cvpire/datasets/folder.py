"""A dataset from a folder of photos and a ground-truth file."""

import os
from collections.abc import Iterable
from pathlib import Path

from cvpire.datasets import Dataset, Missing, some, with_answers
from cvpire.datasets.ground_truth import GroundTruth, read_ground_truth
from cvpire.datasets.names import photo_name
from cvpire.errors import InputError, counted
from cvpire.photos import SUFFIXES, unread


def read_folder(folder: str | Path, ground_truth: str | Path, missing: Missing = "error") -> Dataset:
    """List the photos of a folder and join them with their ground truth.

    Parameters
    ----------
    folder : str or Path
        Its files with a photo's suffix (`cvpire.photos.SUFFIXES`) are the photos, without subfolders and hidden files;
        a photo's name is its file name without the suffix.
    ground_truth : str or Path
        See `cvpire.datasets.ground_truth.read_ground_truth`.
    missing : {"error", "drop"}
        A photo that the ground truth names and the folder lacks is an error, or is dropped; `notes` counts them.

    Returns
    -------
    Dataset
        With the ground truth as it is given: what a query's own photo counts as is not decided yet, and a query may
        have no relevant photo (`cvpire.datasets.with_clean_twin`).

    Raises
    ------
    InputError
        Missing or empty folder, two photos of one name, a broken link, bad ground truth, missing photos.
    """
    folder, ground_truth = Path(folder), Path(ground_truth)
    photos = read_photos(folder)
    truth = read_ground_truth(ground_truth)
    notes = [note] if (note := unread_photos(folder)) else []
    if lacking := truth.names - photos.keys():
        if missing == "error":
            raise InputError(
                f"{folder}: lacks {counted(len(lacking), 'photo')} that {ground_truth} names ({some(lacking)}); "
                f"add what is missing, or set `missing: drop` to go on without it{_hint(lacking)}"
            )
        notes.append(_dropped(truth, lacking))
        truth = _without(truth, lacking)
    database = tuple(sorted(photos)) if truth.database is None else truth.database
    if not truth.queries or not database:
        empty = "database photo" if truth.queries else "query"
        raise InputError(f"{folder}: no {empty} of {ground_truth} is there: nothing can be measured{_hint(lacking)}")

    used = {*database, *truth.queries}
    if unused := photos.keys() - used:
        notes.append(f"left out {counted(len(unused), 'photo')} that the ground truth does not name ({some(unused)})")
    return Dataset({name: photos[name] for name in sorted(used)}, database, truth.queries, tuple(notes))


def read_photos(folder: Path) -> dict[str, Path]:
    """List the photos of a folder by name; `InputError` where there are none, or two of one name."""
    try:
        with os.scandir(folder) as entries:  # tells files from folders without asking for each
            files = sorted(entry.name for entry in entries if not entry.name.startswith(".") and _is_photo(entry))
    except FileNotFoundError:
        raise InputError(f"{folder}: no such folder of photos (seen from {Path.cwd()})") from None
    except OSError as error:
        raise InputError(f"{folder}: cannot be read as a folder of photos ({error.strerror})") from None
    photos = _by_name((file, folder / file) for file in files)
    if not photos:
        raise InputError(
            f"{folder}: no photos; expected files ending in {', '.join(SUFFIXES)}{_also(unread_photos(folder))}"
        )
    return photos


def unread_photos(folder: Path) -> str | None:
    """Say which files of a folder look like photos and are not read; None without any."""
    with os.scandir(folder) as entries:
        return unread(Path(entry.path) for entry in entries if entry.is_file())


def unread_below(folder: Path) -> str | None:
    """Say the same of a folder and those below it."""
    return unread(
        Path(root) / name
        for root, _, names in os.walk(folder)
        for name in names
        if not any(part.startswith(".") for part in Path(root).relative_to(folder).parts)
    )


def photo_tree(folder: Path) -> dict[str, Path]:
    """List the photos of a folder and those below it, by their path with `__` for `/`.

    Hidden files and folders, such as `.thumbnails`, do not count; a folder that cannot be read is an `InputError`.
    """
    found = []
    for root, folders, names in os.walk(folder, onerror=_unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(root) / name for name in names if name.lower().endswith(SUFFIXES) and not name.startswith(".")]
    found.sort()
    if not found:
        raise InputError(
            f"{folder}: no photos in this folder or below; expected files ending in {', '.join(SUFFIXES)}"
            f"{_also(unread_below(folder))}"
        )
    return _by_name(("__".join(path.relative_to(folder).parts), path) for path in found)


def _unreadable(error: OSError) -> None:
    # What is not there at all has no photos, which is said elsewhere.
    if not isinstance(error, FileNotFoundError):
        raise InputError(f"{error.filename}: cannot be read as a folder of photos ({error.strerror})")


def _by_name(files: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    photos: dict[str, Path] = {}
    for file, path in files:
        try:
            name = photo_name(Path(file).stem)
        except ValueError as error:
            raise InputError(f"{str(path)!r}: {error}; rename the file") from None
        if name in photos:
            raise InputError(f"{path} and {photos[name].name} have one name, {name!r}; rename or remove one of them")
        photos[name] = path
    return photos


def _is_photo(entry: os.DirEntry) -> bool:
    if not entry.name.lower().endswith(SUFFIXES):
        return False
    # A link to nowhere is an incomplete copy, which must not shrink the database silently.
    if entry.is_symlink() and not Path(entry).exists():
        raise InputError(f"{entry.path}: broken link; restore the photo or remove the link")
    return entry.is_file()


def _without(truth: GroundTruth, lacking: frozenset[str]) -> GroundTruth:
    database = truth.database and tuple(name for name in truth.database if name not in lacking)
    queries = {
        name: with_answers(query, lambda answer: (answer[0] - lacking, answer[1] - lacking))
        for name, query in truth.queries.items()
        if name not in lacking
    }
    return GroundTruth(database, queries)


def _dropped(truth: GroundTruth, lacking: frozenset[str]) -> str:
    sections = {
        "queries": truth.queries,
        "relevant": set().union(*(query.relevant for query in truth.queries.values())),
        "junk": set().union(*(query.junk for query in truth.queries.values())),
        "database": truth.database or (),
    }
    counts = {title: (len(lacking.intersection(names)), len(names)) for title, names in sections.items()}
    told = ", ".join(f"{gone} of {number} {title}" for title, (gone, number) in counts.items() if gone)
    return f"dropped {counted(len(lacking), 'photo')} that the folder lacks ({told}: {some(lacking)})"


def _also(note: str | None) -> str:
    return f"; {note}" if note else ""


def _hint(lacking: frozenset[str]) -> str:
    suffixed = any(name.lower().endswith(SUFFIXES) for name in lacking)
    return "; names are file names without the suffix" if suffixed else ""
