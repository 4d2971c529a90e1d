"""Photos out of archives: exactly those that are wanted, whole, and never outside their folder."""

import io
import os
import stat
import tarfile
import zipfile

import numpy as np
import pytest
from cvpire.archives import MAX_BYTES, UnpackReport, unpack_photos
from cvpire.errors import InputError
from PIL import Image

KINDS = ["tgz", "tar", "tar.xz", "zip"]


def photo(seed, kind="JPEG"):
    pixels, data = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8), io.BytesIO()
    Image.fromarray(pixels).save(data, kind)
    return data.getvalue()


A, B, C = map(photo, range(3))


def member(name, data=b"", **header):
    """A member of a tar file that is something else than a file."""
    info = tarfile.TarInfo(name)
    for key, value in {"size": len(data), **header}.items():
        setattr(info, key, value)
    return info, data


@pytest.fixture
def write(tmp_path):
    """Write an archive of (name, data), or of `member`s."""

    def write(*members, kind="tgz", name="photos"):
        path = tmp_path / f"{name}.{kind}"
        if kind == "zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for info, data in members:
                    archive.writestr(info, data)
            return path
        with tarfile.open(path, {"tgz": "w:gz", "tar": "w", "tar.xz": "w:xz"}[kind]) as archive:
            for info, data in members:
                archive.addfile(member(info, data)[0] if isinstance(info, str) else info, io.BytesIO(data))
        return path

    return write


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "photos"


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def everything(folder):
    return sorted(folder.rglob("*"))


def refused(archives, names, folder, message):
    """Check that archives are refused, the archive named, and everything is as it was before."""
    before = everything(folder.parent)
    with pytest.raises(InputError, match=message) as caught:
        unpack_photos(archives, names, folder, progress=False)
    assert any(str(archive) in str(caught.value) for archive in archives)
    assert str(caught.value).isprintable()
    assert everything(folder.parent) == before


# --- What comes out ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_wanted_photos_lie_side_by_side_and_all_others_are_counted(write, folder, kind, capsys):
    archive = write(
        ("readme.txt", b"about"),
        ("c.jpg", C),
        ("paris/eiffel/b.JPG", B),
        ("paris/a.jpeg", A),
        ("paris/a.png", C),
        ("a", C),
        ("paris/.hidden.jpg", C),
        kind=kind,
    )

    report = unpack_photos([archive], ["b", "e", "a", "d"], folder)

    others = ("a", "c.jpg", "paris/.hidden.jpg", "paris/a.png", "readme.txt")
    assert report == UnpackReport(found=("a", "b"), missing=("d", "e"), corrupt=(), extra=others)
    assert content(folder) == {"a.jpg": A, "b.jpg": B}
    assert not capsys.readouterr().err, "progress is for terminals"


def test_folders_of_an_archive_count_for_nothing(write, folder):
    archive = write(member("a.jpg", type=tarfile.DIRTYPE), ("a.jpg/b.jpg", B))

    assert unpack_photos([archive], ["a", "b"], folder) == UnpackReport(("b",), ("a",), (), ())
    assert content(folder) == {"b.jpg": B}


def test_photos_come_from_several_archives(write, folder):
    archives = [write(("a.jpg", A), name="paris_1"), write(("b.jpg", B), kind="zip", name="paris_2")]

    assert unpack_photos(archives, ["a", "b"], folder).found == ("a", "b")
    assert content(folder) == {"a.jpg": A, "b.jpg": B}


def test_names_are_compared_in_one_unicode_form(write, folder):
    assert unpack_photos([write(("Tu\u0308r.jpg", A))], ["T\u00fcr"], folder).found == ("T\u00fcr",)
    assert content(folder) == {"T\u00fcr.jpg": A}


def test_names_that_would_break_a_line_are_reported_in_one(write, folder):
    report = unpack_photos([write(("new\nline.txt", b""), ("new\nline.jpg", A))], ["a"], folder)

    assert report.extra == (r"new\nline.jpg", r"new\nline.txt")


def test_the_folder_is_readable_by_whom_the_umask_lets(write, folder):
    unpack_photos([write(("a.jpg", A))], ["a"], folder)
    usual = folder.with_name("usual")
    usual.mkdir()

    assert folder.stat().st_mode == usual.stat().st_mode


@pytest.mark.parametrize("names", [["a.jpg/b"], ["../a"], [""]])
def test_a_wanted_name_that_no_photo_can_have_is_an_error(write, folder, names):
    with pytest.raises(ValueError, match="expected a photo's name"):
        unpack_photos([write(("a.jpg", A))], names, folder)
    assert not folder.exists()


# --- Nothing is written elsewhere -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tgz", "zip"])
@pytest.mark.parametrize("place", ["../a.jpg", "../../a.jpg", "x/../../a.jpg", "{}/a.jpg", "//{}/a.jpg"])
def test_a_path_that_leads_outside_is_refused_if_wanted_and_else_left(write, folder, tmp_path, kind, place):
    archive = write((place.format(tmp_path), A), ("b.jpg", B), kind=kind)

    refused([archive], ["a", "b"], folder, r"a\.jpg' points outside of the archive; .*not the archive.*published")

    report = unpack_photos([archive], ["b"], folder)
    assert (report.found, len(report.extra)) == (("b",), 1)
    assert everything(tmp_path) == [folder, folder / "b.jpg", archive]


