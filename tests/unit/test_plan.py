"""The plan of a run, without Snakemake: which files there are, from what, and with which options."""

import json
import os
import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from cvpire import layout
from cvpire.checksums import checksum
from cvpire.config import FigureOptions, NetworkOptions
from cvpire.config.attacks import MemberOptions, read_members
from cvpire.datasets.benchmarks import BENCHMARKS
from cvpire.errors import InputError
from cvpire.figures.catalogue import CATALOGUE as FIGURES
from cvpire.plan import attacking, code, databases, inputs, outputs
from cvpire.plan.run import Plan
from cvpire.provenance import photos_checksum
from cvpire.results import as_json, read_run
from cvpire.sources import sources
from PIL import Image

from tests.workflow.conftest import ROOT

PACKAGE = ROOT / "workflow" / "cvpire"


def configuration(name: str) -> dict:
    return yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text(encoding="utf-8"))


def plan_of(raw: dict, **changes) -> Plan:
    return Plan.of({**raw, **changes}, "my.yaml")


@pytest.fixture(scope="module")
def demo() -> Plan:
    return plan_of(configuration("config"))


@pytest.fixture(scope="module")
def thesis() -> Plan:
    return plan_of(configuration("thesis"))


@pytest.fixture
def folder(tmp_path) -> dict:
    """A configuration of a folder of nine photos, two of them queries."""
    (tmp_path / "photos").mkdir()
    for name in ("a-1", "a-2", "b-1", "b-2", *(f"c-{number}" for number in range(5))):
        Image.new("RGB", (8, 8)).save(tmp_path / "photos" / f"{name}.png")
    truth = {"queries": {"a-1": {"relevant": ["a-2"]}, "b-1": {"relevant": ["b-2"], "box": [1, 2, 3.5, 4]}}}
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    dataset = {"kind": "folder", "folder": str(tmp_path / "photos"), "ground_truth": str(tmp_path / "truth.json")}
    return {
        "datasets": {"mine": dataset},
        "networks": {"lite0": {}, "gem": {"architecture": "resnet101", "weights": "gem.pth"}},
        "variance": {"cv": {}},
        "attacks": {"cv-pire": {"network": "lite0", "other_multipliers": [20], "iterations": 2}},
        "retrieval": {"shard_size": 3},
    }


# --- Datasets ---------------------------------------------------------------------------------------------------------


def test_a_dataset_that_is_there_is_known_whole(demo):
    planned = demo.datasets["demo-a"]
    assert planned.size == len(planned.database) > 50
    assert planned.source("coffee-query-1") == "resources/demo/a/coffee-query-1.jpg"
    assert planned.sources() == [] and planned.downloads == ()


def test_a_dataset_that_will_be_downloaded_is_known_by_its_queries(thesis):
    planned = thesis.datasets["oxford5k"]
    assert (planned.size, planned.database, len(planned.queries)) == (5063, None, 55)
    unpacked, truth = "resources/photos/oxford5k/contents.json", "resources/downloads/gnd_oxford5k.pkl"
    assert planned.source("keble_000028") == unpacked
    assert planned.sources() == [truth, unpacked]
    assert set(planned.downloads) == {"oxbuild_images-v1.tgz", "gnd_oxford5k.pkl"}
    assert databases.shard_sources(thesis, "oxford5k", 3) == ["results/oxford5k/dataset.json", unpacked]
    assert databases.shard_words(thesis, "oxford5k", 3) == "--dataset results/oxford5k/dataset.json --shard 3 --of 20"


def test_photos_of_a_revisited_dataset_are_those_of_the_original(thesis):
    plan = plan_of(configuration("thesis"), datasets={"r": {"kind": "roxford5k"}}, figures={})
    assert set(plan.datasets["r"].downloads) == {"oxbuild_images-v1.tgz", "gnd_roxford5k.pkl", "gnd_oxford5k.pkl"}
    assert "difficulties" in outputs.tables(plan) and "difficulties" not in outputs.tables(thesis)


