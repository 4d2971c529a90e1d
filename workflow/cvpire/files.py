"""Write files and folders so that they appear whole or not at all."""

import csv
import errno
import fcntl
import filecmp
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_PARTIAL = ".partial-"


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Hand out a temporary path beside `path`, and rename it to `path` when the block succeeds.

    A reader never sees a half-written file, even after SIGKILL or a power failure; on an exception nothing stays. What
    SIGKILL leaves is removed by the next writer into the folder. The temporary name keeps the suffix, because libraries
    choose the format by it.

    Parameters
    ----------
    path : str or Path
        Where the file shall appear. Missing folders are made.

    Yields
    ------
    Path
        Where to write it.
    """
    path = Path(path)
    with _beside(path, lambda: _new_file(path)) as temporary:
        try:
            yield temporary
        except OSError as error:
            _name(error, path, temporary)
            raise
        temporary.chmod(0o666 & ~_umask())
        _sync(temporary)  # or the name may outlive a power failure and the content not
        temporary.replace(path)


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Hand out a temporary folder beside `path`, and rename it to `path` when the block succeeds.

    What is there is not replaced, because another run may be reading it: if it holds the same files it stays.

    Parameters
    ----------
    path : str or Path
        Where the folder shall appear. Missing folders above it are made.

    Yields
    ------
    Path
        The folder to fill.

    Raises
    ------
    FileExistsError
        `path` holds other files.
    """
    path = Path(path)
    with _beside(path, lambda: Path(tempfile.mkdtemp(dir=path.parent, prefix=_PARTIAL))) as temporary:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        os.sync()  # thousands of small files one by one take minutes on some disks
        try:
            temporary.replace(path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
            if not path.is_dir() or not _same_files(temporary, path):
                raise FileExistsError(
                    errno.EEXIST, "it holds other files; delete it to make it anew", str(path)
                ) from None


def write_text(path: str | Path, text: str) -> None:
    """Write a text file (UTF-8) whole or not at all."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    with whole(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: str | Path, value: Any) -> None:
    """Write JSON, indented, with keys in the order given, whole or not at all; ValueError for a number not finite."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_rows(path: str | Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write a small table (CSV) without pandas, which takes longer to import than many a stage to run."""
    with whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_csv(path: str | Path, table: "pd.DataFrame") -> None:
    """Write a table (CSV) without its index."""
    with whole(path) as temporary:
        table.to_csv(temporary, index=False)


@contextmanager
def _beside(path: Path, make: Callable[[], Path]) -> Iterator[Path]:
    """Make something in the folder of `path`, with a lock on it that tells it from what a killed writer left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path.parent)
    in_use = None
    while in_use is None:  # before it was locked, another writer may have taken it for a leftover
        temporary = make()
        in_use = _locked(temporary)
    try:
        yield temporary
    finally:
        _remove(temporary)
        os.close(in_use)


def _locked(path: Path) -> int | None:
    """Open and lock something; None where it is gone."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    with suppress(OSError):  # a file system without locks: leftovers are not removed there either
        fcntl.flock(handle, fcntl.LOCK_SH)
    if path.exists():
        return handle
    os.close(handle)
    return None


def _new_file(path: Path) -> Path:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=_PARTIAL, suffix=path.suffix)
    os.close(handle)
    return Path(name)


def _remove_leftovers(folder: Path) -> None:
    """Remove what writers of a folder left that were killed: the system has lifted their locks."""
    for left in folder.glob(f"{_PARTIAL}*"):
        with suppress(OSError):  # in use, or another user's, or gone
            handle = os.open(left, os.O_RDONLY if left.is_dir() else os.O_RDWR)  # NFS locks only what it may write
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(left)
            finally:
                os.close(handle)


def _same_files(one: Path, other: Path) -> bool:
    """Whether two folders hold the same files; Snakemake's notes, which start with a dot, do not count."""
    names = {path.relative_to(one) for path in one.rglob("[!.]*") if path.is_file()}
    return names == {path.relative_to(other) for path in other.rglob("[!.]*") if path.is_file()} and all(
        filecmp.cmp(one / name, other / name, shallow=False) for name in names
    )


def _name(error: OSError, path: Path, temporary: Path) -> None:
    """Let an error name the file that was wanted, and its cause: NumPy says of a full disk only what is written."""
    if error.errno is None and "requested and" in str(error):
        error.errno, error.strerror = errno.ENOSPC, os.strerror(errno.ENOSPC)
    if error.filename in (None, str(temporary)):
        error.filename = str(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