LINKS = ["SYMTYPE", "LNKTYPE", "CHRTYPE", "BLKTYPE", "FIFOTYPE"]


@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize("target", ["b.jpg", "../secret", "{}/secret"])
def test_a_link_or_a_device_is_refused_if_wanted_and_else_left(write, folder, tmp_path, kind, target):
    (tmp_path / "secret").write_bytes(A)
    link = member("a.jpg", type=getattr(tarfile, kind), linkname=target.format(tmp_path))
    archive = write(("b.jpg", B), link)

    refused([archive], ["a", "b"], folder, r"the photo 'a\.jpg' is a link or a device")

    assert unpack_photos([archive], ["b"], folder) == UnpackReport(("b",), (), (), ("a.jpg",))
    assert content(folder) == {"b.jpg": B}
    assert (tmp_path / "secret").read_bytes() == A


def test_a_symbolic_link_in_a_zip_file_is_one(write, folder):
    info = zipfile.ZipInfo("a.jpg")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive = write((info, b"/etc/hostname"), kind="zip")

    refused([archive], ["a"], folder, r"the photo 'a\.jpg' is a link or a device")


def test_nothing_goes_through_a_link_to_another_folder(write, folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link = member("x", type=tarfile.SYMTYPE, linkname=str(tmp_path / "elsewhere"))
    archive = write(link, ("x/a.jpg", A))

    assert unpack_photos([archive], ["a"], folder) == UnpackReport(("a",), (), (), ("x",))
    assert content(folder) == {"a.jpg": A}
    assert not any((tmp_path / "elsewhere").iterdir())


# --- Photos that are not as published ---------------------------------------------------------------------------------


def large_photo():
    """150 010 000 black pixels, which no camera has made."""
    data = io.BytesIO()
    Image.new("1", (15001, 10000)).save(data, "PNG", compress_level=1)
    return data.getvalue()


@pytest.mark.parametrize(
    "damage",
    [
        lambda: A[: len(A) // 2],
        lambda: A[:-200],
        lambda: photo(0, "PNG")[:-200],
        lambda: b"",
        lambda: b"<html>404 Not Found</html>",
        lambda: bytes(5000),
        large_photo,
    ],
    ids=["half", "end lacks", "half a PNG", "empty", "web page", "zeros", "bomb"],
)
@pytest.mark.parametrize("kind", ["tgz", "zip"])
def test_a_corrupt_photo_is_named_and_not_left(write, folder, damage, kind):
    archive = write(("x/a.jpg", damage()), ("b.jpg", B), kind=kind)

    assert unpack_photos([archive], ["a", "b", "c"], folder) == UnpackReport(("b",), ("c",), ("a",), ())
    assert content(folder) == {"b.jpg": B}


def test_a_corrupt_photo_that_nobody_wants_is_only_extra(write, folder):
    """The 20 corrupt photos of Paris-6k are not in its ground truth."""
    assert unpack_photos([write(("a.jpg", A[:99]), ("b.jpg", B))], ["b"], folder) == UnpackReport(
        ("b",), (), (), ("a.jpg",)
    )


@pytest.mark.parametrize("apart", [False, True])
def test_a_photo_may_come_twice(write, folder, apart):
    members = ("x/a.jpg", A), ("y/a.JPG", A)
    archives = [write(one, name=str(index)) for index, one in enumerate(members)] if apart else [write(*members)]

    assert unpack_photos(archives, ["a"], folder) == UnpackReport(("a",), (), (), ())
    assert content(folder) == {"a.jpg": A}


@pytest.mark.parametrize("first", [A, A[:99]], ids=["whole", "corrupt"])
@pytest.mark.parametrize("apart", [False, True])
def test_two_photos_of_one_name_are_refused(write, folder, first, apart):
    members = ("x/a.jpg", first), ("y/a.jpeg", B)
    archives = [write(one, name=str(index)) for index, one in enumerate(members)] if apart else [write(*members)]

    refused(archives, ["a"], folder, r"the photo 'y/a\.jpeg' differs from an earlier photo of its name")


def test_a_huge_photo_is_refused_before_it_is_read(folder, tmp_path):
    info, archive = tarfile.TarInfo("a.jpg"), tmp_path / "promise.tar"
    info.size = 2**40
    archive.write_bytes(info.tobuf())

    refused([archive], ["a"], folder, rf"'a\.jpg' has {2**40} bytes, more than {MAX_BYTES}; .*not the archive")


@pytest.mark.parametrize("kind", ["tgz", "zip"])
def test_a_huge_member_is_refused_if_wanted_and_else_left(write, folder, kind):
    archive = write(("a.jpg", bytes(MAX_BYTES + 1)), ("b.jpg", B), kind=kind)
    assert archive.stat().st_size < MAX_BYTES / 100

    refused([archive], ["a", "b"], folder, rf"has {MAX_BYTES + 1} bytes, more than {MAX_BYTES}")

    assert unpack_photos([archive], ["b"], folder) == UnpackReport(("b",), (), (), ("a.jpg",))


# --- Archives that are none -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [0.02, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("names", ["abc", "a"], ids=["all", "only the first"])
def test_a_truncated_archive_is_named_and_leaves_nothing(write, folder, kind, part, names):
    whole = write(("a.jpg", A), ("b.jpg", B), ("c.jpg", C), kind=kind)
    size = whole.stat().st_size - (kind == "tar") * tarfile.RECORDSIZE  # it ends in empty blocks
    os.truncate(whole, int(size * part))

    refused([whole], names, folder, r"truncated, damaged or no archive \(.+\); delete it and run again")


@pytest.mark.parametrize("kind", ["tgz", "tar.xz", "zip"])
@pytest.mark.parametrize("more", [b"", np.random.default_rng(0).integers(0, 16, 200_000, dtype=np.uint8).tobytes()])
def test_a_damaged_archive_is_named_and_leaves_nothing(write, folder, kind, more):
    """In the middle of a small member the checksum is wrong, in that of a large one the compression makes no sense."""
    archive = write(("a.jpg", A + more), kind=kind)
    data = bytearray(archive.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 100] = b"\xff" * 100
    archive.write_bytes(data)

    refused([archive], ["a"], folder, "truncated, damaged or no archive")


def test_photos_behind_a_damaged_header_do_not_count_as_missing(write, folder):
    archive = write(("a.jpg", A), ("b.jpg", B), kind="tar")
    data = bytearray(archive.read_bytes())
    data[data.index(b"b.jpg")] = ord("c")  # its checksum is wrong now
    archive.write_bytes(data)

    refused([archive], ["a", "b"], folder, "damaged header")


def test_an_encrypted_archive_is_named_and_leaves_nothing(write, folder):
    archive = write(("a.jpg", A), kind="zip")
    data = bytearray(archive.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    archive.write_bytes(data)

    refused([archive], ["a"], folder, "encrypted")


@pytest.mark.parametrize("kind", KINDS)
def test_a_web_page_is_no_archive(folder, tmp_path, kind):
    (tmp_path / f"a.{kind}").write_bytes(b"<html>404 Not Found</html>")

    refused([tmp_path / f"a.{kind}"], ["a"], folder, "truncated, damaged or no archive")


@pytest.mark.parametrize("kind", ["tgz", "zip"])
def test_a_missing_archive_leaves_nothing_of_the_others(write, folder, tmp_path, kind):
    archives = [write(("a.jpg", A)), tmp_path / f"nowhere.{kind}"]

    refused(archives, ["a", "b"], folder, rf"nowhere\.{kind}: no such archive")


# --- The folder -------------------------------------------------------------------------------------------------------


def test_the_folder_appears_when_everything_is_in_it(write, folder):
    def archives():
        yield write(("a.jpg", A), name="1")
        assert not folder.exists()
        yield write(("b.jpg", B), name="2")
        assert not folder.exists()

    unpack_photos(archives(), ["a", "b"], folder)

    assert content(folder) == {"a.jpg": A, "b.jpg": B}
    assert sorted(path.name for path in folder.parent.iterdir()) == ["1.tgz", "2.tgz", "photos"]


def test_nothing_stays_of_an_interrupted_job(write, folder):
    archive = write(("a.jpg", A))

    def archives():
        yield archive
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack_photos(archives(), ["a"], folder)
    assert everything(folder.parent) == [archive]


def test_a_folder_with_files_is_left_alone(write, folder):
    archive = write(("a.jpg", A))
    folder.mkdir()
    (folder / "mine.jpg").write_bytes(B)
    with pytest.raises(InputError, match=f"{folder}: exists already; delete it to unpack the photos again"):
        unpack_photos([archive], ["a"], folder)
    assert content(folder) == {"mine.jpg": B}

    (folder / "mine.jpg").unlink()
    unpack_photos([archive], ["a"], folder)
    assert content(folder) == {"a.jpg": A}


def test_a_folder_that_cannot_be_written_is_named(write, tmp_path):
    archive, folder = write(("a.jpg", A)), tmp_path / "file" / "photos"
    folder.parent.write_text("a file where the folder should be")
    with pytest.raises(InputError, match=rf"{folder}: cannot be written \(.*\); make room or check its permissions"):
        unpack_photos([archive], ["a"], folder)


def test_a_full_disk_is_named_and_leaves_nothing(write, folder):
    """A limit of the size of files stands for the end of the disk."""
    import resource
    import signal

    archive = write(("a.jpg", A))
    before, limit = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(A) // 2, limit[1]))
    try:
        with pytest.raises(InputError, match=rf"{folder}: cannot be written \(.*\); make room"):
            unpack_photos([archive], ["a"], folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    assert everything(folder.parent) == [archive]
