"""What has been damaged or lost is made again, and nothing else; `make test-faults` does this at random."""

import os

import pytest

from tests.workflow.conftest import QUERIES

# One process for these tests: they share a finished run of the workflow.
pytestmark = pytest.mark.xdist_group("reruns")

QUERY = f"tiny/cv-pire/queries/m50_T2/{QUERIES[1]}.jpg"


@pytest.mark.parametrize(
    ("file", "rule"),
    [
        (f"tiny/original/{QUERIES[1]}.png", "prepare_query"),
        (f"tiny/variance/cv/{QUERIES[1]}.npy", "compute_variance"),
        (f"tiny/cv-pire/perturbation/{QUERIES[1]}.npz", "attack_query"),
        (QUERY, "save_queries_cv-pire"),
        (f"tiny/cv-pire/quality/{QUERIES[1]}.csv", "measure_quality"),
        ("tiny/cv-pire/retrieval/lite0.csv", "rank_queries"),
        ("tables/queries.csv", "collect_results"),
        ("tables/table-4.1.csv", "make_table_4_1"),
    ],
)
def test_a_damaged_file_is_made_again_by_its_own_job(project, file, rule):
    path = project.folder / "results" / file
    path.write_bytes(path.read_bytes()[:-1])
    planned = project.planned()
    assert planned[rule] == 1
    assert "list_dataset" not in planned
    assert next(iter(planned)) == rule, "what comes before it stays"


@pytest.mark.parametrize("suffix", ["md", "tex"])
def test_a_damaged_table_is_made_again(project, suffix):
    path = project.folder / "results" / "tables" / f"table-4.1.{suffix}"
    path.write_bytes(path.read_bytes()[:-1])
    again = {"record_provenance": 1, "lay_out_reproduction": 1, "lay_out_overview": 1}
    assert project.planned() == {"make_table_4_1": 1, **again}


def test_new_dates_are_no_damage(project):
    """A copy without dates costs no more than tables and figures."""
    for path in (project.folder / "results").rglob("*.*"):
        os.utime(path)
    assert not {
        rule
        for rule in project.planned()
        if not rule.startswith(("make_table", "draw_", "collect_", "record_", "lay_"))
    }


def test_lost_names_of_descriptors(project):
    (project.folder / "results/tiny/descriptors/lite0/shard-000.txt").unlink()
    project.configure(lambda c: c["retrieval"].update(average_precision="sum"))
    assert project.planned()["describe_shard"] == 1


def test_lost_query_that_the_overview_shows(project):
    (project.folder / "results" / QUERY).unlink()
    project.configure(lambda c: c["attacks"]["cv-pire"].update(label="Ours"))
    assert project.planned()["save_queries_cv-pire"] == 1
