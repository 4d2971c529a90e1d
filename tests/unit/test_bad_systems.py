"""Retrieval systems, photos and transformations that are at fault: one clear message, and a non-zero exit."""

import copy
import logging
import re
import sys

import numpy as np
import pytest
from cvpire.cli import main
from cvpire.config import load_config
from cvpire.datasets import Dataset, Query
from cvpire.datasets.listing import write_listing
from cvpire.errors import InputError
from PIL import Image

# --- Commands ---------------------------------------------------------------------------------------------------------

FUNCTIONS = """
import numpy as np

def mean(pixels):
    return pixels.mean(axis=(0, 1)) + 1

def constant(pixels):
    return [1, 2, 3]

def not_a_number(pixels):
    return [1, np.nan] if pixels[0, 0, 0] == 2 else [1, 2]

def rows(pixels):
    return pixels[:, 0, 0] + 1.0
"""
PHOTOS = ("a", "b", "c")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three photos of noise, the first of which is a query, and functions that describe photos, well or not."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "at_fault", raising=False)
    (tmp_path / "at_fault.py").write_text(FUNCTIONS)
    generator = np.random.default_rng(0)
    for number, name in enumerate(PHOTOS):
        pixels = generator.integers(0, 255, (48 + 8 * number, 64, 3), dtype=np.uint8)
        pixels[0, 0] = number
        Image.fromarray(pixels).save(f"{name}.png")
    photos = {name: tmp_path / f"{name}.png" for name in PHOTOS}
    write_listing(tmp_path / "dataset.json", Dataset(photos, PHOTOS, {"a": Query(frozenset("b"), frozenset("a"))}))
    return tmp_path


