"""Unpacking photos from the archives of datasets."""

import gzip
import io
import os
import re
import stat
import tarfile
import zipfile
from pathlib import Path
from random import Random

import numpy as np
import pytest
from cvpire import layout
from cvpire.errors import InputError
from cvpire.photos import load_photo
from cvpire.untrusted import archives
from cvpire.untrusted.archives import unpack_photos
from PIL import Image


def jpeg(seed, **options):
    pixels = np.random.default_rng(seed).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    with io.BytesIO() as file:
        Image.fromarray(pixels).save(file, "JPEG", **options)
        return file.getvalue()


A, B, C = jpeg(0), jpeg(1), jpeg(2, progressive=True)


def pack(path, members):
    """Write an archive; a member is (name, bytes) or a TarInfo or ZipInfo."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members:
                archive.writestr(name, data)
        return path
    with tarfile.open(path, {".tar": "w", ".xz": "w:xz", ".bz2": "w:bz2"}.get(path.suffix, "w:gz")) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return path


def special(name, kind, target="a.jpg"):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# --- What is wanted ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".tgz", ".tar.gz", ".tar", ".zip"])
def test_photos_are_written_side_by_side(tmp_path, suffix, capsys):
    flat = pack(tmp_path / f"oxford{suffix}", [("a.jpg", A), ("./b.JPG", B)])
    folders = pack(tmp_path / f"paris{suffix}", [("paris/louvre/c.jpeg", C), ("paris/louvre/broken.jpg", b"")])
    folder = tmp_path / "new" / "photos"

    report = unpack_photos([flat, str(folders)], ["a", "b", "c", "d"], folder)

    assert {path.name: path.read_bytes() for path in folder.glob("*.jpg")} == {"a.jpg": A, "b.jpg": B, "c.jpg": C}
    assert everything(tmp_path / "new") == [
        "photos",
        "photos/a.jpg",
        "photos/b.jpg",
        "photos/c.jpg",
        "photos/contents.json",
    ]
    assert report.found == ("a", "b", "c")
    assert report.missing == ("d",)
    assert report.corrupt == ()
    assert report.extra == ("paris/louvre/broken.jpg",), "Paris's corrupt photos are in no ground truth"
    assert not capsys.readouterr().err, "progress is for terminals"


def test_the_list_of_photos_has_the_name_that_rules_wait_for():
    assert Path(layout.UNPACKED).name == archives.CONTENTS


def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        unpack_photos([pack(tmp_path / "a.tar", [("a.jpg", A)])], ["a"], tmp_path / "photos")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "photos").stat().st_mode) == 0o750
    assert stat.S_IMODE((tmp_path / "photos" / "a.jpg").stat().st_mode) == 0o640


def test_names_are_compared_in_one_form(tmp_path):
    archive = pack(tmp_path / "a.tar", [("cafe\u0301.jpg", A)])

    assert unpack_photos([archive], ["caf\u00e9"], tmp_path / "photos").found == ("caf\u00e9",)


def test_what_is_not_wanted_stays_in_the_archive(tmp_path):
    hostile = [
        ("../b.jpg", B),
        ("/tmp/cvpire-b.jpg", B),
        special("link.jpg", tarfile.SYMTYPE, "/etc/passwd"),
        special("hard.jpg", tarfile.LNKTYPE),
        special("pipe", tarfile.FIFOTYPE),
        special("disk", tarfile.CHRTYPE),
        ("._a.jpg", b"what a Mac adds"),
        ("a.txt", b"of the same stem"),
        ("bad\nline.jpg", B),
        special("folder", tarfile.DIRTYPE),
    ]
    archive = pack(tmp_path / "a.tgz", [("a.jpg", A), *hostile])

    report = unpack_photos([archive], ["a"], tmp_path / "here" / "photos")

    assert everything(tmp_path) == ["a.tgz", "here", "here/photos", "here/photos/a.jpg", "here/photos/contents.json"]
    assert not Path("/tmp/cvpire-b.jpg").exists()
    assert (report.found, report.missing, report.corrupt) == (("a",), (), ())
    names = [
        "../b.jpg",
        "/tmp/cvpire-b.jpg",
        "link.jpg",
        "hard.jpg",
        "pipe",
        "disk",
        "._a.jpg",
        "a.txt",
        r"bad\nline.jpg",
    ]
    assert report.extra == tuple(sorted(names))


def test_the_same_photo_twice_counts_once(tmp_path):
    archive = pack(tmp_path / "a.tgz", [("x/a.jpg", A), ("y/a.jpg", A)])

    report = unpack_photos([archive, archive], ["a"], tmp_path / "photos")

    assert (report.found, report.extra) == (("a",), ())


# --- Corrupt photos ---------------------------------------------------------------------------------------------------

DAMAGED = {
    "empty": b"",
    "text": b"<html>not a photo</html>",
    "truncated": A[: len(A) // 2],
    "almost whole": A[:-10],
    "truncated progressive": C[:-10],
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_corrupt_photo_is_named_and_left_out(tmp_path, damage):
    archive = pack(tmp_path / "a.tgz", [("a.jpg", DAMAGED[damage]), ("b.jpg", B)])

    report = unpack_photos([archive], ["a", "b"], tmp_path / "photos")

    assert everything(tmp_path / "photos") == ["b.jpg", "contents.json"]
    assert (report.found, report.missing, report.corrupt, report.extra) == (("b",), (), ("a",), ())


def test_photos_are_corrupt_that_the_later_stages_cannot_read(tmp_path):
    random, damaged = Random(0), {}
    for number in range(40):
        photo = bytearray(random.choice([A, C]))
        place = random.randrange(len(photo))
        photo[place:] = random.choice([b"", bytes(len(photo) - place), random.randbytes(20) + photo[place + 20 :]])
        damaged[f"photo-{number:02}"] = bytes(photo)
    archive = pack(tmp_path / "a.tar", [(f"{name}.jpg", data) for name, data in damaged.items()])

    report = unpack_photos([archive], damaged, tmp_path / "photos")

    assert len(report.found) > 5 and len(report.corrupt) > 5
    for name in report.found:
        load_photo(tmp_path / "photos" / f"{name}.jpg")
    for name in report.corrupt:
        (tmp_path / name).write_bytes(damaged[name])
        with pytest.raises(InputError):
            load_photo(tmp_path / name)


def test_more_pixels_than_a_camera_has_are_corrupt(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_PIXELS", 60 * 80 - 1)

    assert unpack_photos([pack(tmp_path / "a.tar", [("a.jpg", A)])], ["a"], tmp_path / "photos").corrupt == ("a",)


# --- Errors -----------------------------------------------------------------------------------------------------------


def zip_link():
    info = zipfile.ZipInfo("a.jpg")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("suffix", "members", "fault"),
    [
        (".tgz", [special("a.jpg", tarfile.SYMTYPE, "/etc/passwd")], "is a link or a device"),
        (".tgz", [("b.jpg", B), special("a.jpg", tarfile.LNKTYPE, "b.jpg")], "is a link or a device"),
        (".tgz", [special("a.jpg", tarfile.CHRTYPE)], "is a link or a device"),
        (".zip", [(zip_link(), b"/etc/passwd")], "is a link or a device"),
        (".tgz", [("../a.jpg", A)], "points outside of the archive"),
        (".tgz", [("x/../../a.jpg", A)], "points outside of the archive"),
        (".tgz", [("/tmp/a.jpg", A)], "points outside of the archive"),
        (".zip", [("../a.jpg", A)], "points outside of the archive"),
        (".tgz", [("x/a.jpg", A), ("y/a.jpg", B)], "differs from an earlier photo of its name"),
        (".tgz", [("a.jpg", A[:-10]), ("a.jpeg", A)], "differs from an earlier photo of its name"),
        (".tgz", [("a.jpg", bytes(2**25 + 1))], "has 33554433 bytes, more than 33554432"),
        (".zip", [("a.jpg", bytes(2**25 + 1))], "has 33554433 bytes, more than 33554432"),
    ],
)
def test_an_archive_that_nobody_published_is_refused(tmp_path, suffix, members, fault):
    archive = pack(tmp_path / f"bad{suffix}", members)
    with pytest.raises(InputError, match=rf"{re.escape(str(archive))}: the photo '.*a.jpe?g' {fault}; .*delete it"):
        unpack_photos([archive], ["a"], tmp_path / "photos")

    assert everything(tmp_path) == [archive.name], "nothing stays"


def cut_off(data, share):
    return data[: int(len(data) * share)]


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.9, 0.9999])
@pytest.mark.parametrize("suffix", [".tgz", ".zip"])
def test_a_truncated_archive_is_named(tmp_path, suffix, share):
    archive = pack(tmp_path / f"a{suffix}", [("a.jpg", A), ("b.jpg", B), ("c.jpg", C)])
    archive.write_bytes(cut_off(archive.read_bytes(), share))
    with pytest.raises(InputError, match=rf"{archive}: truncated, damaged or no archive .*; delete it and run again"):
        unpack_photos([archive], ["a", "b", "c"], tmp_path / "photos")

    assert everything(tmp_path) == [archive.name]


def test_an_archive_that_ends_within_a_photo_is_named(tmp_path):
    archive = pack(tmp_path / "a.tar", [("a.jpg", A), ("b.jpg", B)])
    archive.write_bytes(archive.read_bytes()[: 512 + len(A) - 100])
    with pytest.raises(InputError, match=r"a.tar: truncated"):
        unpack_photos([archive], ["a", "b"], tmp_path / "photos")


@pytest.mark.parametrize("suffix", [".tgz", ".tar", ".zip"])
def test_a_damaged_archive_is_named(tmp_path, suffix):
    archive = pack(tmp_path / f"a{suffix}", [("a.jpg", A), ("b.jpg", B)])
    data = bytearray(archive.read_bytes())
    place = data.find(b"b.jpg") if suffix == ".tar" else len(data) // 3
    data[place : place + 200] = bytes(200)
    archive.write_bytes(data)
    with pytest.raises(InputError, match=rf"{archive}: truncated, damaged or no archive"):
        unpack_photos([archive], ["a", "b"], tmp_path / "photos")


@pytest.mark.parametrize("suffix", [".tgz", ".tar.xz", ".tar.bz2", ".zip"])
def test_damage_anywhere_is_named_or_harms_nothing(tmp_path, suffix):
    archive = pack(tmp_path / f"a{suffix}", [("a.jpg", A), ("b.txt", b"not wanted " * 500), ("c.jpg", C)])
    whole, refused = archive.read_bytes(), 0
    for number in range(60):
        data, place = bytearray(whole), Random(number).randrange(len(whole))
        data[place : place + 8] = Random(number).randbytes(8)
        archive.write_bytes(data)
        folder = tmp_path / f"photos-{number}"
        try:
            report = unpack_photos([archive], ["a", "c"], folder)
        except InputError:
            refused += 1
            assert not folder.exists()
        else:
            assert {path.stem: path.read_bytes() for path in folder.glob("*.jpg")}.items() <= {"a": A, "c": C}.items()
            assert {*report.found, *report.missing} == {"a", "c"}
    assert refused > 20


def test_an_encrypted_archive_is_named(tmp_path):
    archive = pack(tmp_path / "a.zip", [("a.jpg", A)])
    data = bytearray(archive.read_bytes())
    for signature, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + flags] |= 1
    archive.write_bytes(data)
    with pytest.raises(InputError, match=r"a.zip: truncated, damaged or no archive .*encrypted"):
        unpack_photos([archive], ["a"], tmp_path / "photos")


def test_damage_behind_the_last_photo_is_found(tmp_path):
    archive = pack(tmp_path / "a.tgz", [("a.jpg", A)])
    data = bytearray(archive.read_bytes())
    data[-8] ^= 1  # gzip's checksum
    archive.write_bytes(data)
    with pytest.raises(InputError, match="CRC check failed"):
        unpack_photos([archive], ["a"], tmp_path / "photos")


def test_what_is_no_archive_is_named(tmp_path):
    for path, message in [("no.tgz", "no such archive"), ("no.zip", "no such archive"), (".", "no archive")]:
        with pytest.raises(InputError, match=message):
            unpack_photos([tmp_path / path], ["a"], tmp_path / "photos")
    page = tmp_path / "page.tgz"
    page.write_bytes(gzip.compress(b"<html>moved</html>"))
    with pytest.raises(InputError, match=r"page.tgz: truncated, damaged or no archive"):
        unpack_photos([page], ["a"], tmp_path / "photos")


def test_photos_that_are_there_stay(tmp_path):
    archive = pack(tmp_path / "a.tar", [("a.jpg", A)])
    (tmp_path / "photos").mkdir()
    assert unpack_photos([archive], ["a"], tmp_path / "photos").found == ("a",), "an empty folder is filled"

    def written():
        state = (tmp_path / "photos" / "a.jpg").stat()
        return state.st_ino, state.st_mtime_ns, state.st_ctime_ns  # not when it was read last

    before = written()
    assert unpack_photos([archive], ["a"], tmp_path / "photos").found == ("a",), "the same photos are right"
    assert written() == before, "another run may be reading them"

    (tmp_path / "photos" / "a.jpg").write_bytes(B)
    with pytest.raises(InputError, match=r"photos: exists already, with other files; delete it"):
        unpack_photos([archive], ["a"], tmp_path / "photos")
    assert (tmp_path / "photos" / "a.jpg").read_bytes() == B
    assert everything(tmp_path) == ["a.tar", "photos", "photos/a.jpg", "photos/contents.json"]


def test_a_full_disk_is_named_and_nothing_stays(tmp_path, monkeypatch):
    archive = pack(tmp_path / "a.tar", [("a.jpg", A), ("b.jpg", B)])
    write = Path.write_bytes

    def full(path, data):
        return Path("/dev/full").open("wb", buffering=0).write(data) if path.name == "b.jpg" else write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match=r"photos: cannot be written \(No space left on device\); make room"):
        unpack_photos([archive], ["a", "b"], tmp_path / "photos")
    assert everything(tmp_path) == ["a.tar"]


def test_a_member_that_another_program_would_draw_is_corrupt(tmp_path, monkeypatch):
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_: pytest.fail("Ghostscript runs the file"))
    with io.BytesIO() as file:
        Image.new("RGB", (8, 8)).save(file, "EPS")
        archive = pack(tmp_path / "a.tar", [("a.jpg", file.getvalue())])

    assert unpack_photos([archive], ["a"], tmp_path / "photos").corrupt == ("a",)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_name_longer_than_any_is_not_read(tmp_path, kind):
    name = special("././@LongLink", kind)
    name.size = 2**40
    (tmp_path / "a.tar").write_bytes(name.tobuf(tarfile.GNU_FORMAT) + bytes(1024))

    with pytest.raises(
        InputError, match=r"a.tar: truncated, damaged or no archive \(.*1099511627776 bytes about one member"
    ):
        unpack_photos([tmp_path / "a.tar"], ["a"], tmp_path / "photos")


@pytest.mark.parametrize("key", ["GNU.sparse.realsize", "GNU.sparse.map"])
def test_a_header_that_is_no_number_is_named(tmp_path, key):
    info = special("a.jpg", tarfile.REGTYPE, "")
    info.pax_headers = {key: "x", "GNU.sparse.minor": "0"}

    with pytest.raises(InputError, match=r"a.tar: truncated, damaged or no archive \(invalid literal"):
        unpack_photos([pack(tmp_path / "a.tar", [info])], ["a"], tmp_path / "photos")