def test_a_listing_gets_the_options_that_say_what_is_in_it(folder, thesis):
    words = shlex.split(plan_of(folder).listing_options("mine"))
    flags = dict(zip(words[::2], words[1::2], strict=True))
    assert flags.keys() == {"--kind", "--folder", "--ground-truth", "--missing", "--clean-twin"}
    assert thesis.listing_options("oxford5k") == (
        "--clean-twin relevant --difficulty medium --ground-truth resources/downloads/gnd_oxford5k.pkl --kind oxford5k"
    )


def test_names_of_photos_have_a_fingerprint(folder, tmp_path):
    before = plan_of(folder).names_digest("mine")
    assert before == plan_of(folder).names_digest("mine")
    Image.new("RGB", (9, 9)).save(tmp_path / "photos" / "c-0.png")
    assert before == plan_of(folder).names_digest("mine"), "contents do not count"
    Image.new("RGB", (8, 8)).save(tmp_path / "photos" / "new.png")
    assert before != plan_of(folder).names_digest("mine")


def test_a_box_is_cut_out_where_it_is_asked_for(folder):
    assert plan_of(folder).prepare_options("mine", "b-1") == "--decoder libjpeg-turbo --profile convert"
    folder["datasets"]["mine"] |= {"query": "box", "longest_side": 64}
    plan = plan_of(folder)
    assert (
        plan.prepare_options("mine", "b-1")
        == "--decoder libjpeg-turbo --longest-side 64 --profile convert --box 1.0 2.0 3.5 4.0"
    )
    assert "--box" not in plan.prepare_options("mine", "a-1"), "the ground truth has none of it"


def test_shards_of_a_small_database_are_those_that_have_photos(folder):
    plan = plan_of(folder)
    numbers = [int(file[-7:-4]) for file in databases.descriptors(plan, "mine", "lite0")]
    assert databases.shards(plan, "mine") == 3
    assert sorted(photo for number in numbers for photo in databases.shard_photos(plan, "mine", number)) == sorted(
        str(photo) for photo in plan.datasets["mine"].photos.values()
    )
    assert databases.ranked(plan, "mine", "lite0")[len(numbers) :] == layout.names_of(
        databases.descriptors(plan, "mine", "lite0")
    )


def test_wrong_answers_are_ranked_too(folder, tmp_path):
    folder["distractors"] = {"more": {"folder": str(tmp_path / "photos")}}
    folder["datasets"]["mine"]["distractors"] = "more"
    plan = plan_of(folder)
    added = [f"results/distractors/more/descriptors/lite0/shard-{number:04d}.npy" for number in range(3)]
    assert databases.distractors(plan, "mine", "lite0") == added
    assert databases.shard_options(plan, "mine", "lite0").endswith(
        "--distractors results/distractors/more/descriptors/lite0"
    )
    assert f"--distractors more={tmp_path / 'photos'}" in inputs.provenance_options(plan)


# --- Attacks ----------------------------------------------------------------------------------------------------------


def test_an_attack_has_a_file_for_each_query_multiplier_and_iteration(folder):
    plan = plan_of(folder)
    assert plan.saved("mine", "cv-pire", ["a-1"]) == [
        "results/mine/cv-pire/queries/m20_T2/a-1.jpg",
        "results/mine/cv-pire/queries/m50_T2/a-1.jpg",
    ]
    assert plan.headline("mine", "cv-pire", ["a-1", "b-1"]) == [
        "results/mine/cv-pire/queries/m50_T2/a-1.jpg",
        "results/mine/cv-pire/queries/m50_T2/b-1.jpg",
    ]
    assert len(plan.all_queries()) == 4
    assert plan.all_maps() == ["results/mine/variance/cv/a-1.npy", "results/mine/variance/cv/b-1.npy"]


def test_every_option_of_an_attack_reaches_its_command(folder):
    folder["attacks"]["cv-pire"] |= {"through": ["eight-bit"], "objective": "descriptor-sum"}
    words = attacking.attack_options(plan_of(folder), "mine", "cv-pire")
    for option in ("--through eight-bit", "--objective descriptor-sum", "--other-multipliers 20.0", "--seed 0"):
        assert option in words
    assert "--label" not in words and "--quality" not in words, "what does not change the perturbation"


