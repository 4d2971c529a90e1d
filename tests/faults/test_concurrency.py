"""Several runs at once, and several jobs at once."""

import subprocess
import time

import pytest

from tests.faults.conftest import shrink
from tests.faults.faults import kill_all, running
from tests.faults.test_faults import results
from tests.workflow.conftest import Project, new_project


def rerun(project: Project) -> None:
    """Leave a project some work."""
    for path in [*project.folder.glob("results/*/*/queries/*/*.jpg"), *project.folder.glob("results/tables/*")]:
        path.unlink()


def test_a_second_run_in_a_folder_says_so_and_stops(project, reference):
    rerun(project)
    with running(project) as first:
        wait_for_lock(project, first)
        second = project.snakemake("all")
        assert first.poll() is None
        assert second.returncode != 0
        assert f"another run is working here (process {first.pid}" in second.output
        assert "Wait until it has finished, or stop it" in second.output
        unlock = project.snakemake("--unlock")
        third = project.snakemake("all")
        assert unlock.returncode == 0
        assert third.returncode != 0, "--unlock does not help against a run that lives"
        assert first.wait() == 0
    assert results(project) == results(reference)


def test_runs_that_start_together(project, reference):
    """One of them works, whichever is first; Snakemake's own lock may let both through."""
    rerun(project)
    runs = [project.start("all", stdout=subprocess.DEVNULL) for _ in range(3)]
    codes = [run.wait() for run in runs]
    assert 0 in codes
    assert results(project) == results(reference)


def test_what_a_killed_run_leaves_does_not_stop_the_next(project, reference):
    rerun(project)
    with running(project) as run:
        wait_for_lock(project, run)
        kill_all(run)
    assert list(project.folder.glob(".snakemake/locks/*.lock")), "nothing was left"
    done = project.snakemake("all")
    assert done.returncode == 0, done.output
    assert results(project) == results(reference)


def test_a_lock_from_another_machine_is_respected(project):
    """Whether a run on another machine lives is not known here."""
    rerun(project)
    with running(project) as run:
        wait_for_lock(project, run)
        kill_all(run)
    (project.folder / ".snakemake" / "run.lock").write_text("process 1 on elsewhere")
    done = project.snakemake("all")
    assert done.returncode != 0
    assert "--unlock" in done.output
    assert project.snakemake("--unlock").returncode == 0
    assert project.snakemake("all").returncode == 0


def wait_for_lock(project, run):
    while not list(project.folder.glob(".snakemake/locks/*.lock")):
        assert run.poll() is None
        time.sleep(0.01)


def use_the_demo(config: dict) -> None:
    """Small photos of a demo dataset, which are made under resources/."""
    config["datasets"] = {"demo": {"kind": "demo", "part": "a", "longest_side": 64}}
    config["attacks"] = {"cv-pire": {"network": "lite0", "variance": "cv", "iterations": 1}}
    config["figures"] = {}


@pytest.mark.parametrize("delay", [0, 2, 5])
def test_two_folders_share_their_resources(tmp_path, delay):
    """The later run makes again what it has found missing; it does not take it away from the first."""
    (tmp_path / "shared").mkdir()
    projects = [new_project(tmp_path / name) for name in ("one", "two")]
    targets = ("results/demo/original/retrieval/lite0.csv", "results/demo/dataset.json")
    runs = []
    for project in projects:
        (project.folder / "resources").symlink_to("../shared")
        project.configure(use_the_demo)
        runs.append(project.start(*targets, stdout=subprocess.DEVNULL))
        time.sleep(delay)
    assert [run.wait() for run in runs] == [0, 0]
    one, two = (project.results() for project in projects)
    assert one == two
    assert one
    for project in projects:
        assert "Nothing to be done" in project.snakemake("--dry-run", *targets).output


def two_datasets(config: dict) -> None:
    """The photos a second time, as another dataset."""
    config["datasets"]["copy"] = dict(config["datasets"]["tiny"])


def test_two_datasets_and_any_number_of_cores(reference, tmp_path):
    """Results do not depend on what else runs, nor on how much of it at a time."""
    found = {}
    for cores in (1, 4):
        project = new_project(tmp_path / f"cores-{cores}")
        project.configure(shrink)
        project.configure(two_datasets)
        done = project.snakemake("all", cores=cores)
        assert done.returncode == 0, done.output
        found[cores] = results(project)
    assert found[1] == found[4]
    alone = {name: data for name, data in results(reference).items() if name.startswith("tiny/")}
    assert alone == {name: data for name, data in found[1].items() if name.startswith("tiny/")}
    copied = {name.replace("copy/", "tiny/", 1): data for name, data in found[1].items() if name.startswith("copy/")}
    assert copied.keys() == alone.keys()
