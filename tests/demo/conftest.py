"""The finished demo, as `make demo` leaves it."""

from pathlib import Path

import pandas as pd
import pytest

from tests.workflow.conftest import ROOT


@pytest.fixture(scope="session")
def demo() -> Path:
    """Folder of the demo's results."""
    folder = ROOT / "results"
    assert (folder / "report.zip").is_file() and (folder / "demo-a").is_dir(), "no finished demo; run `make demo` first"
    return folder


@pytest.fixture(scope="session")
def queries(demo) -> pd.DataFrame:
    """Everything that was measured, one row a query, attack, multiplier and iteration."""
    return pd.read_csv(demo / "tables" / "queries.csv")