def test_what_robust_attacks_sample_reaches_their_command(folder):
    folder["attacks"]["cv-pire"] |= {"samples": 3, "sampled": [{"kind": "jpeg", "range": [45, 95], "share": 0.5}]}
    words = shlex.split(attacking.attack_options(plan_of(folder), "mine", "cv-pire"))
    assert words[words.index("--samples") + 1] == "3"
    assert words[words.index("--sampled") + 1] == "{kind: jpeg, range: [45.0, 95.0], share: 0.5}"
    assert "--quality" not in words and "--member" not in words
    folder["attacks"]["cv-pire"] |= {"through": ["saving"]}
    words = shlex.split(attacking.attack_options(plan_of(folder), "mine", "cv-pire"))
    assert words[words.index("--quality") + 1] == "75", "what the networks see depends on how the photo is saved"


def test_networks_that_are_attacked_together_are_members_with_what_they_have_learnt(folder):
    folder["networks"]["lite0"] = {"learnt": "centre", "search": "hnsw", "gem_power": 2.5}
    folder["attacks"]["cv-pire"] = {"networks": ["lite0", "gem"], "network_weights": [2, 0.5], "iterations": 2}
    plan = plan_of(folder)
    words = shlex.split(attacking.attack_options(plan, "mine", "cv-pire"))
    written = [words[index + 1] for index, word in enumerate(words) if word == "--member"]
    assert read_members(written, NetworkOptions(), plan.config.attacks["cv-pire"]) == [
        MemberOptions(
            learnt="centre", gem_power=2.5, weight=2, learnt_file="results/mine/descriptors/lite0/learnt.npz"
        ),
        MemberOptions(architecture="resnet101", weights="gem.pth", weight=0.5),
    ]
    assert "--architecture" not in words and "--network-weights" not in words and "hnsw" not in " ".join(words)
    assert attacking.attack_inputs(plan, "mine", "cv-pire") == ["gem.pth", "results/mine/descriptors/lite0/learnt.npz"]
    assert plan.config.victims_of("cv-pire", "mine") == plan.victims == ["lite0", "gem"]
    assert {"networks.resnet", "networks.efficientnet_lite"} & set(code.attack(plan, "cv-pire"))
    gated = plan_of(folder, gate={"enabled": True})
    assert gated.gate("mine", "cv-pire") == [
        "results/mine/original/gate/lite0.json",
        "results/mine/original/gate/gem.json",
    ]


@pytest.mark.parametrize("networks", [{"network": "lite0"}, {"networks": ["lite0", "gem"]}])
def test_an_attack_can_use_another_precision_than_its_networks_rank_with(folder, networks):
    folder["networks"]["lite0"] = {}
    folder["attacks"]["cv-pire"] = {**networks, "precision": "bfloat16"}
    plan = plan_of(folder)
    words = attacking.attack_options(plan, "mine", "cv-pire")
    assert words.count("bfloat16") == len(plan.config.attacks["cv-pire"].attacked)
    assert "--precision float32" not in words and "--precision float32" in plan.system_options("lite0")


def test_an_attack_can_leave_out_a_mean_that_its_network_keeps(folder):
    folder["networks"]["lite0"], folder["networks"]["gem"]["learnt"] = {}, "centre"
    folder["attacks"]["cv-pire"] = {"networks": ["lite0", "gem"], "centre": True, "objective": "similarity"}
    plan = plan_of(folder)
    files = [f"results/mine/descriptors/{name}.npz" for name in ("lite0/centred", "gem/learnt")]
    assert attacking.attack_inputs(plan, "mine", "cv-pire") == ["gem.pth", *files]
    assert [(member.learnt, member.learnt_file) for member in attacking.members(plan, "mine", "cv-pire")] == [
        ("centre", file) for file in files
    ]
    assert "--learnt centre" in plan.system_options("lite0", beside=(), learnt="centre")
    assert "--learnt nothing" in plan.system_options("lite0", beside=())


