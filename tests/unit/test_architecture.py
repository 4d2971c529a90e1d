"""Rooms import what docs/architecture.md allows, each is named there, and none has grown too large."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "workflow" / "cvpire"
LONGEST = 350


def lint(package: Path, scratch: Path) -> subprocess.CompletedProcess:
    """Check the contracts in pyproject.toml on a copy of the package."""
    command = [Path(sys.executable).with_name("lint-imports"), "--config", ROOT / "pyproject.toml", "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(package.parent)}
    return subprocess.run(command, cwd=scratch, env=environment, text=True, capture_output=True)


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "cvpire", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "cvpire"


def test_rooms_import_what_they_may(copy, tmp_path):
    done = lint(copy, tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("quality/pixels.py", "from cvpire.config import QualityOptions", "Rooms import from those below them"),
        ("variance/colour.py", "import cvpire.quality.compare", "Rooms import from those below them"),
        ("tables/making.py", "import cvpire.figures.style", "Rooms import from those below them"),
        ("attack/catalogue.py", "import torch", "What is read before a run"),
        ("plan/outputs.py", "import pandas", "What is read before a run"),
    ],
)
def test_another_import_is_found(copy, tmp_path, file, line, contract):
    with (copy / file).open("a", encoding="utf-8") as module:
        module.write(f"\n{line}\n")

    done = lint(copy, tmp_path)

    assert done.returncode != 0
    assert [words for words in done.stdout.splitlines() if words.startswith(contract) and "BROKEN" in words]


def test_every_room_is_described():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {path.name + "/" * path.is_dir() for path in PACKAGE.iterdir() if path.name[0] != "_"}
    assert len(rooms) > 20
    assert [room for room in sorted(rooms) if f"`{room}`" not in text] == []


def test_no_module_is_longer_than_a_person_reads_at_once():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    assert [str(path) for path, lines in lengths.items() if lines > LONGEST] == []


def test_commands_are_adapters():
    """What computes lies elsewhere: a command has few lines behind its docstring."""
    for path in (PACKAGE / "cli").glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and any("command" in ast.unparse(d) for d in node.decorator_list):
                body = [part for part in node.body if not isinstance(part, ast.Expr | ast.ImportFrom)]
                lines = sum(part.end_lineno - part.lineno + 1 for part in body)
                assert lines <= 15, f"{path.name}: {node.name} has {lines} lines"
