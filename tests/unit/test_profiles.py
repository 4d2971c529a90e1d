"""The profiles beside profiles/default, which they replace, leave nothing of it out, and know the rules for the GPU."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def profile(name: str) -> dict:
    return yaml.safe_load((ROOT / "profiles" / name / "config.yaml").read_text())


@pytest.mark.parametrize("name", ["slurm", "gpu"])
def test_settings_of_the_default_profile_are_carried_over(name):
    assert profile("default").items() <= profile(name).items()


def test_rules_for_the_gpu_are_sent_to_its_partition():
    rules = "\n".join(path.read_text() for path in sorted((ROOT / "rules").glob("*.smk")))
    asked = re.findall(r"^rule (\w+):(?:\n(?:    .*)?)*?\n        gpu=1", rules, flags=re.MULTILINE)
    # Those that are made for each attack have what the profile gives to one name.
    asked += re.findall(r'share_resources\(workflow, "(\w+)", name\)', rules)
    assert len(asked) == rules.count("gpu=1")

    assert {rule: "gpu" for rule in asked} == {
        rule: resources["slurm_partition"] for rule, resources in profile("slurm")["set-resources"].items()
    }