@pytest.mark.parametrize("objective", ["descriptor-distance", "similarity"])
@pytest.mark.parametrize("learnt", ["nothing", "centre"])
def test_what_is_learnt_is_made_for_an_attack_that_needs_it(folder, objective, learnt):
    folder["networks"]["lite0"] = {"learnt": learnt}
    folder["attacks"]["cv-pire"]["objective"] = objective
    plan = plan_of(folder)
    file = "results/mine/descriptors/lite0/learnt.npz"
    needed = [] if (objective, learnt) == ("descriptor-distance", "nothing") else [file]
    assert attacking.attack_inputs(plan, "mine", "cv-pire") == needed
    words = attacking.attack_options(plan, "mine", "cv-pire")
    assert ("--member" in words) == bool(needed) and (file in words) == bool(needed)
    assert (file in databases.ranked(plan, "mine", "lite0")) == (learnt != "nothing"), "a ranking needs only a map"


def test_the_target_of_an_attack_is_an_input_by_its_content(folder, tmp_path):
    target = str(tmp_path / "photos" / "c-1.png")
    folder["attacks"]["cv-pire"] |= {"objective": "target", "target": target}
    plan = plan_of(folder)
    assert attacking.attack_inputs(plan, "mine", "cv-pire") == [target]
    assert f"--target {shlex.quote(target)}" in attacking.attack_options(plan, "mine", "cv-pire")
    assert inputs.input_files(plan)["attacks.cv-pire.target"] == target
    before = inputs.attacked(plan, "cv-pire")
    Image.new("RGB", (9, 9)).save(target)
    assert before != inputs.attacked(plan_of(folder), "cv-pire") != ""


def test_an_attack_whose_perturbations_are_not_kept_saves_its_queries(folder):
    assert plan_of(folder).attack_rules() == [
        ("attack_query", ["cv-pire"], ["results/{dataset}/{attack}/perturbation/{photo}.npz"])
    ]
    folder |= {"keep_perturbations": False, "saving": {"format": "png", "enlargement": "released"}}
    plan = plan_of(folder)
    ((name, attacks, files),) = plan.attack_rules()
    assert (name, attacks) == ("attack_query_cv-pire", ["cv-pire"])
    assert [file.format(dataset="mine", attack="cv-pire", photo="a-1") for file in files] == plan.saved(
        "mine", "cv-pire", ["a-1"]
    )
    words = attacking.attack_options(plan, "mine", "cv-pire")
    for option in ("--format png", "--enlargement released", "--quality 75", "--other-multipliers 20.0"):
        assert option in words
    kept = plan_of(folder, keep_perturbations=True)
    assert "saving" in code.attack(plan, "cv-pire") and "saving" not in code.attack(kept, "cv-pire")


def test_downloads_stand_for_their_files(thesis):
    assert thesis.weights("resnet101-gem") == ["resources/downloads/retrievalSfM120k-resnet101-gem-b80fb85.pth"]
    assert thesis.find("my/own.pth") == "my/own.pth"
    assert thesis.sha256("gnd_oxford5k.pkl").startswith("c84e5eb6")
    with pytest.raises(InputError, match=r"downloads\.yaml: knows no file 'nothing'; it has gnd_oxford5k\.pkl"):
        thesis.sha256("nothing")


def test_the_check_of_clean_map_stands_before_the_attacks_that_ask_for_it(thesis, demo):
    assert thesis.gate("oxford5k", "cv-pire") == ["results/oxford5k/original/gate/resnet101-gem.json"]
    assert len(thesis.gates()) == 2
    assert demo.gate("demo-a", "cv-pire") == demo.gates() == []
    assert thesis.gate_options("oxford5k", "resnet101-gem").startswith("--dataset oxford5k --clean-twin relevant")


# --- Tables and figures -----------------------------------------------------------------------------------------------


