"""Checksums of files, and which of them are known since the files were last read."""

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from cvpire.files import write_text

MEMORY = Path(".snakemake/checksums.json")
"""What `remembered_checksums` remembers, in the folder that a run works in."""

_SETTLED = 2_000_000_000
"""Nanoseconds for which a file must have rested: what is written twice within a tick of the clock has one date."""


def checksum(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def fingerprint(sums: Mapping[str, str]) -> str:
    """SHA-256 of files by their names: of lines `SHA-256 NAME`, one a file, sorted by name."""
    lines = "".join(f"{sums[name]} {name}\n" for name in sorted(sums))
    return hashlib.sha256(lines.encode()).hexdigest()


def remembered_checksums(files: Iterable[str], memory: Path = MEMORY) -> dict[str, str]:
    """Find the checksums of files, and read only those that have changed since the last call.

    Parameters
    ----------
    files : iterable of str
        Paths. A file has not changed if its size, its two dates and its inode have not. One of the dates is that of the
        last change of the inode, which nobody can set: `mv`, `cp -p`, `rsync -t` and `unzip` keep the other one.
    memory : Path
        A file, which is written where its folder is there and may be written to; else nothing is remembered.

    Returns
    -------
    dict
        SHA-256 by path, without the files that cannot be read: the job that needs one says why.
    """
    known, now = _read(memory), time.time_ns()
    states = {file: state for file in dict.fromkeys(files) if (state := _state(file))}
    found = {file: known[file][-1] for file, state in states.items() if known.get(file, [])[:-1] == state}
    unknown = [file for file in states if file not in found]
    with ThreadPoolExecutor(4) as pool:
        sums = dict(zip(unknown, pool.map(_checksum, unknown), strict=True))
    sums = {file: value for file, value in sums.items() if value}
    settled = {file: value for file, value in sums.items() if max(states[file][1:3]) < now - _SETTLED}
    learned = {file: [*states[file], value] for file, value in settled.items() if _state(file) == states[file]}
    if learned and memory.parent.is_dir():
        kept = {file: entry for file, entry in known.items() if Path(file).exists()}
        with suppress(OSError):
            write_text(memory, json.dumps({**kept, **learned}))
    return {**found, **sums}


def _state(file: str) -> list[int] | None:
    try:
        state = os.stat(file)  # noqa: PTH116 - thousands of them
    except OSError:
        return None
    return [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino]


def _checksum(file: str) -> str | None:
    with suppress(OSError):
        return checksum(Path(file))
    return None


def _read(memory: Path) -> dict[str, list]:
    try:
        read = json.loads(memory.read_text(encoding="utf-8"))
        return {file: entry for file, entry in read.items() if isinstance(entry, list) and len(entry) == 5}
    except (OSError, ValueError, AttributeError, RecursionError):  # missing or damaged: everything is read again
        return {}
