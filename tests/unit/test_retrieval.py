"""Rankings and average precision against literal transcriptions, and shards of descriptors, good and bad."""

import itertools
import math
import zlib
from collections import Counter

import numpy as np
import pytest
from cvpire.datasets import Dataset, Query, revisited_answers
from cvpire.datasets.listing import write_listing
from cvpire.errors import InputError
from cvpire.retrieval import ranking, similarity
from cvpire.retrieval.average_precision import FORMS, among_last, average_precision, expected_random_average_precision
from cvpire.retrieval.descriptors import shard_names, write_shard
from cvpire.retrieval.ranking import System, first_rows, measure, positions, rank_versions, without_junk
from cvpire.retrieval.shards import shard_count, shard_members, shard_of, shard_photos
from cvpire.retrieval.similarity import similarities
from PIL import Image

forms = pytest.mark.parametrize("form", FORMS)


def equation_4_1(ranks, ranked):
    """Eq. 4.1: the sum over k of P(k) corr(k), by the number R of relevant photos."""
    corr = [k - 1 in set(ranks) for k in range(1, ranked + 1)]
    total = 0.0
    for k in range(1, ranked + 1):
        precision = sum(corr[:k]) / k
        total += precision * corr[k - 1]
    return total / sum(corr)


def area_under_precision_recall(ranks, ranked):
    """The trapezoidal area under the points (recall, precision) of every cut of the ranking, from (0, 1) on."""
    relevant = [position in set(ranks) for position in range(ranked)]
    area, recall, precision = 0.0, 0.0, 1.0
    for k in range(1, ranked + 1):
        found = sum(relevant[:k])
        next_recall, next_precision = found / sum(relevant), found / k
        area += (next_recall - recall) * (precision + next_precision) / 2
        recall, precision = next_recall, next_precision
    return area


TRANSCRIPTIONS = {"sum": equation_4_1, "trapezoid": area_under_precision_recall}


# --- Average precision ------------------------------------------------------------------------------------------------


@forms
@pytest.mark.parametrize("relevant", [1, 2, 17])
def test_a_perfect_ranking_has_average_precision_1(form, relevant):
    assert average_precision(np.arange(relevant), form) == 1


@pytest.mark.parametrize(
    ("ranks", "by_sum", "by_trapezoid"),
    [
        ([1], 1 / 2, 1 / 4),
        ([0, 2], (1 + 2 / 3) / 2, (2 + 1 / 2 + 2 / 3) / 4),
        ([1, 2, 5], (1 / 2 + 2 / 3 + 1 / 2) / 3, (0 + 1 / 2 + 1 / 2 + 2 / 3 + 2 / 5 + 1 / 2) / 6),
        ([99], 1 / 100, 1 / 200),
    ],
)
def test_average_precision_by_hand(ranks, by_sum, by_trapezoid):
    assert average_precision(np.array(ranks), "sum") == pytest.approx(by_sum)
    assert average_precision(np.array(ranks), "trapezoid") == pytest.approx(by_trapezoid)


@forms
def test_average_precision_equals_its_transcription(form):
    random = np.random.default_rng(0)
    for _ in range(200):
        ranked = int(random.integers(1, 40))
        ranks = random.choice(ranked, random.integers(1, ranked + 1), replace=False)  # in any order
        assert average_precision(ranks, form) == pytest.approx(TRANSCRIPTIONS[form](ranks.tolist(), ranked), abs=1e-12)


def test_average_precision_leaves_the_ranks_alone():
    ranks = np.array([5, 0, 3])

    average_precision(ranks)

    assert ranks.tolist() == [5, 0, 3]


@forms
def test_expected_random_average_precision_is_the_mean_over_all_rankings(form):
    for ranked in range(1, 9):
        for relevant in range(1, ranked + 1):
            every = [TRANSCRIPTIONS[form](ranks, ranked) for ranks in itertools.combinations(range(ranked), relevant)]
            assert expected_random_average_precision(relevant, ranked, form) == pytest.approx(np.mean(every), abs=1e-12)


@forms
def test_expected_random_average_precision_of_a_long_ranking(form):
    # One relevant photo among N: the harmonic number by N; its trapezoid has the zero before it as well.
    expected = math.fsum(1 / k for k in range(1, 5001)) / 5000

    result = expected_random_average_precision(1, 5000, form)

    assert result == pytest.approx(expected if form == "sum" else (expected + 1 / 5000) / 2)


