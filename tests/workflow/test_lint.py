"""What Snakemake's own linter says of the rules."""

import re
import subprocess

from tests.workflow.conftest import ROOT, SNAKEMAKE

SOFTWARE = "Specify a conda environment or container for each rule."
"""It asks for this of every rule. Here one environment, of `make setup`, runs Snakemake and all jobs."""


def test_snakemakes_linter_asks_for_nothing_else():
    done = subprocess.run([SNAKEMAKE, "--lint"], cwd=ROOT, capture_output=True, text=True)
    # Without a finding it has not seen the rules: a broken Snakefile fails here too.
    assert set(re.findall(r"^    \* (.*):$", done.stderr, flags=re.MULTILINE)) == {SOFTWARE}, done.stderr
