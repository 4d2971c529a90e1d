"""The workflow on a real Slurm, by profiles/slurm: what a night there may bring, and what the next call makes of it."""

import os
import re
import shutil
import signal
import subprocess
from typing import NamedTuple

import pytest

from tests.slurm.cluster import wait_for
from tests.slurm.conftest import SlurmProject, small_project
from tests.workflow.conftest import SNAKEMAKE, Run

RESULTS = ("tables/*", "tiny/**/*.jpg", "tiny/**/*.csv")


def rule(job: dict[str, str]) -> str:
    """The rule of a job, as Snakemake notes it in Slurm's comment."""
    return re.match(r"rule_(.+?)(?:_wildcards|$)", job["Comment"])[1]


class Night(NamedTuple):
    """Two calls on Slurm, the first with a photo in the database that is none, and the jobs of each."""

    project: SlurmProject
    first: Run
    first_jobs: list[dict[str, str]]
    second: Run
    second_jobs: list[dict[str, str]]


@pytest.fixture(scope="module")
def night(slurm, tmp_path_factory) -> Night:
    project = SlurmProject(small_project(tmp_path_factory.mktemp("night") / "project").folder, slurm)
    photo = project.folder / "photos" / "sea-1.jpg"
    shutil.move(photo, project.folder / "kept.jpg")
    photo.write_bytes(b"no photo")
    before = len(slurm.jobs())
    first = project.snakemake("all", "--retries", "0")
    middle = len(slurm.jobs())
    shutil.copyfile(project.folder / "kept.jpg", photo)
    second = project.snakemake("all")
    jobs = slurm.jobs()
    return Night(project, first, jobs[before:middle], second, jobs[middle:])


def test_a_failed_job_is_reported_with_its_message_and_the_log_that_has_it(night):
    assert night.first.returncode == 1
    assert "cvpire: error: photos/sea-1.jpg: not a photo" in night.first.output
    assert "results/logs/tiny/descriptors/lite0/shard-" in night.first.output


def test_what_does_not_depend_on_the_failed_job_is_finished(night):
    failed = [rule(job) for job in night.first_jobs if job["JobState"] == "FAILED"]
    assert failed == ["describe_shard"]
    assert sorted(map(rule, night.first_jobs)) == [
        *2 * ["attack_query"],
        *2 * ["describe_shard"],
        *2 * ["measure_quality"],
        "save_queries_cv-pire",
        "save_queries_sd-pire",
    ]


def test_the_next_call_runs_only_what_is_missing(night):
    assert night.second.returncode == 0, night.second.output
    assert sorted(map(rule, night.second_jobs)) == ["describe_shard", "rank_originals", "rank_queries", "rank_queries"]
    assert night.project.planned("--workflow-profile", "profiles/default", "--executor", "local") == {}


def test_results_are_those_of_a_run_without_slurm(night, local):
    results = night.project.results(*RESULTS)
    assert len(results) > 20
    assert results == local.results(*RESULTS)


def test_jobs_for_the_gpu_get_one_in_its_partition(night):
    jobs = night.first_jobs + night.second_jobs
    on_gpu = [job for job in jobs if job["Partition"] == "gpu"]
    assert {rule(job) for job in on_gpu} == {"attack_query", "describe_shard", "rank_originals", "rank_queries"}
    assert {job.get("TresPerJob") for job in on_gpu} == {"gres:gpu:1"}
    assert {(job["Partition"], job.get("TresPerJob")) for job in jobs if job not in on_gpu} == {("cpu", None)}


def forget(project: SlurmProject, *parts: str) -> None:
    for part in parts:
        shutil.rmtree(project.folder / "results" / part)


CANCELLED = "attack results/tiny/original/büro 1.png results/tiny/variance/cv"
TOO_LONG = "attack results/tiny/original/büro 1.png results/tiny/variance/sd"
TOO_LARGE = "quality results/tiny/original/büro 1.png results/tiny/cv-pire"


