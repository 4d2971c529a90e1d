"""The published artefacts, out of the repository of the thesis's author (SamSweere/CV-PIRE), for `cvpire audit`."""

import re
import shutil
import zipfile
import zlib
from pathlib import Path

from cvpire.datasets.names import photo_name
from cvpire.errors import InputError
from cvpire.files import whole_folder

FOLDERS = {"oxford5k": "oxford", "paris6k": "paris"}
"""The repository's folder of a dataset, under results/."""

MAX_BYTES = 32 * 2**20
"""Larger files are refused: a photo or map of the repository has less than 2 MB."""

_QUERY = re.compile(r"results/(?P<set>\w+)/(?P<method>[\w-]+)/(?P<name>[^/]+\.(jpg|txt))")
_MAP = re.compile(r"results/(?P<set>\w+)/colorVarianceImages/(?P<method>[\w-]+)/(?P<name>[^/]+\.png)")
_PHOTO = re.compile(r"images/(?:.*/)?(?P<name>[^/]+\.jpg)")


def unpack_published(archive: str | Path, dataset: str, folder: str | Path) -> dict[str, int]:
    """Arrange one dataset's artefacts for the audit.

    Parameters
    ----------
    archive : str or Path
        The repository at one commit, as the .zip that its host hands out (one folder that holds everything). In it lie
        `results/SET/METHOD/` (adversarial queries and their numbers), `results/SET/colorVarianceImages/METHOD/` (maps)
        and, somewhere under `images/`, the original photos.
    dataset : {"oxford5k", "paris6k"}
    folder : str or Path
        Is made, whole or not at all: `photos/`, `published/METHOD/` and `published/variance/METHOD/`. Of the archive's
        names only the last part is used, so nothing is written elsewhere.

    Returns
    -------
    dict
        Number of `photos`, `queries` and `maps`.

    Raises
    ------
    InputError
        No zip file, a damaged one, or one without the artefacts of this dataset.
    """
    archive, folder = Path(archive), Path(folder)
    try:
        with whole_folder(folder) as scratch, zipfile.ZipFile(archive) as file:
            for target, member in _targets(file.infolist(), FOLDERS[dataset], archive).items():
                (scratch / target).parent.mkdir(parents=True, exist_ok=True)
                (scratch / target).write_bytes(file.read(member))
            shutil.rmtree(folder, ignore_errors=True)
    except FileNotFoundError:
        raise InputError(f"{archive}: no such archive") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{archive}: not a readable zip archive ({error}); delete it and run again") from None
    kinds = {"photos": "photos/*.jpg", "queries": "published/*/*.jpg", "maps": "published/variance/*/*.png"}
    return {kind: len(list(folder.glob(pattern))) for kind, pattern in kinds.items()}


def _targets(members: list[zipfile.ZipInfo], wanted: str, archive: Path) -> dict[str, zipfile.ZipInfo]:
    """Where each member goes that belongs to the dataset."""
    targets, photos = {}, {}
    for member in members:
        place = member.filename.partition("/")[2]  # without the folder that holds everything
        if found := _MAP.fullmatch(place) or _QUERY.fullmatch(place):
            if found["set"] != wanted:
                continue
            kind = "published/variance" if "colorVarianceImages" in place else "published"
            targets[f"{kind}/{found['method']}/{_file_name(found['name'], archive)}"] = member
        elif found := _PHOTO.fullmatch(place):
            photos[_file_name(found["name"], archive)] = member
        else:
            continue
        if member.file_size > MAX_BYTES:
            raise InputError(f"{archive}: {member.filename!r} has more than {MAX_BYTES // 2**20} MB; refused")
    queries = {Path(target).name for target in targets if target.endswith(".jpg")}
    originals = {f"photos/{name}": member for name, member in photos.items() if name in queries}
    for kind, found in (("adversarial queries", queries), ("original photos", originals)):
        if not found:
            raise InputError(f"{archive}: holds no {kind} of {wanted}; is it the author's repository?")
    return targets | originals


def _file_name(name: str, archive: Path) -> str:
    try:
        photo_name(Path(name).stem)
    except ValueError as error:
        raise InputError(f"{archive}: {name!r}: {error}") from None
    return name
