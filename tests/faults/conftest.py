"""A finished miniature of the project that faults are injected into, and the table of what was injected."""

import shutil
import subprocess
from collections import Counter
from random import SystemRandom

import pytest
from filelock import FileLock

from tests.workflow.conftest import Project, new_project


def pytest_addoption(parser):
    parser.addoption("--injections", type=int, default=0, help="how many faults to inject (default: none)")
    parser.addoption("--fault-seed", type=int, default=None, help="repeat the injections of an earlier run")


def pytest_configure(config):
    # Here, because the processes of pytest-xdist must share it.
    if config.getoption("fault_seed", default=None) is None:
        config.option.fault_seed = SystemRandom().randrange(10**6)


def pytest_report_header(config):
    return f"faults: --fault-seed {config.option.fault_seed}"


def pytest_terminal_summary(terminalreporter, config):
    counts = {
        outcome: Counter(
            value
            for report in terminalreporter.getreports(outcome)
            for key, value in report.user_properties
            if key == "fault"
        )
        for outcome in ("passed", "failed", "skipped")
    }
    kinds = sorted(set().union(*counts.values()))
    if kinds:
        terminalreporter.section(f"faults injected (--fault-seed {config.option.fault_seed})")
        for kind in kinds:
            numbers = "".join(f"{counts[outcome][kind]:9d}" for outcome in counts)
            terminalreporter.write_line(f"{kind:28s}{numbers}")
        totals = "".join(f"{counts[outcome].total():9d}" for outcome in counts)
        terminalreporter.write_line(f"{'':28s}{totals}   ({', '.join(counts)})")


def shrink(config: dict) -> None:
    """One attack and two figures: every stage is there, and a whole run takes some ten seconds."""
    config["attacks"].pop("sd-pire")
    config["figures"] = {"3.3": {}, "4.4": {}}


@pytest.fixture(scope="session")
def reference(tmp_path_factory, worker_id) -> Project:
    """What an undisturbed run gives, one for all test processes. Do not change it: take `project`."""
    base = tmp_path_factory.getbasetemp()
    root = base if worker_id == "master" else base.parent
    with FileLock(root / "reference.lock"):
        folder, marker = root / "reference", root / "reference.done"
        if not marker.exists():
            shutil.rmtree(folder, ignore_errors=True)
            project = new_project(folder)
            project.configure(shrink)
            done = project.snakemake("all")
            assert done.returncode == 0, done.output
            marker.touch()
    return Project(folder)


@pytest.fixture
def project(reference, tmp_path) -> Project:
    """A finished project of the test's own, with the dates of its files."""
    subprocess.run(["cp", "-a", reference.folder, tmp_path / "project"], check=True)
    yield Project(tmp_path / "project")
    shutil.rmtree(tmp_path / "project")
