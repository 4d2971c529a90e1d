"""Centring and whitening learnt from a database, against NumPy's covariance."""

import numpy as np
import pytest
from cvpire.errors import InputError
from cvpire.retrieval import learnt
from cvpire.retrieval.descriptors import write_shard
from cvpire.retrieval.learnt import Learnt, apply, learn, read_learnt, write_learnt


def database(count=1300, dimensions=24, seed=0):
    """Unit vectors around a common mean, with a spread that differs by direction."""
    random = np.random.default_rng(seed)
    mixed = random.standard_normal((count, dimensions)) * np.linspace(1, 0.1, dimensions)
    vectors = (1 + mixed @ np.linalg.qr(random.standard_normal((dimensions, dimensions)))[0]).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def written(folder, vectors, order=None, cuts=()):
    """Write shards of vectors named by their number, in any order and cut in any way."""
    order = np.arange(len(vectors)) if order is None else order
    shards = []
    for number, rows in enumerate(np.split(order, cuts)):
        shards.append(folder / f"shard-{number}.npy")
        write_shard(shards[-1], [f"{row:05}" for row in rows], vectors[rows])
    return shards


def test_centring_subtracts_the_mean(tmp_path):
    vectors = database()
    found = learn(written(tmp_path, vectors), "centre")
    mean = vectors.astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(found.mean, mean, atol=1e-14)
    assert found.projection is None
    moved = vectors - mean
    expected = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    np.testing.assert_allclose(apply(found, vectors), expected, atol=1e-6)


@pytest.mark.parametrize("dimensions", [1, 7, 24, None])
def test_whitened_descriptors_have_the_identity_for_covariance(tmp_path, monkeypatch, dimensions):
    monkeypatch.setattr(learnt, "_REGULAR", 0)
    vectors = database()
    found = learn(written(tmp_path, vectors), "whiten", dimensions)
    mapped = (vectors - found.mean) @ found.projection.T
    np.testing.assert_allclose(np.cov(mapped.T, bias=True), np.eye(dimensions or 24), atol=1e-6)
    made = apply(found, vectors)
    assert (made.dtype, made.shape) == (np.float32, (1300, dimensions or 24))
    np.testing.assert_allclose(made, mapped / np.linalg.norm(mapped, axis=1, keepdims=True), atol=1e-5)


def test_the_directions_kept_are_those_of_the_largest_variance(tmp_path):
    vectors = database()
    found = learn(written(tmp_path, vectors), "whiten", 5)
    variances = np.linalg.eigvalsh(np.cov(vectors.astype(np.float64).T, bias=True))[::-1][:5]
    lengths = np.linalg.norm(found.projection, axis=1)
    np.testing.assert_allclose(lengths, 1 / np.sqrt(variances + 1e-3 * variances.mean()), rtol=1e-6)
    units = found.projection / lengths[:, None]
    np.testing.assert_allclose(units @ units.T, np.eye(5), atol=1e-12)
    assert (units[np.arange(5), np.abs(units).argmax(axis=1)] > 0).all()


def test_directions_of_no_variance_are_not_blown_up(tmp_path):
    vectors = database(dimensions=4)
    flat = np.pad(vectors, ((0, 0), (0, 4)))
    found = learn(written(tmp_path, flat), "whiten", 8)
    variances = np.linalg.eigvalsh(np.cov(flat.astype(np.float64).T, bias=True))
    assert np.linalg.norm(found.projection, axis=1).max() <= 1.001 / np.sqrt(1e-3 * variances.mean())
    assert np.isfinite(apply(found, flat)).all()


KINDS = ["nothing", "centre", "whiten"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [2, 3, 130, 700])
def test_unrelated_is_the_mean_cosine_of_all_pairs_as_they_are_compared(tmp_path, kind, count):
    vectors = database(count)
    found = learn(written(tmp_path, vectors), kind, 2 if kind == "whiten" and count > 2 else None)
    compared = apply(found, vectors).astype(np.float64)

    cosines = [compared[one] @ compared[other] for one in range(count) for other in range(one)]

    assert abs(found.unrelated - np.mean(cosines)) < 1e-6
    if count == 700:
        assert found.unrelated > 0.5 if kind == "nothing" else abs(found.unrelated) < 0.02, (
            "a common mean is taken away"
        )


def test_what_learns_nothing_changes_nothing(tmp_path):
    vectors = database(50)
    found = learn(written(tmp_path, vectors), "nothing")
    assert found.mean is None and found.projection is None
    np.testing.assert_array_equal(apply(found, vectors), vectors)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cuts", [(), (0, 3, 700), range(0, 1300, 97)])
def test_what_is_learnt_does_not_depend_on_shards(tmp_path, kind, cuts):
    vectors = database()
    (tmp_path / "other").mkdir()
    one = learn(written(tmp_path, vectors), kind)
    order = np.random.default_rng(1).permutation(len(vectors))
    other = learn(written(tmp_path / "other", vectors, order, cuts), kind)
    assert one.unrelated == other.unrelated
    if kind != "nothing":
        np.testing.assert_array_equal(one.mean, other.mean)
    if kind == "whiten":
        np.testing.assert_array_equal(one.projection, other.projection)


