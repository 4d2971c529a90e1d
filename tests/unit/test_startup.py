"""A stage imports what it computes with, and no more: a process starts for every photo."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

HEAVY = {"torch", "torchvision", "kornia", "skimage", "scipy", "pandas", "matplotlib", "numpy", "snakemake"}
RUN = """
import sys
from cvpire.cli import app
try:
    app(sys.argv[1:], standalone_mode=False)
finally:
    print(*sorted(set(sys.modules) & set({heavy!r})))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A photo, its map, a perturbation and a query saved from it."""
    folder = tmp_path_factory.mktemp("stages")
    pixels = np.random.default_rng(0).integers(0, 255, (40, 48, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "photo.png")
    for arguments in ("variance photo.png map.npy", "attack photo.png map.npy v.npz --iterations 1 --device cpu"):
        imported(folder, arguments)
    imported(folder, "save photo.png v.npz m50_T1/photo.jpg")
    return folder


def imported(folder, arguments):
    """Heavy packages in memory after a stage."""
    command = [sys.executable, "-c", RUN.format(heavy=sorted(HEAVY)), *arguments.split()]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split("\n")[-2].split())


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        ("--help", set()),
        ("attack --help", set()),
        ("prepare photo.png out.png", {"numpy"}),
        ("variance photo.png out.npy", {"numpy"}),
        ("attack photo.png map.npy out.npz --iterations 1 --device cpu", {"numpy", "torch"}),
        ("save photo.png v.npz m50_T1/out.jpg", {"numpy"}),
        ("quality photo.png m50_T1/photo.jpg", {"numpy", "scipy"}),
        ("describe shard-0.npy photo.png --device cpu", {"numpy", "torch"}),
    ],
)
def test_a_stage_imports_only_what_it_needs(folder, arguments, needed):
    assert imported(folder, arguments) == needed