def test_tables_are_made_where_there_is_something_to_show(demo, thesis, folder):
    of_two = ["4.1", "4.1-confidence", "comparisons", "4.2", "4.2-confidence", "4.2-comparisons", "reversed"]
    of_systems = ["transformations", "transformations-confidence", "systems", "systems-confidence"]
    assert sorted(outputs.tables(thesis)) == sorted([*of_two, "calibration"])
    assert sorted(outputs.tables(demo)) == sorted([*of_two, "calibration", *of_systems, "quality", "quality-order"])
    assert outputs.tables(plan_of(folder)) == ["4.1", "4.1-confidence", "calibration", "reversed"]
    assert outputs.table_stems(demo)["differences"] == "results/tables/differences"
    assert outputs.table_stems(demo)["4.2"] == "results/tables/table-4.2"


def test_table_4_2_compares_two_attacks(demo):
    options = outputs.table_options(demo, "4.2-confidence")
    assert (options.attack, options.other) == ("cv-pire", "sd-pire")
    assert outputs.table_labels(demo, "4.2")["attack"] == "cv-pire, sd-pire"
    assert outputs.table_labels(demo, "4.1")["attack"] == "cv-pire, sd-pire, pire, robust"
    inputs = {name: outputs.table_inputs(demo, name) for name in ("4.1", "4.2")}
    assert layout.ALL_RANDOM in inputs["4.2"] and layout.ALL_RANDOM not in inputs["4.1"]
    assert set(demo.listings()) < set(inputs["4.1"]), "what was left out stands in the caption"


@pytest.mark.parametrize("number", FIGURES)
def test_a_figure_says_all_that_it_shows(demo, number):
    """Nothing that the drawing needs is left open, and all of it is made by the run."""
    shown, needs = outputs.figure_options(demo, number), FIGURES[number].needs
    assert shown.dataset and shown.attack and shown.attacks
    assert shown.datasets or not FIGURES[number].every_dataset
    inputs = outputs.figure_inputs(demo, number)
    assert bool(inputs) == bool(needs)
    assert ("results/tables/queries.csv" in inputs) == ("results" in needs)
    assert any("/original/" in file for file in inputs) == ("originals" in needs)
    assert any("/variance/" in file for file in inputs) == ("maps" in needs)
    assert any("/queries/" in file for file in inputs) == ("adversarial" in needs)


def test_what_a_configuration_says_of_a_figure_stays(demo):
    raw = configuration("config")
    given = {"dataset": "demo-b", "attacks": ["pire"], "query": "cat-query-1", "magnification": 3}
    plan = plan_of(raw, figures={"4.6": given, "4.5": {"dataset": "demo-b"}})
    shown = outputs.figure_options(plan, "4.6")
    assert {key: getattr(shown, key) for key in given} == given
    assert shown.quantile == 0.5
    assert outputs.figure_options(plan, "4.5").datasets == ["demo-b"]


def test_a_named_query_is_all_that_its_figure_needs(demo, thesis):
    assert outputs.figure_options(thesis, "4.8").query == "all_souls_000013"
    needed = outputs.figure_inputs(thesis, "4.8")
    assert len([file for file in needed if "all_souls_000013" in file]) == 4  # photo, map, two adversarial
    assert not any("keble" in file for file in needed)
    for number in ("4.1", "4.5"):  # several queries, by other rules
        plan = plan_of(configuration("config"), figures={number: {"query": "astronaut-query-1"}})
        assert outputs.figure_inputs(plan, number) == outputs.figure_inputs(demo, number)


def test_a_query_that_the_dataset_has_not_is_named():
    plan = plan_of(configuration("thesis"), figures={"4.8": {"dataset": "paris6k", "query": "keble_000245"}})
    with pytest.raises(InputError, match=r"figures\.4\.8\.query: dataset paris6k has no query 'keble_000245'"):
        outputs.figure_inputs(plan, "4.8")


