"""The lock file, the conda environment and the editors' schema are in step with what they are made from."""

import re
import runpy
from pathlib import Path

from cvpire import config

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "envs" / "requirements.lock").read_text()
ENVIRONMENT = runpy.run_path(str(ROOT / "envs" / "environment.py"))


def test_every_locked_package_has_hashes():
    packages = re.findall(r"^[a-z0-9-]+==.*$", LOCK, flags=re.MULTILINE)
    assert len(packages) > 50
    for package in packages:
        assert package.endswith("\\"), f"{package} has no hash"
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", LOCK)) >= len(packages)


def test_lock_names_no_index():
    assert "://" not in LOCK
    assert "index-url" not in LOCK and "find-links" not in LOCK


def test_conda_environment_has_the_pins_of_the_lock():
    written = (ROOT / "envs" / "environment.yaml").read_text()
    assert written == ENVIRONMENT["environment"](), "run `make lock`"
    locked = ENVIRONMENT["pins"](LOCK)
    pinned = dict(re.findall(r"- ([a-z0-9-]+)==(\S+)", written))
    assert pinned.items() <= locked.items()
    assert {"torch", "torchvision", "snakemake", "kornia", "scikit-image"} <= set(pinned)


def test_torch_and_torchvision_are_a_pair():
    locked = ENVIRONMENT["pins"](LOCK)
    # torchvision 0.N is built for torch 2.(N - 15).
    assert int(locked["torchvision"].split(".")[1]) - 15 == int(locked["torch"].split(".")[1])


def test_schema_file_is_in_step():
    assert (ROOT / "config" / "schema.json").read_text() == config.schema(), "run `cvpire schema config/schema.json`"
