"""How long the stages of a run took."""

import json
from collections import defaultdict
from pathlib import Path


def job_times(folder: Path) -> dict[tuple[str, str], float]:
    """How long each finished job took, from what Snakemake noted in its folder.

    Parameters
    ----------
    folder : Path
        `.snakemake` of the run.

    Returns
    -------
    dict
        Seconds by rule and log, or by rule and number where a job has no log; empty where Snakemake left no notes.
    """
    jobs: dict[tuple[str, str], tuple[float, float]] = {}
    for file in folder.glob("metadata/**/*"):
        if not file.is_file():
            continue
        try:
            note = json.loads(file.read_text(encoding="utf-8"))
            # Each output has a note, and those of a job differ in milliseconds: a job is known by its log.
            job = note["rule"], " ".join(note.get("log") or []) or str(note.get("job_hash") or file.name)
            ended, began = float(note["endtime"]), float(note["starttime"])
        except (ValueError, KeyError, TypeError, OSError):
            continue
        # An output that a job no longer has keeps its note of an earlier run.
        jobs[job] = max(jobs.get(job, (ended, began)), (ended, began))
    return {job: ended - began for job, (ended, began) in jobs.items()}


def stage_times(folder: Path) -> list[tuple[str, int, float]]:
    """How long the finished jobs of each rule took together.

    Parameters
    ----------
    folder : Path
        `.snakemake` of the run.

    Returns
    -------
    list of (rule, jobs, seconds)
        The longest first; empty where Snakemake left no notes.
    """
    seconds = defaultdict(list)
    for (rule, _), took in job_times(folder).items():
        seconds[rule].append(took)
    return sorted(((rule, len(each), sum(each)) for rule, each in seconds.items()), key=lambda row: -row[2])
