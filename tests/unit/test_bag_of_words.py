"""Bags of visual words against literal loops and a second library's features; files of them, good and bad."""

import logging
import math
from collections import Counter

import cv2
import numpy as np
import pytest
from cvpire.config.systems import BagOfWordsOptions
from cvpire.errors import InputError
from cvpire.retrieval.systems import bag_of_words
from cvpire.retrieval.systems.bag_of_words import (
    learn,
    load,
    read_learnt,
    similarities,
    weighted,
    word_counts,
    write_learnt,
)
from cvpire.retrieval.systems.local_features import (
    LocalFeatures,
    as_points,
    describe,
    read_shard,
    shard_names,
    write_shard,
)
from cvpire.retrieval.systems.verification import inliers, verified
from scipy.sparse import csr_array

both = pytest.mark.parametrize("features", ["opencv", "scikit-image"])


def textured(seed, side=160):
    """A photo of blobs of many sizes, which SIFT finds."""
    random = np.random.default_rng(seed)
    total = np.zeros((side, side))
    for sigma in (2, 4, 8):
        noise = cv2.GaussianBlur(random.standard_normal((side, side)), (0, 0), sigma)
        total += noise / noise.std()
    grey = cv2.normalize(total, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def turned(pixels, degrees, scale):
    """The same photo, rotated about its centre and rescaled."""
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    return cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)


FLAT = np.full((50, 40, 3), 90, np.uint8)
WORDS = 400
NAMES = [f"photo {number}" for number in range(6)]


@pytest.fixture(scope="module", params=["opencv", "scikit-image"])
def town(request, tmp_path_factory):
    """Six photos in two shards, their options and vocabulary."""
    options = BagOfWordsOptions(kind="bag-of-words", features=request.param, words=WORDS, most_features=200)
    photos = [textured(seed) for seed in range(6)]
    features = [load(options).describe(pixels) for pixels in photos]
    folder = tmp_path_factory.mktemp("town")
    shards = [folder / "shard-0.npz", folder / "shard-1.npz"]
    write_shard(shards[0], NAMES[:4], features[:4])
    write_shard(shards[1], NAMES[4:], features[4:])
    return options, photos, features, shards, learn(shards, options, seed=3)


# --- Features --------------------------------------------------------------------------------------------------------


@both
def test_the_strongest_features_are_kept_in_a_fixed_order(features):
    pixels = textured(0)
    every = describe(pixels, BagOfWordsOptions(kind="bag-of-words", features=features, most_features=100_000))
    some = describe(pixels, BagOfWordsOptions(kind="bag-of-words", features=features, most_features=20))
    assert len(every.descriptors) > 100
    assert (every.descriptors.dtype, every.keypoints.dtype) == (np.uint8, np.float32)
    np.testing.assert_array_equal(some.descriptors, every.descriptors[:20])
    np.testing.assert_array_equal(some.keypoints, every.keypoints[:20])
    if features == "scikit-image":
        assert (np.diff(every.keypoints[:, 2]) <= 0).all()


def test_strength_is_opencvs_response():
    pixels = textured(0)
    found = cv2.SIFT_create().detect(pixels[..., 0], None)
    strongest = max(found, key=lambda each: each.response)
    kept = describe(pixels, BagOfWordsOptions(kind="bag-of-words", most_features=1)).keypoints[0]
    assert tuple(kept[:2]) == pytest.approx(strongest.pt)


def test_both_libraries_find_the_same_features():
    one, other = (
        describe(textured(0), BagOfWordsOptions(kind="bag-of-words", features=name))
        for name in ("opencv", "scikit-image")
    )
    apart = np.linalg.norm(one.keypoints[:, None, :2] - other.keypoints[None, :, :2], axis=2)
    turn = np.abs((one.keypoints[:, None, 3] - other.keypoints[None, :, 3] + 180) % 360 - 180)
    same = (apart < 1) & (turn < 10) & (np.abs(np.log2(one.keypoints[:, None, 2] / other.keypoints[None, :, 2])) < 0.2)
    assert same.any(axis=1).mean() > 0.6
    assert same.any(axis=0).mean() > 0.6


@both
@pytest.mark.parametrize("shape", [(50, 40, 3), (1, 1, 3), (3, 200, 3)])
def test_a_flat_or_tiny_photo_has_no_feature(features, shape):
    found = describe(np.full(shape, 90, np.uint8), BagOfWordsOptions(kind="bag-of-words", features=features))
    assert found.descriptors.shape == (0, 128)
    assert found.keypoints.shape == (0, 4)


