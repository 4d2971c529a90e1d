"""Several retrieval systems, transformations and plain saving: what a run makes, and what a change runs again."""

import contextlib
import itertools
import os
from pathlib import Path

import pytest
from cvpire.layout import FIGURE_SUFFIXES, TABLE_SUFFIXES
from cvpire.plan.run import Plan
from cvpire.tables.collection import read_results

from tests.workflow.conftest import CONFIG, QUERIES, Project, new_project

# One process for these tests: they share a finished run of the workflow.
pytestmark = pytest.mark.xdist_group("systems")

FUNCTION = """
import numpy as np

def describe(pixels):
    return np.histogram(pixels, 16, (0, 255))[0] + 1
"""
SYSTEMS = {
    "sift": {"kind": "bag-of-words", "words": 8},
    "phash": {"kind": "perceptual-hash", "hash_size": 4},
    "mine": {"kind": "function", "function": "colours:describe", "learnt": "centre"},
}
VICTIMS = ["lite0", *SYSTEMS]
ATTACKS = ["plain", "cv-pire"]
TRANSFORMATIONS = {"soft": {"blur": 1.0}, "small": [{"resize": 0.7}, {"jpeg": 50}]}
SEVERAL = {
    "datasets": CONFIG["datasets"],
    "networks": {"lite0": {"architecture": "efficientnet-lite0"}},
    "systems": SYSTEMS,
    "victims": VICTIMS,
    "transformations": TRANSFORMATIONS,
    "variance": {"cv": {"kind": "colour", "kernel_size": 3}},
    "attacks": {"cv-pire": {"network": "lite0", "variance": "cv", "multiplier": 50, "iterations": 1}},
    "keep_perturbations": False,
    "figures": {"survival": {}, "map-against-quality": {}},
}
TABLES = (
    "4.1",
    "transformations",
    "transformations-confidence",
    "systems",
    "systems-confidence",
    "reversed",
    "quality",
)


@pytest.fixture(scope="module")
def several(tmp_path_factory) -> Project:
    """A finished run of four systems and two transformations; restore what you change."""
    project = new_project(tmp_path_factory.mktemp("systems") / "project", SEVERAL)
    (project.folder / "colours.py").write_text(FUNCTION)
    done = project.snakemake("all")
    assert done.returncode == 0, done.output
    return project


def plan(project: Project, monkeypatch) -> Plan:
    """Plan the run from its own folder, where its photos are found."""
    monkeypatch.chdir(project.folder)
    return Plan.read(Path("config/config.yaml"), Path("config/downloads.yaml"))


def ranked(*victims: str) -> set[str]:
    """Rankings by some systems, of all queries as they are and as they were saved."""
    return {f"tiny/{attack}/retrieval/{victim}.csv" for attack in ("original", *ATTACKS) for victim in victims}


def transformed(*transformations: str, victims: list[str] = VICTIMS) -> set[str]:
    """Rankings of transformed queries."""
    return {f"tiny/transformed/{victim}/{name}.csv" for victim in victims for name in transformations}


def stale(project: Project, change) -> set[str]:
    """What a change of the configuration makes again, but what is made from the table of all measurements."""
    path = project.folder / "config" / "config.yaml"
    text = path.read_text()
    project.configure(change)
    files = project.planned_files()
    path.write_text(text)
    return before_tables(files)


def before_tables(files: set[str]) -> set[str]:
    """Files of the stages up to rankings and quality; those of a dataset lie in its folder."""
    assert not files or "tables/queries.csv" in files
    return {file for file in files if file.startswith("tiny/")}


# --- The run ----------------------------------------------------------------------------------------------------------


def test_every_file_of_the_plan_is_there(several, monkeypatch):
    planned = plan(several, monkeypatch)
    files = [*planned.rankings(), *planned.transformed(), *planned.qualities(), *planned.all_queries()]
    files += [f"results/tiny/descriptors/{victim}/learnt.npz" for victim in ("mine", "sift")]
    files += [f"results/tables/table-{name}{suffix}" for name in TABLES for suffix in TABLE_SUFFIXES]
    figures = ("survival", "map-against-quality")
    files += [f"results/figures/figure-{name}{suffix}" for name in figures for suffix in (*FIGURE_SUFFIXES, ".csv")]
    assert [file for file in files if not Path(file).exists() or not Path(file).stat().st_size] == []
    assert set(planned.transformed()) == {f"results/{file}" for file in transformed(*TRANSFORMATIONS)}


