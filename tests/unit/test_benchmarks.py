"""Oxford-5k and Paris-6k, original and revisited: planned before, and read after, their download."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from cvpire.datasets import Dataset, Query, revisited_answers, with_clean_twin, with_queries
from cvpire.datasets.benchmarks import (
    BENCHMARKS,
    benchmark_queries,
    photo_names,
    planned_benchmark,
    read_benchmark,
)
from cvpire.datasets.folder import read_folder
from cvpire.datasets.listing import read_listing, write_listing
from cvpire.errors import InputError
from cvpire.photos import load_photo
from PIL import Image

QUERIES = ["all_souls_000013", "bodleian_000107"]
"""Queries of Oxford-5k, original and revisited."""

DATABASE = ["tower", "gate", "garden", "river"]

kinds = pytest.mark.parametrize("kind", list(BENCHMARKS))


def content(kind, queries=QUERIES, database=DATABASE):
    """Ground truth with the benchmark's own boxes; `queries` may be more than the benchmark has."""
    boxes = benchmark_queries(kind)
    revisited = kind.startswith("r")
    photos = [*database] if revisited else [*queries, *database]
    tower, gate, garden = (photos.index(name) for name in DATABASE[:3])
    judged = {"easy": [tower], "hard": [gate]} if revisited else {"ok": [tower, gate]}
    return {
        "imlist": photos,
        "qimlist": list(queries),
        "gnd": [{**judged, "junk": [garden], "bbx": boxes.get(name, (0, 0, 9, 9))} for name in queries],
    }


def write(path, truth):
    path.write_bytes(pickle.dumps(truth))
    return path


def touch(folder, names):
    """Photos whose content is never read."""
    folder.mkdir()
    for name in names:
        (folder / f"{name}.jpg").touch()
    return folder


@pytest.fixture
def photos(tmp_path):
    return touch(tmp_path / "photos", QUERIES + DATABASE)


# --- Before the download ----------------------------------------------------------------------------------------------


@kinds
def test_the_plan_knows_every_query_and_its_box(kind):
    planned = planned_benchmark(kind, "resources/photos")
    assert len(planned.queries) == BENCHMARKS[kind].queries
    assert list(planned.queries) == list(planned.photos) == sorted(benchmark_queries(kind))
    for name, query in planned.queries.items():
        assert planned.photos[name] == Path(f"resources/photos/{name}.jpg")
        x0, y0, x1, y1 = query.box
        assert -1 < x0 < x1 < 1025, "in pixels of a photo of 1024 x 768, or upright"
        assert -1 < y0 < y1 < 1025
    assert planned.database == ()


@pytest.mark.parametrize("name", ["oxford5k", "paris6k"])
def test_the_revisited_queries_are_those_of_the_original_and_fifteen_more(name):
    original, revisited = benchmark_queries(name), benchmark_queries(f"r{name}")
    assert original.items() < revisited.items()
    # The new queries leave the database, as the old ones do: together they are the photos of the archives.
    assert BENCHMARKS[name].database == BENCHMARKS[f"r{name}"].database + BENCHMARKS[f"r{name}"].queries
    assert BENCHMARKS[name].archives == BENCHMARKS[f"r{name}"].archives


def test_a_plan_of_some_queries():
    planned = planned_benchmark("oxford5k", "photos", QUERIES[:1])
    assert list(planned.queries) == list(planned.photos) == QUERIES[:1]
    with pytest.raises(InputError, match=r"unknown name paris_defense_000605; .* are all_souls_000013, "):
        planned_benchmark("oxford5k", "photos", ["paris_defense_000605"])


def test_unknown_benchmark():
    for function in (lambda: benchmark_queries("holidays"), lambda: read_benchmark("holidays", "photos", "truth.pkl")):
        with pytest.raises(InputError, match="'holidays': no such benchmark; there are oxford5k, paris6k, rox"):
            function()