def test_a_figure_that_names_no_attack_shows_those_of_table_4_1(demo, folder):
    assert outputs.figure_options(demo, "4.6").attacks == ["cv-pire", "sd-pire", "pire"]
    folder["attacks"]["apart"] = {"network": "lite0", "iterations": 1, "compared": False}
    plan = plan_of(folder, figures={"4.6": {}, "A.4": {"attacks": ["apart"]}})
    assert outputs.figure_options(plan, "4.6").attacks == ["cv-pire"]
    assert outputs.figure_options(plan, "A.4").attacks == ["apart"]
    assert "comparisons" not in outputs.tables(plan)
    assert not plan.run().attacks["apart"].compared
    assert "compared" not in attacking.attack_options(plan, "mine", "apart")


def test_figures_show_what_the_rules_say(demo):
    chosen = {number: outputs.figure_options(demo, number) for number in demo.config.figures}
    assert chosen["4.10"].dataset == "demo-b" and chosen["4.8"].dataset == "demo-a"
    assert chosen["4.8"].attacks == ["cv-pire", "sd-pire"]
    assert chosen["4.7"].maps == ["cv", "sd", "sd-5"]
    assert chosen["3.3"].maps == ["cv"]
    other = plan_of(configuration("config"), figures={"3.3": {"attack": "sd-pire"}})
    assert outputs.figure_options(other, "3.3").maps == ["sd"], "the map that bounds the attack"
    assert chosen["4.4"].datasets == chosen["A.4"].datasets == ["demo-a", "demo-b"]
    assert chosen["3.3"].query == "astronaut-query-1"
    assert outputs.figure_inputs(demo, "3.3") == [
        "results/demo-a/original/astronaut-query-1.png",
        "results/demo-a/variance/cv/astronaut-query-1.npy",
    ]
    assert outputs.figure_labels(demo, "4.4") == {
        "number": "Figure 4.4",
        "dataset": "demo-a, demo-b",
        "attack": "cv-pire",
    }
    assert outputs.figure_labels(demo, "2.13")["dataset"] == ""


@pytest.mark.parametrize(
    ("number", "title"), [("1.2", "1 Introduction"), ("A.4", "A Appendix"), ("ours", "4 Experiments")]
)
def test_chapters(number, title):
    assert outputs.chapter(number) == title


def test_the_record_of_a_run_is_read_as_it_was_written(demo, tmp_path):
    run = demo.run()
    (tmp_path / "run.json").write_text(json.dumps(as_json(run)))
    assert read_run(tmp_path / "run.json") == run
    assert run.maps["cv"] == "CV-PIRE (n = 5, σ = 1)"
    assert run.attacks["pire-fast"].label == "PIRE (fast)" and run.attacks["pire"].label == "PIRE"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"attacks": {"a": {"label": 1}}}', "[" * 100_000])
