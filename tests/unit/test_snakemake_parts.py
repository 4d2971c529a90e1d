"""What the workflow replaces in Snakemake is what it was written for, and is still needed."""

import asyncio
import hashlib
import inspect
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from pkgutil import resolve_name
from types import SimpleNamespace

import pytest
from cvpire import snakemake_parts
from snakemake import logging
from snakemake.cli import parse_config
from snakemake.persistence import PersistenceBase
from snakemake.settings.types import ConfigSettings, ResourceSettings

ROOT = Path(__file__).parents[2]

SOURCES = {
    # What is replaced, and what calls it.
    "persistence:PersistenceBase.incomplete": "296794e1d8569dde",
    "dag:DAG.incomplete_files": "282bf35a0cf8b566",
    "dag:DAG.check_incomplete": "29292729683e30d8",
    "logging:show_logs": "b1308c0ca98b8f66",
    "logging:DefaultFormatter._format_job_error": "e5ad1c0aab5e6127",
    # What is called instead.
    "persistence:PersistenceBase.metadata": "577378a271d69715",
    "persistence:PersistenceBase.input_checksums": "4f9f793c779c199a",
    "io:_IOFile.exists": "43311be64594a635",
    "io:_IOFile.mtime": "fe7ba8f8ee1e42fc",
    "io:_IOFile.checksum": "cc344b5b1a5e355b",
    "jobs:Job.output_mintime": "b7b45c26508fd80f",
    # What the command line gave.
    "settings.types:ConfigSettings._get_config_args": "d9f5ff50810cdb67",
    "cli:parse_config": "f4261a2bc2b18264",
    # Where resources are given to rules.
    "settings.types:ResourceSettings": "5a9a60109fb777c2",
    "workflow:Workflow.rule": "ce069995aaa085af",
    # The limit that is lifted, and when `onstart` is called.
    "scheduling.job_scheduler:JobScheduler.schedule": "9f32db93a39bd96f",
    "scheduling.job_scheduler:JobScheduler.job_selector": "11a654075403acf2",
    "workflow:Workflow.execute": "ab01c47606d43dd9",
}
"""The beginning of the SHA-256 of the source of each."""


def source_hash(name: str) -> str:
    import_module("snakemake.api")  # before Snakemake's other modules, which import each other in a circle
    found = resolve_name(f"snakemake.{name}")
    return hashlib.sha256(inspect.getsource(getattr(found, "fget", found)).encode()).hexdigest()[:16]


@pytest.fixture
def replaced(monkeypatch):
    """Snakemake with the functions replaced, for one test."""
    monkeypatch.setattr(PersistenceBase, "incomplete", snakemake_parts.snakemake_incomplete)
    monkeypatch.setattr(logging, "show_logs", snakemake_parts.snakemake_show_logs)
    snakemake_parts.replace()


def test_it_was_written_for_the_snakemake_that_is_installed_and_pinned():
    assert ".".join(version("snakemake").split(".")[:2]) == snakemake_parts.WRITTEN_FOR
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (pin,) = [line for line in project["dependencies"] if line.startswith("snakemake")]
    major, minor = map(int, snakemake_parts.WRITTEN_FOR.split("."))
    assert pin == f"snakemake>={major}.{minor},<{major}.{minor + 1}"


@pytest.mark.parametrize("name", SOURCES)
def test_snakemake_has_not_changed_underneath(name):
    """On failure: read what has changed, mend cvpire.snakemake_parts, run the faults and Slurm tests, note the hash."""
    assert source_hash(name) == SOURCES[name]


def test_the_other_logs_of_a_failed_job_are_shown(replaced, tmp_path):
    for name, text in {"empty": "", "slurm": "exceeded memory limit"}.items():
        (tmp_path / name).write_text(text)
    logs = [tmp_path / name for name in ("absent", "empty", "slurm")]
    assert "exceeded memory limit" not in "\n".join(snakemake_parts.snakemake_show_logs(logs)), "no longer needed"
    shown = "\n".join(logging.show_logs(logs))
    assert f"{tmp_path / 'absent'} not found" in shown
    assert f"{tmp_path / 'empty'}: empty file" in shown
    assert "exceeded memory limit" in shown


class File(str):
    """An output file, as Snakemake knows it."""

    def __new__(cls, name, time=0.0, sum="sha256:1"):
        file = super().__new__(cls, name)
        file.time, file.sum = time, sum
        return file

    async def exists(self):
        return self.time is not None

    async def mtime(self):
        return SimpleNamespace(local=lambda: self.time)

    async def checksum(self, largest):
        return self.sum


class Job:
    """A job with these outputs, made at a time; or one that has read a file, of which it knows the checksum."""

    def __init__(self, *output, rule="save", time=2.0, known="sha256:1"):
        self.output, self.rule, self.time, self.known = output, SimpleNamespace(name=rule), time, known

    @property
    async def output_mintime(self):
        return self.time


