"""A folder of photos joined with its ground truth, and what a query's own photo counts as."""

import json
import os
import shutil
from pathlib import Path

import pytest
from cvpire.datasets import Dataset, Query, with_clean_twin
from cvpire.datasets.folder import photo_tree, read_folder, read_photos
from cvpire.datasets.kinds.folder import FolderDataset, plan
from cvpire.errors import InputError


@pytest.fixture
def folder(tmp_path):
    """Three photos; their content is never read."""
    (tmp_path / "photos").mkdir()
    for name in ("b.jpg", "a.jpg", "c.jpg"):
        (tmp_path / "photos" / name).touch()
    return tmp_path / "photos"


def truth(folder, queries=None, **content):
    path = folder.parent / "truth.json"
    queries = {"a": {"relevant": ["a", "b"], "junk": ["c"]}} if queries is None else queries
    path.write_text(json.dumps({"queries": queries, **content}), encoding="utf-8")
    return path


def test_all_photos_are_the_database_by_default(folder):
    dataset = read_folder(folder, truth(folder), "error")
    assert list(dataset.photos.items()) == [(name, folder / f"{name}.jpg") for name in "abc"]
    assert dataset.database == ("a", "b", "c")
    # Not yet decided here: the query's own photo is still relevant.
    assert dataset.queries == {"a": Query(frozenset("ab"), frozenset("c"))}
    assert dataset.notes == ()


def test_order_of_files_does_not_matter(folder, tmp_path, monkeypatch):
    queries = {"c": {"relevant": ["a"]}, "a": {"relevant": ["c"]}}
    path = truth(folder, queries)
    dataset = read_folder(folder, path)
    assert list(dataset.queries) == ["a", "c"]

    scandir = os.scandir

    class Backwards:
        def __init__(self, path):
            self.entries = sorted(scandir(path), key=lambda entry: entry.name, reverse=True)

        def __enter__(self):
            return self.entries

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(os, "scandir", Backwards)
    again = read_folder(folder, path)
    assert again == dataset
    assert list(again.photos) == list(dataset.photos) == ["a", "b", "c"]


@pytest.mark.parametrize("suffix", [".jpg", ".JPG", ".jpeg", ".Png", ".webp", ".tif", ".TIFF", ".bmp"])
def test_suffixes_in_any_case(folder, suffix):
    (folder / f"d.e{suffix}").touch()
    assert read_folder(folder, truth(folder)).photos["d.e"] == folder / f"d.e{suffix}"


def test_what_is_no_photo_is_ignored(folder):
    for name in ("notes.txt", ".hidden.jpg", "._a.jpg", ".jpg", "noextension"):
        (folder / name).touch()
    (folder / "sub.jpg").mkdir()
    (folder / "sub.jpg" / "d.jpg").touch()
    assert list(read_folder(folder, truth(folder)).photos) == ["a", "b", "c"]


def test_links_are_photos(folder, tmp_path):
    (tmp_path / "elsewhere.dat").touch()
    (folder / "d.jpg").symlink_to(tmp_path / "elsewhere.dat")
    assert read_folder(folder, truth(folder)).photos["d"] == folder / "d.jpg"


def test_a_broken_link_is_an_error(folder, tmp_path):
    (folder / "d.jpg").symlink_to(tmp_path / "nowhere.jpg")
    with pytest.raises(InputError, match=r"d\.jpg: broken link"):
        read_folder(folder, truth(folder))


@pytest.mark.parametrize("in_file", ["Ku\u0308hler Turm, 4 (1)", "K\u00fchler Turm, 4 (1)"])
@pytest.mark.parametrize("in_truth", ["Ku\u0308hler Turm, 4 (1)", "K\u00fchler Turm, 4 (1)"])
def test_spaces_and_accents_in_any_unicode_form(folder, in_file, in_truth):
    (folder / f"{in_file}.jpg").write_bytes(b"content")
    dataset = read_folder(folder, truth(folder, {in_truth: {"relevant": ["鐘楼", "a"]}}), "drop")
    (name,) = dataset.queries
    assert name == "K\u00fchler Turm, 4 (1)"
    assert dataset.photos[name].name == f"{in_file}.jpg", "the real path, as the file system has it"
    assert dataset.photos[name].read_bytes() == b"content"


@pytest.mark.parametrize("pair", [("d.jpg", "d.png"), ("d.jpg", "d.JPG"), ("u\u0308.jpg", "\u00fc.jpg")])
def test_two_photos_of_one_name(folder, pair):
    for name in pair:
        (folder / name).touch()
    if len({path.name for path in folder.iterdir()} & set(pair)) < 2:
        pytest.skip("this file system has one name for both")
    with pytest.raises(InputError, match=r"have one name, .*; rename or remove one of them") as caught:
        read_folder(folder, truth(folder))
    assert all(name in str(caught.value) for name in pair)