def test_another_file_is_no_record_of_a_run(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(InputError, match=r"run\.json: not the record of a run .*delete it and run again"):
        read_run(tmp_path / "run.json")


# --- Code, provenance, audit ------------------------------------------------------------------------------------------


def test_a_job_depends_on_the_modules_of_its_entries_and_no_others(demo):
    def names(modules):
        return {path.relative_to(PACKAGE).as_posix() for path in sources(*modules)}

    assert "variance/colour.py" in names(code.variance(demo, "cv"))
    assert "variance/luminance.py" not in names(code.variance(demo, "cv"))
    assert "networks/efficientnet_lite.py" in names(code.attack(demo, "cv-pire"))
    assert "networks/convolutional.py" not in names(code.attack(demo, "cv-pire"))
    assert "datasets/folder.py" not in names(code.listing(demo, "demo-a"))
    assert {"quality/structural.py", "quality/pixels.py"} <= names(code.quality())
    for modules in (code.table("4.1"), code.figure("4.6"), code.quality(), code.variance(demo, "cv")):
        assert not {name for name in names(modules) if name.startswith(("config/", "cli/", "plan/"))}


def test_inputs_of_a_run_are_named(thesis):
    assert inputs.input_files(thesis) == {
        "datasets.oxford5k.ground_truth": "resources/downloads/gnd_oxford5k.pkl",
        "datasets.paris6k.ground_truth": "resources/downloads/gnd_paris6k.pkl",
        "networks.resnet101-gem.weights": "resources/downloads/retrievalSfM120k-resnet101-gem-b80fb85.pth",
    }


def test_an_audit_is_of_the_authors_repository_unless_folders_are_named(demo, tmp_path):
    assert outputs.published_artefacts(demo) == ["resources/published/oxford5k/contents.json"]
    assert outputs.audit_options(demo).photos == "resources/published/oxford5k/photos"
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").touch()
    audit = {"photos": str(tmp_path / "photos"), "published": str(tmp_path / "nowhere")}
    plan = plan_of(configuration("config"), audit=audit)
    with pytest.raises(InputError, match="nowhere: no such folder"):
        outputs.published_artefacts(plan)
    (tmp_path / "nowhere").mkdir()
    assert outputs.published_artefacts(plan) == [str(tmp_path / "photos" / "a.jpg")]


@pytest.mark.parametrize("kind", BENCHMARKS)
def test_benchmarks_are_planned_without_a_download(kind):
    plan = plan_of(configuration("thesis"), datasets={"it": {"kind": kind}}, figures={"4.6": {}})
    assert plan.datasets["it"].size == BENCHMARKS[kind].database
    assert len(outputs.figure_inputs(plan, "4.6")) > 3 * BENCHMARKS[kind].queries
    assert isinstance(outputs.figure_options(plan, "4.6"), FigureOptions)


# --- What is given ----------------------------------------------------------------------------------------------------


def test_content_and_not_dates_makes_fingerprints(folder, tmp_path):
    def fingerprints():
        plan = plan_of(folder)
        shards = [inputs.shard(plan, "mine", number) for number in range(databases.shards(plan, "mine"))]
        about = [inputs.photo(plan, "mine", "a-1"), inputs.photo(plan, "mine", "b-1")]
        return [*about, inputs.ground_truth(plan, "mine"), inputs.weights(plan, "gem"), *shards]

    folder["networks"]["gem"]["weights"] = str(tmp_path / "gem.pth")
    (tmp_path / "gem.pth").write_bytes(b"weights")
    before = fingerprints()
    assert all(re.fullmatch("[0-9a-f]{16}", value) for value in before[:4])
    for path in (*(tmp_path / "photos").iterdir(), tmp_path / "truth.json", tmp_path / "gem.pth"):
        os.utime(path)
    assert fingerprints() == before
    one, other = tmp_path / "photos" / "a-1.png", tmp_path / "photos" / "exchanged.bmp"
    Image.new("RGB", (8, 8), "red").save(other)
    os.utime(other, (0, 0))
    other.rename(one)
    with (tmp_path / "gem.pth").open("ab") as file:
        file.write(b"!")
    (tmp_path / "truth.json").write_text(" " + (tmp_path / "truth.json").read_text())
    changed = [old != new for old, new in zip(before, fingerprints(), strict=True)]
    assert changed[:4] == [True, False, True, True]
    assert changed[4:].count(True) == 1


def test_what_is_not_given_has_no_fingerprint(demo, thesis, folder):
    assert inputs.photo(demo, "demo-a", "coffee-query-1") == inputs.shard(demo, "demo-a", 0) == ""
    assert inputs.photo(thesis, "oxford5k", "keble_000028") == inputs.shard(thesis, "oxford5k", 0) == ""
    assert inputs.ground_truth(thesis, "oxford5k") == ""
    assert {inputs.weights(thesis, network) for network in thesis.victims} == {""}
    assert inputs.weights(plan_of(folder), "gem") == "", "the file is not there, of which Snakemake will tell"


@pytest.mark.parametrize("file", ["mine/colours.py", "mine/colours/__init__.py"])
def test_a_function_comes_from_its_module(folder, tmp_path, monkeypatch, file):
    monkeypatch.chdir(tmp_path)
    folder |= {"systems": {"own": {"kind": "function", "function": "mine.colours:describe"}}, "victims": ["gem", "own"]}
    assert (plan_of(folder).weights("own"), inputs.weights(plan_of(folder), "own")) == ([], ""), "it is installed"
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text("def describe(pixels): ...\n")
    plan = plan_of(folder)
    assert plan.weights("own") == [file] and re.fullmatch("[0-9a-f]{16}", inputs.weights(plan, "own"))
    assert inputs.input_files(plan)["systems.own.function"] == file


def test_downloads_that_are_there_have_none_either(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = plan_of(configuration("thesis"))
    files = [plan.datasets["oxford5k"].ground_truth, *plan.weights(plan.victims[0])]
    for file in map(Path, files):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"fetched")
    assert inputs.ground_truth(plan, "oxford5k") == inputs.weights(plan, plan.victims[0]) == ""


def test_the_record_gets_the_checksums_that_were_planned(folder, tmp_path):
    (tmp_path / "photos" / "c-0.png").unlink()
    words = shlex.split(inputs.provenance_options(plan_of(folder)))
    planned = dict(value.split("=") for flag, value in pairwise(words) if flag == "--planned")
    photos = {path.stem: path for path in (tmp_path / "photos").iterdir()}
    assert planned == {
        "datasets.mine": photos_checksum(photos)["sha256"],
        "datasets.mine.ground_truth": checksum(tmp_path / "truth.json"),
    }


@pytest.mark.parametrize("name", ["a{b}c", "{ photo }", "{x,[ab]+}", "x<b>", "x<temp>"])
def test_names_that_are_patterns_to_snakemake_are_refused(folder, tmp_path, name):
    for number in range(12):
        Image.new("RGB", (8, 8)).save(tmp_path / "photos" / f"{number:02d} {name}.png")
    with pytest.raises(InputError) as caught:
        inputs.check_paths(plan_of(folder))
    first, *named, more = str(caught.value).splitlines()
    assert first.startswith("rename these files or folders: a word in {} or <>")
    assert named == [f"  {tmp_path}/photos/{number:02d} {name}.png" for number in range(10)]
    assert more == "  and 2 more"


@pytest.mark.parametrize("name", ["I <3 Rome", "a{b", "a}b{", "{}", "<B>", "{a b}", "$HOME", "`x`"])
def test_other_names_are_not_refused(folder, tmp_path, name):
    Image.new("RGB", (8, 8)).save(tmp_path / "photos" / f"{name}.png")
    inputs.check_paths(plan_of(folder))


def test_ground_truth_and_checkpoints_are_checked_too(folder, tmp_path):
    (tmp_path / "truth.json").rename(tmp_path / "{truth}.json")
    folder["datasets"]["mine"]["ground_truth"] = str(tmp_path / "{truth}.json")
    folder["attacks"]["cv-pire"]["network"] = "gem"
    folder["networks"]["gem"]["weights"] = "<gem>.pth"
    with pytest.raises(InputError, match=re.escape(f"\n  {tmp_path}/{{truth}}.json\n  <gem>.pth")):
        inputs.check_paths(plan_of(folder))


def test_a_photo_is_no_option(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "photos")
    Image.new("RGB", (8, 8)).save("-k.png")
    folder["datasets"]["mine"]["folder"] = "."
    plan = plan_of(folder)
    shards = range(databases.shards(plan, "mine"))
    words = [word for number in shards for word in shlex.split(databases.shard_words(plan, "mine", number))]
    assert "./-k.png" in words and not [word for word in words if word.startswith("-")]
    assert "-k.png" in [photo for number in shards for photo in databases.shard_sources(plan, "mine", number)]


def test_names_of_wrong_answers_count(folder, tmp_path):
    folder["distractors"] = {"more": {"folder": str(tmp_path / "photos")}}
    folder["datasets"]["mine"]["distractors"] = "more"
    before = plan_of(folder).distractor_shards["more"]
    (tmp_path / "photos" / "c-1.png").rename(tmp_path / "photos" / "d-1.png")
    changed = [old != new for old, new in zip(before, plan_of(folder).distractor_shards["more"], strict=True)]
    assert 1 <= changed.count(True) <= 2
