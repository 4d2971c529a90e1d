"""Where results come from: configuration, code, packages, device, threads and inputs."""

import hashlib
import json
import platform
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cvpire import layout
from cvpire.checksums import checksum, fingerprint
from cvpire.datasets.folder import photo_tree
from cvpire.datasets.listing import read_listing
from cvpire.errors import InputError, reason
from cvpire.files import write_json
from cvpire.networks.catalogue import packages
from cvpire.retrieval.systems.catalogue import KINDS as SYSTEMS

PROJECT = Path(__file__).parents[2]
PACKAGES = ("snakemake", "torch", "torchvision", "kornia", "scikit-image", "scipy", "numpy", "pandas", "matplotlib")
PACKAGES += ("pillow", "jpeglib")
"""Those that results depend on, beside those of networks and other systems."""


def write_provenance(
    output: Path,
    configuration: Path,
    tables: Iterable[Path],
    datasets: Mapping[str, Path],
    distractors: Mapping[str, Path],
    inputs: Mapping[str, Path],
    planned: Mapping[str, str] | None = None,
) -> None:
    """Record what a run was made from, as JSON.

    Parameters
    ----------
    output : Path
        The record.
    configuration : Path
        The run's configuration as JSON, whole and validated.
    tables : iterable of Path
        The run's tables.
    datasets : mapping
        By name, the listing whose photos count.
    distractors : mapping
        By name, the folder whose photos count.
    inputs : mapping
        Further input files by what they are, like `datasets.demo.ground_truth`.
    planned : mapping, optional
        Checksums of some of the inputs, and fingerprints of photos (`datasets.demo`), as they were when the run was
        planned. Every job whose inputs had other ones before runs again, so what is so still is what was read.

    Raises
    ------
    InputError
        A file that cannot be read, a configuration that is no JSON, or an input that has changed since.
    """
    try:
        options = _configuration(configuration)
        photos = {f"datasets.{name}": read_listing(file).photos for name, file in datasets.items()}
        photos |= {f"distractors.{name}": photo_tree(folder) for name, folder in distractors.items()}
        record = provenance(options, photos, inputs, {file.name: file for file in tables})
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read ({error.strerror})") from None
    found = {name: about["sha256"] for name, about in record["photos"].items()} | record["inputs"]
    if changed := [name for name, value in (planned or {}).items() if found.get(name) != value]:
        raise InputError(
            f"{', '.join(changed)}: changed while the run was working, so nobody knows what was read; "
            "run again, what was made from the old files is made again"
        )
    write_json(output, record)


def provenance(
    configuration: Mapping[str, Any],
    photos: Mapping[str, Mapping[str, Path]],
    inputs: Mapping[str, Path],
    tables: Mapping[str, Path],
) -> dict[str, Any]:
    """Gather what a run was made from, and what its tables are.

    Parameters
    ----------
    configuration : mapping
        Whole and validated, as plain values.
    photos : mapping
        By the dataset's name, its photos by their names.
    inputs : mapping
        Further input files by what they are: ground truth, checkpoints.
    tables : mapping
        The run's tables by file name.

    Returns
    -------
    dict
        Plain values, without dates. Two runs of one project that were given the same have equal records, wherever
        their folders lie; only `configuration` holds paths, as they were given.
    """
    of_systems = (name for kind in SYSTEMS.values() for name in kind.packages)
    return {
        "version": _version("cvpire"),
        "code": code_version(),
        "lock file (SHA-256)": _lock_checksum(),
        "Python": platform.python_version(),
        "packages": {name: _version(name) for name in dict.fromkeys((*PACKAGES, *packages(), *of_systems))},
        "device": _device(configuration.get("device", "auto")),
        "processor": _processor(),
        "threads of a network": configuration.get("threads", 1) or "as many as torch chose",
        "system": f"{platform.system()} {platform.machine()}",
        "seeds": dict(_seeds(configuration)),
        "photos": {name: photos_checksum(files) for name, files in photos.items()},
        "inputs": {name: checksum(file) for name, file in inputs.items()},
        "tables": {name: checksum(file) for name, file in tables.items()},
        "configuration": dict(configuration),
    }


def facts(record: Mapping[str, Any]) -> dict[str, str]:
    """What a reader needs to know to make the same results again, by name."""
    text = ("version", "code", "lock file (SHA-256)", "Python", "device", "processor", "system")
    listed = {
        "threads of a network": [str(record.get("threads of a network", 1))],
        "packages": (f"{name} {number}" for name, number in record["packages"].items()),
        "seeds": (f"{name} {seed}" for name, seed in record["seeds"].items()),
        "photos": (f"{name}: {found['count']}, {found['sha256']}" for name, found in record["photos"].items()),
        "other inputs (SHA-256)": (f"{name}: {value}" for name, value in record["inputs"].items()),
    }
    return {name: record.get(name, "?") for name in text} | {name: "; ".join(parts) for name, parts in listed.items()}


def photos_checksum(photos: Mapping[str, Path]) -> dict[str, Any]:
    """Count photos, and fingerprint all of them: the SHA-256 of lines `SHA-256 NAME`, one a photo, sorted by name."""
    names = sorted(photos)
    with ThreadPoolExecutor(2) as pool:
        sums = pool.map(checksum, (photos[name] for name in names))
        return {"count": len(names), "sha256": fingerprint(dict(zip(names, sums, strict=True)))}


def _configuration(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(read, dict):
            raise ValueError("expected options by name")
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a configuration as JSON ({reason(error)})") from None
    return read


def _seeds(section: Any, place: str = "") -> Iterator[tuple[str, int]]:
    for key, value in section.items() if isinstance(section, Mapping) else ():
        inner = f"{place}.{key}".lstrip(".")
        if key == "seed":
            yield inner, value
        yield from _seeds(value, inner)


def code_version() -> str:
    """Say which commit of the project is there, and whether its files differ from it."""
    git = ["git", "-C", str(PROJECT)]
    asked = {"capture_output": True, "text": True, "timeout": 10}
    try:
        commit = subprocess.run([*git, "describe", "--always", "--tags"], check=True, **asked).stdout.strip()
        # Not by `describe --dirty`: whoever deletes all results deletes their README.md too, and changes no code.
        changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", ":/", f":!{layout.RESULTS}"], **asked)
        return f"{commit}-dirty" if changed.returncode else commit
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


def _device(asked: str) -> str:
    import torch

    if asked != "cpu" and torch.cuda.is_available():
        return ", ".join(torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count()))
    return "processor"


def _processor() -> str:
    try:
        known = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        known = None
    return known[1].strip() if known else platform.processor() or "unknown"
