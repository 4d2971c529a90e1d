"""The author's repository, arranged for the audit."""

import hashlib
import json
import zipfile

import pytest
from cvpire.errors import InputError
from cvpire.published import unpack_published

ROOT = "CV-PIRE-d857167"
MEMBERS = {
    "README.md": b"about",
    "images/oxbuild_testquery/keble_000028.jpg": b"photo",
    "images/oxbuild_testquery/extra_000001.jpg": b"not a query",
    "images/paris/paris_eiffel_000266.jpg": b"eiffel",
    "results/oxford/CV-PIRE/keble_000028.jpg": b"query",
    "results/oxford/CV-PIRE/imageQualityComparison.txt": b"ssim",
    "results/oxford/colorVarianceImages/CV-PIRE/keble_000028.png": b"map",
    "results/paris/PIRE/paris_eiffel_000266.jpg": b"paris query",
}


def write(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{ROOT}/{name}", content)
    return path


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_each_dataset_is_arranged_for_the_audit(tmp_path):
    archive = write(tmp_path / "repository.zip", MEMBERS)
    assert unpack_published(archive, "oxford5k", tmp_path / "oxford") == {"photos": 1, "queries": 1, "maps": 1}
    unpacked = tree(tmp_path / "oxford")
    assert json.loads(unpacked.pop("contents.json")) == {
        name: hashlib.sha256(content).hexdigest() for name, content in unpacked.items()
    }
    assert unpacked == {
        "photos/keble_000028.jpg": b"photo",
        "published/CV-PIRE/keble_000028.jpg": b"query",
        "published/CV-PIRE/imageQualityComparison.txt": b"ssim",
        "published/variance/CV-PIRE/keble_000028.png": b"map",
    }
    assert unpack_published(archive, "paris6k", tmp_path / "paris") == {"photos": 1, "queries": 1, "maps": 0}


def test_a_folder_that_another_run_may_be_reading_stays(tmp_path):
    archive = write(tmp_path / "repository.zip", MEMBERS)
    unpack_published(archive, "oxford5k", tmp_path / "oxford")
    known = {path: path.stat().st_ino for path in tmp_path.rglob("*")}

    assert unpack_published(archive, "oxford5k", tmp_path / "oxford") == {"photos": 1, "queries": 1, "maps": 1}
    assert {path: path.stat().st_ino for path in tmp_path.rglob("*")} == known


def test_a_folder_with_other_files_is_named_and_stays(tmp_path):
    archive = write(tmp_path / "repository.zip", MEMBERS)
    (tmp_path / "oxford" / "published" / "OLD").mkdir(parents=True)
    (tmp_path / "oxford" / "published" / "OLD" / "a.jpg").write_bytes(b"older")

    with pytest.raises(InputError, match="oxford: exists already, with other files; delete it to unpack"):
        unpack_published(archive, "oxford5k", tmp_path / "oxford")
    assert tree(tmp_path / "oxford") == {"published/OLD/a.jpg": b"older"}
    assert {path.name for path in tmp_path.iterdir()} == {"repository.zip", "oxford"}


@pytest.mark.parametrize("name", ["results/oxford/../../../../evil.jpg", "images/../../../evil.jpg", "/etc/evil.jpg"])
def test_nothing_is_written_outside_of_the_folder(tmp_path, name):
    inside = tmp_path / "a" / "b" / "c"
    inside.mkdir(parents=True)
    archive = write(tmp_path / "repository.zip", {**MEMBERS, name: b"evil"})
    unpack_published(archive, "oxford5k", inside / "oxford")
    assert not [path for path in tmp_path.rglob("*") if path.name == "evil.jpg"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such archive"),
        (b"<html>not found</html>", "truncated, damaged or no archive"),
        ({"README.md": b"x"}, "no adversarial queries of oxford"),
        ({k: v for k, v in MEMBERS.items() if not k.startswith("images")}, "no original photos of oxford"),
        ({**MEMBERS, "results/oxford/PIRE/.hidden.jpg": b"x"}, "not starting with a dot"),
        ({**MEMBERS, "results/oxford/PIRE/bomb.jpg": bytes(2**25 + 1)}, "more than 33554432"),
    ],
    ids=["missing", "no-zip", "other-repository", "no-originals", "odd-name", "bomb"],
)
def test_bad_archives_are_named_and_leave_nothing(tmp_path, content, message):
    archive = tmp_path / "repository.zip"
    if isinstance(content, bytes):
        archive.write_bytes(content)
    elif content is not None:
        write(archive, content)
    with pytest.raises(InputError, match=rf"repository\.zip.*{message}"):
        unpack_published(archive, "oxford5k", tmp_path / "oxford")
    assert {path.name for path in tmp_path.iterdir()} <= {"repository.zip"}


def test_a_damaged_archive_is_named(tmp_path):
    archive = write(tmp_path / "repository.zip", MEMBERS)
    data = bytearray(archive.read_bytes())
    at = data.find(b"keble_000028.jpg") + 18
    data[at] ^= 0xFF
    archive.write_bytes(data)
    with pytest.raises(InputError, match="truncated, damaged or no archive"):
        unpack_published(archive, "oxford5k", tmp_path / "oxford")
