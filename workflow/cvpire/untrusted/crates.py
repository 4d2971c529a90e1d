"""Check an archive of a run: is every file there that its metadata names, and is each what it was?"""

import hashlib
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from cvpire.errors import InputError, printable, reason

METADATA = "ro-crate-metadata.json"

MAX_METADATA = 2**26
"""Bytes of metadata above which an archive is refused: those of a run of the thesis with all its queries have 8 MB."""


def check_crate(path: Path) -> tuple[int, list[str]]:
    """Compare the files of an archive with the checksums in its metadata.

    Nothing is unpacked, and of each file no more is read than its recorded size.

    Parameters
    ----------
    path : Path
        An archive of `cvpire archive`.

    Returns
    -------
    number : int
        How many files the metadata names.
    faults : list of str
        A line for each file that is missing, changed or not named; empty where all is as it was.

    Raises
    ------
    InputError
        It cannot be read, or is no such archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [member.filename for member in archive.infolist() if not member.is_dir()]
            recorded = _recorded(archive)
            faults = [
                fault for name, (sha256, size) in recorded.items() if (fault := _fault(archive, name, sha256, size))
            ]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; `cvpire archive RESULTS {path}` makes it") from None
    except (
        OSError,
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        RuntimeError,
        ValueError,
        RecursionError,
    ) as error:
        raise InputError(f"{path}: not an archive of `cvpire archive` ({reason(error)})") from None
    faults += [f"{printable(name)}: not in the metadata" for name in sorted(set(names) - recorded.keys() - {METADATA})]
    faults += [f"{printable(name)}: twice in the archive" for name in sorted({n for n in names if names.count(n) > 1})]
    return len(recorded), faults


def _recorded(archive: zipfile.ZipFile) -> dict[str, tuple[str, int]]:
    """SHA-256 and size of each file that the metadata names."""
    try:
        member = archive.getinfo(METADATA)
    except KeyError:
        raise ValueError(f"no {METADATA}") from None
    with archive.open(member) as file:
        text = file.read(MAX_METADATA + 1)
    if len(text) > MAX_METADATA:
        raise ValueError(f"{METADATA}: above {MAX_METADATA} bytes")
    graph = json.loads(text)
    graph = graph.get("@graph") if isinstance(graph, dict) else None
    if not isinstance(graph, list):
        raise ValueError(f"{METADATA}: no @graph")
    found = {unquote(entity["@id"]): _told(entity) for entity in graph if _is_file(entity)}
    if not found:
        raise ValueError(f"{METADATA}: names no files")
    return found


def _is_file(entity: Any) -> bool:
    if not isinstance(entity, dict) or not isinstance(entity.get("@id"), str):
        return False
    kind = entity.get("@type")
    return kind == "File" or (isinstance(kind, list) and "File" in kind)


def _told(entity: dict[str, Any]) -> tuple[str, int]:
    sha256, size = entity.get("sha256"), entity.get("contentSize")
    if (
        not isinstance(sha256, str)
        or not isinstance(size, str)
        or not (size.isascii() and size.isdigit() and len(size) < 20)
    ):
        raise ValueError(f"{METADATA}: {printable(entity['@id'])} has no sha256 or no contentSize")
    return sha256, int(size)


def _fault(archive: zipfile.ZipFile, name: str, sha256: str, size: int) -> str | None:
    try:
        member = archive.getinfo(name)
    except KeyError:
        return f"{printable(name)}: missing"
    digest, left = hashlib.sha256(), size
    try:
        with archive.open(member) as file:
            while left and (chunk := file.read(min(left, 2**20))):
                digest.update(chunk)
                left -= len(chunk)
            longer = not left and file.read(1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        return f"{printable(name)}: damaged ({reason(error)})"
    if left or longer or digest.hexdigest() != sha256:
        return f"{printable(name)}: changed"
    return None
