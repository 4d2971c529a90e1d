"""config/outlook.yaml: planned as it is, and run in miniature on downloads of a local server."""

import pytest
import yaml
from cvpire.datasets.benchmarks import BENCHMARKS
from cvpire.estimate import estimate
from cvpire.layout import FIGURE_SUFFIXES, TABLE_SUFFIXES
from cvpire.plan import outputs
from cvpire.plan.run import Plan
from cvpire.tables.collection import read_results

from tests.unit.download_server import serve
from tests.workflow.conftest import ROOT
from tests.workflow.miniature import (
    ARCHIVES,
    CHECKPOINT,
    QUERIES,
    counts,
    run,
    write_archives,
    write_checkpoint,
    write_configuration,
)

OUTLOOK = ROOT / "config" / "outlook.yaml"
CHECKPOINTS = {CHECKPOINT, "retrievalSfM120k-vgg16-gem-b4dcdc6.pth", "resnet101-63fe2227.pth"}
TABLES = ["4.1", "4.1-confidence", "comparisons", "4.2", "4.2-confidence", "4.2-comparisons"]
TABLES += ["calibration", "transformations", "transformations-confidence", "systems", "systems-confidence"]
TABLES += ["reversed", "quality", "quality-order"]
FIGURES = ["4.3", "4.12", "survival", "map-against-quality"]


# --- The configuration as it is ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan.read(OUTLOOK)


def test_the_plan_has_every_system_attack_and_transformation(plan):
    victims = ["resnet101-gem", "vgg16-gem", "resnet101-imagenet", "dinov2", "sift", "phash"]
    attacks = ["cv-pire", "cv-pire-cie94", "cv-pire-cie76", "sd-pire", "pire"]
    transformations = list(plan.config.transformations)
    assert len(transformations) == 14
    for dataset in ("oxford5k", "paris6k"):
        assert plan.config.victims_on(dataset) == victims
        assert plan.transformed_attacks(dataset, "sift") == ["plain", *attacks]
    datasets = len(plan.config.datasets)
    assert len(plan.rankings()) == datasets * len(victims) * len(["original", "plain", *attacks])
    assert len(plan.transformed()) == datasets * len(victims) * len(transformations)
    assert outputs.tables(plan) == TABLES
    assert list(plan.config.figures) == FIGURES
    assert plan.gates() == [f"results/{dataset}/original/gate/resnet101-gem.json" for dataset in plan.config.datasets]


def test_the_estimate_counts_the_downloads(plan):
    assert {network.weights for network in plan.config.networks.values()} == {*CHECKPOINTS, "package"}
    needed = {*CHECKPOINTS, *(file for files in ARCHIVES.values() for file in files)}
    needed |= {f"gnd_{name}.pkl" for name in ARCHIVES} | {outputs.AUTHORS_REPOSITORY}
    assert needed <= plan.downloads.keys()
    rows = estimate(plan).set_index(["what", "dataset"])
    assert rows.loc[("downloads", ""), "count"] == len(needed)
    assert rows.loc[("downloads", ""), "megabytes"] == pytest.approx(
        sum(plan.downloads[name].megabytes for name in needed), abs=0.1
    )
    for dataset in ("oxford5k", "paris6k"):
        queries, attacks = BENCHMARKS[dataset].queries, 5
        # Four attacks of 5 iteration counts, one of 4; each at 3 multipliers; and the two without an attack.
        versions = 2 + 3 * (4 * 5 + 4)
        assert rows.loc[("queries, ranked", dataset), "count"] == queries * 6 * (versions + (1 + attacks) * 14)


# --- In miniature -----------------------------------------------------------------------------------------------------

ATTACKS = ["cv-pire", "sd-pire"]
VICTIMS = ["resnet101-gem", "sift"]
TRANSFORMATIONS = ["half-and-back", "messenger"]
MEASURES = ["ssim", "ssim_range_1", "ssim_range_2", "psnr", "ciede2000"]  # ssimulacra2 needs larger photos


@pytest.fixture(scope="module")
def outlook(tmp_path_factory):
    """The configuration with less of everything, finished. test_systems.py has the systems that are left out."""
    folder, served = tmp_path_factory.mktemp("outlook"), tmp_path_factory.mktemp("served")
    write_archives(served, "oxford5k")
    write_checkpoint(served / CHECKPOINT)
    config = yaml.safe_load(OUTLOOK.read_text())
    config["datasets"] = {"oxford5k": {**config["datasets"]["oxford5k"], "queries": QUERIES["oxford5k"]}}
    for section, names in {"networks": VICTIMS, "systems": VICTIMS, "attacks": ATTACKS}.items():
        config[section] = {name: options for name, options in config[section].items() if name in names}
    del config["audit"]  # of the thesis in miniature; SSIMULACRA2 needs larger photos
    config["transformations"] = {name: config["transformations"][name] for name in TRANSFORMATIONS}
    config["victims"] = VICTIMS
    config["quality"]["measures"] = MEASURES
    config["systems"]["sift"]["words"] = 8
    config["networks"]["resnet101-gem"]["architecture"] = "resnet18"
    for attack in config["attacks"].values():
        attack.update(iterations=2, other_iterations=[1], other_multipliers=attack["other_multipliers"][:1])
    config["retrieval"] = {"shard_size": 1000}
    config["gate"]["tolerance"] = 100
    with serve(served) as server:
        write_configuration(folder, config, server)
        dry = run(folder, "--dry-run")
        assert dry.returncode == 0, dry.stdout
        done = run(folder)
        assert done.returncode == 0, done.stdout
        yield folder / "results", dry


def the_dry_run_counted_the_jobs(outlook):
    _, dry = outlook
    jobs = counts(dry)
    # Which shards are empty is not known before the downloads.
    expected = {"download": 3, "describe_shard": 6, "describe_features": 6, "learn_from_database": 1}
    expected |= {"rank_originals": 2, "rank_queries": 3 * 2, "rank_transformed": 2 * 2, "check_clean_map": 1}
    assert {rule: jobs.get(rule) for rule in expected} == expected


def every_table_and_figure_is_there(outlook):
    results, _ = outlook
    files = [f"tables/table-{name}{suffix}" for name in TABLES for suffix in TABLE_SUFFIXES]
    files += [f"figures/figure-{name}{suffix}" for name in FIGURES for suffix in (*FIGURE_SUFFIXES, ".csv")]
    assert [file for file in files if not (results / file).exists() or (results / file).stat().st_size < 50] == []


def the_tables_show_every_system_and_transformation(outlook):
    results, _ = outlook
    table = read_results(results / "tables" / "queries.csv")
    transformed = table[table["transformation"] != "none"]
    assert set(transformed.groupby(["attack", "victim", "transformation"]).size()) == {1}
    assert len(transformed) == 3 * len(VICTIMS) * len(TRANSFORMATIONS)
    assert set(table["victim"]) == set(VICTIMS)
    assert table[MEASURES].notna().all(axis=None) and table["vsi"].isna().all()
    by_system = (results / "tables" / "table-systems.md").read_text()
    by_transformation = (results / "tables" / "table-transformations.md").read_text()
    assert all(name in by_system for name in VICTIMS)
    assert all(name in by_transformation for name in TRANSFORMATIONS)


def test_outlook_in_miniature(outlook):
    # One test, because several processes would each run the workflow for theirs.
    for check in (
        the_dry_run_counted_the_jobs,
        every_table_and_figure_is_there,
        the_tables_show_every_system_and_transformation,
    ):
        check(outlook)