def test_cancelled_and_too_long_and_too_large_jobs_are_tried_again(copy, slurm, local):
    project = copy({CANCELLED: "hang", TOO_LONG: "hang", TOO_LARGE: "swell"})
    profile = project.folder / "profiles" / "slurm" / "config.yaml"
    profile.write_text(profile.read_text().replace("60 * attempt", "1 * attempt"))
    wanted = ["tiny/cv-pire/quality/büro 1.csv", "tiny/sd-pire/perturbation/büro 1.npz"]
    forget(project, "tiny/cv-pire", "tiny/sd-pire", "tables")
    before = len(slurm.jobs())

    running = project.start(*(f"results/{file}" for file in wanted))
    wait_for((project.folder / "fault-0").exists, 120, "the job to cancel")
    (victim,) = [
        job["JobId"]
        for job in slurm.jobs()[before:]
        if job["JobState"] == "RUNNING" and rule(job) == "attack_query" and "cv-pire" in job["Comment"]
    ]
    slurm.call("scancel", victim)
    output, _ = running.communicate()

    assert running.returncode == 0, output
    jobs = slurm.jobs()[before:]
    assert sorted((rule(job), job["JobState"]) for job in jobs if job["JobState"] != "COMPLETED") == [
        ("attack_query", "CANCELLED"),
        ("attack_query", "TIMEOUT"),
        ("measure_quality", "FAILED"),
    ]
    for state in ("CANCELLED", "TIMEOUT", "FAILED"):
        assert f"SLURM status is: '{state}'" in output
    assert "exceeded memory limit" in output
    measured = [job for job in jobs if rule(job) == "measure_quality"]
    assert [job["MinMemoryNode"] for job in measured] == ["4000M", "8000M"]
    assert project.results(*wanted) == local.results(*wanted)


def test_an_interrupted_run_leaves_no_jobs_behind(copy, slurm, local):
    project = copy({CANCELLED: "hang"})
    forget(project, "tiny/cv-pire", "tables")

    running = project.start("queries")
    wait_for((project.folder / "fault-0").exists, 120, "a job that runs")
    running.send_signal(signal.SIGINT)
    running.communicate()

    assert running.returncode != 0
    wait_for(lambda: not slurm.call("squeue", "--noheader"), 30, "the end of the jobs")
    again = project.snakemake("queries")
    assert again.returncode == 0, again.output
    assert project.results("tiny/**/*.jpg") == local.results("tiny/**/*.jpg")


def test_the_pilot_stops_in_time_and_goes_on_when_submitted_again(slurm, local, tmp_path):
    project = SlurmProject(small_project(tmp_path / "project").folder, slurm)
    environment = {**project.environment, "PATH": os.pathsep.join([str(SNAKEMAKE.parent), project.environment["PATH"]])}
    before = len(slurm.jobs())

    def submit(*options: str) -> None:
        size = ["--cpus-per-task=2", "--mem=8G", "--gpus=2"]
        command = ["sbatch", *options, *size, "profiles/gpu/pilot.sh", "all"]
        subprocess.run(command, cwd=project.folder, env=environment)

    submit()
    wait_for(lambda: project.results("tiny/variance/**/*.npy"), 60, "the first results")
    # What Slurm sends some minutes before the end of a job's time.
    slurm.call("scancel", "--batch", "--signal=TERM", slurm.jobs()[-1]["JobId"])
    wait_for(lambda: slurm.jobs()[-1]["JobState"] not in ("RUNNING", "COMPLETING"), 120, "the end of the pilot")
    assert not (project.folder / "results" / "tables" / "table-4.1.csv").exists()
    submit("--wait")

    assert [(job["JobState"], job["Partition"]) for job in slurm.jobs()[before:]] == [
        ("FAILED", "gpu"),
        ("COMPLETED", "gpu"),
    ]
    first, second = (path.read_text() for path in sorted(project.folder.glob("pilot-*.log")))
    assert "Will exit after finishing currently running jobs" in first
    assert "Error in rule" not in first
    assert first.count("rule compute_variance:") + second.count("rule compute_variance:") == 2
    assert "gpu=2" in second
    assert project.results(*RESULTS) == local.results(*RESULTS)
