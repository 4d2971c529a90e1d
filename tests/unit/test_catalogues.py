"""The thesis's tables and figures against what the workflow makes."""

import pytest
import yaml
from cvpire.config import load_config
from cvpire.figures.catalogue import CATALOGUE as FIGURES
from cvpire.sources import sources
from cvpire.tables.catalogue import CATALOGUE as TABLES

from tests.workflow.conftest import ROOT

THESIS_FIGURES = {
    *("1.2", "2.13", "2.14", "3.1", "3.2", "3.3"),
    *(f"4.{number}" for number in range(1, 13)),
    *(f"A.{number}" for number in range(1, 5)),
}
"""Figures that show photos, results or something computed. 1.1 and 2.1 to 2.12 are diagrams and pictures of others."""


@pytest.fixture(scope="module")
def demo():
    return load_config(yaml.safe_load((ROOT / "config" / "config.yaml").read_text()))


def test_every_figure_of_the_thesis_can_be_drawn():
    assert set(FIGURES) == THESIS_FIGURES


def test_the_demo_draws_every_figure_and_makes_both_tables(demo):
    assert set(demo.figures) == THESIS_FIGURES
    assert {"4.1", "4.2"} <= set(TABLES)
    assert set(demo.tables) == {"4.2"}


def test_every_entry_names_a_module_and_says_what_it_shows():
    for package, catalogue in (("figures", FIGURES), ("tables", TABLES)):
        for name, entry in catalogue.items():
            caption = entry.title if package == "figures" else entry.caption
            assert caption.endswith("."), name
            assert sources(f"{package}.{entry.module}"), name


def test_every_known_need_is_one_that_the_rules_serve():
    known = {"results", "random", "listing", "photo", "photos", "map", "maps"}
    assert set().union(*(entry.needs for entry in FIGURES.values())) == known
