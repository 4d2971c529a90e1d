"""Approximate search against exact products, and how what is not found ends the ranking."""

import faiss
import numpy as np
import pytest
from cvpire.errors import InputError
from cvpire.retrieval.average_precision import average_precision
from cvpire.retrieval.ranking import positions
from cvpire.retrieval.search import KINDS, NOT_FOUND, approximate_scores, build

from benchmarks.search import TOP, lines, make_town, recall
from benchmarks.timing import Share

kinds = pytest.mark.parametrize("kind", KINDS)


def clustered(count=1500, dimensions=16, seed=0):
    """Unit vectors in clusters of 50."""
    random = np.random.default_rng(seed)
    vectors = np.repeat(random.standard_normal((count // 50, dimensions)), 50, axis=0)
    vectors = (vectors + 0.4 * random.standard_normal(vectors.shape)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@kinds
def test_what_is_found_is_near(kind):
    vectors = clustered()
    exact = vectors[::50] @ vectors.T
    scores = approximate_scores(build(kind, vectors, seed=0), vectors[::50], 50)
    assert (scores.dtype, scores.shape) == (np.float32, exact.shape)
    found = scores > NOT_FOUND
    assert (found.sum(axis=1) == 50).all()
    assert found[:, ::50].diagonal().all(), "a photo of the database finds itself"
    first = np.argsort(-exact, axis=1)[:, :50]
    assert np.take_along_axis(found, first, axis=1).mean() > (0.98 if kind == "hnsw" else 0.8)
    np.testing.assert_allclose(scores[found], exact[found], atol=1e-5 if kind == "hnsw" else 0.2)


@kinds
def test_the_same_seed_gives_the_same_index(kind):
    vectors = clustered()
    one, same, other = (faiss.serialize_index(build(kind, vectors, seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@kinds
def test_what_is_not_found_comes_last_in_the_order_of_rows(kind):
    vectors = clustered()
    scores = approximate_scores(build(kind, vectors, seed=0), vectors[1450:1451], 10)[0]
    lost = np.flatnonzero(scores == NOT_FOUND)
    assert len(lost) == 1490
    assert (np.sort(scores)[-10:] >= -1).all()
    np.testing.assert_array_equal(positions(scores, lost), np.arange(10, 1500))
    assert average_precision(positions(scores, np.arange(1450, 1500))) < 0.5, "most of its landmark comes last"


def test_a_search_for_all_of_a_graph_ranks_as_exact_products_do():
    vectors = clustered(300)
    scores = approximate_scores(build("hnsw", vectors, seed=0), vectors[:5], 1000)
    np.testing.assert_allclose(scores, vectors[:5] @ vectors.T, atol=1e-6)


def test_threads_of_faiss_stay_as_they_are():
    before = faiss.omp_get_max_threads()
    build("hnsw", clustered(100), seed=0)
    assert faiss.omp_get_max_threads() == before


@pytest.mark.parametrize("dimensions", [1, 7, 12])
def test_vectors_of_any_length_can_be_packed(dimensions):
    vectors = clustered(300, dimensions)
    assert (approximate_scores(build("ivf-pq", vectors, seed=0), vectors[:2], 5) > NOT_FOUND).sum() == 10


def test_too_few_photos_to_learn_codes_from():
    with pytest.raises(InputError, match="ivf-pq: 250 photos, and it learns its codes from 256 at least; search"):
        build("ivf-pq", clustered(250), seed=0)


def test_queries_of_another_length():
    with pytest.raises(InputError, match="queries of 12 dimensions, the database has 16"):
        approximate_scores(build("hnsw", clustered(100), seed=0), clustered(50, 12), 5)


# --- The benchmark ----------------------------------------------------------------------------------------------------


def test_the_benchmark_says_what_a_search_loses():
    shares = [line for line in lines(1000, 16, queries=3) if isinstance(line, Share)]
    assert len(shares) == 2 * 2 * 3
    assert all(0 <= share.percent <= 100 for share in shares)
    by_name = {share.what: share for share in shares}
    original, perturbed = (by_name[f"  mAP of {name} by hnsw"] for name in ("originals", "perturbed queries"))
    assert original.percent == pytest.approx(original.reference_percent), "all are returned"
    assert perturbed.reference_percent < original.reference_percent


def test_the_benchmarks_queries_are_of_the_landmarks_that_they_are_measured_by():
    town = make_town(2000, 32, 5)
    for query, relevant in zip(town.originals, town.relevant, strict=True):
        nearest = np.argsort(-(town.vectors @ query))[:25]
        assert np.isin(nearest, relevant).mean() > 0.5


def test_recall_counts_the_exact_first_among_the_first():
    exact = np.linspace(1, 0, 400, dtype=np.float32)[None]
    scores = exact.copy()
    scores[0, : TOP // 4] = NOT_FOUND
    assert recall(exact, exact, TOP) == 100
    assert recall(scores, exact, 2 * TOP) == 75
