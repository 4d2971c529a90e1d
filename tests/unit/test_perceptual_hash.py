"""Hashes as vectors rank as the Hamming distances of the package do."""

import imagehash
import numpy as np
import pytest
from cvpire.config.systems import PerceptualHashOptions
from cvpire.errors import InputError
from cvpire.options import validate
from cvpire.retrieval.descriptors import write_shard
from cvpire.retrieval.similarity import similarities
from cvpire.retrieval.systems.perceptual_hash import load
from PIL import Image

PACKAGE = {
    "phash": imagehash.phash,
    "dhash": imagehash.dhash,
    "whash": imagehash.whash,
    "average": imagehash.average_hash,
}

methods = pytest.mark.parametrize("method", list(PACKAGE))


def photos(count, seed=0):
    """Smooth random photos, each from four random pixels a side."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    return [np.asarray(Image.fromarray(each).resize((61, 47), Image.Resampling.BICUBIC)) for each in small]


@methods
@pytest.mark.parametrize("hash_size", [4, 16])
def test_exact_ranking_ranks_by_hamming_distance(tmp_path, method, hash_size):
    system = load(PerceptualHashOptions(kind="perceptual-hash", method=method, hash_size=hash_size))
    database = photos(40)
    database += database[:5]  # equal ones
    vectors = np.stack([system.describe(pixels) for pixels in database])
    hashes = [PACKAGE[method](Image.fromarray(pixels), hash_size) for pixels in database]
    distances = np.array([[one - other for other in hashes] for one in hashes[:10]])
    write_shard(tmp_path / "a.npy", [str(number) for number in range(45)], vectors)

    scores = similarities([tmp_path / "a.npy"], vectors[:10])

    assert (vectors.dtype, vectors.shape) == (np.float32, (45, hash_size**2))
    np.testing.assert_allclose(scores, 1 - 2 * distances / hash_size**2, atol=1e-6)
    for one, other in zip(scores, distances, strict=True):
        np.testing.assert_array_equal(np.argsort(-one, kind="stable"), np.argsort(other, kind="stable"))
    assert len(np.unique(distances)) == len(np.unique(scores)), "what is equally far is equally similar"


@pytest.mark.parametrize(("method", "hash_size"), [("phash", 3), ("dhash", 5), ("average", 7)])
def test_equal_distances_are_equally_similar_where_the_root_is_not_exact(tmp_path, method, hash_size):
    system = load(PerceptualHashOptions(kind="perceptual-hash", method=method, hash_size=hash_size))
    vectors = np.stack([system.describe(pixels) for pixels in photos(60)])
    write_shard(tmp_path / "a.npy", [str(number) for number in range(60)], vectors)
    scores = similarities([tmp_path / "a.npy"], vectors)
    distances = (vectors[:, None] != vectors[None]).sum(axis=2)
    for distance in np.unique(distances):
        assert len(np.unique(scores[distances == distance])) == 1


@methods
def test_a_near_duplicate_is_nearer_than_any_other_photo(method):
    system = load(PerceptualHashOptions(kind="perceptual-hash", method=method))
    vectors = np.stack([system.describe(pixels) for pixels in photos(20)])
    for number, pixels in enumerate(photos(20)):
        half = np.asarray(Image.fromarray(pixels).resize((31, 24)))
        assert np.argmax(vectors @ system.describe(half)) == number


@methods
@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 300, 3)])
def test_flat_and_tiny_photos_have_a_hash(method, shape):
    vector = load(PerceptualHashOptions(kind="perceptual-hash", method=method)).describe(np.full(shape, 90, np.uint8))
    assert np.linalg.norm(vector) == pytest.approx(1)


def test_wavelets_need_a_power_of_two():
    with pytest.raises(InputError, match=r"whash needs a power of two, like 8 or 16 \(given: 12\)"):
        validate(PerceptualHashOptions, {"kind": "perceptual-hash", "method": "whash", "hash_size": 12}, "config.yaml")
    assert PerceptualHashOptions(kind="perceptual-hash", method="dhash", hash_size=12).hash_size == 12
