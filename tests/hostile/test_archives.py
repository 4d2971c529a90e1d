"""Archives of photos that are damaged, point elsewhere, or hold more than they are."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.hostile.mutations import TEXTS, damaged

PIXELS = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
with io.BytesIO() as file:
    Image.fromarray(PIXELS).save(file, "JPEG")
    PHOTO = file.getvalue()

WANTED = ["a", "b", "büro 1"]
COMPRESSED = {".tar": bytes, ".tgz": gzip.compress, ".tar.bz2": bz2.compress, ".tar.xz": lzma.compress}


def tar(members: list[tarfile.TarInfo | tuple[str, bytes]], form: int = tarfile.PAX_FORMAT) -> bytes:
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode="w", format=form, errors="surrogatepass") as archive:
            for member in members:
                if isinstance(member, tarfile.TarInfo):
                    archive.addfile(member)
                else:
                    info = tarfile.TarInfo(member[0])
                    info.size = len(member[1])
                    archive.addfile(info, io.BytesIO(member[1]))
        return file.getvalue()


def zipped(members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", compression) as archive:
            for name, data in members:
                archive.writestr(name, data)
        return file.getvalue()


MEMBERS = [("a.jpg", PHOTO), ("folder/b.jpg", PHOTO), ("büro 1.jpg", PHOTO[:-40]), ("notes.txt", b"text" * 99)]
TARS = [tar(MEMBERS, form) for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)]
TARS.append(tar([("x" * 200 + "/a.jpg", PHOTO), *MEMBERS], tarfile.GNU_FORMAT))
ZIPS = [
    zipped(MEMBERS, kind) for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
]


def unpack(sandbox, file, data, **options):
    return sandbox.read("archive", {file: data}, leaves="photos/*.j*", names=WANTED, **options)


@given(damaged(TARS), st.sampled_from(list(COMPRESSED)))
def test_tar_that_is_damaged_and_compressed(sandbox, data, suffix):
    unpack(sandbox, f"photos{suffix}", COMPRESSED[suffix](data))


@given(
    st.sampled_from(list(COMPRESSED)).flatmap(
        lambda kind: st.tuples(st.just(kind), damaged([COMPRESSED[kind](TARS[0])]))
    )
)
def test_tar_that_is_compressed_and_damaged(sandbox, archive):
    unpack(sandbox, f"photos{archive[0]}", archive[1])


@given(damaged(ZIPS))
def test_damaged_zip(sandbox, data):
    unpack(sandbox, "büro.zip", data)


PARTS = st.sampled_from(
    [*(text for text in TEXTS if "\0" not in text), "a", "b", "büro 1", "bu\u0308ro 1", "folder", "~", "$HOME"]
)
FILES = [
    "a.jpg",
    "b.JPEG",
    "büro 1.jpg",
    "bu\u0308ro 1.jpg",
    ".jpg",
    "a.jpg ",
    "a.jpg/",
    "a.jpg/.",
    "CON.jpg",
    "a\n.jpg",
]
ROOTS = ["", "/", "//", "../", "./", "C:\\", "\\\\?\\"]
PATHS = st.tuples(st.sampled_from(ROOTS), st.lists(PARTS, max_size=4), st.sampled_from(FILES)).map(
    lambda parts: parts[0] + "/".join([*parts[1], parts[2]])
)

KINDS = [tarfile.REGTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE]
KINDS += [tarfile.FIFOTYPE, tarfile.CONTTYPE, tarfile.GNUTYPE_SPARSE, b"Z"]


@st.composite
def tar_members(draw):
    info = tarfile.TarInfo(draw(PATHS))
    info.type, info.linkname = draw(st.sampled_from(KINDS)), draw(PATHS)
    info.mode = draw(st.sampled_from([0, 0o777, 0o4755]))
    if draw(st.booleans()):
        info.pax_headers = draw(
            st.dictionaries(
                st.sampled_from(["path", "size", "GNU.sparse.realsize", "GNU.sparse.map", "GNU.sparse.major", "mtime"]),
                st.sampled_from(["", "a.jpg", "../a.jpg", "-1", "9" * 30, "nan", "1,2,3", "0,99999999999999", "1"]),
            )
        )
    return info


@given(st.lists(tar_members() | st.tuples(PATHS, st.sampled_from([PHOTO, b"", b"text"])), max_size=4))
def test_tar_of_any_members(sandbox, members):
    try:
        data = tar(members)
    except (ValueError, UnicodeError, OverflowError):  # not to be written; `damaged` has the numbers
        return
    unpack(sandbox, "photos.tar", data)


@given(st.lists(st.tuples(PATHS, st.sampled_from([PHOTO, b"", b"text"])), max_size=4))
def test_zip_of_any_names(sandbox, members):
    members = [(name.encode("utf-8", "replace").decode(), data) for name, data in members]
    unpack(sandbox, "photos.zip", zipped(members))


def endless(header: tarfile.TarInfo) -> bytes:
    """A gzip file of a few KB: a tar with a member of a gigabyte."""
    return gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(2**30), compresslevel=1)


def sized(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info


def zip_of_claims(size: int) -> bytes:
    """A zip whose directory says another size of its photo."""
    data = bytearray(zipped([("a.jpg", bytes(2**28))]))
    data[data.index(b"PK\1\2") + 24 :][:4] = b""
    place = data.index(b"PK\1\2") + 24
    data[place : place + 4] = struct.pack("<I", size)
    return bytes(data)


BOMBS = {
    "photo.tgz": lambda: endless(sized("a.jpg", 2**30)),
    "other.tgz": lambda: endless(sized("notes.txt", 2**30)),
    "name.tgz": lambda: endless(sized("././@LongLink", 2**30, tarfile.GNUTYPE_LONGNAME)),
    "pax.tgz": lambda: endless(sized("pax", 2**30, tarfile.XHDTYPE)),
    "global.tgz": lambda: endless(sized("pax", 2**30, tarfile.XGLTYPE)),
    "zeros.tgz": lambda: gzip.compress(bytes(2**30), 1),
    "photo.zip": lambda: zipped([("a.jpg", bytes(2**30))]),
    "claim.zip": lambda: zip_of_claims(100),
    "many.zip": lambda: zipped([(f"{number}.txt", b"") for number in range(20_000)]),
    "negative.tar": lambda: sized("a.jpg", -512).tobuf(tarfile.GNU_FORMAT) + bytes(10240),
    "terabyte.tar": lambda: sized("a.jpg", 2**40).tobuf(tarfile.GNU_FORMAT) + bytes(10240),
    "sparse.tar": lambda: sized("a.jpg", 2**40, tarfile.GNUTYPE_SPARSE).tobuf(tarfile.GNU_FORMAT) + bytes(10240),
}


@pytest.mark.parametrize("file", BOMBS)
def test_archive_that_holds_more_than_it_is(sandbox, file):
    unpack(sandbox, file, BOMBS[file]())


def test_tar_in_gzip_in_gzip(sandbox):
    assert unpack(sandbox, "photos.tgz", gzip.compress(gzip.compress(TARS[0]))) == "refused"