# --- After it ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["oxford5k", "roxford5k"])
def test_a_whole_benchmark(tmp_path, kind):
    known, queries = BENCHMARKS[kind], list(benchmark_queries(kind))
    others = known.database - (0 if known.revisited else known.queries)
    database = DATABASE + [f"other_{number}" for number in range(others - len(DATABASE))]
    truth = write(tmp_path / "truth.pkl", content(kind, queries, database))
    names = photo_names(truth)
    assert names == {*queries, *database}

    dataset = read_benchmark(kind, touch(tmp_path / "photos", names), truth)
    planned = planned_benchmark(kind, tmp_path / "photos")
    assert len(dataset.database) == known.database
    assert dataset.photos.keys() == names
    assert planned.photos.items() <= dataset.photos.items()
    assert {name: query.box for name, query in dataset.queries.items()} == {
        name: query.box for name, query in planned.queries.items()
    }


@pytest.mark.parametrize(
    ("difficulty", "relevant", "junk"),
    [
        ("easy", {"tower"}, {"gate", "garden"}),
        ("medium", {"tower", "gate"}, {"garden"}),
        ("hard", {"gate"}, {"tower", "garden"}),
    ],
)
def test_some_queries_of_a_revisited_benchmark(tmp_path, photos, difficulty, relevant, junk):
    truth = write(tmp_path / "truth.pkl", content("roxford5k"))
    dataset = read_benchmark("roxford5k", photos, truth, difficulty, QUERIES[:1])
    (query,) = dataset.queries.values()
    assert (query.relevant, query.junk) == (relevant, junk)
    assert query.difficulties["easy"] == ({"tower"}, {"gate", "garden"}), "whatever the difficulty"
    assert dataset.database == tuple(sorted(DATABASE)), "the queries are not in it"
    assert dataset.photos == {name: photos / f"{name}.jpg" for name in sorted([QUERIES[0], *DATABASE])}
    # There is no clean twin in the database, so what one would count as changes nothing.
    assert with_clean_twin(dataset, "relevant") == with_clean_twin(dataset, "junk") == dataset


def test_some_queries_of_an_original_benchmark(tmp_path, photos):
    dataset = read_benchmark("oxford5k", photos, write(tmp_path / "t.pkl", content("oxford5k")), queries=QUERIES[:1])
    assert dataset.database == tuple(sorted(QUERIES + DATABASE)), "all queries are in it"
    assert list(dataset.queries) == QUERIES[:1]
    assert with_clean_twin(dataset, "relevant").queries[QUERIES[0]].relevant == {"tower", "gate", QUERIES[0]}


def moved(kind):
    truth = content(kind)
    truth["gnd"][0]["bbx"] = (1, 2, 3, 4)
    return truth


@pytest.mark.parametrize(
    ("kind", "queries", "truth", "fault"),
    [
        ("paris6k", None, content("oxford5k"), "it lacks the queries paris_defense_000038, "),
        ("rparis6k", ["paris_defense_000605"], content("oxford5k"), "it lacks the queries paris_defense_000605"),
        ("roxford5k", None, content("oxford5k", list(benchmark_queries("oxford5k"))), "it lacks the queries"),
        ("roxford5k", QUERIES, content("oxford5k"), "it is the original one"),
        ("oxford5k", None, content("roxford5k", list(benchmark_queries("roxford5k"))), "it is the revisited one"),
        ("oxford5k", QUERIES, content("roxford5k"), "it is the revisited one"),
        ("oxford5k", None, content("oxford5k", list(benchmark_queries("oxford5k"))), "its database has 59 photos"),
        ("oxford5k", QUERIES, moved("oxford5k"), "the boxes of all_souls_000013 differ"),
    ],
)
def test_the_ground_truth_of_another_benchmark(tmp_path, photos, kind, queries, truth, fault):
    with pytest.raises(InputError, match=fault) as caught:
        read_benchmark(kind, photos, write(tmp_path / "truth.pkl", truth), queries=queries)
    known = BENCHMARKS[kind]
    assert str(caught.value).startswith(f"{tmp_path / 'truth.pkl'}: not the ground truth of {kind} (")
    assert f"expected the content of {known.ground_truth}, with {known.queries} queries and" in str(caught.value)


