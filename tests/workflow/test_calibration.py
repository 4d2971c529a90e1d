"""Multipliers that are found: for each photo in its job, and for a dataset by runs of the workflow."""

import csv
import json
import os
import subprocess
import sys

import pandas as pd
import pytest

from tests.workflow.conftest import CONFIG, QUERIES, new_project

BUDGET = {"measure": "psnr", "loss": 1.0}
CALIBRATED = {
    "unlike": {"iterations": 2, "multiplier": 60, "calibrate": "unrelated", "bisections": 2},
    "kept": {"iterations": 2, "multiplier": 80, "calibrate": "quality", "budget": BUDGET, "calibrate_by": "scaling"},
}
ATTACKS = {**CALIBRATED, "cv-pire": {"iterations": 2, "multiplier": 250, "other_multipliers": [20]}}
PROJECT = {key: CONFIG[key] for key in ("datasets", "variance")}
PROJECT |= {"networks": {"lite0": {"architecture": "efficientnet-lite0"}}}
PROJECT |= {"attacks": {name: {"network": "lite0", **options} for name, options in ATTACKS.items()}}

pytestmark = pytest.mark.xdist_group("calibration")


def test_what_is_found_for_each_photo_stands_in_the_tables(tmp_path):
    project = new_project(tmp_path / "project", {**PROJECT, "keep_perturbations": False})
    done = project.snakemake("results/tables/table-calibration.csv")
    assert done.returncode == 0, done.output
    results = project.folder / "results"
    rows = pd.read_csv(results / "tables" / "queries.csv")
    made = pd.read_csv(results / "tables" / "table-calibration.csv").set_index("method")
    for attack, options in CALIBRATED.items():
        of_attack, found = rows[rows["attack"] == attack].set_index("query"), []
        assert sorted(of_attack.index) == sorted(QUERIES)
        for query in QUERIES:
            with (results / "tiny" / attack / "calibration" / f"{query}.csv").open() as file:
                (record,) = csv.DictReader(file)
            found.append(float(record["found_multiplier"]))
            assert float(record["multiplier"]) == options["multiplier"] == of_attack.at[query, "multiplier"]
            assert of_attack.at[query, "found_multiplier"] == found[-1] < options["multiplier"]
            assert str(of_attack.at[query, "within_limit"]) == record["within_limit"] == "True"
            if attack == "kept":
                # The job has measured what the file has.
                assert of_attack.at[query, "psnr"] == pytest.approx(float(record["value"]))
        assert made.at[attack.upper(), "mean m"] == pytest.approx(sum(found) / len(found), abs=0.051)
    assert rows.loc[~rows["attack"].isin(CALIBRATED), "found_multiplier"].isna().all()
    assert pd.isna(made.at["CV-PIRE", "mean m"]) and made.at["CV-PIRE", "multipliers"] == 2


def test_a_dataset_is_calibrated_by_runs_that_keep_what_they_make(tmp_path):
    attacks = {"cv-pire": PROJECT["attacks"]["cv-pire"]}
    project = new_project(tmp_path / "project", {**PROJECT, "attacks": attacks})
    queries = project.folder / "results" / "tiny" / "cv-pire" / "queries"

    def calibrated() -> str:
        command = (
            "-m cvpire.cli calibrate config/config.yaml --attack cv-pire --dataset tiny --tolerance 120 --config seed=0"
        )
        done = subprocess.run(
            [sys.executable, *command.split(), "--", "--cores", "2"],
            cwd=project.folder,
            env={**os.environ, "PYTHONPATH": str(project.folder / "workflow")},
            text=True,
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    said = calibrated()
    found = json.loads((project.folder / "results" / "tables" / "calibrated-tiny-cv-pire.json").read_text())
    maps = {probe["multiplier"]: probe["map"] for probe in found["probes"]}
    assert list(maps) == [20, 135, 250]
    assert maps[250] <= found["random_map"] < maps[20], "these photos would not show that anything is found"
    assert found["interval"] == ([20, 135] if maps[135] <= found["random_map"] else [135, 250])
    assert found["multiplier"] == found["interval"][1]
    assert [line.partition(":")[0] for line in said.splitlines()[:3]] == ["m = 20", "m = 250", "m = 135"]
    assert f"m = {found['multiplier']:g} takes mAP to that of a random ranking" in said

    made = {file: file.stat().st_mtime_ns for file in queries.glob("*/*.jpg")}
    assert {file.parent.name for file in made} == {"m20_T2", "m135_T2", "m250_T2"}
    assert calibrated() == said
    assert {file: file.stat().st_mtime_ns for file in queries.glob("*/*.jpg")} == made, "no attack ran twice"
    ranking = pd.read_csv(project.folder / "results" / "tiny" / "cv-pire" / "retrieval" / "lite0.csv")
    assert set(ranking["multiplier"]) == {20, 250}, "as the configuration says"
