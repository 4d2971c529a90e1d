"""Results as a finished run of config/thesis.yaml leaves them, with made-up measurements."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from cvpire.layout import AS_SAVED, RUN, path
from cvpire.measures import DIFFICULTIES, MEASURES
from cvpire.plan.run import Plan
from cvpire.results import as_json
from cvpire.tables.collection import COLUMNS
from cvpire.tables.thesis_numbers import printed

from tests.workflow.conftest import ROOT

NETWORK = "resnet101-gem"
TOLD = {"oxford5k": ["all_souls_000013", "keble_000245"], "paris6k": []}
FACTS = {"code": "1", "lock file (SHA-256)": "2", "Python": "3", "device": "a GPU", "processor": "a CPU", "system": "x"}


def thesis_plan() -> Plan:
    """The plan of config/thesis.yaml."""
    return Plan.read(ROOT / "config" / "thesis.yaml")


def write_thesis_run(root: Path, plan: Plan, queries: int = 55, seed: int = 0) -> pd.DataFrame:
    """Write run.json, provenance.json, queries.csv and random.csv; return the measurements.

    Means lie near the printed numbers: groups of five queries are landmarks, and scores scatter within and among them.
    """
    generator, run = np.random.default_rng(seed), plan.run()
    rows = []
    for dataset, kind in run.datasets.items():
        names = [*TOLD[kind], *(f"query_{number:02d}" for number in range(55))][:queries]
        methods = [("original", "Original", None, None, True)] + [
            (name, attack.label, multiplier, steps, (multiplier, steps) == (attack.multiplier, attack.iterations))
            for name, attack in run.attacks.items()
            for multiplier in plan.config.attacks[name].multipliers
            for steps in (10, attack.iterations)
        ]
        for attack, label, multiplier, steps, headline in methods:
            ap, ssim = (printed(kind, column, label, multiplier, steps) for column in ("ap_trapezoid", "ssim_range_2"))
            ap, ssim = (0.1 if np.isnan(ap) else ap / 100), (0.9 if np.isnan(ssim) else ssim)
            spread = (
                generator.uniform(0.5, 1.5, len(names)) * np.repeat(generator.uniform(0.6, 1.4, 11), 5)[: len(names)]
            )
            for place, name in enumerate(names):
                scored = min(1.0, ap * spread[place])
                quality = 1.0 if attack == "original" else min(1.0, ssim + 0.02 * (spread[place] - 1))
                values = {"ap": scored, "ap_trapezoid": scored, "ap_sum": min(1.0, scored * 1.05)}
                values |= {"ssim": quality, "ssim_range_2": quality, "ssim_range_1": 2 * quality - 1}
                about = (dataset, NETWORK, attack, label, NETWORK, AS_SAVED, name, multiplier, steps, headline)
                rows.append(
                    {column: 0.0 for column in MEASURES}
                    | {measure.column: None for measure in DIFFICULTIES}
                    | dict(zip(COLUMNS, about, strict=False))
                    | values
                    | {"landmark": names[place // 5 * 5], "top": name, "attacked": NETWORK}
                )
    measured = pd.DataFrame(rows).reindex(columns=COLUMNS)
    (root / "tables").mkdir(parents=True)
    measured.to_csv(root / "tables" / "queries.csv", index=False)
    chance = {"oxford5k": (0.011134, 0.011930), "paris6k": (0.026884, 0.027533)}
    random = [
        {"dataset": name, "ap": chance[kind][0], "ap_sum": chance[kind][1]} for name, kind in run.datasets.items()
    ]
    pd.DataFrame(random).assign(ap_trapezoid=lambda table: table["ap"]).to_csv(
        root / "tables" / "random.csv", index=False
    )
    path(RUN, root).write_text(json.dumps(as_json(run)))
    record = {**FACTS, "packages": {}, "seeds": {}, "photos": {}, "inputs": {}}
    record["configuration"] = plan.config.model_dump(exclude_none=True)
    (root / "provenance.json").write_text(json.dumps(record))
    return measured