def test_every_ranking_of_every_query_is_a_row(several):
    table = read_results(several.folder / "results/tables/queries.csv")
    keys = list(table[["attack", "victim", "transformation", "query"]].itertuples(index=False, name=None))
    expected = [
        *itertools.product(["original"], VICTIMS, ["none"], QUERIES),
        *itertools.product(ATTACKS, VICTIMS, ["none", *TRANSFORMATIONS], QUERIES),
    ]
    assert sorted(keys) == sorted(expected)
    saved = table[table["attack"] != "original"]
    assert saved[["ap", "ssim"]].notna().all(axis=None)
    assert (saved.groupby("attack")["ssim"].max() < 1).all(), "JPEG alone changes a photo"


def test_a_finished_run_is_finished(several):
    assert several.planned_files() == set()


# --- What runs again --------------------------------------------------------------------------------------------------
# Changes of things that have nothing to do with each other share a dry run.


def test_changed_and_new_transformations_are_ranked_by_all_systems_and_nothing_else(several):
    def change(config):
        # Written otherwise, `small` means the same.
        config["transformations"] = {"soft": {"blur": 2.0}, "small": [{"resize": 0.7}, {"jpeg": {"quality": 50}}]}
        config["transformations"]["dark"] = {"gamma": 1.5}

    assert stale(several, change) == transformed("soft", "dark")


def test_what_a_system_learns_changes_no_attack_and_no_description_of_photos(several):
    def change(config):
        config["systems"]["sift"]["words"] = 9
        config["systems"]["mine"] |= {"learnt": "whiten", "dimensions": 2}

    learnt = {f"tiny/descriptors/{victim}/learnt.npz" for victim in ("mine", "sift")}
    victims = ["mine", "sift"]
    assert stale(several, change) == learnt | ranked(*victims) | transformed(*TRANSFORMATIONS, victims=victims)


def test_what_only_rankings_depend_on_needs_nothing_to_be_learnt(several):
    def change(config):
        config["systems"]["sift"]["spatial_verification"] = 3
        config["systems"]["phash"]["search"] = "hnsw"
        config["systems"]["mine"]["learnt"] = "nothing"

    victims = ["mine", "sift", "phash"]
    assert stale(several, change) == ranked(*victims) | transformed(*TRANSFORMATIONS, victims=victims)


def test_code_is_code_of_those_that_use_it(several):
    """Of a transformation's step, of a kind of systems, and of somebody's own function."""
    systems = "workflow/cvpire/retrieval/systems"
    with touched(several, "workflow/cvpire/transformations/geometry.py", f"{systems}/bag_of_words.py", "colours.py"):
        again = before_tables(several.planned_files())
    shards = {f"tiny/descriptors/{shard}" for shard in ("mine/shard-000.npy", "mine/shard-000.txt")}
    shards |= {f"tiny/descriptors/sift/{file}" for file in ("shard-000.npz", "shard-000.txt", "learnt.npz")}
    victims = ["sift", "mine"]
    shards |= {"tiny/descriptors/mine/learnt.npz"}
    rankings = ranked(*victims) | transformed(*TRANSFORMATIONS, victims=victims)
    assert again == shards | rankings | transformed("small")


@contextlib.contextmanager
def touched(project: Project, *names: str):
    """Add a line to source files for a while; their dates are as they were, afterwards too."""
    before = {project.folder / name: (project.folder / name).read_bytes() for name in names}
    dates = {path: path.stat().st_mtime_ns for path in before}
    for path, content in before.items():
        path.write_bytes(content + b"\n")
    yield
    for path, content in before.items():
        path.write_bytes(content)
        os.utime(path, ns=(dates[path], dates[path]))