def test_root_sift_is_hellingers_kernel():
    descriptors = np.random.default_rng(0).integers(0, 256, (5, 128)).astype(np.uint8)
    descriptors[4] = 0
    points = as_points(descriptors, root_sift=True).astype(np.float64)
    for one in range(4):
        for other in range(4):
            x, y = (descriptors[row].astype(float) / descriptors[row].sum(dtype=float) for row in (one, other))
            assert points[one] @ points[other] == pytest.approx(np.sqrt(x * y).sum(), abs=1e-6)
    assert not points[4].any()
    plain = as_points(descriptors[:4], root_sift=False)
    np.testing.assert_allclose(np.linalg.norm(plain, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(plain * np.linalg.norm(descriptors[:4].astype(float), axis=1)[:, None], descriptors[:4])


# --- Words and similarities -------------------------------------------------------------------------------------------


def literal_cosines(counts, queries):
    """Cosines of tf-idf histograms by loops; counts and queries are of words, one Counter a photo."""

    def histogram(words):
        total = sum(words.values())
        having = {word: sum(word in other for other in counts) for word in words}
        return {
            word: number / total * math.log(len(counts) / having[word])
            for word, number in words.items()
            if having[word]
        }

    def length(values):
        return math.sqrt(sum(value**2 for value in values.values()))

    table = []
    for query in map(histogram, queries):
        row = []
        for photo in map(histogram, counts):
            product = sum(value * photo.get(word, 0) for word, value in query.items())
            row.append(product / (length(query) * length(photo)) if length(query) and length(photo) else 0.0)
        table.append(row)
    return np.array(table)


def literal_words(centres, photo, root_sift):
    points = as_points(photo.descriptors, root_sift).astype(np.float64)
    return Counter(int(np.argmin(((centres - point) ** 2).sum(axis=1))) for point in points)


def test_similarities_are_cosines_of_tf_idf(town):
    options, photos, features, shards, vocabulary = town
    queries = [describe(turned(photos[1], 30, 0.8), options), describe(textured(99), options), describe(FLAT, options)]
    words = [literal_words(vocabulary.centres, photo, options.root_sift) for photo in features]
    asked = [literal_words(vocabulary.centres, photo, options.root_sift) for photo in queries]

    scores = similarities(vocabulary, shards, queries, options)

    assert (scores.dtype, scores.shape) == (np.float32, (3, 6))
    np.testing.assert_allclose(scores, literal_cosines(words, asked), atol=1e-6)
    assert not scores[2].any(), "a photo without features is similar to none"


@pytest.mark.parametrize(("degrees", "scale"), [(0, 1), (40, 1), (0, 0.6), (-100, 0.75)])
@pytest.mark.parametrize("verification", [0, 3])
def test_another_view_of_a_photo_ranks_first(town, degrees, scale, verification):
    options, photos, _, shards, vocabulary = town
    options = options.model_copy(update={"spatial_verification": verification})
    views = [describe(turned(pixels, degrees, scale), options) for pixels in photos[:3]]
    scores = similarities(vocabulary, shards, views, options)
    assert scores.argmax(axis=1).tolist() == [0, 1, 2]
    if verification:
        assert ((scores > 1).sum(axis=1) == 3).all()


@pytest.mark.parametrize("verification", [0, 8])
def test_distractors_follow_the_database_and_change_nothing_of_it(town, tmp_path, verification):
    options, photos, _, shards, vocabulary = town
    options = options.model_copy(update={"spatial_verification": verification})
    wrong = [describe(pixels, options) for pixels in (textured(70), turned(photos[2], 20, 0.9), FLAT)]
    write_shard(tmp_path / "wrong.npz", ["x", "photo 2", "flat"], wrong)
    query = [describe(turned(photos[2], 20, 0.9), options)]

    scores = similarities(vocabulary, [*shards, tmp_path / "wrong.npz"], query, options)

    assert scores.shape == (1, 9)
    assert scores[0].argmax() == 7, "the query itself"
    assert scores[0, 8] == 0
    if not verification:
        np.testing.assert_array_equal(scores[:, :6], similarities(vocabulary, shards, query, options))
        assert scores[0, 7] == pytest.approx(1)


def test_words_do_not_depend_on_shards_or_chance(town, tmp_path):
    options, _, features, shards, vocabulary = town
    order = [5, 0, 3, 1, 2, 4]
    write_shard(tmp_path / "all.npz", [NAMES[row] for row in order], [features[row] for row in order])
    other = learn([tmp_path / "all.npz"], options, seed=3)
    np.testing.assert_array_equal(other.centres, vocabulary.centres)
    np.testing.assert_array_equal(other.idf, vocabulary.idf)
    np.testing.assert_array_equal(other.database.toarray(), vocabulary.database.toarray()[order])
    assert not np.array_equal(learn(shards, options, seed=4).centres, vocabulary.centres)


def test_more_features_than_k_means_needs_are_sampled(town, monkeypatch):
    options, _, _, shards, vocabulary = town
    monkeypatch.setattr(bag_of_words, "_FEATURES_A_WORD", 2)
    first, second = (learn(shards, options, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.centres, second.centres)
    assert not np.array_equal(first.centres, vocabulary.centres)


def test_a_photo_counts_words_as_it_does_among_others(town):
    options, _, features, _, vocabulary = town
    together = word_counts(vocabulary.centres, features, options.root_sift)
    for row, photo in enumerate(features):
        alone = word_counts(vocabulary.centres, [photo], options.root_sift)
        np.testing.assert_array_equal(alone.toarray()[0], together[[row]].toarray()[0])
    assert together.sum() == sum(len(photo.descriptors) for photo in features)


def test_large_vocabularies_of_large_databases_are_sparse():
    photos, words, features = 5000, 100_000, 500
    random = np.random.default_rng(0)
    indptr = np.arange(photos + 1) * features
    counts = csr_array((np.ones(photos * features), random.integers(0, words, photos * features), indptr))
    counts.resize((photos, words))
    having = np.bincount(counts.indices, minlength=words)
    database = weighted(counts, np.log(photos / np.maximum(having, 1)))
    taken = database.data.nbytes + database.indices.nbytes + database.indptr.nbytes
    assert taken <= 8 * photos * features + 8 * (photos + 1), "a dense one takes 2 GB"
    scores = (database[:3] @ database.T).toarray()
    assert scores.shape == (3, photos)
    assert scores.argmax(axis=1).tolist() == [0, 1, 2]


# --- Spatial verification ---------------------------------------------------------------------------------------------


def made_features(points, seed=0):
    descriptors = np.random.default_rng(seed).integers(0, 256, (len(points), 128)).astype(np.uint8)
    keypoints = np.zeros((len(points), 4), np.float32)
    keypoints[:, :2] = points
    return LocalFeatures(descriptors, keypoints)


def test_features_that_lie_alike_are_inliers():
    random = np.random.default_rng(1)
    points = random.uniform(0, 300, (40, 2))
    moved = 0.5 * points @ np.array([[0, 1], [-1, 0]]) + (50, 200)
    assert inliers(made_features(points), made_features(moved)) == 40
    moved[:15] = random.uniform(0, 300, (15, 2)) + 1000
    assert inliers(made_features(points), made_features(moved)) == 25
    assert inliers(made_features(points), made_features(moved, seed=9)) == 0, "other features, at these places"
    assert inliers(made_features(points[:3]), made_features(points)) == 0, "too few"


def test_many_features_that_ask_for_one_count_once():
    points = np.random.default_rng(1).uniform(0, 300, (40, 2))
    query, photo = made_features(points), made_features(points)
    query.descriptors[:] = photo.descriptors[0]
    assert inliers(query, photo) == 0


def test_verified_photos_come_first_by_inliers_then_by_similarity():
    scores = np.array([0.9, 0.2, 0.5, 0.5, 0.4, 0.1], np.float32)
    made = verified(scores, [3, 7, 7, 7], np.array([0, 1, 2, 3]))
    assert np.argsort(-made, kind="stable").tolist() == [2, 3, 1, 0, 4, 5]
    assert made[2] == made[3]
    assert ((made[:4] > 1) & (made[:4] <= 2)).all()
    np.testing.assert_array_equal(made[4:], scores[4:])
    np.testing.assert_array_equal(verified(scores, [], np.array([], int)), scores)


# --- Files ------------------------------------------------------------------------------------------------------------


def test_files_come_back_as_they_were(town, tmp_path):
    _, _, features, shards, vocabulary = town
    for one, other in zip(read_shard(shards[0]), features[:4], strict=True):
        np.testing.assert_array_equal(one.descriptors, other.descriptors)
        np.testing.assert_array_equal(one.keypoints, other.keypoints)
    assert shard_names(shards[1]) == NAMES[4:]
    write_learnt(tmp_path / "learnt.npz", vocabulary)
    back = read_learnt(tmp_path / "learnt.npz")
    np.testing.assert_array_equal(back.database.toarray(), vocabulary.database.toarray())
    for name in ("centres", "idf", "fingerprint"):
        np.testing.assert_array_equal(getattr(back, name), getattr(vocabulary, name))
    write_learnt(tmp_path / "again.npz", back)
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "learnt.npz").read_bytes()


def test_photos_without_features_are_told_of(tmp_path, caplog):
    nothing = describe(FLAT, BagOfWordsOptions(kind="bag-of-words"))
    with caplog.at_level(logging.WARNING):
        write_shard(tmp_path / "a.npz", ["sky", "tower"], [nothing, made_features([(1, 1)])])
    assert [record.message for record in caplog.records] == [
        "sky: no SIFT feature (flat, or tiny?), and so similar to no photo"
    ]
    assert [len(each.descriptors) for each in read_shard(tmp_path / "a.npz")] == [0, 1]
    write_shard(tmp_path / "none.npz", [], [])
    assert read_shard(tmp_path / "none.npz") == shard_names(tmp_path / "none.npz") == []


def test_more_words_than_features(tmp_path):
    write_shard(tmp_path / "a.npz", ["a"], [made_features(np.zeros((30, 2)))])
    with pytest.raises(InputError, match=r"words: 31 visual words cannot be learnt from 30 features of 1 photo; set"):
        learn([tmp_path / "a.npz"], BagOfWordsOptions(kind="bag-of-words", words=31), seed=0)
    assert learn([tmp_path / "a.npz"], BagOfWordsOptions(kind="bag-of-words", words=30), seed=0).centres.shape == (
        30,
        128,
    )


def test_a_vocabulary_of_other_photos(town, tmp_path):
    options, _, features, shards, vocabulary = town
    for others in (shards[:1], shards[::-1]):
        with pytest.raises(InputError, match="learnt from 6 photos, and these are not the first of the shards"):
            similarities(vocabulary, others, features[:1], options)


def changed(path, **arrays):
    """Write a .npz anew with other arrays; None: without it."""
    with np.load(path) as file:
        kept = {**file, **arrays}
    np.savez(path, **{name: values for name, values in kept.items() if values is not None})


BROKEN_SHARDS = {
    "offsets": np.array([0, 3, 2]),
    "descriptors": np.zeros((2, 64), np.uint8),
    "keypoints": np.full((2, 4), np.nan, np.float32),
}


@pytest.mark.parametrize("name", [*BROKEN_SHARDS, "missing", "truncated", "packed", "pickled", "absent"])
def test_damaged_shards(tmp_path, name):
    path = tmp_path / "a.npz"
    write_shard(path, ["a", "b"], [made_features([(1, 1)]), made_features([(2, 2)])])
    match name:
        case "missing":
            changed(path, offsets=None)
        case "truncated":
            path.write_bytes(path.read_bytes()[:-50])
        case "packed":
            with np.load(path) as file:
                arrays = dict(file)
            np.savez_compressed(path, **arrays)
        case "pickled":
            changed(path, descriptors=np.array([{}]))
        case "absent":
            path.unlink()
        case _:
            changed(path, **{name: BROKEN_SHARDS[name]})
    with pytest.raises(InputError, match=rf"{path}: not a shard of local features \(.*\); delete it and run again"):
        read_shard(path)


def test_names_of_another_number(tmp_path):
    write_shard(tmp_path / "a.npz", ["a", "b"], [made_features([(1, 1)])] * 2)
    (tmp_path / "a.txt").write_text("a\n")
    with pytest.raises(InputError, match="2 descriptors but 1 name"):
        shard_names(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "arrays",
    [
        {"indices": None},
        {"centres": np.zeros((WORDS, 64), np.float32)},
        {"idf": np.zeros(WORDS - 1)},
        {"idf": np.full(WORDS, np.inf)},
        {"indptr": np.array([0, 10**9])},
        {"data": np.zeros(1, np.float32)},
    ],
)
def test_damaged_vocabularies(town, tmp_path, arrays):
    path = tmp_path / "learnt.npz"
    write_learnt(path, town[-1])
    changed(path, **arrays)
    with pytest.raises(InputError, match=f"{path}: not a vocabulary of visual words"):
        read_learnt(path)


def test_a_vocabulary_that_points_beyond_its_words(town, tmp_path):
    path = tmp_path / "learnt.npz"
    write_learnt(path, town[-1])
    changed(path, indices=np.full(town[-1].database.nnz, WORDS, np.int32))
    with pytest.raises(InputError, match="an entry of a word that is none of 400"):
        read_learnt(path)
