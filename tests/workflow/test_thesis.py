"""config/thesis.yaml in miniature: the same rules, from downloads to all tables, figures and the audit.

The archives come from a local server.
"""

import json

import pytest
import yaml
from cvpire.layout import FIGURE_SUFFIXES, TABLE_SUFFIXES

from tests.thesis import FIGURES, TABLES
from tests.unit.download_server import serve
from tests.workflow.conftest import ROOT
from tests.workflow.miniature import (
    ARCHIVES,
    CHECKPOINT,
    QUERIES,
    REPOSITORY,
    counts,
    run,
    write_archives,
    write_checkpoint,
    write_configuration,
    write_repository,
)


@pytest.fixture(scope="module")
def thesis(tmp_path_factory):
    """The configuration of the thesis, with less of everything, finished."""
    folder, served = tmp_path_factory.mktemp("thesis"), tmp_path_factory.mktemp("served")
    for name in ARCHIVES:
        write_archives(served, name)
    write_checkpoint(served / CHECKPOINT)
    write_repository(served / REPOSITORY)
    config = yaml.safe_load((ROOT / "config" / "thesis.yaml").read_text())
    config["networks"]["resnet101-gem"]["architecture"] = "resnet18"
    for name, dataset in config["datasets"].items():
        dataset.update(queries=QUERIES[name])
    for attack in config["attacks"].values():
        attack.update(iterations=2, other_iterations=[1])
        attack["other_multipliers"] = attack.get("other_multipliers", [])[:1]
    for figure in config["figures"].values():
        if "query" in figure:
            figure["query"] = QUERIES[figure["dataset"]][0]
    config["figures"]["4.4"]["iterations"] = 1
    config["retrieval"] = {"shard_size": 1000}
    config["gate"] = {"enabled": True, "tolerance": 100}
    with serve(served) as server:
        write_configuration(folder, config, server)
        dry = run(folder, "--dry-run")
        assert dry.returncode == 0, dry.stdout
        assert not (folder / "resources").exists()
        done = run(folder)
        assert done.returncode == 0, done.stdout
        yield folder, dry


def a_dry_run_counts_the_jobs_without_any_download(thesis):
    _, dry = thesis
    jobs = counts(dry)
    assert jobs["download"] == 7
    attacks = ("cv-pire", "sd-pire", "pire", "pire-fast")
    assert [jobs[f"attack_query_{attack}"] for attack in attacks] == [2] * 4  # two queries
    assert "attack_query" not in jobs and not any(rule.startswith("save_queries") for rule in jobs)
    assert jobs["unpack_photos"] == 2
    rules = {f"draw_figure_{number}" for number in FIGURES} | {f"make_table_{name}" for name in TABLES}
    rules |= {"make_table_4.1_confidence", "make_table_4.2_confidence", "make_table_4.2_comparisons"}
    rules |= {
        "make_table_comparisons",
        "audit",
        "unpack_published",
        "record_provenance",
        "lay_out_overview",
        "lay_out_reproduction",
    }
    assert {rule.replace(".", "_") for rule in rules} <= jobs.keys()


def every_figure_and_table_of_the_thesis_is_there(thesis):
    results = thesis[0] / "results"
    for stem, suffixes in (
        *((f"figures/figure-{number}", FIGURE_SUFFIXES) for number in FIGURES),
        *((f"tables/table-{name}", TABLE_SUFFIXES) for name in TABLES),
    ):
        for suffix in suffixes:
            assert (results / f"{stem}{suffix}").stat().st_size > 100, (stem, suffix)


def the_audit_is_part_of_the_run(thesis):
    folder, _ = thesis
    summary = (folder / "results" / "audit" / "summary.md").read_text()
    assert "CV-PIRE" in summary and "0.916" in summary  # of Table 4.1
    assert (folder / "results" / "audit" / "audit.csv").read_text().count("keble_000028") > 4
    assert (folder / "results" / "audit" / "figure.png").exists()


def the_table_has_both_datasets(thesis):
    folder, _ = thesis
    table = (folder / "results" / "tables" / "table-4.1.md").read_text()
    assert all(word in table for word in ("oxford5k mAP", "paris6k mSSIM", "CV-PIRE", "SD-PIRE", "PIRE"))
    assert "fast" not in table, "figure A.4 alone has it"
    assert "fast" not in (folder / "results" / "tables" / "table-comparisons.md").read_text()


def the_comparison_says_why_it_compares_so_little(thesis):
    folder, _ = thesis
    for suffix in ("html", "md"):
        page = (folder / "results" / f"reproduction.{suffix}").read_text()
        assert "oxford5k: 1 of 55 queries" in page and "no dataset of the thesis" not in page
        assert "paris6k: PIRE was not measured" not in page, "one reason is enough"


def only_the_photos_of_the_ground_truth_are_unpacked(thesis):
    folder, _ = thesis
    for name in ARCHIVES:
        unpacked = sorted(path.stem for path in (folder / "resources" / "photos" / name).glob("*.jpg"))
        assert len(unpacked) == 6
        assert set(QUERIES[name]) < set(unpacked)
        log = (folder / "results" / "logs" / "photos" / f"{name}.log").read_text()
        assert "1 extra" in log


def checksums_that_nobody_published_are_recorded(thesis):
    folder, _ = thesis
    lock = json.loads((folder / "downloads.lock").read_text())
    # Those of which only the beginning is known too.
    assert set(lock["files"]) == {
        CHECKPOINT,
        REPOSITORY,
        *(archive for archives in ARCHIVES.values() for archive in archives),
    }


def perturbations_are_not_kept(thesis):
    folder, _ = thesis
    assert not list(folder.rglob("*.npz"))


def the_gate_stood_before_the_attacks(thesis):
    folder, _ = thesis
    record = json.loads((folder / "results" / "oxford5k" / "original" / "gate" / "resnet101-gem.json").read_text())
    # One query of the benchmark has no published value to be compared with.
    assert record["verdict"].startswith("not checked") and "some of the queries" in record["verdict"]
    assert "not checked" in (folder / "results" / "tables" / "gate.md").read_text()


def a_finished_thesis_is_finished(thesis):
    folder, _ = thesis
    again = run(folder, "--dry-run")
    assert "Nothing to be done" in again.stdout


def test_thesis_in_miniature(thesis):
    # One test, because several processes would each run the workflow for theirs.
    for check in (
        a_dry_run_counts_the_jobs_without_any_download,
        every_figure_and_table_of_the_thesis_is_there,
        the_audit_is_part_of_the_run,
        the_table_has_both_datasets,
        the_comparison_says_why_it_compares_so_little,
        only_the_photos_of_the_ground_truth_are_unpacked,
        checksums_that_nobody_published_are_recorded,
        perturbations_are_not_kept,
        the_gate_stood_before_the_attacks,
        a_finished_thesis_is_finished,
    ):
        check(thesis)
