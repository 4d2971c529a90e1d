"""What each reader promises of what it accepts; anything else that it raises or gives is a fault."""

import io
import math
import os
import sys
from pathlib import Path

import numpy as np
from cvpire.errors import InputError


def photo(path, **options):
    from cvpire.photos import MAX_PIXELS, load_photo

    pixels = load_photo(path, **options)
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3
    assert 0 < pixels.size <= 3 * MAX_PIXELS
    if options.get("longest_side"):
        assert max(pixels.shape) <= max(3, options["longest_side"])


def variance_map(path, shape):
    from cvpire.photos import load_variance_map

    values = load_variance_map(path, tuple(shape))
    assert values.dtype == np.float32
    assert values.shape == tuple(shape)
    assert ((values >= 0) & (values <= 1)).all()


def ground_truth(path, difficulty="medium"):
    from cvpire.datasets.ground_truth import read_ground_truth
    from cvpire.datasets.names import photo_name

    truth = read_ground_truth(path, difficulty)
    assert truth.queries
    assert all(type(name) is str and photo_name(name) == name for name in truth.names)
    for query in truth.queries.values():
        assert not query.relevant & query.junk
        assert query.box is None or (len(query.box) == 4 and all(map(math.isfinite, query.box)))
        assert truth.database is None or query.relevant <= set(truth.database)


def checkpoint(path):
    from collections.abc import Mapping

    from cvpire.untrusted.checkpoints import read_checkpoint

    assert isinstance(read_checkpoint(path), Mapping)


def network(path, architecture, **options):
    """The network is loaded and gives finite descriptors."""
    import torch
    from cvpire.config import NetworkOptions
    from cvpire.networks.network import load_network

    loaded = load_network(NetworkOptions(architecture=architecture, weights=str(path), **options), device="cpu")
    assert all(torch.isfinite(value).all() for value in loaded.state_dict().values())
    assert all(map(math.isfinite, (*loaded.mean, *loaded.std)))
    assert min(loaded.std) > 0


def archive(path, names):
    """Every photo that is unpacked was asked for, can be decoded, and is a plain file."""
    from cvpire.photos import load_photo
    from cvpire.untrusted.archives import CONTENTS, unpack_photos

    folder = path.parent / "photos"
    report = unpack_photos([path], names, folder, progress=False)
    assert sorted([*report.found, *report.missing, *report.corrupt]) == sorted(set(names))
    unpacked = [file.name for file in folder.iterdir()]
    assert sorted(unpacked) == sorted([*(f"{name}.jpg" for name in report.found), CONTENTS])
    for name in report.found:
        file = folder / f"{name}.jpg"
        assert file.is_file() and not file.is_symlink()
        load_photo(file)
    assert all(name.isprintable() for name in report.extra)


def crate(path):
    """Faults are told in lines that a terminal shows, one a file at most."""
    from cvpire.untrusted.crates import check_crate

    number, faults = check_crate(path)
    assert number > 0
    assert all(fault.isprintable() for fault in faults)


def configuration(path):
    """What is accepted can be written as options and survives a round trip."""
    from cvpire.config import Config, load_config, read_config

    config = read_config(path)
    assert isinstance(config, Config)
    assert load_config(config.model_dump(exclude_none=True)).model_dump() == config.model_dump()


def downloads(path):
    from cvpire.downloads import load_downloads

    for name, options in load_downloads(path).items():
        assert "/" not in name and options.urls


def perturbations(path, shape):
    from cvpire.perturbations import read_perturbations

    read = read_perturbations(path, tuple(shape))
    assert read.values.shape == (len(read.multipliers), len(read.checkpoints), 3, *shape)
    assert read.values.dtype == np.float32
    assert np.isfinite(read.values).all()
    assert all(type(value) is float and math.isfinite(value) for value in (*read.multipliers, *read.unit))
    assert all(type(value) is int for value in read.checkpoints)
    assert len(read.unit) == 3


def shard(path, dimensions):
    """Names and descriptors fit, and similarities are finite."""
    from cvpire.retrieval.descriptors import shard_names
    from cvpire.retrieval.similarity import similarities

    names = shard_names(path)
    scores = similarities([path], np.eye(1, dimensions, dtype=np.float32))
    assert scores.shape == (1, len(names))
    assert np.isfinite(scores).all()


def listing(path):
    from cvpire.datasets.listing import read_listing

    dataset = read_listing(path)
    assert all(type(name) is str for name in (*dataset.database, *dataset.queries, *dataset.notes))
    assert all(type(name) is str and isinstance(photo, Path) for name, photo in dataset.photos.items())
    assert {*dataset.database, *dataset.queries} <= dataset.photos.keys()
    for query in dataset.queries.values():
        assert all(type(name) is str for name in query.relevant | query.junk)
        assert query.box is None or (len(query.box) == 4 and all(map(math.isfinite, query.box)))


def results(path):
    """The columns that every table reads are there, with numbers where numbers belong."""
    from cvpire.tables.collection import read_results

    table = read_results(path)
    assert table["ap"].between(0, 1).all()
    assert table["query"].map(type).eq(str).all()


def evaluation(path):
    """The published measurements of an attack."""
    from cvpire.audit.texts import read_average_precision

    assert all(0 <= value <= 1 for value in read_average_precision(path).values())


def misbehaving(path, misdeed):
    """What no reader does."""
    match misdeed:
        case "runs":
            os.system("true")
        case "calls":
            sys.audit("canary")
        case "writes elsewhere":
            (path.parents[2] / "escape").write_text("")
        case "links elsewhere":
            (path.parent / "link").symlink_to("/etc/passwd")
        case "leaves a file":
            (path.parent / "more").write_text("")
        case "crashes":
            os.abort()
        case "takes memory":
            bytearray(b"x") * 2**30
        case "raises":
            raise KeyError
        case "names nothing":
            raise InputError("something is wrong")
        case "steers the terminal":
            raise InputError(f"{path}: \x1b[2J")


def warm_up(folder: Path) -> None:
    """Import and use what readers import and use, before memory is limited and misdeeds are noted."""
    import cvpire.audit.texts
    import cvpire.config
    import cvpire.datasets.ground_truth
    import cvpire.datasets.listing
    import cvpire.downloads
    import cvpire.networks.network
    import cvpire.retrieval.descriptors
    import cvpire.retrieval.ranking
    import cvpire.tables.collection
    import cvpire.untrusted.archives
    import cvpire.untrusted.crates  # noqa: F401
    import jpeglib
    import pandas as pd
    import torch
    from PIL import Image

    torch.set_num_threads(1)
    Image.init()
    file = folder / "warm-up"
    Image.new("RGB", (16, 16)).save(file, "jpeg")
    photo(file)
    with jpeglib.version("9e"):
        jpeglib.read_spatial(str(file))
    torch.save({"a": torch.zeros(2)}, file)
    checkpoint(file)
    pd.read_csv(io.StringIO("a\n1\n"))
    file.unlink()
