"""The mAP of random rankings, by shuffling and exactly."""

import itertools

import numpy as np
import pytest
from cvpire.datasets import Dataset, Query
from cvpire.errors import InputError
from cvpire.retrieval.average_precision import (
    FORMS,
    among_last,
    average_precision,
    expected_random_among_last,
    expected_random_average_precision,
)
from cvpire.retrieval.random_ranking import derived_numbers, expected_map, random_table, ranking_sizes, shuffled_map
from scipy.stats import hypergeom


def test_sizes_leave_junk_out():
    queries = {"a": Query(frozenset("ab"), frozenset("c")), "b": Query(frozenset("abd"), frozenset())}
    assert ranking_sizes(queries, "abcde") == ([2, 3], [4, 5])


@pytest.mark.parametrize("form", FORMS)
def test_a_row_for_each_query(form):
    queries = {"a": Query(frozenset("ab"), frozenset("c")), "b": Query(frozenset("abd"), frozenset())}

    rows = random_table(Dataset({}, tuple("abcde"), queries), form)

    assert [list(row) for row in rows] == [["query", "ap", "ap_sum", "ap_trapezoid", "ap_reversed", "among_last"]] * 2
    for row, query, sizes in zip(rows, "ab", [(2, 4), (3, 5)], strict=True):
        assert row["query"] == query
        assert row["ap"] == row[f"ap_{form}"] == row["ap_reversed"]
        assert row["among_last"] == 1, "no more than ten are ranked"
        assert [row["ap_sum"], row["ap_trapezoid"]] == [
            expected_random_average_precision(*sizes, each) for each in FORMS
        ]


@pytest.mark.parametrize("form", FORMS)
def test_expectation_is_the_mean_over_all_rankings(form):
    of_each = [
        np.mean([average_precision(np.array(ranks), form) for ranks in itertools.combinations(range(ranked), relevant)])
        for relevant, ranked in ((2, 5), (3, 7))
    ]
    assert expected_map([2, 3], [5, 7], form) == pytest.approx(np.mean(of_each), rel=1e-12)


def test_a_random_ranking_has_a_relevant_photo_among_its_last_as_often_as_all_rankings_have():
    for relevant, ranked in ((1, 9), (1, 12), (2, 13), (5, 16), (7, 12)):
        every = [among_last(np.array(ranks), ranked) for ranks in itertools.combinations(range(ranked), relevant)]
        assert expected_random_among_last(relevant, ranked) == pytest.approx(np.mean(every), rel=1e-12)


def test_among_the_last_of_a_long_random_ranking_is_exact():
    assert expected_random_among_last(1, 1_000_000) == 1e-5  # ten of a million
    assert expected_random_among_last(25, 5_000) == pytest.approx(hypergeom.sf(0, 5_000, 25, 10), rel=1e-9)
    assert expected_random_among_last(4_991, 5_000) == 1, "only nine are not relevant"


@pytest.mark.parametrize("form", FORMS)
def test_shuffling_converges_to_the_expectation(form):
    sizes = [1, 3, 20], [50, 40, 300]
    mean, error, shuffles = shuffled_map(*sizes, form, 1e-3, np.random.default_rng(1))
    assert 0 < error < 1e-3
    assert shuffles > 30
    assert abs(mean - expected_map(*sizes, form)) < 4 * error


def test_shuffling_is_reproducible():
    first, second, other = (shuffled_map([3], [50], "sum", 5e-3, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first == second != other
    assert shuffled_map([3], [50], "sum", 5e-3) == first


def test_a_ranking_without_wrong_answers_is_certain():
    assert shuffled_map([4], [4]) == (1.0, 0.0, 30)
    assert expected_map([4], [4]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "given 0 and 0"),
        (([1], [2, 3]), "given 1 and 2"),
        (([0], [5]), "0 relevant of 5 ranked"),
        (([6], [5]), "6 relevant of 5 ranked"),
        (([1], [5], "sum", 0.0), "standard_error: expected a positive number"),
        (([1], [5], "sum", float("nan")), "standard_error: expected a positive number"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        shuffled_map(*arguments)


def test_derived_numbers_follow_from_their_formulas():
    table = derived_numbers()
    assert table["printed"].tolist() == ["19.72", "11.24", "5.88", "8.33"]
    for row in table.itertuples():
        dividend, divisor = map(float, row.formula.split(" / "))
        assert row.value == dividend / divisor
        assert f"{row.value:.2f}" == row.printed
