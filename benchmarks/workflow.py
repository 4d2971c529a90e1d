"""What Snakemake adds: a whole demo against its jobs' own work, and the dry run of the thesis."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.timing import Line, process

ROOT = Path(__file__).parents[1]
SNAKEMAKE = Path(sys.executable).with_name("snakemake")

REPLAY = """
import json, os, sys, time
sys.argv = ["cvpire"]
from cvpire.cli import app
# What a job imports is part of its start, and not of its work.
import cvpire.attack.loop, cvpire.networks.network, efficientnet_lite_pytorch, pandas, scipy.ndimage, scipy.stats
import matplotlib.figure, matplotlib.backends.backend_svg, matplotlib.backends.backend_pdf
spent = {}
for rule, words in json.load(open(sys.stdin.fileno())):
    start = time.perf_counter()
    app(words, standalone_mode=False)
    spent[rule] = spent.get(rule, 0) + time.perf_counter() - start
json.dump(spent, sys.stdout)
"""


def lines() -> list[Line]:
    """Run the demo with all cores, then its jobs' commands once more in one process on one thread."""
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as temporary:
        folder = copy_of_the_project(Path(temporary) / "project")
        seconds, _ = process([SNAKEMAKE, "--cores", str(cores), "all"], cwd=folder)
        jobs = commands(folder)
        own = replay(folder, jobs)
    work = sum(own.values())
    return [
        Line(
            "demo, all cores", seconds * cores, "its jobs' own work, one core", work, seconds * cores / work, "<= 1.5"
        ),
        Line("a job of the demo, beside its own work", (seconds * cores - work) / len(jobs)),
        *(Line(f"own work of {rule}", spent) for rule, spent in sorted(own.items(), key=lambda item: -item[1])[:6]),
    ]


def dry_run(rounds: int = 3) -> list[Line]:
    """The dry run of the thesis, whose DAG has 1,923 jobs."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = copy_of_the_project(Path(temporary) / "project")
        command = [SNAKEMAKE, "--dry-run", "--quiet", "all", "--configfile", "config/thesis.yaml"]
        return [Line("dry run of the thesis", median(process(command, folder)[0] for _ in range(rounds)), goal="<= 10")]


def copy_of_the_project(folder: Path) -> Path:
    """The workflow without results, which uses the installed package."""
    folder.mkdir()
    shutil.copy2(ROOT / "Snakefile", folder)
    for part in ("rules", "config", "profiles", "envs", "workflow"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    return folder


def commands(folder: Path) -> list[tuple[str, list[str]]]:
    """Rule and `cvpire` arguments of each job of a finished run, in the order in which they started."""
    records = []
    for file in (folder / ".snakemake" / "metadata").rglob("*"):
        if file.is_file():
            record = json.loads(file.read_text())
            records.append((record["starttime"], record["rule"], record["shellcmd"]))
    found = {command: (start, rule) for start, rule, command in records if command}
    return [
        (rule, shlex.split(command.partition(" 2> ")[0])[1:])
        for command, (start, rule) in sorted(found.items(), key=lambda item: item[1])
    ]


def replay(folder: Path, jobs: list[tuple[str, list[str]]]) -> dict[str, float]:
    """Seconds of each rule's jobs when one process on one thread runs them all."""
    done = subprocess.run(
        [sys.executable, "-c", REPLAY],
        input=json.dumps(jobs),
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])