def test_a_relevant_photo_among_the_last_ten():
    assert [among_last(np.array([3, rank]), 30) for rank in (0, 19, 20, 29)] == [0, 0, 1, 1]
    assert [among_last(np.array([rank]), 10) for rank in range(10)] == [1] * 10
    assert among_last(np.array([0]), 1) == 1


# --- Similarities -----------------------------------------------------------------------------------------------------


def unit_vectors(count, dimensions, seed=0):
    vectors = np.random.default_rng(seed).standard_normal((count, dimensions))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def made_shard(path, names, rows):
    """Write descriptors as a shard; none as the stage for descriptors writes them, (0, 0)."""
    write_shard(path, names, np.array(rows, dtype=np.float32) if len(names) else np.empty((0, 0), np.float32))
    return path


def write_shards(folder, names, rows, cuts=()):
    """Write consecutive shards."""
    parts = itertools.pairwise([0, *cuts, len(names)])
    return [
        made_shard(folder / f"{number}.npy", names[start:stop], rows[start:stop])
        for number, (start, stop) in enumerate(parts)
    ]


MANY = [f"{number:04}" for number in range(1200)]


def test_streaming_ranks_as_the_whole_matrix_does(tmp_path):
    database, queries = unit_vectors(1200, 96), unit_vectors(5, 96, seed=1)
    shards = write_shards(tmp_path, MANY, database, cuts=[100, 900])

    found = similarities(shards, queries)

    expected = queries.astype(np.float64) @ database.T.astype(np.float64)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=2**-24)
    np.testing.assert_array_equal(np.argsort(-found, kind="stable"), np.argsort(-expected, kind="stable"))


@pytest.mark.parametrize("peaked", [False, True])
def test_similarities_are_exact(tmp_path, peaked):
    """Python's integers say what the dot product of fixed-point numbers with 26 bits after the point is."""
    database, queries = unit_vectors(40, 300), unit_vectors(3, 300, seed=1)
    if peaked:  # the largest products there can be, and small ones beside them
        for vectors in (database, queries):
            vectors *= 2**-12
            vectors[:, 0] = 1 - 2**-20

    found = similarities(write_shards(tmp_path, MANY[:40], database), queries)

    def whole(vectors):
        return [[round(float(value) * 2**26) for value in vector] for vector in vectors]

    expected = [
        [sum(a * b for a, b in zip(query, row, strict=True)) / 2**52 for row in whole(database)]
        for query in whole(queries)
    ]
    np.testing.assert_array_equal(found, np.array(expected, dtype=np.float32))


@pytest.mark.parametrize("cuts", [[], [1, 2, 3], [0, 0, 600], [511], [7, 519, 1200], range(0, 1200, 97)])
@pytest.mark.parametrize("threads", [1, 5])
def test_similarities_do_not_depend_on_shards_and_threads(tmp_path, monkeypatch, cuts, threads):
    monkeypatch.setattr(similarity, "_BLOCK", 256)
    database, queries = unit_vectors(1200, 200), unit_vectors(7, 200, seed=1)
    (tmp_path / "whole").mkdir()
    whole = similarities(write_shards(tmp_path / "whole", MANY, database), queries)

    shards = write_shards(tmp_path, MANY, database, cuts)

    np.testing.assert_array_equal(similarities(shards, queries, threads), whole)
    by_one = [similarities(shards, query[None], threads)[0] for query in queries]
    np.testing.assert_array_equal(by_one, whole)


def test_no_photos_and_no_queries_have_no_similarities(tmp_path):
    shard = made_shard(tmp_path / "0.npy", [], [])

    assert similarities([shard], unit_vectors(3, 8)).shape == (3, 0)
    assert similarities([], unit_vectors(3, 8)).shape == (3, 0)
    assert similarities(write_shards(tmp_path, MANY[:4], unit_vectors(4, 8)), np.empty((0, 8), np.float32)).size == 0


