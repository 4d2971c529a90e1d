"""A copy of the project with three small scenes, run once; tests change one thing and ask what runs again."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import yaml
from filelock import FileLock
from PIL import Image

ROOT = Path(__file__).parents[2]
SNAKEMAKE = Path(sys.executable).with_name("snakemake")

CONFIG = {
    "preset": "released",
    "datasets": {
        "tiny": {"kind": "folder", "folder": "photos", "ground_truth": "truth.json", "decoder": "libjpeg-turbo"}
    },
    "networks": {"lite0": {"architecture": "efficientnet-lite0"}},
    "variance": {"cv": {"kind": "colour", "kernel_size": 3}, "sd": {"kind": "luminance"}},
    "attacks": {
        "cv-pire": {
            "network": "lite0",
            "variance": "cv",
            "multiplier": 50,
            "other_multipliers": [20],
            "iterations": 2,
            "other_iterations": [1],
        },
        "sd-pire": {"network": "lite0", "variance": "sd", "iterations": 2},
    },
    "retrieval": {"shard_size": 4},
    "figures": {"3.3": {}, "4.3": {}, "4.4": {}, "4.6": {}, "4.12": {}},
}
QUERIES = ["büro 1", "tree-1"]


class Run(NamedTuple):
    """Exit status and output of a finished run."""

    returncode: int
    output: str


class Project:
    """A checkout of the project in a folder of its own, with its configuration and photos."""

    def __init__(self, folder: Path):
        self.folder = folder

    def start(self, *arguments: str, cores: int = 2, stdout=subprocess.PIPE) -> subprocess.Popen:
        """Start snakemake in the checkout, on its own copy of the package."""
        return subprocess.Popen(
            [SNAKEMAKE, "--cores", str(cores), *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder / "workflow")},
            text=True,
            stdout=stdout,
            stderr=subprocess.STDOUT,
        )

    def snakemake(self, *arguments: str, cores: int = 2) -> Run:
        """Run snakemake to its end."""
        running = self.start(*arguments, cores=cores)
        output, _ = running.communicate()
        return Run(running.returncode, output)

    def planned_files(self, *arguments: str) -> set[str]:
        """Files under results/ that the jobs of a run would write, but logs."""
        done = self.snakemake("--dry-run", "all", *arguments)
        assert done.returncode == 0, done.output
        outputs = re.findall(r"^    output: (.*)$", done.output, flags=re.MULTILINE)
        return {file.removeprefix("results/") for files in outputs for file in files.split(", ")}

    def planned(self, *arguments: str) -> dict[str, int]:
        """Rules that a run would execute, with the number of jobs."""
        done = self.snakemake("--dry-run", "all", *arguments)
        assert done.returncode == 0, done.output
        stats = re.search(r"^job +count\n[- ]+\n(.*?)^total", done.output, flags=re.MULTILINE | re.DOTALL)
        if not stats:
            assert "Nothing to be done" in done.output
            return {}
        counts = {name: int(count) for name, count in re.findall(r"^(\S+) +(\d+)$", stats[1], flags=re.MULTILINE)}
        return {name: count for name, count in counts.items() if name not in ("all", "tables", "figures")}

    def configure(self, change) -> None:
        """Apply a function to the configuration."""
        path = self.folder / "config" / "config.yaml"
        config = yaml.safe_load(path.read_text())
        change(config)
        path.write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))

    def results(self, *patterns: str) -> dict[str, bytes]:
        """Contents of result files, without logs."""
        root = self.folder / "results"
        return {
            str(path.relative_to(root)): path.read_bytes()
            for pattern in patterns or ["**/*"]
            for path in sorted(root.glob(pattern))
            if path.is_file() and "logs" not in path.parts
        }


def make_photo(seed: int, scene: int) -> Image.Image:
    """A small picture: photos of one scene share their coarse pattern."""
    coarse = np.random.default_rng(scene).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    fine = np.random.default_rng(1000 + seed).integers(-25, 25, (48, 64, 3))
    pixels = np.asarray(Image.fromarray(coarse).resize((64, 48), Image.Resampling.BICUBIC)) + fine
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def new_project(folder: Path, config: dict = CONFIG) -> Project:
    """Copy the project and give it three scenes of three photos."""
    folder.mkdir(parents=True)
    for part in ("Snakefile", "rules", "workflow", "profiles", "envs"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
        ignore = {"ignore": shutil.ignore_patterns("__pycache__", "*.egg-info")} if (ROOT / part).is_dir() else {}
        copy(ROOT / part, folder / part, **ignore)
    (folder / "config").mkdir()
    shutil.copy2(ROOT / "config" / "downloads.yaml", folder / "config")
    (folder / "config" / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    (folder / "photos").mkdir()
    scenes = {"büro 1": 1, "büro 2": 1, "büro 3": 1, "tree-1": 2, "tree-2": 2, "tree-3": 2, "sea-1": 3, "sea-2": 3}
    for seed, (name, scene) in enumerate(scenes.items()):
        make_photo(seed, scene).save(folder / "photos" / f"{name}.jpg", quality=95)
    truth = {
        query: {"relevant": [name for name, scene in scenes.items() if scene == scenes[query]]} for query in QUERIES
    }
    (folder / "truth.json").write_text(json.dumps({"queries": truth}))
    return Project(folder)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, worker_id) -> Project:
    """A project whose run has finished, one for all test processes. Do not change it: take `project`."""
    base = tmp_path_factory.getbasetemp()
    root = base if worker_id == "master" else base.parent
    with FileLock(root / "finished.lock"):
        folder, marker = root / "finished" / "project with space", root / "finished.done"
        if not marker.exists():
            shutil.rmtree(folder, ignore_errors=True)
            done = new_project(folder).snakemake("all")
            assert done.returncode == 0, done.output
            marker.touch()
    return Project(folder)


@pytest.fixture
def project(finished, tmp_path) -> Project:
    """A finished project of the test's own, to change."""
    shutil.copytree(finished.folder, tmp_path / "project with space", dirs_exist_ok=True)
    return Project(tmp_path / "project with space")


@pytest.fixture
def fresh(tmp_path) -> Project:
    """A project that has not been run."""
    return new_project(tmp_path / "fresh")
