"""The thesis's tables and figures against what the workflow makes."""

from importlib import import_module

import pytest
import yaml
from cvpire.config import FigureOptions, load_config
from cvpire.figures.catalogue import CATALOGUE as FIGURES
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
    assert set(FIGURES) >= THESIS_FIGURES


def test_the_demo_draws_every_figure_and_makes_both_tables(demo):
    assert set(demo.figures) == THESIS_FIGURES
    assert {"4.1", "4.2"} <= set(TABLES)
    assert set(demo.tables) == {"4.2"}


def test_every_figure_names_a_module_that_draws_and_says_what_it_shows():
    for number, figure in FIGURES.items():
        assert figure.title.endswith("."), number
        assert callable(import_module(f"cvpire.figures.{figure.module}").draw), number
        assert set(figure.options) <= set(FigureOptions.model_fields), number


def test_every_table_names_a_function_and_says_what_it_shows():
    for name, table in TABLES.items():
        assert table.caption.endswith("."), name
        module, function = table.make.split(":")
        assert callable(getattr(import_module(f"cvpire.tables.{module}"), function)), name


def test_tables_are_made_when_there_is_something_to_show(demo):
    always = {"4.1", "4.1-confidence", "4.2", "4.2-confidence", "4.2-comparisons", "differences"}
    assert {name for name, table in TABLES.items() if table.when(demo)} == always | {"comparisons"}
    alone = demo.model_copy(update={"attacks": {"cv-pire": demo.attacks["cv-pire"]}})
    assert not TABLES["comparisons"].when(alone)
    revisited = load_config(
        demo.model_dump(exclude={"datasets", "figures"}) | {"datasets": {"set": {"kind": "roxford5k"}}}
    )
    assert TABLES["difficulties"].when(revisited)
    asked_for = {name for name, table in TABLES.items() if table.section == "4.2"}
    assert asked_for == {"4.2", "4.2-confidence", "4.2-comparisons"}
    assert [name for name, table in TABLES.items() if not table.wanted] == ["differences"]


def test_every_need_is_one_that_the_plan_serves():
    known = {"results", "random", "listing", "originals", "adversarial", "maps"}
    assert set().union(*(figure.needs for figure in FIGURES.values())) == known
    assert set().union(*(table.needs for table in TABLES.values())) == {"random"}