# --- Positions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [2, 10, 10**6])
def test_positions_are_those_of_a_stable_sort(values):
    random = np.random.default_rng(0)
    for count in (1, 2, 5, 60):
        scores = random.integers(values, size=count).astype(np.float32)
        ranked = np.argsort(-scores, kind="stable").tolist()
        rows = random.permutation(count)[: count // 2 + 1]

        assert positions(scores, rows).tolist() == [ranked.index(row) for row in rows]


@pytest.mark.parametrize("values", [1, 3, 10**6])
def test_first_rows_are_those_of_a_stable_sort(values):
    random = np.random.default_rng(0)
    for count in (1, 2, 5, 60):
        scores = random.integers(values, size=count).astype(np.float32)
        junk = random.integers(count, size=count // 2)  # some of them twice
        ranked = [row for row in np.argsort(-scores, kind="stable").tolist() if row not in set(junk.tolist())]

        assert first_rows(scores, junk, 3).tolist() == ranked[:3]
        assert first_rows(scores, junk, 100).tolist() == ranked


def test_nothing_comes_first_where_all_is_junk():
    scores = np.array([0.5, 0.25], dtype=np.float32)

    assert first_rows(scores, np.array([1, 0]), 3).tolist() == []
    assert scores.tolist() == [0.5, 0.25], "the scores are as they were"


def test_junk_leaves_the_ranking_before_ranks_are_counted():
    none = np.array([], dtype=int)

    assert without_junk(np.array([8, 0, 3]), np.array([5, 2, 9, 1])).tolist() == [5, 0, 1]
    assert without_junk(np.array([8, 0, 3]), none).tolist() == [8, 0, 3]
    assert without_junk(none, np.array([1])).tolist() == []


# --- Measured rankings ------------------------------------------------------------------------------------------------


def dataset_of(database, queries):
    return Dataset({}, tuple(database), queries)


def literal_values(ranked, relevant, junk):
    """Both average precisions of a ranking of names."""
    left = [name for name in ranked if name not in junk]
    ranks = [left.index(name) for name in relevant]
    return [transcription(ranks, len(left)) for transcription in TRANSCRIPTIONS.values()]


def literal_ranking(rows, vector):
    """Names by their dot products with a vector; where they are equal, in the order of the rows."""

    def similarity(name):
        return math.fsum(float(a) * float(b) for a, b in zip(rows[name], vector, strict=True))

    return sorted(rows, key=similarity, reverse=True)


@pytest.fixture
def town(tmp_path):
    """A database and distractors, some with the same descriptors, and queries: Dataset, shards, rows by name."""
    names = [f"photo {number:02}" for number in range(60)]
    far = ["z far", "a far", "m far", "b far"]
    vectors = unit_vectors(64, 8)
    vectors[[3, 17, 41, 60, 62, 61]] = vectors[30]
    vectors[[5, 6]] = vectors[50]
    easy, hard, junk = (frozenset(names[part]) for part in (slice(3, 7), slice(28, 33), slice(38, 52)))
    queries = {
        "plain": Query(frozenset(names[10:20]), frozenset(names[38:45])),
        "revisited": Query(easy | hard, junk, None, revisited_answers(easy, hard, junk)),
        "nothing easy": Query(hard, junk, None, revisited_answers(frozenset(), hard, junk)),
        "nothing": Query(frozenset(), junk),
    }
    (tmp_path / "far").mkdir()
    shards = write_shards(tmp_path, names, vectors[:60], cuts=[13, 13, 40])
    distractors = write_shards(tmp_path / "far", far, vectors[60:], cuts=[2])
    rows = dict(zip(names, vectors[:60], strict=True)) | dict(sorted(zip(far, vectors[60:], strict=True)))
    return dataset_of(names, queries), shards, distractors, rows


QUERIES = ["revisited", "plain", "nothing", "plain", "nothing easy", "revisited", "revisited"]


def query_vectors(rows):
    """Descriptors of `QUERIES`; the last is the one that several photos share."""
    return np.concatenate([unit_vectors(len(QUERIES) - 1, 8, seed=1), rows["photo 30"][None]])


@forms
@pytest.mark.parametrize("far", [True, False])
def test_measures_of_a_ranking_by_literal_transcriptions(town, form, far):
    dataset, shards, distractors, rows = town
    vectors = query_vectors(rows)
    if not far:
        distractors, rows = [], {name: rows[name] for name in dataset.database}

    measured = measure(dataset, shards, distractors, QUERIES, vectors, form)

    for name, vector, values in zip(QUERIES, vectors, measured, strict=True):
        query = dataset.queries[name]
        if not query.relevant:
            assert values is None
            continue
        ranked = literal_ranking(rows, vector)
        by_form = dict(zip(FORMS, literal_values(ranked, query.relevant, query.junk), strict=True))
        expected = {f"ap_{each}": pytest.approx(value, abs=1e-12) for each, value in by_form.items()}
        for difficulty, (relevant, junk) in query.difficulties.items():
            value = literal_values(ranked, relevant, junk)[FORMS.index(form)] if relevant else None
            expected[f"ap_{difficulty}"] = None if value is None else pytest.approx(value, abs=1e-12)
        reverse = literal_values(ranked[::-1], query.relevant, query.junk)[FORMS.index(form)]
        last = [other for other in ranked if other not in query.junk][-10:]
        expected["ap_reversed"] = pytest.approx(reverse, abs=1e-12)
        expected["among_last"] = 1.0 if query.relevant & set(last) else 0.0
        expected["top"] = [other for other in ranked if other not in query.junk][:3]
        assert values == expected
    assert measured[4]["ap_easy"] is None
    assert set(measured[1]) == {"ap_sum", "ap_trapezoid", "ap_reversed", "among_last", "top"}
    assert {values["among_last"] for values in measured if values} == {0.0, 1.0}, "both are tested"


def test_measures_do_not_depend_on_shards_or_queries_together(town, tmp_path, monkeypatch):
    dataset, shards, distractors, rows = town
    vectors = query_vectors(rows)
    measured = measure(dataset, shards, distractors, QUERIES, vectors)

    assert measure(dataset, shards[::-1], distractors[::-1], QUERIES, vectors) == measured
    assert measure(dataset, [shards[2], shards[0], shards[3], shards[1]], distractors, QUERIES, vectors) == measured

    monkeypatch.setattr(ranking, "_SCORES", 64 * 4 * 3)  # three queries at a time
    monkeypatch.setattr(similarity, "_BLOCK", 5)
    done = []
    assert measure(dataset, shards, distractors, QUERIES, vectors, progress=done.append) == measured
    assert done == [1, 2, 3, 4, 5, 6, 7]

    (tmp_path / "by hash").mkdir()
    by_hash = [
        made_shard(tmp_path / "by hash" / f"{shard}.npy", members, [rows[name] for name in members])
        for shard, members in enumerate(shard_members(dataset.database, shard, 9) for shard in range(9))
    ]
    assert measure(dataset, by_hash, distractors, QUERIES, vectors) == measured


def test_photos_with_the_same_descriptor_follow_the_order_of_the_database(tmp_path):
    """Their similarities must be equal to the last digit, wherever the rows lie; distractors follow, by their names."""
    rows = np.repeat(unit_vectors(1, 1280), 1010, axis=0)
    names = MANY[:1000]
    dataset = dataset_of(names, {name: Query(frozenset({name}), frozenset()) for name in ("0000", "0700", "0999")})
    (tmp_path / "far").mkdir()
    # The last name first, so that the order of rows is the wrong one.
    shards = write_shards(tmp_path, names[::-1], rows[:1000], cuts=[1, 514])
    far = write_shards(tmp_path / "far", [f"{i}" for i in range(9, -1, -1)], rows[:10], cuts=[4])

    measured = measure(dataset, shards, far, list(dataset.queries), unit_vectors(3, 1280, seed=1))

    assert [values["ap_sum"] for values in measured] == [1, 1 / 701, 1 / 1000]
    assert [values["top"] for values in measured] == [["0000", "0001", "0002"]] * 3


def test_distractors_follow_the_database_and_each_other_by_name(tmp_path):
    rows = np.repeat(unit_vectors(1, 16), 5, axis=0)
    (tmp_path / "far").mkdir()
    dataset = dataset_of(["y"], {"q": Query(frozenset("y"), frozenset())})

    shards = write_shards(tmp_path, ["y"], rows[:1])
    far = write_shards(tmp_path / "far", ["z", "b", "c", "a"], rows[:4], cuts=[2])

    assert measure(dataset, shards, far, ["q"], rows[:1])[0]["top"] == ["y", "a", "b"]
    assert measure(dataset, shards, far[::-1], ["q"], rows[:1])[0]["top"] == ["y", "a", "b"]


# --- Shards -----------------------------------------------------------------------------------------------------------

NAMES = [f"photo {i:04}" for i in range(1000)] + ["büro", "東京"]


@pytest.mark.parametrize(
    ("photos", "size", "count"), [(0, 256, 1), (1, 256, 1), (256, 256, 1), (257, 256, 2), (5063, 256, 20)]
)
def test_shard_count(photos, size, count):
    assert shard_count(photos, size) == count


@pytest.mark.parametrize("count", [1, 2, 7, 20])
def test_shards_partition_the_database_evenly_and_keep_its_order(count):
    shards = [shard_members(NAMES, shard, count) for shard in range(count)]

    assert Counter(itertools.chain(*shards)) == Counter(NAMES)
    level = max(2**power for power in range(5) if 2**power <= count)
    for shard, members in enumerate(shards):
        assert members == [name for name in NAMES if name in set(members)]
        # Of `level` equal shards, the first ones are split in two.
        share = 1 / (2 * level) if shard < count - level or shard >= level else 1 / level
        assert 0.5 < len(members) / (len(NAMES) * share) < 1.5
        assert share < 2 / count


@pytest.mark.parametrize("count", [1, 2, 4, 16, 64])
def test_a_power_of_two_of_shards_takes_names_by_the_remainder_of_their_checksums(count):
    assert [shard_of(name, count) for name in NAMES] == [zlib.crc32(name.encode()) % count for name in NAMES]


def test_a_new_photo_changes_one_shard():
    before = [shard_members(NAMES, shard, 7) for shard in range(7)]

    after = [shard_members(["aa new photo", *NAMES], shard, 7) for shard in range(7)]

    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


def test_a_growing_database_splits_one_shard_at_a_time_and_leaves_the_others():
    """Photo by photo: only its own shard changes, and where there is one shard more, the one that is split for it."""
    size, splits, before = 40, [], {0: []}
    for photos in range(1, 2001):
        count = shard_count(photos, size)
        after = {shard: [] for shard in range(count)}
        for number in range(photos):
            after[shard_of(f"photo {number}", count)].append(number)

        changed = {shard for shard in before if after[shard] != before[shard]}
        others = changed - {shard_of(f"photo {photos - 1}", count)}
        if count == len(before):
            assert not others
        else:
            assert count == len(before) + 1
            assert len(others) <= 1
            moved = set(after[count - 1]) - {photos - 1}
            assert all(moved <= set(before[shard]) for shard in others)
            splits += others
        before = after
    # Each in its turn: the first, both, all four, and so on.
    assert splits == [*range(1), *range(2), *range(4), *range(8), *range(16), *range(50 - 32)]


def test_the_photos_of_a_shard_are_of_a_listing_a_folder_or_all(tmp_path):
    names = ["a", "b", "c", "d", "e", "far__f"]
    files = {name: tmp_path / "photos" / f"{name.replace('__', '/')}.png" for name in names}
    for file in files.values():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    write_listing(
        tmp_path / "dataset.json", Dataset(files, tuple(names[:5]), {"far__f": Query(frozenset(), frozenset())})
    )

    for shard in range(3):
        of_listing = shard_photos(shard, 3, listing=tmp_path / "dataset.json")
        of_folder = shard_photos(shard, 3, folder=tmp_path / "photos")
        assert of_listing == {name: files[name] for name in shard_members(names[:5], shard, 3)}
        assert of_folder == {name: files[name] for name in shard_members(names, shard, 3)}
    assert shard_photos(0, 1, photos=files.values()) == {file.stem: file for file in files.values()}
    assert shard_photos(0, 1) == {}


# --- Rows of rankings -------------------------------------------------------------------------------------------------


class FirstPixel:
    """Describes a photo by the direction of its first pixel's red and green."""

    def describe(self, pixels):
        vector = pixels[0, 0, :2].astype(np.float32)
        return vector / np.linalg.norm(vector)


def read_pixels(path):
    return np.array(Image.open(path))


@pytest.fixture
def versions(tmp_path):
    """A listing of three queries, one without an answer, its shard, and versions of the queries."""
    queries = {
        "near": Query(frozenset({"p0", "p1"}), frozenset({"near"})),
        "none": Query(frozenset(), frozenset()),
        "odd": Query(
            frozenset({"p2"}), frozenset(), None, revisited_answers(frozenset(), frozenset({"p2"}), frozenset())
        ),
    }
    database = ("p0", "p1", "p2")
    photos = {name: tmp_path / f"{name}.png" for name in (*database, *queries)}
    write_listing(tmp_path / "dataset.json", Dataset(photos, database, queries))
    made_shard(tmp_path / "shard-000.npy", database, [[1, 0], [0.8, 0.6], [0, 1]])
    for folder, colours in {"": (200, 10), "m10_T5": (200, 150), "m50_T5": (10, 200)}.items():
        (tmp_path / folder).mkdir(exist_ok=True)
        for name in queries:
            Image.new("RGB", (2, 2), (*colours, 0)).save(tmp_path / folder / f"{name}.png")
    return tmp_path


def ranked_rows(folder, **options):
    system = System(FirstPixel().describe, similarities)
    return rank_versions(
        folder / "dataset.json", folder, system, read_pixels, [folder / "shard-000.npy"], suffix=".png", **options
    )


def test_rows_of_unattacked_queries(versions, capfd):
    rows = ranked_rows(versions)

    assert rows == [
        {"query": "near", "multiplier": None, "iteration": None, "ap": 1.0, "ap_sum": 1.0, "ap_trapezoid": 1.0}
        | {"ap_reversed": (1 / 2 + 2 / 3) / 2, "among_last": 1.0, "top": "p0/p1/p2"},
        {"query": "odd", "multiplier": None, "iteration": None, "ap": 1 / 3, "ap_sum": 1 / 3, "ap_trapezoid": 1 / 6}
        | {"ap_reversed": 1.0, "among_last": 1.0}
        | {"ap_easy": None, "ap_medium": 1 / 3, "ap_hard": 1 / 3, "top": "p0/p1/p2"},
    ]
    first = ["query", "multiplier", "iteration", "ap", "ap_sum", "ap_trapezoid", "ap_reversed", "among_last"]
    assert [list(row) for row in rows] == [
        [*first, "top"],
        [*first, "ap_easy", "ap_medium", "ap_hard", "top"],
    ]
    assert capfd.readouterr().err == f"describe {versions}: done\nrank {versions}: done\n"


@forms
def test_rows_of_variants(versions, form):
    rows = ranked_rows(versions, variants=["m10_T5", "m50_T5"], form=form)

    assert [(row["query"], row["multiplier"], row["iteration"]) for row in rows] == [
        ("near", 10, 5),
        ("near", 50, 5),
        ("odd", 10, 5),
        ("odd", 50, 5),
    ]
    assert [row["top"] for row in rows] == ["p1/p0/p2", "p2/p1/p0"] * 2
    assert [row["ap"] for row in rows] == [row[f"ap_{form}"] for row in rows]
    assert rows[1]["ap_sum"] == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_rows_count_distractors(versions):
    (versions / "far").mkdir()
    made_shard(versions / "far" / "shard-0000.npy", ["z"], [[0.6, 0.8]])
    made_shard(versions / "far" / "shard-0001.npy", ["y"], [[1, 0]])
    made_shard(versions / "far" / "other.npy", ["x"], [[1, 0]])

    rows = ranked_rows(versions, distractors=versions / "far")

    assert [row["top"] for row in rows] == ["p0/y/p1"] * 2
    assert rows[1]["ap_sum"] == 1 / 5
    assert rows[0]["ap_reversed"] == (1 / 3 + 2 / 5) / 2, "two are behind the better one"


def test_a_dataset_without_answers_has_no_rows(versions):
    none = Query(frozenset(), frozenset())
    listing = Dataset({name: versions for name in ("p0", "p1", "p2", "near")}, ("p0", "p1", "p2"), {"near": none})
    write_listing(versions / "dataset.json", listing)

    with pytest.raises(InputError, match=r"dataset\.json: no query has a relevant photo; nothing can be measured"):
        ranked_rows(versions)


# --- Bad shards -------------------------------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path):
    """A database of four photos in two shards: measures it for a query."""
    made_shard(tmp_path / "0.npy", ["d", "b"], [[1, 0], [0, 1]])
    made_shard(tmp_path / "1.npy", ["büro 1", "a"], [[0.6, 0.8], [-1, 0]])

    def measure_small(database=("a", "b", "büro 1", "d"), vector=(1, 0), distractors=()):
        dataset = dataset_of(database, {"q": Query(frozenset("b"), frozenset())})
        return measure(dataset, [tmp_path / "0.npy", tmp_path / "1.npy"], distractors, ["q"], np.float32([vector]))

    assert measure_small()[0]["ap_sum"] == 1 / 3 and measure_small()[0]["top"] == ["d", "büro 1", "b"]
    return measure_small


@pytest.mark.parametrize(
    ("database", "text"),
    [
        (("a", "b", "d"), "hold 4 photos, the database 3$"),
        (("a", "b", "büro 1", "d", "e", "f"), "hold 4 photos, the database 6; missing: e, f$"),
        (("a", "b", "d", "e"), "missing: e$"),
    ],
)
def test_shards_that_do_not_make_up_the_database(small, database, text):
    with pytest.raises(InputError, match=text):
        small(database)


def test_a_photo_in_two_shards(small, tmp_path):
    made_shard(tmp_path / "0.npy", ["d", "b", "a"], np.eye(3, 2))

    with pytest.raises(InputError, match="hold 5 photos, the database 4"):
        small()


def broken(shard, how):
    """Spoil a shard."""
    match how:
        case "no descriptors":
            shard.unlink()
        case "no names":
            shard.with_suffix(".txt").unlink()
        case "text":
            shard.write_text("hello")
        case "empty":
            shard.write_bytes(b"")
        case "truncated":
            shard.write_bytes(shard.read_bytes()[:-3])
        case "latin-1":
            shard.with_suffix(".txt").write_bytes("büro 1\na\n".encode("latin-1"))
        case "double":
            np.save(shard, np.eye(2))
        case "flat":
            np.save(shard, np.float32([1, 0]))
        case "objects":
            np.save(shard, np.array([["x"], [None]], dtype=object))
        case "archive":
            with shard.open("wb") as file:
                np.savez(file, np.eye(2, dtype=np.float32))


@pytest.mark.parametrize(
    "how",
    [
        "no descriptors",
        "no names",
        "text",
        "empty",
        "truncated",
        "latin-1",
        "double",
        "flat",
        "objects",
        "archive",
    ],
)
def test_broken_shard(small, tmp_path, how):
    broken(tmp_path / "1.npy", how)

    with pytest.raises(InputError, match=r"1\.npy: not a descriptor shard"):
        small()


def test_broken_shard_of_distractors(small, tmp_path):
    with pytest.raises(InputError, match=r"far\.npy: not a descriptor shard"):
        small(distractors=[tmp_path / "far.npy"])


@pytest.mark.parametrize(("text", "names"), [("d\n", 1), ("d\nb", 1), ("d\nb\n\n", 3), ("", 0)])
def test_shard_with_too_few_or_too_many_names(small, tmp_path, text, names):
    (tmp_path / "0.txt").write_text(text)

    with pytest.raises(InputError, match=rf"0\.npy: 2 descriptors but {names} names?;"):
        small()


def test_names_may_hold_separators_of_other_kinds(tmp_path):
    names = ["one\u2028photo", "next\x85photo", "tab\tphoto", "form\x0cfeed"]

    assert shard_names(made_shard(tmp_path / "0.npy", names, unit_vectors(4, 3))) == names


def test_descriptors_of_different_dimensions(small, tmp_path):
    made_shard(tmp_path / "1.npy", ["büro 1", "a"], np.eye(2, 3))

    with pytest.raises(InputError, match=r"1\.npy: descriptors of 3 dimensions, the queries have 2; were they made by"):
        small()


@pytest.mark.parametrize(
    ("vector", "length"), [([1, 1], "1.414"), ([0, 1.01], "1.01"), ([np.nan, 0], "nan"), ([0, -np.inf], "inf")]
)
def test_descriptors_of_another_length_than_1(small, tmp_path, vector, length):
    with pytest.raises(InputError, match=rf"^queries: a descriptor of length {length}, expected 1; describe"):
        small(vector=vector)

    far = made_shard(tmp_path / "far.npy", ["y", "z"], [[1, 0], vector])
    with pytest.raises(InputError, match=rf"far\.npy: a descriptor of length {length}, expected 1"):
        small(distractors=[far])


@pytest.mark.parametrize("shape", ["(4, 2)", "(65536, 65536)", "(-1, 3)", "(2, 3)", "(" * 3000], ids=str)
def test_a_shard_whose_header_lies_is_named(tmp_path, shape):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode()
    shard = tmp_path / "0.npy"
    shard.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(36))
    shard.with_suffix(".txt").write_text("a\nb\nc\n")

    with pytest.raises(InputError, match=r"0\.npy: not a descriptor shard"):
        shard_names(shard)