def cvpire(monkeypatch, *words: str) -> None:
    """Run a command as the shell does."""
    monkeypatch.setattr(sys, "argv", ["cvpire", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0


def refused(monkeypatch, capsys, *words: str) -> str:
    """Run a command that ends in a message; returns that."""
    monkeypatch.setattr(sys, "argv", ["cvpire", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("cvpire: error: "))
    assert ended.value.code == 1
    return line.removeprefix("cvpire: error: ")


def function(name: str) -> tuple[str, ...]:
    return ("--kind", "function", "--function", f"at_fault:{name}")


DESCRIBE = ("describe", "shard.npy", *(f"{name}.png" for name in PHOTOS))
RANK = ("rank", "dataset.json", "ranking.csv", "--descriptors", "shard.npy", "--queries", ".", "--suffix", ".png")
BAG = ("--kind", "bag-of-words")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("not_a_number", r"c\.png: at_fault:not_a_number returned a value that is not finite \(nan\)"),
        ("rows", r"b\.png: a descriptor of 56 values, and 48 for the photos before it; .* must have one length"),
        ("nowhere", "function: at_fault has no nowhere; it has constant, mean, not_a_number, rows"),
    ],
)
def test_a_function_that_describes_nothing(folder, monkeypatch, capsys, name, message):
    said = refused(monkeypatch, capsys, *DESCRIBE, *function(name))
    assert re.match(message, said), said
    assert not (folder / "shard.npy").exists()


@pytest.mark.parametrize("search", ["exact", "hnsw"])
def test_a_system_that_describes_every_photo_alike_is_not_ranked(folder, monkeypatch, capsys, search):
    cvpire(monkeypatch, *DESCRIBE, *function("constant"))
    said = refused(monkeypatch, capsys, *RANK, *function("constant"), "--search", search)
    assert said.startswith(".: the descriptors of all 3 photos are equal, and their ranking would only be the order")
    assert said.endswith("does this system describe every photo alike? Mend it, or leave it out of `victims`")
    learnt = refused(
        monkeypatch, capsys, "learn", "l.npz", "--descriptors", "shard.npy", *function("constant"), "--learnt", "centre"
    )
    assert "the database's 3 photos are all equal" in learnt
    assert not list(folder.glob("*.csv")) + list(folder.glob("*.npz"))


def test_one_photo_is_like_itself(folder, monkeypatch):
    """A database of one photo has one ranking, whatever describes it."""
    photos = {name: folder / f"{name}.png" for name in PHOTOS}
    write_listing(folder / "dataset.json", Dataset(photos, ("b",), {"a": Query(frozenset("b"), frozenset())}))
    cvpire(monkeypatch, "describe", "shard.npy", "b.png", *function("constant"))
    cvpire(monkeypatch, *RANK, *function("constant"))
    assert (folder / "ranking.csv").read_text().splitlines()[1].startswith("a,,,1.0,")


def test_queries_of_another_length_than_the_database(folder, monkeypatch, capsys):
    cvpire(monkeypatch, *DESCRIBE, *function("mean"))
    said = refused(monkeypatch, capsys, *RANK, *function("rows"))
    assert said.startswith("shard.npy: descriptors of 3 dimensions, the queries have 48")


def test_a_transformation_that_leaves_less_than_a_network_needs(folder, monkeypatch, capsys):
    network = ("--architecture", "efficientnet-lite0")
    cvpire(monkeypatch, *DESCRIBE, *network)
    words = ("rank-transformed", "dataset.json", "r.csv", "--descriptors", "shard.npy", "--queries", "plain=.")
    how = ("--transformation", "thumbnail", "--steps", "[{jpeg: 90}, {resize: 0.5}]")
    said = refused(monkeypatch, capsys, *words, *how, *network)
    assert said == (
        "a.png: after transformation thumbnail, [{jpeg: 90}, {resize: 0.5}]: a photo of 32 x 24 is too small: a "
        "network needs 32 pixels a side"
    )


def test_a_photo_without_features_is_like_no_other(folder, monkeypatch, caplog):
    """Flat photos, in the database and as a query, are told of; the others are ranked."""
    Image.new("RGB", (64, 48), "grey").save(folder / "c.png")
    photos = {name: folder / f"{name}.png" for name in PHOTOS}
    queries = {"a": Query(frozenset("b"), frozenset()), "c": Query(frozenset("b"), frozenset())}
    write_listing(folder / "dataset.json", Dataset(photos, PHOTOS, queries))
    shard = [word.replace(".npy", ".npz") for word in DESCRIBE]
    with caplog.at_level(logging.WARNING):
        cvpire(monkeypatch, *shard, *BAG)
        cvpire(monkeypatch, "learn", "learnt.npz", "--descriptors", "shard.npz", *BAG, "--words", "5")
        rank = [word.replace(".npy", ".npz") for word in RANK]
        cvpire(monkeypatch, *rank, *BAG, "--words", "5", "--learnt-file", "learnt.npz")
    messages = [record.message for record in caplog.records]
    assert messages == [
        "c: no SIFT feature (flat, or tiny?), and so similar to no photo",
        "1 of 2 queries: no SIFT feature (flat, or tiny?), and so similar to no photo",
    ]
    rows = [line.split(",") for line in (folder / "ranking.csv").read_text().splitlines()]
    assert [(row[0], row[-1]) for row in rows[1:]] == [("a", "a/b/c"), ("c", "a/b/c")]


def test_more_words_than_features(folder, monkeypatch, capsys):
    cvpire(monkeypatch, *(word.replace(".npy", ".npz") for word in DESCRIBE), *BAG, "--most-features", "3")
    said = refused(monkeypatch, capsys, "learn", "l.npz", "--descriptors", "shard.npz", *BAG, "--words", "10")
    assert re.match(r"words: 10 visual words cannot be learnt from (\d) features of 3 photos; set `words` to \1 ", said)


# --- Configuration ----------------------------------------------------------------------------------------------------

RAW = {
    "datasets": {"town": {"kind": "demo", "part": "a"}},
    "networks": {"lite0": {"architecture": "efficientnet-lite0"}},
    "systems": {"sift": {"kind": "bag-of-words"}, "phash": {"kind": "perceptual-hash"}},
    "victims": ["lite0", "sift", "phash"],
    "transformations": {"small": {"resize": 0.5}},
    "variance": {"cv": {"kind": "colour"}},
    "attacks": {"cv-pire": {"network": "lite0", "variance": "cv"}},
    "distractors": {"far": {"folder": "far"}},
}


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (
            "attacks.cv-pire.network",
            "sift",
            "attacks.cv-pire.network: sift is a system without gradients, no attack can follow it; attack a network "
            "(lite0) and let it rank the queries (victims)",
        ),
        (
            "victims",
            ["lite0", "surf"],
            "victims: unknown name 'surf'; section networks and systems has lite0, sift, phash",
        ),
        (
            "datasets.town.victims",
            ["surf"],
            "datasets.town.victims: unknown name 'surf'; section networks and systems has lite0, sift, phash",
        ),
        (
            "datasets.town.transformations",
            ["tiny"],
            "datasets.town.transformations: unknown name 'tiny'; section transformations has small",
        ),
        (
            "transformations.none",
            {"jpeg": 50},
            "transformations: `none` stands for the file as it was saved; rename it",
        ),
        (
            "datasets.town.distractors",
            "far",
            "datasets.town.distractors: sift has no descriptors of single photos, but a vocabulary; leave it out of "
            "victims, or the distractors",
        ),
        ("systems.lite0", {"kind": "perceptual-hash"}, "systems.lite0: a network has this name too; give each its own"),
        (
            "attacks.plain",
            {"network": "lite0", "variance": "cv"},
            "attacks: the name `plain` is taken by a folder under results/",
        ),
        (
            "systems.phash",
            {"kind": "perceptual-hash", "method": "whash", "hash_size": 12},
            "systems.phash: hash_size: whash needs a power of two, like 8 or 16 (given: 12)",
        ),
    ],
)
def test_sections_that_do_not_fit_together(place, value, message):
    raw = copy.deepcopy(RAW)
    *path, last = place.split(".")
    section = raw
    for key in path:
        section = section[key]
    section[last] = value
    with pytest.raises(InputError) as caught:
        load_config(raw, "my.yaml")
    assert str(caught.value) == f"my.yaml: {message}"


@pytest.mark.parametrize(
    ("system", "message"),
    [
        ({}, "my.yaml: systems.mine"),
        ({"kind": "surf"}, "my.yaml: systems.mine"),
        ({"kind": "function"}, "my.yaml: systems.mine.function: is missing"),
        ({"kind": "bag-of-words", "words": 1}, "my.yaml: systems.mine.words: must be greater than or equal to 2"),
        ({"kind": "bag-of-words", "learnt": "centre"}, "my.yaml: systems.mine.learnt: unknown key"),
    ],
)
def test_a_system_of_no_kind_or_with_other_options(system, message):
    with pytest.raises(InputError) as caught:
        load_config({**RAW, "systems": {**RAW["systems"], "mine": system}}, "my.yaml")
    (line,) = str(caught.value).splitlines()
    assert line.startswith(message)


def test_distractors_go_with_systems_of_vectors():
    raw = copy.deepcopy(RAW)
    raw["datasets"]["town"].update(distractors="far", victims=["lite0", "phash"])
    assert load_config(raw).victims_on("town") == ["lite0", "phash"]
