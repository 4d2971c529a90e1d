"""Confidence intervals and paired tests, against published examples, enumeration and the library's own functions."""

from itertools import product

import numpy as np
import pytest
from cvpire.tables.statistics import SEED, holm, landmarks, mean_interval, sign_flip_test, signed_rank_test
from scipy.stats import bootstrap

# Heights of crossed minus self-fertilised maize, in eighths of an inch: Darwin 1876, in Fisher's "The Design of
# Experiments", 1935, sections 17 and 21.
MAIZE = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


@pytest.fixture
def skewed():
    return np.random.default_rng(0).lognormal(-3, 1, 40)


def test_an_interval_is_the_bootstrap_of_the_mean(skewed):
    options = {"n_resamples": 9999, "batch": 500, "method": "BCa", "rng": np.random.default_rng(SEED)}
    expected = bootstrap((skewed,), np.mean, **options).confidence_interval
    np.testing.assert_allclose(mean_interval(skewed), expected)
    low, high = mean_interval(skewed)
    # A long tail to the right: there is more room above the mean than below it.
    assert low < skewed.mean() < high and high - skewed.mean() > 1.1 * (skewed.mean() - low)


def test_many_values_have_the_normal_interval():
    values = np.random.default_rng(1).normal(0.9, 0.02, 400)
    error = values.std(ddof=1) / 20
    np.testing.assert_allclose(mean_interval(values), values.mean() + np.array([-1.96, 1.96]) * error, atol=0.1 * error)


def test_copies_of_a_query_make_nothing_surer(skewed):
    copied, group = np.repeat(skewed, 5), np.repeat([f"landmark {number:02d}" for number in range(40)], 5)
    np.testing.assert_allclose(mean_interval(copied, group), mean_interval(skewed))
    shuffle = np.random.default_rng(2).permutation(200)
    np.testing.assert_allclose(mean_interval(copied[shuffle], group[shuffle]), mean_interval(skewed))
    low, high = mean_interval(copied)
    assert high - low < 0.6 * np.subtract(*mean_interval(skewed)[::-1])
    assert sign_flip_test(copied - 0.04, group) == sign_flip_test(skewed - 0.04)
    assert signed_rank_test(copied - 0.04, group) == signed_rank_test(skewed - 0.04)


def test_groups_of_any_size_leave_the_mean_one_over_queries():
    low, high = mean_interval([1.0] * 8 + [3.0, 3.0], ["large"] * 8 + ["small"] * 2)
    assert low == pytest.approx(1) and high == pytest.approx(3)
    np.testing.assert_allclose(mean_interval([2.0] * 5, list("aabbb")), 2)


def test_positions_have_intervals_of_their_own(skewed):
    both = np.stack([skewed, skewed[::-1] ** 2], axis=1)
    np.testing.assert_allclose(
        np.transpose(mean_interval(both)), [mean_interval(both[:, 0]), mean_interval(both[:, 1])]
    )


def test_what_cannot_be_told_is_empty():
    assert np.isnan(mean_interval([0.3])).all() and np.isnan(mean_interval([0.3, 0.4], "aa")).all()
    assert np.isnan([sign_flip_test([1.0]), signed_rank_test([1.0]), sign_flip_test([1.0, 2.0], "aa")]).all()
    np.testing.assert_allclose(mean_interval([0.7, 0.7, 0.7]), 0.7)
    assert sign_flip_test([0.0, 0.0, 0.0]) == signed_rank_test([0.0, 0.0, 0.0]) == 1


def test_sign_flips_of_fishers_example():
    # 863 of 2^15 patterns give as much as observed; here 9999 random ones estimate that.
    assert sign_flip_test(MAIZE) == pytest.approx(2 * 863 / 2**15, abs=0.01)


@pytest.mark.parametrize("groups", [None, list("aabbccddee")])
def test_few_sign_flips_are_all_tried(groups):
    differences = np.array([0.5, -0.1, 0.3, 0.35, 0.2, -0.25, 0.6, 0.1, -0.05, 0.4])
    totals = differences if groups is None else differences.reshape(5, 2).sum(axis=1)
    patterns = [np.dot(signs, totals) for signs in product((-1, 1), repeat=len(totals))]
    extreme = np.mean([abs(value) >= abs(totals.sum()) - 1e-12 for value in patterns])
    assert sign_flip_test(differences, groups) == pytest.approx(extreme)


def test_signed_ranks_of_the_same_example():
    # W = 24; R's wilcox.test(paired = TRUE) gives p = 0.04126.
    assert signed_rank_test(MAIZE) == pytest.approx(0.04126, abs=5e-6)


def test_groups_are_ranked_by_their_mean_differences():
    # The group of three has the smaller mean, though the larger sum.
    differences, group = [0.1, 0.1, 0.1, -0.2, 0.3, 0.4], ["three"] * 3 + ["one", "two", "four"]
    assert signed_rank_test(differences, group) == signed_rank_test([0.1, -0.2, 0.3, 0.4])
    assert signed_rank_test(differences, group) != signed_rank_test([0.3, -0.2, 0.31, 0.4])


def test_holm_adjusts_in_steps():
    # R's p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm").
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.6, np.nan, 0.8]), [1, np.nan, 1])
    assert holm([]).shape == (0,)


def test_landmarks_follow_the_ground_truth_and_not_the_names():
    tower, camera = {"t1", "t2", "t3", "tower_1", "oxford_7"}, {"c1", "c2", "c3", "t3"}
    labelled = {"tower_1": tower, "oxford_7": tower - {"t1"}, "oxford_8": camera, "camera_1": camera, "alone": set()}
    found = landmarks(labelled)
    assert found == {
        "tower_1": "oxford_7",
        "oxford_7": "oxford_7",
        "oxford_8": "camera_1",
        "camera_1": "camera_1",
        "alone": "alone",
    }
    assert landmarks(dict(reversed(labelled.items()))) == found
    assert landmarks({}) == {}
