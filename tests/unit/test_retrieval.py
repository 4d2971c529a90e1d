"""Ranking, average precision against literal transcriptions, and shards of descriptors."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from cvpire.errors import InputError
from cvpire.retrieval.average_precision import FORMS, average_precision, expected_random_average_precision
from cvpire.retrieval.ranking import rank, read_descriptors, relevant_ranks, without_junk
from cvpire.retrieval.shards import shard_count, shard_members

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


# --- Ranking ----------------------------------------------------------------------------------------------------------


def test_ranking_is_by_the_dot_product():
    descriptors = np.array([[0, 1], [1, 0], [0.6, 0.8], [-1, 0]], dtype=np.float32)

    assert rank(descriptors, np.array([1, 0.1], dtype=np.float32)).tolist() == [1, 2, 0, 3]


def test_equal_similarities_stay_in_the_order_of_the_rows():
    descriptors = np.zeros((50, 2), dtype=np.float32)
    descriptors[[7, 30, 41]] = [1, 0]

    ranking = rank(descriptors, np.array([1, 0], dtype=np.float32)).tolist()

    assert ranking == [7, 30, 41] + [row for row in range(50) if row not in (7, 30, 41)]


@pytest.mark.parametrize("rows", [7, 1003])
def test_photos_with_the_same_descriptor_stay_in_the_order_of_the_rows(rows):
    """Their similarities must be equal to the last digit, wherever the rows lie."""
    random = np.random.default_rng(0)
    descriptor, query = random.random((2, 1280), dtype=np.float32) / 20

    ranking = rank(np.repeat(descriptor[None], rows, axis=0), query)

    assert ranking.tolist() == list(range(rows))


def test_junk_leaves_the_ranking_before_ranks_are_counted():
    names = ["a", "b", "c", "d", "e"]

    ranked = without_junk(np.array([2, 0, 4, 1, 3]), names, frozenset({"c", "e", "x"}))

    assert ranked == ["a", "b", "d"]
    assert relevant_ranks(ranked, {"d", "a"}).tolist() == [0, 2]
    assert average_precision(relevant_ranks(ranked, {"b"})) == 1 / 2, "c and e do not count against b"


def test_without_relevant_names_there_are_no_ranks():
    assert relevant_ranks(["a", "b"], {"c"}).tolist() == []
    assert relevant_ranks([], {"c"}).tolist() == []


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
    for members in shards:
        assert members == [name for name in NAMES if name in set(members)]
        assert 0.5 < len(members) / (len(NAMES) / count) < 1.5


def test_a_new_photo_changes_one_shard():
    before = [shard_members(NAMES, shard, 7) for shard in range(7)]

    after = [shard_members(["aa new photo", *NAMES], shard, 7) for shard in range(7)]

    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


# --- Descriptor files -------------------------------------------------------------------------------------------------


def write_shard(path, rows):
    """Write descriptors {name: row} as a shard."""
    np.save(path, np.array(list(rows.values()), dtype=np.float32).reshape(len(rows), -1))
    path.with_suffix(".txt").write_text("".join(f"{name}\n" for name in rows), encoding="utf-8")
    return path


@pytest.fixture
def shards(tmp_path):
    rows = {"a": [1, 2], "b": [3, 4], "büro 1": [5, 6], "d": [7, 8]}
    first = write_shard(tmp_path / "0.npy", {name: rows[name] for name in ("d", "b")})
    second = write_shard(tmp_path / "1.npy", {name: rows[name] for name in ("büro 1", "a")})
    return [first, second]


@pytest.mark.parametrize("reverse", [False, True])
def test_descriptors_come_in_the_order_of_the_database(shards, reverse):
    database = ("a", "b", "büro 1", "d")

    names, values = read_descriptors(shards[::-1] if reverse else shards, database)

    assert names == list(database)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, [[1, 2], [3, 4], [5, 6], [7, 8]])


@pytest.mark.parametrize(
    ("database", "text"),
    [
        (("a", "b", "d"), "hold 4 photos, the database 3"),
        (("a", "b", "büro 1", "d", "e", "f"), "hold 4 photos, the database 6; missing: e, f"),
        (("a", "b", "d", "e"), "missing: e"),
    ],
)
def test_shards_that_do_not_make_up_the_database(shards, database, text):
    with pytest.raises(InputError, match=text):
        read_descriptors(shards, database)


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


@pytest.mark.parametrize("how", ["no descriptors", "no names", "text", "empty", "truncated", "latin-1"])
def test_broken_shard(shards, how):
    broken(shards[1], how)

    with pytest.raises(InputError, match=r"1\.npy: not a descriptor shard"):
        read_descriptors(shards, ("a", "b", "büro 1", "d"))


def test_shard_with_too_few_names(shards):
    shards[0].with_suffix(".txt").write_text("d\n")

    with pytest.raises(InputError, match=r"0\.npy: 2 descriptors but 1 names"):
        read_descriptors(shards, ("a", "b", "büro 1", "d"))
