"""Where results come from: versions, device, and how long each stage took."""

import hashlib
import json
import platform
import subprocess
from collections import defaultdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PACKAGES = ("snakemake", "torch", "torchvision", "kornia", "scikit-image", "numpy", "pandas", "matplotlib", "pillow")


def facts() -> dict[str, str]:
    """What a reader needs to know to make the same results again, by name."""
    return {
        "code": _code_version(),
        "lock file (SHA-256)": _lock_checksum(),
        "Python": platform.python_version(),
        "packages": ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
        "device": _device(),
        "system": f"{platform.system()} {platform.machine()}",
    }


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


def _code_version() -> str:
    command = ["git", "-C", str(PROJECT), "describe", "--always", "--dirty", "--tags"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return f"cvpire {_version('cvpire')}, not from a git checkout"


def _lock_checksum() -> str:
    try:
        return hashlib.sha256((PROJECT / "envs" / "requirements.lock").read_bytes()).hexdigest()
    except OSError:
        return "no lock file"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return ", ".join(torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count()))
    return "processor"
