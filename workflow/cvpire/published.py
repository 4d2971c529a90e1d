"""The published artefacts, out of the repository of the thesis's author (SamSweere/CV-PIRE), for `cvpire audit`."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from cvpire.datasets.names import photo_name
from cvpire.errors import InputError
from cvpire.files import whole_folder, write_json
from cvpire.untrusted.archives import CONTENTS, content, members, writing

FOLDERS = {"oxford5k": "oxford", "paris6k": "paris"}
"""The repository's folder of a dataset, under results/."""

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
        Is made, whole or not at all: `photos/`, `published/METHOD/`, `published/variance/METHOD/`, and `CONTENTS`,
        which lists the files with their SHA-256. Of the archive's names only the last part is used, so nothing is
        written elsewhere. Where the same files are already, they stay, because another run may be reading them.

    Returns
    -------
    dict
        Number of `photos`, `queries` and `maps`.

    Raises
    ------
    InputError
        No zip file, a damaged one, one without the artefacts of this dataset, or with an artefact that is larger than
        any photo; the folder has other files, or cannot be written.
    """
    archive, folder = Path(archive), Path(folder)
    targets = _targets((member.name for member in members(archive)), FOLDERS[dataset], archive)
    digests = {}
    with writing(folder), whole_folder(folder) as scratch:
        for member in members(archive):
            if target := targets.get(member.name):
                data = content(member)
                digests[target] = hashlib.sha256(data).hexdigest()
                (scratch / target).parent.mkdir(parents=True, exist_ok=True)
                (scratch / target).write_bytes(data)
        write_json(scratch / CONTENTS, digests)
    kinds = {"photos": "photos/*.jpg", "queries": "published/*/*.jpg", "maps": "published/variance/*/*.png"}
    return {kind: len(list(folder.glob(pattern))) for kind, pattern in kinds.items()}


def _targets(names: Iterable[str], wanted: str, archive: Path) -> dict[str, str]:
    """Where each member goes that belongs to the dataset, by its name in the archive."""
    targets, photos = {}, {}
    for name in names:
        place = name.partition("/")[2]  # without the folder that holds everything
        if found := _MAP.fullmatch(place) or _QUERY.fullmatch(place):
            if found["set"] == wanted:
                kind = "published/variance" if "colorVarianceImages" in place else "published"
                targets[name] = f"{kind}/{found['method']}/{_file_name(found['name'], archive)}"
        elif found := _PHOTO.fullmatch(place):
            photos[name] = _file_name(found["name"], archive)
    queries = {Path(target).name for target in targets.values() if target.endswith(".jpg")}
    originals = {name: f"photos/{photo}" for name, photo in photos.items() if photo in queries}
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