def test_queries_beyond_the_benchmark(tmp_path, photos):
    queries = [*benchmark_queries("oxford5k"), "mine"]
    database = DATABASE + [f"other_{number}" for number in range(5063 - len(queries) - len(DATABASE))]
    with pytest.raises(InputError, match="it has other queries: mine"):
        read_benchmark("oxford5k", photos, write(tmp_path / "truth.pkl", content("oxford5k", queries, database)))


def test_ground_truth_without_a_database(tmp_path, photos):
    box = list(benchmark_queries("oxford5k")[QUERIES[0]])
    (tmp_path / "truth.json").write_text(
        f'{{"queries": {{"{QUERIES[0]}": {{"relevant": ["tower"], "box": {box}}}}}}}', encoding="utf-8"
    )
    with pytest.raises(InputError, match="it has no database"):
        read_benchmark("oxford5k", photos, tmp_path / "truth.json", queries=QUERIES[:1])


@pytest.mark.parametrize("lost", ["river", QUERIES[0]])
def test_missing_photos(tmp_path, photos, lost):
    (photos / f"{lost}.jpg").unlink()
    truth = write(tmp_path / "truth.pkl", content("roxford5k"))
    with pytest.raises(InputError, match=rf"{photos}: lacks 1 of the 6 photos .* \({lost}\); unpack oxbuild_images-v1"):
        read_benchmark("roxford5k", photos, truth, queries=QUERIES)


# --- Some queries, and no twin, of any dataset ------------------------------------------------------------------------


def dataset(queries, database):
    return Dataset({name: Path(name) for name in sorted({*database, *queries})}, tuple(database), queries, ("note",))


QUERY = Query(frozenset("a"), frozenset())


def test_some_queries_of_any_dataset():
    given = dataset({"a": QUERY, "q": QUERY, "ü": QUERY}, "abc")
    kept = with_queries(given, ["u\u0308", "ü"])  # in any Unicode form
    assert kept == Dataset({name: Path(name) for name in ("a", "b", "c", "ü")}, tuple("abc"), {"ü": QUERY}, ("note",))
    assert with_queries(given, None) == given


def test_unknown_queries_are_named():
    with pytest.raises(InputError, match=r"queries: unknown name b, x; the dataset's queries are a, q$"):
        with_queries(dataset({"a": QUERY, "q": QUERY}, "abc"), ["q", "x", "b"])


@pytest.mark.parametrize(
    ("twin", "easy", "hard"), [("relevant", ("ae", "hj"), ("ah", "ej")), ("junk", ("e", "ahj"), ("h", "aej"))]
)
def test_a_clean_twin_counts_at_every_difficulty(twin, easy, hard):
    difficulties = revisited_answers(frozenset("e"), frozenset("h"), frozenset("j"))
    given = dataset({"a": Query(*difficulties["medium"], None, difficulties)}, "aehj")
    query = with_clean_twin(given, twin).queries["a"]
    assert query.difficulties["easy"] == tuple(map(frozenset, easy))
    assert query.difficulties["hard"] == tuple(map(frozenset, hard))
    assert query.difficulties["medium"] == (query.relevant, query.junk)


def test_only_the_configured_difficulty_leaves_queries_out():
    difficulties = revisited_answers(frozenset(), frozenset("h"), frozenset())
    queries = {name: Query(*difficulties[name], None, difficulties) for name in difficulties}
    kept = with_clean_twin(dataset(queries, "hx"), "junk")
    assert list(kept.queries) == ["medium", "hard"]
    assert kept.queries["hard"].difficulties["easy"] == (frozenset(), frozenset("h")), "not measured there"


def test_dropped_photos_are_dropped_at_every_difficulty(tmp_path, photos):
    (photos / "gate.jpg").unlink()
    found = read_folder(photos, write(tmp_path / "truth.pkl", content("roxford5k")), "drop")
    expected = revisited_answers(frozenset({"tower"}), frozenset(), frozenset({"garden"}))
    assert [query.difficulties for query in found.queries.values()] == [expected, expected]


