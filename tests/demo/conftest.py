"""The finished demo, as `make demo` leaves it."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.workflow.conftest import ROOT

CONFIG = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())


def attacks_on(dataset: str) -> list[str]:
    """Attacks that the demo runs on a dataset."""
    return CONFIG["datasets"][dataset].get("attacks", list(CONFIG["attacks"]))


@pytest.fixture(scope="session")
def demo() -> Path:
    """Folder of the demo's results."""
    folder = ROOT / "results"
    assert (folder / "report.zip").is_file() and (folder / "demo-a").is_dir(), "no finished demo; run `make demo` first"
    return folder


@pytest.fixture(scope="session")
def measured(demo) -> pd.DataFrame:
    """Everything that was measured: one row a query, attack, multiplier, iteration, system and transformation."""
    return pd.read_csv(demo / "tables" / "queries.csv")


@pytest.fixture(scope="session")
def queries(measured) -> pd.DataFrame:
    """What the thesis is about: queries before and after attacks, as saved, ranked by the attacked network."""
    as_saved = (measured["transformation"] == "none") & (measured["attack"] != "plain")
    return measured[
        as_saved & (measured["victim"] == measured["network"]) & (measured["victim"] == "efficientnet-lite0")
    ]
