"""results/README.md names each kind of file that the workflow writes, and commands that exist."""

import re
from pathlib import Path

import pytest
import typer
from cvpire import layout
from cvpire.cli.frame import app

README = (Path(__file__).parents[2] / "results" / "README.md").read_text(encoding="utf-8")
SUFFIX = re.compile(r"(\.\w+|\{suffix\})$")
PATHS = sorted(
    {
        value.removeprefix("results/")
        for name, value in vars(layout).items()
        if name.isupper() and isinstance(value, str) and value.startswith("results/")
    }
)


@pytest.mark.parametrize("path", PATHS)
def test_a_path_of_the_layout_is_explained(path):
    named = re.findall(r"^\| (`.+?) \|", README, flags=re.MULTILINE)
    stems = {SUFFIX.sub("", stem) for cell in named for stem in re.findall("`([^`]+)`", cell)}
    assert any(stem == SUFFIX.sub("", path) or stem.startswith(SUFFIX.sub("", path)) for stem in stems)


def test_its_commands_exist():
    commands = set(re.findall(r"`cvpire ([\w-]+)`", README))
    assert commands and commands <= typer.main.get_command(app).commands.keys()


def test_its_suffixes_are_those_that_are_written():
    row = next(line for line in README.splitlines() if line.startswith("| `tables/{file}"))
    assert [suffix for suffix in layout.TABLE_SUFFIXES if f"{suffix}`" not in row] == []