@pytest.mark.parametrize("kind", ["centre", "whiten"])
def test_a_descriptor_is_mapped_as_it_is_among_others(tmp_path, kind):
    vectors = database()
    found = learn(written(tmp_path, vectors), kind)
    together = apply(found, vectors)
    for rows in (slice(0, 1), slice(5, 12), slice(1299, None)):
        np.testing.assert_array_equal(apply(found, vectors[rows]), together[rows])
    assert apply(found, vectors[:0]).shape == (0, 24)


def test_the_mean_itself_becomes_nothing():
    vectors = np.array([[0.6, 0.8]], np.float32)
    assert not apply(Learnt(vectors[0].astype(np.float64)), vectors).any()


def test_empty_shards_have_no_length(tmp_path):
    vectors = database()
    shards = written(tmp_path, vectors)
    write_shard(tmp_path / "empty.npy", [], np.empty((0, 0), np.float32))
    np.testing.assert_array_equal(learn([tmp_path / "empty.npy", *shards], "centre").mean, learn(shards, "centre").mean)


# --- Bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 2, 40])
def test_a_system_that_describes_every_photo_alike(tmp_path, kind, count):
    shards = written(tmp_path, np.repeat(database(1), count, axis=0))
    with pytest.raises(InputError, match=rf"{kind}: the descriptors of the database's {count} photos? are all equal"):
        learn(shards, kind)


@pytest.mark.parametrize(("count", "most"), [(10, 9), (100, 24)])
def test_more_dimensions_than_directions(tmp_path, count, most):
    shards = written(tmp_path, database(count))
    assert learn(shards, "whiten", most).projection.shape == (most, 24)
    with pytest.raises(InputError, match=f"dimensions: {most + 1} are more than the {most} directions"):
        learn(shards, "whiten", most + 1)


def test_photos_of_different_length(tmp_path):
    write_shard(tmp_path / "a.npy", ["a"], database(1, 24))
    write_shard(tmp_path / "b.npy", ["b"], database(1, 20))
    with pytest.raises(InputError, match=r"a\.npy and .*b\.npy: descriptors of 24 and of 20 values"):
        learn([tmp_path / "a.npy", tmp_path / "b.npy"], "centre")


def test_descriptors_of_another_system(tmp_path):
    found = learn(written(tmp_path, database()), "centre")
    with pytest.raises(InputError, match="descriptors of 20 values, and what was learnt is for 24"):
        apply(found, database(3, 20))


def test_files_come_back_as_they_were(tmp_path):
    for kind in KINDS:
        found = learn(written(tmp_path, database(50)), kind)
        write_learnt(tmp_path / f"{kind}.npz", found)
        back = read_learnt(tmp_path / f"{kind}.npz", kind)
        for one, other in zip(back, found, strict=True):
            np.testing.assert_array_equal(one, other)
        assert isinstance(back.unrelated, float)


def test_a_file_of_another_kind_or_of_an_earlier_release_is_refused(tmp_path):
    path = tmp_path / "learnt.npz"
    write_learnt(path, learn(written(tmp_path, database(50)), "nothing"))
    with pytest.raises(InputError, match=f"{path}: not what `centre` learns .*; delete it and run again"):
        read_learnt(path, "centre")
    np.savez(path, mean=np.zeros(3))
    for kind in ("nothing", "centre"):
        with pytest.raises(InputError, match=f"{path}: not what `{kind}` learns .*; delete it and run again"):
            read_learnt(path, kind)


WHOLE = {"unrelated": np.zeros(()), "mean": np.zeros(3), "projection": np.zeros((2, 3))}


@pytest.mark.parametrize(
    "fault",
    [
        {"unrelated": None, "mean": None, "projection": None},
        {"unrelated": None},
        {"unrelated": np.zeros(1)},
        {"unrelated": np.array(np.nan)},
        {"projection": None},
        {"projection": np.zeros((2, 4))},
        {"projection": np.zeros(3)},
        {"projection": np.full((2, 3), np.nan)},
        {"mean": np.zeros(3, np.float32)},
    ],
    ids=lambda fault: ", ".join(fault),
)
def test_damaged_files(tmp_path, fault):
    path = tmp_path / "learnt.npz"
    np.savez(path, **WHOLE)
    read_learnt(path, "whiten")
    np.savez(path, **{name: values for name, values in (WHOLE | fault).items() if values is not None})
    with pytest.raises(InputError, match=rf"{path}: not what `whiten` learns \(.*\); delete it and run again"):
        read_learnt(path, "whiten")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"learnt\.npz: not what `whiten` learns \(.*\); delete it and run again"):
        read_learnt(tmp_path / "learnt.npz", "whiten")