# --- dataset.json -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("difficulty", ["easy", "medium", "hard"])
@pytest.mark.parametrize("twin", ["relevant", "junk"])
def test_the_listing_keeps_every_difficulty(tmp_path, difficulty, twin):
    graded = revisited_answers(frozenset("e"), frozenset("h"), frozenset("j"))
    no_easy = revisited_answers(frozenset(), frozenset("h"), frozenset("j"))
    queries = {
        "a": Query(*graded[difficulty], (1, 2, 3.5, 4), graded),  # in the database
        "b": Query(*no_easy["hard"], None, no_easy),
        "c": Query(frozenset("h"), frozenset("e")),
    }
    given = with_clean_twin(dataset(queries, "aehj"), twin)
    write_listing(tmp_path / "dataset.json", given)
    assert read_listing(tmp_path / "dataset.json") == given


# --- A query's bounding box -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "box", "side", "shape"),
    [
        ((1024, 768), (136.5, 34.1, 648.5, 655.7), 1024, (622, 512)),  # all of it, at the photo's own size
        ((800, 600), (100, 100, 500, 400), 1024, (300, 400)),  # never enlarged
        ((1600, 1200), (0, 0, 800, 400), 1024, (256, 512)),
        ((1200, 1600), (10.4, 20.6, 410.4, 1220.6), 1024, (768, 256)),
        ((1504, 1000), (200, 100, 1100, 700), 1024, (408, 612)),  # 1024 * 900 / 1504 = 612.8: Pillow rounds down
    ],
)
def test_a_query_is_cut_and_then_reduced_by_the_scale_of_its_photo(tmp_path, size, box, side, shape):
    # Radenović et al.'s protocol: the cut-out's longest side is to the limit as it is to the photo's longest side.
    pixels = np.random.default_rng(0).integers(0, 256, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
    photo = Image.fromarray(np.kron(pixels, np.ones((8, 8, 1), dtype=np.uint8)))
    photo.save(tmp_path / "a.png", compress_level=1)

    expected = photo.crop(box)
    limit = side * max(expected.size) / max(photo.size)
    expected.thumbnail((limit, limit), Image.Resampling.LANCZOS)
    result = load_photo(tmp_path / "a.png", longest_side=side, box=box)

    assert result.shape == (*shape, 3)
    np.testing.assert_array_equal(result, np.asarray(expected))


LISTING = {"notes": [], "queries": {"a": {"relevant": ["b"], "junk": [], "box": None}}, "database": ["a", "b"]}
LISTING["photos"] = {"a": "a.jpg", "b": "b.jpg"}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"database": "ab"}, "expected a list of texts, found 'ab'"),
        ({"database": ["a", 1]}, "expected a list of texts"),
        ({"database": ["a", "c"]}, "no photo of c"),
        ({"notes": {}}, "expected a list of texts"),
        ({"photos": []}, "AttributeError"),
        ({"queries": {"a": {"relevant": "b", "junk": [], "box": None}}}, "expected a list of texts"),
        ({"queries": {"a": {"relevant": [], "junk": [], "box": [0, 1, 2]}}}, "not enough values"),
        ({"queries": {"a": {"relevant": [], "junk": [], "box": [0, 1, 2, "3"]}}}, "expected four numbers"),
    ],
)
def test_a_listing_that_nothing_wrote_is_named(tmp_path, change, fault):
    path = tmp_path / "dataset.json"
    path.write_text(json.dumps(LISTING))
    assert read_listing(path).database == ("a", "b")
    path.write_text(json.dumps({**LISTING, **change}))
    with pytest.raises(InputError, match=rf"dataset\.json: not a dataset file of `cvpire dataset` \(.*{fault}"):
        read_listing(path)


def test_a_listing_deeper_than_any_is_named(tmp_path):
    (tmp_path / "dataset.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match=r"not a dataset file .*recursion"):
        read_listing(tmp_path / "dataset.json")