@pytest.mark.parametrize("name", [b"new\nline.jpg", b"tab\t.jpg", b"latin-1 \xfc.jpg"])
def test_file_names_that_cannot_stand_in_a_table(folder, name):
    try:
        Path(os.fsdecode(bytes(folder) + b"/" + name)).touch()
    except OSError:
        pytest.skip("this file system refuses the name itself")
    with pytest.raises(InputError, match="control characters; rename the file") as caught:
        read_folder(folder, truth(folder))
    assert str(caught.value).isprintable()


def test_missing_folder(folder):
    path = truth(folder)
    shutil.rmtree(folder)
    with pytest.raises(InputError, match="photos: no such folder of photos"):
        read_folder(folder, path)


def test_file_instead_of_a_folder(folder):
    with pytest.raises(InputError, match=r"a\.jpg: cannot be read as a folder of photos"):
        read_folder(folder / "a.jpg", truth(folder))


def test_empty_folder(folder):
    path = truth(folder)
    for photo in folder.iterdir():
        photo.rename(photo.with_suffix(".txt"))
    with pytest.raises(InputError, match=r"no photos; expected files ending in \.jpg, \.jpeg"):
        read_folder(folder, path)


def test_missing_ground_truth(folder):
    with pytest.raises(InputError, match=r"truth\.json: no such ground-truth file"):
        read_folder(folder, folder.parent / "truth.json")


def test_missing_photos_are_an_error(folder):
    names = [f"lost {number}" for number in range(7)]
    path = truth(folder, {"a": {"relevant": ["b"], "junk": names}})
    with pytest.raises(InputError) as caught:
        read_folder(folder, path, "error")
    message = str(caught.value)
    assert f"{folder}: lacks 7 photos that {path} names (lost 0, lost 1, lost 2, lost 3, lost 4, ...)" in message
    assert "`missing: drop`" in message


def test_names_with_suffixes_get_a_hint(folder):
    path = truth(folder, {"a.jpg": {"relevant": ["b.jpg"]}})
    for missing in ("error", "drop"):
        with pytest.raises(InputError, match="names are file names without the suffix"):
            read_folder(folder, path, missing)


def test_missing_photos_are_dropped_everywhere_and_counted(folder):
    queries = {
        "a": {"relevant": ["b", "x"], "junk": ["y"], "box": [1, 2, 3, 4]},
        "x": {"relevant": ["a", "b"]},
        "c": {"relevant": ["x"], "junk": ["b"]},
    }
    dataset = read_folder(folder, truth(folder, queries, database=[*"bxyza"]), "drop")
    assert dataset.database == ("a", "b")
    assert dataset.queries == {
        "a": Query(frozenset("b"), frozenset(), (1, 2, 3, 4)),
        "c": Query(frozenset(), frozenset("b")),
    }
    assert list(dataset.photos) == ["a", "b", "c"]
    (note,) = dataset.notes
    counts = "1 of 3 queries, 1 of 3 relevant, 1 of 2 junk, 3 of 5 database"
    assert note == f"dropped 3 photos that the folder lacks ({counts}: x, y, z)"


def test_a_typo_in_a_query_is_told_before_the_run(folder):
    """Its photos would vanish from the table, and with them half of its mAP."""
    options = FolderDataset(
        kind="folder",
        folder=str(folder),
        ground_truth=str(truth(folder, {"a": {"relevant": ["b"]}, "aa": {"relevant": ["c"]}})),
        missing="drop",
        clean_twin="junk",
    )
    assert plan(options, str).notes == ("dropped 1 photo that the folder lacks (1 of 2 queries: aa)",)
    # A query of which nothing is left is told as well.
    left = options.model_copy(
        update={"ground_truth": str(truth(folder, {"a": {"relevant": ["b"]}, "c": {"relevant": ["bb"]}}))}
    )
    dropped = "dropped 1 photo that the folder lacks (1 of 2 relevant: bb)"
    assert plan(left, str).notes == (dropped, "left out 1 query without a relevant photo (c)")


@pytest.mark.parametrize(
    ("queries", "database", "nothing"),
    [({"x": {"relevant": ["a"]}}, ["a"], "no query"), ({"a": {"relevant": ["x"]}}, ["x"], "no database photo")],
)
def test_dropping_everything_is_an_error(folder, queries, database, nothing):
    with pytest.raises(InputError, match=f"{nothing} of .* is there: nothing can be measured"):
        read_folder(folder, truth(folder, queries, database=database), "drop")


