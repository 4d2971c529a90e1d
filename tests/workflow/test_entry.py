"""The workflow is found in two places, and is the same from both."""

import re
import subprocess

import pytest

from tests.workflow.conftest import ROOT, SNAKEMAKE


def jobs(*arguments: str) -> list[str]:
    """Shell commands and named jobs of a dry run of the demo, as they are in any order."""
    command = [SNAKEMAKE, "-n", "--forceall", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    planned = re.findall(
        r"^(?:local)?rule (\S+):$|^Shell command: (.*)$", done.stdout + done.stderr, flags=re.MULTILINE
    )
    return sorted(rule or shell for rule, shell in planned)


@pytest.mark.parametrize("arguments", [[], ["--configfile", "config/config.yaml"]])
def test_both_snakefiles_plan_the_same_jobs(arguments):
    planned = jobs(*arguments)
    assert len(planned) > 100
    assert jobs("-s", "workflow/Snakefile", *arguments) == planned
