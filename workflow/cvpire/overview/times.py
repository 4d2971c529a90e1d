"""How long the stages of a run took."""

import json
from collections import defaultdict
from pathlib import Path


def stage_times(folder: Path) -> list[tuple[str, int, float]]:
    """How long the finished jobs of each rule took, from what Snakemake noted in its folder.

    Parameters
    ----------
    folder : Path
        `.snakemake` of the run.

    Returns
    -------
    list of (rule, jobs, seconds)
        The longest first; empty where Snakemake left no notes. Numbered rules of one stage count as one.
    """
    spans: dict[str, set[tuple[float, float]]] = defaultdict(set)
    for file in folder.glob("metadata/**/*"):
        if not file.is_file():
            continue
        try:
            note = json.loads(file.read_text(encoding="utf-8"))
            # All outputs of a job have its times.
            spans[note["rule"]].add((float(note["starttime"]), float(note["endtime"])))
        except (ValueError, KeyError, TypeError, OSError):
            continue
    times = [(rule, len(jobs), sum(end - start for start, end in jobs)) for rule, jobs in spans.items()]
    return sorted(times, key=lambda row: -row[2])