def incomplete(file: File, *readers: Job, endtime: float | None = 1.0, marked=()) -> list[str]:
    """Outputs that are made again, of a job with one output."""
    job = Job(file)
    notes = SimpleNamespace(
        dag=SimpleNamespace(depending={job: {reader: {file} for reader in readers}}),
        metadata=lambda _: None if endtime is None else SimpleNamespace(endtime=endtime),
        input_checksums=lambda reader, _: {reader.known},
        max_checksum_file_size=10**8,
        _get_key=str,
        _filter_incomplete_keys=set(marked).intersection,
    )
    return asyncio.run(PersistenceBase.incomplete(notes, job))


def test_a_file_that_has_changed_since_is_made_again(replaced):
    assert incomplete(File("map", time=3.0, sum="sha256:2"), Job(), Job(time=None)) == ["map"]


@pytest.mark.parametrize(
    ("file", "readers", "endtime"),
    [
        (File("map", time=1.0, sum="sha256:2"), [Job()], 1.0),  # the date of its job
        (File("map", time=3.0), [Job()], 1.0),  # the same content
        (File("map", time=3.0, sum="sha256:2"), [], 1.0),  # nobody knows what it was
        (File("map", time=3.0, sum="sha256:2"), [Job(time=None)], 1.0),
        (File("map", time=3.0, sum="sha256:2"), [Job(known=None)], 1.0),
        (File("map", time=3.0, sum="sha256:2"), [Job()], None),  # not made by a job
        (File("map", time=3.0, sum=None), [Job()], 1.0),  # too large for a checksum
        (File("map", time=None), [Job()], 1.0),
    ],
)
def test_other_files_stay(replaced, file, readers, endtime):
    assert incomplete(file, *readers, endtime=endtime) == []


def test_what_nothing_is_made_from_goes_by_its_date(replaced):
    assert incomplete(File("table", time=3.0), Job(rule="tables", time=None)) == ["table"]
    assert incomplete(File("table", time=1.0), Job(rule="tables", time=None)) == []


def test_half_done_files_are_made_again_as_ever(replaced):
    assert incomplete(File("map", time=1.0), Job(), marked=["map"]) == ["map"]


def test_entries_of_the_command_line_are_given_as_they_were_written():
    entries = ["folder=007", "set=attacks.cv-pire.multiplier=30", "set=seed=1"]
    assert parse_config(entries) == {"folder": 7, "set": "seed=1"}, "else it is no longer needed"
    with pytest.raises(ValueError, match="must start with a valid identifier"):
        parse_config(["attacks.cv-pire.multiplier=30"])
    settings = ConfigSettings(config=parse_config(entries), config_args=entries)
    assert snakemake_parts.given(SimpleNamespace(config_settings=settings)) == entries
    assert snakemake_parts.given(SimpleNamespace(config_settings=ConfigSettings())) == []


def test_a_rule_has_the_resources_of_another_unless_it_has_its_own():
    given = {"attack_query": {"slurm_partition": "gpu"}, "attack_query_pire": {"slurm_partition": "large"}}
    workflow = SimpleNamespace(resource_settings=ResourceSettings(overwrite_resources=given))
    for name in ("attack_query", "attack_query_pire", "attack_query_sd-pire"):
        snakemake_parts.share_resources(workflow, "attack_query", name)
    snakemake_parts.share_resources(workflow, "describe_shard", "describe_others")
    found = workflow.resource_settings._parsed_overwrite_resources
    partitions = {rule: resources["slurm_partition"].value for rule, resources in found.items()}
    assert partitions == {"attack_query": "gpu", "attack_query_pire": "large", "attack_query_sd-pire": "gpu"}


def test_the_limit_of_submissions_is_lifted():
    scheduler = SimpleNamespace(job_rate_limiter=object())
    snakemake_parts.lift_rate_limit(SimpleNamespace(scheduler=scheduler))
    assert scheduler.job_rate_limiter is None


SNAKEFILE = """
import threading

timers, Timer = [], threading.Timer
threading.Timer = lambda *arguments: timers.append(arguments) or Timer(*arguments)

def checked(function, *arguments):
    return function(*arguments)

include: "rules/recovery.smk"

rule all:
    input: [f"{number}.txt" for number in range(4)]

rule one:
    output: "{number}.txt"
    shell: "echo > {output}"

onsuccess:
    print(len(timers), "timers")
"""


def test_the_rules_lift_it_before_the_first_job(tmp_path):
    """Each round of the scheduler would set a timer, and each timer starts a round."""
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    for text, timers in ((SNAKEFILE, "0 timers"), (SNAKEFILE.replace("include:", "#"), r"[1-9]\d* timers")):
        (tmp_path / "Snakefile").write_text(text)
        command = [sys.executable, "-m", "snakemake", "--cores", "1", "--forceall"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert re.search(f"^{timers}$", done.stdout, flags=re.MULTILINE)
