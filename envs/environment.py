"""Print the conda environment file: the project's direct dependencies, with the lock file's pins (`make lock`)."""

import re
import tomllib
from itertools import chain
from pathlib import Path

HERE = Path(__file__).parent
PYTHON = "3.11"


def pins(lock: str) -> dict[str, str]:
    """Versions in a lock file by package; of several for different Pythons the first, which is for 3.11."""
    found: dict[str, str] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==([^\s;]+)", lock, flags=re.MULTILINE):
        found.setdefault(name, version)
    return found


def environment() -> str:
    """The text of environment.yaml."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    locked = pins((HERE / "requirements.lock").read_text())
    names = sorted(re.match(r"[a-z0-9-]+", requirement)[0] for requirement in wanted)
    head = f"""\
# Made by `make lock` from pyproject.toml and requirements.lock; the same pins, for those who work with conda:
#   conda env create -f envs/environment.yaml && conda activate cvpire && pip install --no-deps -e .
# All packages come by pip, because torch and torchvision must come from one registry as a pair.
name: cvpire
channels:
  - conda-forge
dependencies:
  - python={PYTHON}
  - pip
  - pip:
"""
    return head + "".join(f"      - {name}=={locked[name]}\n" for name in names)


if __name__ == "__main__":
    print(environment(), end="")
