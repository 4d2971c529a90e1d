"""Unpack the photos of a dataset from its archives: exactly those that are wanted, whole and checked."""

import hashlib
import io
import stat
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from PIL import Image

from cvpire.datasets.names import photo_name
from cvpire.errors import InputError, printable, reason, shown
from cvpire.files import whole_folder, write_json
from cvpire.photos import MAX_PIXELS, PROGRAMS

MAX_BYTES = 2**25
"""Photos above this are refused: those of the benchmarks have 1 MB, and an archive can promise any size."""

SUFFIXES = (".jpg", ".jpeg")
"""Members that count as photos (in any letter case)."""


CONTENTS = "contents.json"
"""File beside the photos that lists them with their SHA-256: it is there when all of them are."""


class UnpackReport(NamedTuple):
    """What became of the photos; the first three together are the names that were wanted. All are sorted."""

    found: tuple[str, ...]
    """Unpacked, by photo name."""
    missing: tuple[str, ...]
    """In none of the archives, by photo name."""
    corrupt: tuple[str, ...]
    """Truncated or damaged and therefore not unpacked, by photo name."""
    extra: tuple[str, ...]
    """Left in the archives because they were not wanted, by their names there: photos, other files, links, devices."""


class Member(NamedTuple):
    """A member of an archive that is no folder."""

    archive: Path
    name: str
    is_file: bool
    size: int
    read: Callable[[], bytes]


def unpack_photos(
    archives: Iterable[str | Path], names: Collection[str], folder: str | Path, progress: bool = True
) -> UnpackReport:
    """Unpack photos by name into one folder.

    Oxford-5k's archive is flat and Paris-6k's have a folder for each landmark; photo names are unique in both, so all
    photos are written side by side, as NAME.jpg. Only the last part of a member's path is used, and nothing but what
    `names` lists is written, so that no archive can write elsewhere. The folder appears when everything is in it.

    Parameters
    ----------
    archives : iterable of str or Path
        .zip files, or tar files, compressed or not; each is read once, from its beginning to its end.
    names : collection of str
        Photo names (`cvpire.datasets.names.photo_name`) that the ground truth knows.
    folder : str or Path
        Where the photos shall appear. Where the same photos are already, they stay, because another run may read them.
    progress : bool
        Show progress, if standard error is a terminal.

    Returns
    -------
    UnpackReport
        Photos that are missing or corrupt are no error here; the ground truth decides what that means.

    Raises
    ------
    InputError
        The folder has other files; an archive is missing, truncated or damaged, or not what was published: a wanted
        photo is a link, its path is absolute or has `..`, it is larger than `MAX_BYTES`, or two different photos have
        its name; no space left.
    """
    from tqdm import tqdm

    folder, wanted = Path(folder), {photo_name(name) for name in names}
    digests, corrupt, extra = {}, [], []
    progress_bar = tqdm(desc=folder.name, total=len(wanted), unit=" photos", disable=None if progress else True)
    with writing(folder), whole_folder(folder) as photos, progress_bar:
        for member in chain.from_iterable(members(Path(archive)) for archive in archives):
            name = _photo_name(member)
            if name not in wanted:
                extra.append(printable(member.name))
                continue
            data = content(member)
            digest = hashlib.sha256(data).digest()
            if name in digests:
                if digests[name] != digest:
                    raise _unpublished(member, "differs from an earlier photo of its name")
                continue
            digests[name] = digest
            if _decodes(data):
                (photos / f"{name}.jpg").write_bytes(data)
            else:
                corrupt.append(name)
            progress_bar.update()
        found = {name: digests[name].hex() for name in sorted(digests) if name not in corrupt}
        write_json(photos / CONTENTS, found)
    return UnpackReport(
        found=tuple(found),
        missing=tuple(sorted(wanted - digests.keys())),
        corrupt=tuple(sorted(corrupt)),
        extra=tuple(sorted(extra)),
    )


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say what to do where `whole_folder` cannot make the folder of what is unpacked."""
    try:
        yield
    except FileExistsError:
        raise InputError(f"{folder}: exists already, with other files; delete it to unpack the photos again") from None
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror}); make room or check its permissions, and run again"
        ) from None


def members(archive: Path) -> Iterator[Member]:
    """Walk through an archive, which ends in .zip or is a tar file; a member is read before the next, if at all."""
    with _readable(archive):
        yield from _zip_members(archive) if archive.suffix.lower() == ".zip" else _tar_members(archive)


def _tar_members(path: Path) -> Iterator[Member]:
    with tarfile.open(path, tarinfo=_TarInfo) as archive:
        for info in archive:
            if not info.isdir():
                yield Member(
                    path, info.name, info.isreg(), info.size, lambda info=info: archive.extractfile(info).read()
                )
        # tarfile takes a damaged header for the end, and what is compressed has its checksum behind the last member.
        while rest := archive.fileobj.read(2**20):
            if rest.strip(b"\0"):
                raise tarfile.ReadError("damaged header")


class _TarInfo(tarfile.TarInfo):
    """The header of a member; one that says more about the next than a name and dates is refused, before it is read."""

    @classmethod
    def frombuf(cls, buf: bytes, encoding: str, errors: str) -> "_TarInfo":
        """Make a header from its 512 bytes."""
        info = super().frombuf(buf, encoding, errors)
        about_the_next = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE)
        if info.type in (*about_the_next, tarfile.SOLARIS_XHDTYPE) and info.size > _MOST_ABOUT_A_MEMBER:
            raise tarfile.ReadError(f"{info.size} bytes about one member")
        return info


_MOST_ABOUT_A_MEMBER = 2**20


def _zip_members(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                is_file = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG)
                yield Member(path, info.filename, is_file, info.file_size, partial(archive.read, info))


@contextmanager
def _readable(archive: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{archive}: no such archive") from None
    except InputError:
        raise
    except Exception as error:  # anything: OSError, zlib.error, struct.error, OverflowError, ValueError, ...
        raise InputError(
            f"{archive}: truncated, damaged or no archive ({reason(error)}); delete it and run again"
        ) from None


def _photo_name(member: Member) -> str | None:
    path = PurePosixPath(member.name)
    try:
        return photo_name(path.stem) if path.suffix.lower() in SUFFIXES else None
    except ValueError:
        return None


def content(member: Member) -> bytes:
    """Read a member; `InputError` where it is more than a photo can be, or no file within the archive."""
    path = PurePosixPath(member.name)
    if not member.is_file:
        raise _unpublished(member, "is a link or a device")
    if path.is_absolute() or ".." in path.parts:
        raise _unpublished(member, "points outside of the archive")
    if member.size > MAX_BYTES:
        raise _unpublished(member, f"has {member.size} bytes, more than {MAX_BYTES}")
    with _readable(member.archive):
        return member.read()


def _unpublished(member: Member, fault: str) -> InputError:
    return InputError(
        f"{member.archive}: the photo {shown(member.name)} {fault}; this is not the archive that was published: "
        "delete it and get it from a source that you trust"
    )


def _decodes(data: bytes) -> bool:
    """Whether a photo is whole. At an eighth of its size a JPEG is still read to its end, in half the time."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
            if image.width * image.height > MAX_PIXELS or image.format in PROGRAMS:
                return False
            image.draft(None, (image.width // 8, image.height // 8))
            image.load()
    except Exception:  # decoders raise anything on corrupt data: OSError, SyntaxError, struct.error, ...
        return False
    return True