def test_photos_outside_an_explicit_database_are_left_out_with_a_note(folder):
    dataset = read_folder(folder, truth(folder, {"a": {"relevant": ["b"]}}, database=["b"]))
    assert dataset.database == ("b",)
    assert list(dataset.photos) == ["a", "b"], "the query and the database"
    assert dataset.notes == ("left out 1 photo that the ground truth does not name (c)",)


# --- photos without ground truth --------------------------------------------------------------------------------------


def test_photos_of_a_folder_by_name(folder):
    (folder / "D.e.JPG").touch()
    (folder / "notes.txt").touch()
    photos = read_photos(folder)
    assert list(photos.items()) == [("D.e", folder / "D.e.JPG"), *((name, folder / f"{name}.jpg") for name in "abc")]


def test_photos_of_all_folders_below_by_path(folder):
    """As distractors lie, whose names are unique in their folder only."""
    for name in ("0/2.jpg", "0/1.PNG", "1/1.jpg", "1/x y/u\u0308.v.jpeg", "1/notes.txt", "empty"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "2").mkdir()
    photos = photo_tree(folder)
    below = {"0__1": "0/1.PNG", "0__2": "0/2.jpg", "1__1": "1/1.jpg", "1__x y__\u00fc.v": "1/x y/u\u0308.v.jpeg"}
    expected = {name: folder / path for name, path in below.items()} | {name: folder / f"{name}.jpg" for name in "abc"}
    assert list(photos.items()) == list(expected.items()), "sorted by path, whatever order the file system has"


@pytest.mark.parametrize("content", [None, "notes.txt", "sub/.jpg/notes.txt"])
def test_no_photo_in_any_folder(tmp_path, content):
    folder = tmp_path / "photos"
    if content:
        (folder / content).parent.mkdir(parents=True)
        (folder / content).touch()
    with pytest.raises(InputError, match=rf"{folder}: no photos in this folder or below; expected files .*\.jpg"):
        photo_tree(folder)


def test_hidden_folders_and_photos_do_not_count(folder):
    """As file managers leave them behind."""
    for name in (".thumbnails/a.jpg", "1/.cache/x/d.jpg", "1/.hidden.jpg", "1/d.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    assert list(photo_tree(folder)) == ["1__d", "a", "b", "c"]
    # What is asked for by its name is looked at.
    assert list(photo_tree(folder / "1" / ".cache")) == ["x__d"]


def test_what_cannot_be_read_below_a_folder_is_an_error(folder):
    with pytest.raises(InputError, match=r"a\.jpg: cannot be read as a folder of photos \(Not a directory\)"):
        photo_tree(folder / "a.jpg")


# --- the clean twin --------------------------------------------------------------------------------------------------


def dataset(queries, database="abc", notes=()):
    return Dataset({name: Path(name) for name in sorted({*database, *queries})}, tuple(database), queries, notes)


@pytest.mark.parametrize("listed", ["relevant", "junk", "nowhere"])
@pytest.mark.parametrize(("twin", "relevant", "junk"), [("relevant", "ab", "c"), ("junk", "b", "ac")])
def test_the_clean_twin_is_what_is_asked_for(listed, twin, relevant, junk):
    relevant_given = "ab" if listed == "relevant" else "b"
    junk_given = "ac" if listed == "junk" else "c"
    given = dataset({"a": Query(frozenset(relevant_given), frozenset(junk_given), (0, 0, 9, 9))})
    assert with_clean_twin(given, twin).queries == {"a": Query(frozenset(relevant), frozenset(junk), (0, 0, 9, 9))}


@pytest.mark.parametrize("twin", ["relevant", "junk"])
def test_a_query_outside_the_database_has_no_twin(twin):
    given = dataset({"q": Query(frozenset("a"), frozenset("b"))})
    assert with_clean_twin(given, twin) == given


def test_queries_without_an_answer_are_left_out_by_name():
    queries = {
        "a": Query(frozenset("a"), frozenset()),  # only its own photo
        "b": Query(frozenset("c"), frozenset()),
        "q": Query(frozenset(), frozenset()),  # no answer, and not in the database
    }
    result = with_clean_twin(dataset(queries, notes=("before",)), "junk")
    assert list(result.queries) == ["b"]
    assert list(result.photos) == ["a", "b", "c"], "a is still in the database, q is not needed any more"
    assert result.notes == ("before", "left out 2 queries without a relevant photo (a, q)")
    # As the thesis counts, a query's own photo is an answer.
    assert list(with_clean_twin(dataset(queries), "relevant").queries) == ["a", "b"]


def test_a_dataset_without_any_answer_is_an_error():
    with pytest.raises(InputError, match="no query has a relevant photo"):
        with_clean_twin(dataset({"a": Query(frozenset("a"), frozenset())}), "junk")
