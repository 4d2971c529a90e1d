"""After a change, exactly the stale stages run again."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cvpire.provenance import photos_checksum
from cvpire.retrieval.shards import shard_count, shard_members
from PIL import Image

from tests.workflow.conftest import CONFIG, QUERIES, make_photo

CVPIRE = Path(sys.executable).with_name("cvpire")

# One process for these tests: they share a finished run of the workflow.
pytestmark = pytest.mark.xdist_group("reruns")

Q = len(QUERIES)
SHARD_SIZE = CONFIG["retrieval"]["shard_size"]
FIGURES = {f"draw_figure_{number}": 1 for number in ("3_3", "4_3", "4_4", "4_6", "4_12")}
FIGURES_OF_NUMBERS = {rule: 1 for rule in FIGURES if rule != "draw_figure_3_3"}
MADE = ("collect_results", "make_table_4_1", "make_table_4_1_confidence", "make_table_comparisons")
MADE += ("make_table_calibration", "make_table_reversed")
MADE += ("record_provenance", "lay_out_reproduction", "lay_out_overview")
TABLES = {**dict.fromkeys(MADE, 1), **FIGURES_OF_NUMBERS}
CONFIGURED = {"record_configuration": 1}
"""The record of the configuration, after any change of it."""
ANOTHER_RUN = {**CONFIGURED, "record_run": 1}
"""After a change of what tables and figures name: labels, maps, the numbers of Table 4.1."""

UP_TO_SAVING = ("prepare_", "compute_", "attack_", "save_")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_finished_run_is_finished(finished):
    assert finished.planned() == {}


def test_multiplier(project):
    project.configure(lambda c: c["attacks"]["cv-pire"].update(other_multipliers=[30]))
    assert project.planned() == {
        "attack_query": Q,
        "save_queries_cv-pire": Q,
        "measure_quality": Q,
        "rank_queries": 1,
        **CONFIGURED,
        **TABLES,
    }


def test_sigma(project):
    project.configure(lambda c: c["variance"]["cv"].update(sigma=2.0))
    assert project.planned() == {
        "compute_variance": Q,
        "attack_query": Q,
        "save_queries_cv-pire": Q,
        "measure_quality": Q,
        "rank_queries": 1,
        **ANOTHER_RUN,
        **TABLES,
        "draw_figure_3_3": 1,
    }


def test_iterations(project):
    project.configure(lambda c: c["attacks"]["sd-pire"].update(iterations=3))
    assert project.planned() == {
        "attack_query": Q,
        "save_queries_sd-pire": Q,
        "measure_quality": Q,
        "rank_queries": 1,
        **ANOTHER_RUN,
        **TABLES,
    }


def test_jpeg_quality(project):
    project.configure(lambda c: c.update(saving={"quality": 90}))
    assert project.planned() == {
        "save_queries_cv-pire": Q,
        "save_queries_sd-pire": Q,
        "measure_quality": 2 * Q,
        "rank_queries": 2,
        **CONFIGURED,
        **TABLES,
    }


def test_ssim_range(project):
    project.configure(lambda c: c.update(quality={"data_range": 1.0}))
    assert project.planned() == {"measure_quality": 2 * Q, **CONFIGURED, **TABLES}


def test_average_precision_form(project):
    project.configure(lambda c: c["retrieval"].update(average_precision="sum"))
    assert project.planned() == {
        "rank_queries": 2,
        "rank_originals": 1,
        "rank_at_random": 1,
        "collect_random": 1,
        **CONFIGURED,
        **TABLES,
    }


def test_label(project):
    project.configure(lambda c: c["attacks"]["cv-pire"].update(label="Ours"))
    assert project.planned() == {**ANOTHER_RUN, **TABLES}


def test_source_of_a_plot(project):
    edit(project.folder / "workflow/cvpire/figures/against_multiplier.py", '"""', '""" ')
    assert project.planned() == {"draw_figure_4_4": 1, "lay_out_overview": 1}


@pytest.mark.parametrize("source", ["reproduction/page.md", "reproduction/verdicts.py"])
def test_source_of_the_comparison_with_the_thesis(project, source):
    path = project.folder / "workflow/cvpire" / source
    path.write_text(path.read_text() + "\n")
    assert project.planned() == {"lay_out_reproduction": 1}


def test_source_of_the_attack(project):
    edit(project.folder / "workflow/cvpire/attack/start.py", "import hashlib", "import hashlib  # touched")
    assert project.planned() == {
        "attack_query": 2 * Q,
        "save_queries_cv-pire": Q,
        "save_queries_sd-pire": Q,
        "measure_quality": 2 * Q,
        "rank_queries": 2,
        **TABLES,
    }


def test_content_of_a_query(project):
    make_photo(99, 1).save(project.folder / "photos" / f"{QUERIES[0]}.jpg", quality=95)
    assert project.planned() == {
        "prepare_query": 1,
        "compute_variance": 2,
        "attack_query": 2,
        "save_queries_cv-pire": 1,
        "save_queries_sd-pire": 1,
        "measure_quality": 2,
        "describe_shard": 1,
        "rank_originals": 1,
        "rank_queries": 2,
        **TABLES,
        "draw_figure_3_3": 1,
    }


def test_content_of_a_database_photo(project):
    make_photo(99, 3).save(project.folder / "photos" / "sea-1.jpg", quality=95)
    assert project.planned() == {"describe_shard": 1, "rank_originals": 1, "rank_queries": 2, **TABLES}


def exchange(project, name: str, photo) -> None:
    """Put another photo in the place of one as `mv` does, with a date long before the run."""
    path = project.folder / "photos" / f"{name}.jpg"
    photo.save(project.folder / "other.jpg", quality=95)
    os.utime(project.folder / "other.jpg", (10**9, 10**9))
    (project.folder / "other.jpg").rename(path)


def test_photo_exchanged_by_an_older_one(project):
    """Content decides, and the record names the photos from which the tables come."""
    exchange(project, QUERIES[0], make_photo(99, 1))
    exchange(project, "sea-1", make_photo(98, 3))
    planned = project.planned()
    assert {rule: planned[rule] for rule in ("prepare_query", "compute_variance", "attack_query")} == {
        "prepare_query": 1,
        "compute_variance": 2,
        "attack_query": 2,
    }
    assert planned["describe_shard"] in (1, 2) and planned["record_provenance"] == 1
    done = project.snakemake("all")
    assert done.returncode == 0, done.output
    record = json.loads((project.folder / "results/provenance.json").read_text())
    photos = {path.stem: path for path in (project.folder / "photos").iterdir()}
    assert record["photos"]["datasets.tiny"] == photos_checksum(photos)
    assert project.planned() == {}


def test_ground_truth_exchanged_by_an_older_one(project):
    path = project.folder / "truth.json"
    truth = json.loads(path.read_text())
    truth["queries"][QUERIES[0]]["relevant"].remove("büro 3")
    path.write_text(json.dumps(truth))
    os.utime(path, (10**9, 10**9))
    planned = project.planned()
    assert planned["list_dataset"] == planned["rank_originals"] == planned["record_provenance"] == 1
    assert "attack_query" not in planned


def test_photo_touched_without_change(project):
    for photo in (project.folder / "photos").iterdir():
        os.utime(photo)
    assert project.planned() == {}


def test_source_touched_without_change(project):
    os.utime(project.folder / "workflow/cvpire/attack/start.py")
    assert project.planned() == {}


def shards(project) -> dict[int, list[str]]:
    """Photos of each descriptor shard, by the plan of the run."""
    names = sorted(path.stem for path in (project.folder / "photos").iterdir())
    count = shard_count(len(names), SHARD_SIZE)
    members = {shard: shard_members(names, shard, count) for shard in range(count)}
    return {shard: photos for shard, photos in members.items() if photos}


def test_new_photo(project):
    """Shards whose photos stay the same stay, even where there is one shard more."""
    before = shards(project)
    make_photo(77, 3).save(project.folder / "photos" / "sea-5.jpg", quality=95)
    after = shards(project)
    changed = [shard for shard, photos in after.items() if photos != before.get(shard)]
    assert len(after) > len(before) and len(changed) < len(after)
    assert project.planned() == {
        "list_dataset": 1,
        "describe_shard": len(changed),
        "rank_originals": 1,
        "rank_queries": 2,
        "rank_at_random": 1,
        "collect_random": 1,
        **TABLES,
    }


def test_photo_removed(project):
    before = shards(project)
    (project.folder / "photos" / "sea-1.jpg").unlink()
    after = shards(project)
    assert project.planned() == {
        "list_dataset": 1,
        "describe_shard": sum(photos != before.get(shard) for shard, photos in after.items()),
        "rank_originals": 1,
        "rank_queries": 2,
        "rank_at_random": 1,
        "collect_random": 1,
        **TABLES,
    }


@pytest.mark.parametrize("suffix", [".txt", ".html"])
def test_file_that_is_no_photo(project, suffix):
    (project.folder / "photos" / f"notes{suffix}").write_text("not a photo")
    assert project.planned() == {}


def test_seed(project):
    project.configure(lambda c: c.update(seed=1))
    assert project.planned()["attack_query"] == 2 * Q
    assert "compute_variance" not in project.planned()


def test_perturbations_that_are_not_kept_never_reach_the_disk(finished, fresh):
    """An attack's job saves its queries: the same files, and after a change of saving it runs again, but nothing else.

    Its rules have the resources that a profile gives to `attack_query`.
    """
    fresh.configure(lambda c: c.update(keep_perturbations=False))
    done = fresh.snakemake("queries", "--set-resources", "attack_query:slurm_partition=gpu")
    assert done.returncode == 0, done.output
    assert len(re.findall("resources: .*gpu=1, slurm_partition=gpu", done.output)) == 2 * Q
    assert "save_queries" not in done.output and "temporary" not in done.output
    assert fresh.results("**/*.jpg") == finished.results("**/*.jpg")
    assert fresh.results("**/*.npz") == {}

    def attacked() -> dict[str, int]:
        return {rule: count for rule, count in fresh.planned("queries").items() if rule.startswith(UP_TO_SAVING)}

    again = {"attack_query_cv-pire": Q, "attack_query_sd-pire": Q}
    fresh.configure(lambda c: c.update(quality={"data_range": 1.0}))
    edit(fresh.folder / "workflow/cvpire/quality/pixels.py", '"""', '""" ')
    assert attacked() == {}
    fresh.configure(lambda c: c["attacks"]["sd-pire"].update(saving={"quality": 90}))
    assert attacked() == {"attack_query_sd-pire": Q}
    edit(fresh.folder / "workflow/cvpire/saving.py", "import io", "import io  # touched")
    assert attacked() == again
    fresh.configure(lambda c: c.pop("keep_perturbations"))
    assert attacked() == {"attack_query": 2 * Q, "save_queries_cv-pire": Q, "save_queries_sd-pire": Q}


def test_rerun_after_a_change_gives_what_a_first_run_gives(project, fresh):
    """A changed photo, run again in part, ends in the bytes of a run from nothing."""
    changed = make_photo(99, 3)
    for each in (project, fresh):
        changed.save(each.folder / "photos" / "sea-1.jpg", quality=95)
        done = each.snakemake("results/provenance.json")
        assert done.returncode == 0, done.output
    patterns = ("tiny/**/*.csv", "tables/queries.csv", "tables/table-4.1.csv", "**/*.jpg", "**/*.npy")
    assert project.results(*patterns) == fresh.results(*patterns)
    folders = [each.folder / "results" for each in (project, fresh)]
    compared = subprocess.run([CVPIRE, "compare", *folders], capture_output=True, text=True)
    assert (compared.returncode, compared.stdout) == (0, "The runs should be equal; their tables are equal.\n")
    assert str(fresh.folder) not in (folders[1] / "provenance.json").read_text()


def test_only_declared_photos_are_results(finished):
    """Saved queries are photos without metadata, one for each query, multiplier and iteration."""
    saved = sorted((finished.folder / "results/tiny/cv-pire/queries").glob("*/*.jpg"))
    assert len(saved) == Q * 4
    with Image.open(saved[0]) as image:
        assert image.size == (64, 48)
        assert not image.getexif()
