"""A real Slurm, started once, and small projects to run on it."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.slurm.cluster import NoSlurm, Slurm, install
from tests.workflow.conftest import SNAKEMAKE, Project, new_project

# For this Slurm alone: it has no accounting database to ask, and its jobs are short.
OF_THIS_SLURM = ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "3"]


def pytest_collection_modifyitems(items):
    """Mark the tests of this folder, which plain pytest leaves out: they install and start Slurm."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("slurm")


class SlurmProject(Project):
    """A checkout whose jobs Slurm runs."""

    def __init__(self, folder: Path, slurm: Slurm, faults: dict[str, str] | None = None):
        super().__init__(folder)
        self.running: list[subprocess.Popen] = []
        self.environment = {
            **slurm.environment,
            "PYTHONPATH": os.pathsep.join([str(folder / "workflow"), str(Path(__file__).parent / "faults")]),
            "FAULTS": json.dumps(faults or {}),
        }

    def start(self, *arguments: str, cores: int = 2) -> subprocess.Popen:
        """Start snakemake in the checkout, with the profile for Slurm."""
        options = ["--workflow-profile", "profiles/slurm", "--local-cores", str(cores), *OF_THIS_SLURM]
        started = subprocess.Popen(
            [SNAKEMAKE, *options, *arguments],
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.running.append(started)
        return started


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """A running Slurm, or a skip that says why there is none."""
    try:
        install()
    except NoSlurm as reason:
        pytest.skip(str(reason))
    cluster = Slurm(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def small_project(folder: Path) -> Project:
    """A project of one query, whose name needs quoting, and two attacks, without figures."""

    def smaller(config: dict) -> None:
        config["datasets"]["tiny"]["queries"] = ["büro 1"]
        config.update(figures={}, device="cpu")

    project = new_project(folder)
    project.configure(smaller)
    return project


@pytest.fixture(scope="session")
def local(tmp_path_factory) -> Project:
    """The project, finished without Slurm."""
    project = small_project(tmp_path_factory.mktemp("local") / "project")
    done = project.snakemake("all")
    assert done.returncode == 0, done.output
    return project


@pytest.fixture
def copy(slurm, local, tmp_path):
    """Makes a copy of the finished project, whose jobs Slurm runs with faults."""
    made = []

    def make(faults: dict[str, str]) -> SlurmProject:
        shutil.copytree(local.folder, tmp_path / "project")
        made.append(SlurmProject(tmp_path / "project", slurm, faults))
        return made[-1]

    yield make
    for project in made:
        for running in project.running:
            running.kill()
