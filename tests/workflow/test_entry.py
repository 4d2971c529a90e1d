"""The workflow is found in two places, and is the same from both; another workflow can use it as a module."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.workflow.conftest import ROOT, SNAKEMAKE

MODULE = """
configfile: "config/config.yaml"

module thesis:
    snakefile: {snakefile!r}
    config: config

use rule * from thesis as {prefix}*
"""


def jobs(*arguments: str, folder: Path = ROOT) -> list[str]:
    """Rules and shell commands of a dry run of the demo, as they are in any order."""
    command = [SNAKEMAKE, "-n", "-p", "--forceall", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = re.findall(r"^(?:local)?rule (.+):$|^Shell command: (.+)$", done.stdout + done.stderr, flags=re.MULTILINE)
    # Rules that only gather files have no command.
    return sorted(rule or shell for rule, shell in lines if shell != "None")


@pytest.fixture(scope="module")
def planned():
    """Jobs of a plain call."""
    found = jobs()
    assert "all" in found
    assert len(found) > 300
    return found


@pytest.mark.parametrize("arguments", [[], ["--configfile", "config/config.yaml"]])
def test_both_snakefiles_plan_the_same_jobs(planned, arguments):
    assert jobs("-s", "workflow/Snakefile", *arguments) == planned


@pytest.mark.parametrize("prefix", ["", "thesis_"])
def test_a_module_plans_the_same_jobs(planned, tmp_path, prefix):
    (tmp_path / "Snakefile").write_text(MODULE.format(snakefile=str(ROOT / "workflow" / "Snakefile"), prefix=prefix))
    (tmp_path / "config").mkdir()
    shutil.copy2(ROOT / "config" / "config.yaml", tmp_path / "config")

    found = jobs(folder=tmp_path)

    shells = [line for line in planned if " " in line]
    assert [line for line in found if " " in line] == shells
    assert sorted(set(found) - set(shells)) == sorted({f"{prefix}{rule}" for rule in planned if " " not in rule})
