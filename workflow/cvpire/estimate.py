"""What a run will need before it starts: downloads, attack iterations, disk."""

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from cvpire.config import Config

PIXELS = 1024 * 768
"""Pixels of a photo at native size: the queries of Oxford-5k have 0.776 million on average."""

JPEG_BYTES, PNG_BYTES = 0.26, 2.0
"""Bytes a pixel. The published adversarial queries (JPEG, quality 75) have 0.20 to 0.26, PIRE's most."""

DIMENSIONS = {"efficientnet": 1280, "alexnet": 256, "resnet18": 512, "resnet": 2048, "vgg16": 512}
"""Length of a descriptor, by how the architecture's name begins."""


class Size(NamedTuple):
    """How large a dataset is."""

    queries: int
    database: int


def estimate(config: Config, sizes: Mapping[str, Size], downloads: Mapping[str, float]) -> pd.DataFrame:
    """Estimate what a configuration takes.

    Parameters
    ----------
    config : Config
    sizes : mapping
        Queries and database photos, by dataset.
    downloads : mapping
        Megabytes of each file that the run downloads, by name; archives (.tgz) are unpacked and kept.

    Returns
    -------
    DataFrame
        Columns `what`, `dataset`, `count`, `unit` and `megabytes`, what stays on the disk at the end. Of the attack, an
        iteration is one forward and backward pass of one photo at one multiplier; `megabytes` of perturbations that
        are not kept are those of the largest single job.
    """
    archives = {name: size for name, size in downloads.items() if name.endswith(".tgz")}
    rows = [
        (what, "", len(files), "files", sum(files.values()))
        for what, files in (("downloads", downloads), ("archives, unpacked", archives))
        if files
    ]
    for name, size in sizes.items():
        options = config.datasets[name]
        pixels = PIXELS if options.longest_side is None else min(PIXELS, 0.75 * options.longest_side**2)
        photo = size.queries * pixels / 1e6  # megabytes of all queries at one byte a pixel
        attacks = [config.attacks[attack] for attack in config.attacks_on(name)]
        variants = [len(attack.multipliers) * len(attack.checkpoints) for attack in attacks]
        passes = sum(len(attack.multipliers) * attack.checkpoints[-1] for attack in attacks)
        maps = {attack.variance for attack in attacks}
        victims = {attack.network for attack in attacks}.union(config.victims)
        bytes_of = {"jpeg": JPEG_BYTES, "png": PNG_BYTES}
        saved = sum(count * bytes_of[attack.saving.format] for count, attack in zip(variants, attacks, strict=True))
        kept = sum(variants) * photo if config.keep_perturbations else max(variants) * pixels / 1e6
        descriptors = size.database * sum(_dimensions(config.networks[victim].architecture) for victim in victims)
        rows += [
            ("queries, read", name, size.queries, "photos", PNG_BYTES * photo),
            ("variance maps", name, len(maps) * size.queries, "maps", 4 * len(maps) * photo),
            ("attack", name, size.queries * passes, "iterations", 0.0),
            ("perturbations", name, size.queries * sum(variants), "perturbations", 3 * 4 * kept),
            ("adversarial queries", name, size.queries * sum(variants), "photos", saved * photo),
            ("descriptors", name, size.database * len(victims), "photos", 4 * descriptors / 1e6),
        ]
    return pd.DataFrame(rows, columns=["what", "dataset", "count", "unit", "megabytes"]).round({"megabytes": 1})


def _dimensions(architecture: str) -> int:
    return next(length for start, length in DIMENSIONS.items() if architecture.startswith(start))
