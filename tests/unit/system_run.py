"""Results of attacks that several systems rank, as saved and transformed, with made-up measurements."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from cvpire.layout import ALL_QUERIES, ALL_RANDOM, RUN, path
from cvpire.measures import MEASURES
from cvpire.results import Attack, Results, Run, as_json
from cvpire.tables.collection import COLUMNS

LABELS = {"cv-pire": "CV-PIRE", "sd-pire": "SD-PIRE", "pire": "PIRE"}
RANDOM = {"ap": 0.04, "ap_reversed": 0.04, "among_last": 0.3}


def write_system_run(
    root: Path,
    systems: Sequence[str] = ("net", "other", "sift"),
    transformations: Sequence[str] = ("jpeg-50", "half"),
    attacks: Mapping[str, str] = LABELS,
    datasets: Sequence[str] = ("town",),
    multipliers: Sequence[float] = (10, 20, 50),
    queries: int = 12,
    quality: Sequence[str] = ("ssim", "ciede2000"),
) -> Results:
    """Write run.json, queries.csv and random.csv; every attack follows the first system. Three queries a landmark."""
    generator = np.random.default_rng(7)
    run = Run(
        dict.fromkeys(datasets, "folder"),
        {
            name: Attack(label, systems[:1], dict.fromkeys(datasets, systems), max(multipliers), 100, "cv", ".jpg")
            for name, label in attacks.items()
        },
        dict.fromkeys(datasets, tuple(systems)),
        {},
        dict.fromkeys(datasets, tuple(transformations)),
        tuple(datasets),
    )
    versions = [("original", "Original", None, None), ("plain", "Saved without attack", None, None)]
    versions += [
        (name, label, float(multiplier), steps)
        for name, label in attacks.items()
        for multiplier in multipliers
        for steps in (50, 100)
    ]
    photos, rows = [f"q{number:02d}" for number in range(queries)], []

    def add(dataset: str, version: tuple, system: str, transformation: str) -> None:
        attack, label, multiplier, steps = version
        clean, strength = attack in ("original", "plain"), (multiplier or 0) / max(multipliers)
        place = list(attacks).index(attack) if not clean else 0
        for number, photo in enumerate(photos):
            ap = 0.8 - 0.08 * (transformation != "none")
            if not clean:
                ap -= 0.7 * strength * (1 if system == systems[0] else 0.3) * (1 if transformation == "none" else 0.4)
            seen = (
                1.0 if attack == "original" else 0.97 - 0.1 * strength * (1 + 0.3 * place) + 0.01 * generator.random()
            )
            rows.append(
                {
                    "dataset": dataset,
                    "network": system if clean else systems[0],
                    "attacked": None if clean else systems[0],
                    "attack": attack,
                    "label": label,
                    "victim": system,
                    "transformation": transformation,
                    "query": photo,
                    "multiplier": multiplier,
                    "iteration": steps,
                    "headline": clean or (multiplier, steps) == (max(multipliers), 100),
                    "ap": ap * generator.uniform(0.9, 1.1),
                    "ap_reversed": generator.uniform(0.02, 0.06),
                    "among_last": generator.integers(2),
                    "landmark": photos[number // 3 * 3],
                    **{
                        name: {1: seen, 0: 10 * (1 - seen), 100: 100 - 400 * (1 - seen)}[MEASURES[name].unchanged]
                        for name in quality
                    },
                }
            )

    for version in versions:
        for dataset in datasets:
            for system in systems:
                add(dataset, version, system, "none")
    headline = [version for version in versions[1:] if version[2:] in ((None, None), (max(multipliers), 100))]
    for dataset in datasets:
        for system in systems:
            for transformation in transformations:
                for version in headline:
                    add(dataset, version, system, transformation)
    table = pd.DataFrame(rows)
    table = table.reindex(columns=list(dict.fromkeys([*COLUMNS, *table.columns])))
    path(ALL_QUERIES, root).parent.mkdir(parents=True)
    table.to_csv(path(ALL_QUERIES, root), index=False)
    pd.DataFrame([{"dataset": dataset, **RANDOM} for dataset in datasets]).to_csv(path(ALL_RANDOM, root), index=False)
    path(RUN, root).write_text(json.dumps(as_json(run)))
    return Results(root)
