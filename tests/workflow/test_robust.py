"""An attack on two networks that samples what it sees: what a run makes, and what a change runs again."""

import numpy as np
import pytest
from cvpire.perturbations import read_perturbations
from cvpire.retrieval.learnt import read_learnt
from cvpire.tables.collection import read_results

from tests.workflow.conftest import CONFIG, QUERIES, Project, make_photo, new_project
from tests.workflow.test_systems import before_tables, stale, touched

# One process for these tests: they share a finished run of the workflow.
pytestmark = pytest.mark.xdist_group("robust")

NETWORKS = ["lite0", "lite1"]
ROBUST = {
    "networks": NETWORKS,
    "network_weights": [2, 1],
    "objective": "similarity",
    "centre": True,
    "through": ["saving"],
    "samples": 2,
    "sampled": [{"kind": "crop", "range": [0.05, 0.2], "share": 0.5}, {"kind": "jpeg", "range": [45, 95]}],
    "chroma": 0,
    "iterations": 2,
}
TOGETHER = {
    "datasets": CONFIG["datasets"],
    "networks": {
        "lite0": {"architecture": "efficientnet-lite0", "learnt": "centre"},
        "lite1": {"architecture": "efficientnet-lite1"},
    },
    "variance": {"cv": {"kind": "colour", "kernel_size": 3}},
    "attacks": {"robust": ROBUST, "cv-pire": {"network": "lite1", "iterations": 1}},
    "victims": NETWORKS,
    "retrieval": {"shard_size": 4},
}


@pytest.fixture(scope="module")
def together(tmp_path_factory) -> Project:
    """A finished run of an attack on two networks, and of one as in the thesis; restore what you change."""
    project = new_project(tmp_path_factory.mktemp("robust") / "project", TOGETHER)
    done = project.snakemake("all")
    assert done.returncode == 0, done.output
    return project


def made_by(attack: str) -> set[str]:
    """Files of an attack: perturbations, queries, quality."""
    variant = {"robust": "m50_T2", "cv-pire": "m50_T1"}[attack]
    files = {f"tiny/{attack}/perturbation/{query}.npz" for query in QUERIES}
    files |= {f"tiny/{attack}/queries/{variant}/{query}.jpg" for query in QUERIES}
    return files | {f"tiny/{attack}/quality/{query}.csv" for query in QUERIES}


def ranked(*attacks: str) -> set[str]:
    return {f"tiny/{attack}/retrieval/{network}.csv" for attack in attacks for network in NETWORKS}


def test_a_run_makes_the_attack_and_what_its_networks_have_learnt(together):
    results = together.folder / "results"
    for file in made_by("robust") | made_by("cv-pire") | ranked("original", "plain", "robust", "cv-pire"):
        assert (results / file).stat().st_size, file
    # lite1 ranks descriptors as they are, but is attacked minus their mean.
    plain_file = results / "tiny/descriptors/lite1/learnt.npz"
    assert not plain_file.exists(), "nothing needs it"
    done = together.snakemake("results/tiny/descriptors/lite1/learnt.npz")
    assert done.returncode == 0, done.output
    plain = read_learnt(plain_file, "nothing")
    plain_file.unlink()
    for file in ("lite0/learnt.npz", "lite1/centred.npz"):
        centred = read_learnt(results / "tiny/descriptors" / file, "centre")
        assert centred.mean is not None and plain.mean is None
        assert centred.unrelated < 0.2 < plain.unrelated, file
    for query in QUERIES:
        values = read_perturbations(results / f"tiny/robust/perturbation/{query}.npz", (48, 64)).values
        bound = np.load(results / f"tiny/variance/cv/{query}.npy") * np.float32(50 / 255)
        assert (np.abs(values) <= bound * (1 + 1e-6)).all() and values.any()
        np.testing.assert_allclose(values[:, :, 0], values[:, :, 2], atol=1e-7)
    table = read_results(results / "tables" / "queries.csv")
    shown = table[table["attack"] == "robust"]
    assert sorted(shown["victim"].unique()) == NETWORKS and shown["ap"].notna().all()


def test_a_finished_run_is_finished(together):
    assert together.planned_files() == set()


@pytest.mark.parametrize(
    "changes",
    [
        {"sampled": [{"kind": "crop", "range": [0.05, 0.25], "share": 0.5}, ROBUST["sampled"][1]]},
        {"network_weights": [1, 1]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_an_option_of_an_attack_runs_this_attack_again_and_what_follows(together, changes):
    assert stale(together, lambda config: config["attacks"]["robust"].update(changes)) == made_by("robust") | ranked(
        "robust"
    )


def test_a_photo_of_the_database_changes_what_is_learnt_from_it_and_attacks_that_know_it(together):
    photo = together.folder / "photos" / "sea-1.jpg"
    before = photo.read_bytes()
    make_photo(77, 3).save(photo, quality=95)
    again = before_tables(together.planned_files())
    photo.write_bytes(before)

    shards = {file for file in again if "/shard-" in file}
    assert {file.split("/")[2] for file in shards} == set(NETWORKS) and len(shards) == 4, "a shard and its names, each"
    learnt = {f"tiny/descriptors/{file}.npz" for file in ("lite0/learnt", "lite1/centred")}
    # What the other attack makes stays, and is ranked anew.
    assert again - shards == learnt | made_by("robust") | ranked("original", "plain", "robust", "cv-pire")


def test_what_an_attacked_network_learns_changes_its_attacks(together):
    def change(config):
        config["networks"]["lite0"]["learnt"] = "whiten"

    by_lite0 = {f"tiny/{attack}/retrieval/lite0.csv" for attack in ("original", "plain", "cv-pire")}
    assert (
        stale(together, change)
        == {"tiny/descriptors/lite0/learnt.npz"} | made_by("robust") | ranked("robust") | by_lite0
    )


def test_code_of_what_an_attack_goes_through_is_its_own(together):
    with touched(together, "workflow/cvpire/attack/saved_files.py"):
        assert before_tables(together.planned_files()) == made_by("robust") | ranked("robust")
    with touched(together, "workflow/cvpire/attack/differentiable.py"):
        again = before_tables(together.planned_files())
    assert again == made_by("robust") | made_by("cv-pire") | ranked("robust", "cv-pire")
