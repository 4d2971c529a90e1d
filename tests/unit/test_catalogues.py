"""The thesis's tables and figures against what the workflow makes."""

from importlib import import_module

import pytest
import yaml
from cvpire.config import FigureOptions, load_config
from cvpire.figures.catalogue import CATALOGUE as FIGURES
from cvpire.plan import outputs
from cvpire.plan.run import Plan
from cvpire.tables.catalogue import CATALOGUE as TABLES

from tests import thesis
from tests.workflow.conftest import ROOT

OF_THE_THESIS = ("config", "thesis", "thesis-text")
"""Configurations that make all of it."""


@pytest.fixture(scope="module")
def demo():
    return load_config(yaml.safe_load((ROOT / "config" / "config.yaml").read_text()))


def test_every_figure_of_the_thesis_can_be_drawn():
    assert set(FIGURES) >= thesis.FIGURES.keys()


@pytest.mark.parametrize("name", OF_THE_THESIS)
def test_a_configuration_of_the_thesis_has_every_table_and_figure_and_its_methods(name):
    plan = Plan.read(ROOT / "config" / f"{name}.yaml")
    of_ours = {"survival", "map-against-quality", "side-by-side"} if name == "config" else set()
    assert set(plan.config.figures) == thesis.FIGURES.keys() | of_ours
    made = outputs.tables(plan)
    assert set(made) >= thesis.TABLES
    assert {"4.1-confidence", "comparisons", "4.2-confidence", "4.2-comparisons"} <= set(made)
    ours = ["Robust CV-PIRE"] if name == "config" else []
    assert [plan.run().attacks[attack].label for attack in plan.config.compared] == [*thesis.METHODS, *ours]
    (fast,) = outputs.figure_options(plan, "A.4").attacks
    assert fast not in plan.config.compared, "PIRE at another learning rate is in figure A.4 alone"
    assert plan.config.attacks[fast].learning_rate == plan.config.attacks["cv-pire"].learning_rate


@pytest.mark.parametrize("name", ["thesis", "thesis-text"])
def test_the_thesis_is_computed_on_the_datasets_of_its_captions(name):
    plan = Plan.read(ROOT / "config" / f"{name}.yaml")
    for number, expected in thesis.FIGURES.items():
        assert outputs.figure_labels(plan, number)["dataset"] == ", ".join(expected), number
    shown = {number: outputs.figure_options(plan, number) for number in thesis.FIGURES}
    assert len(shown["4.7"].maps) == 3
    # Captions of 4.3, 4.4 and A.1, Table 4.1, caption of A.4.
    cv, sd, pire, fast = plan.config.attacks.values()
    assert set(range(10, 151, 10)) <= set(cv.checkpoints) and shown["4.4"].iterations == 150
    assert (cv.iterations, sd.iterations, pire.iterations, fast.iterations) == (100, 100, 500, 500)
    assert (cv.multiplier, sd.multipliers) == (50, [*range(42, 51)])
    assert plan.config.audit.dataset == "oxford5k"


def test_both_configurations_of_the_thesis_are_the_same_but_for_the_preset():
    """What is not a setting that text and code differ in, the one file has as the other."""
    files = [ROOT / "config" / f"{name}.yaml" for name in ("thesis", "thesis-text")]
    released, text = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in files)
    assert (released.pop("preset"), text.pop("preset")) == ("released", "text")
    assert released == text
    bodies = [file.read_text(encoding="utf-8").partition("\nseed:")[2] for file in files]
    assert bodies[0] and bodies[0] == bodies[1], "comments too"


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
    always = {"4.1", "4.1-confidence", "4.2", "4.2-confidence", "4.2-comparisons", "reversed", "differences"}
    of_systems = {"transformations", "transformations-confidence", "systems", "systems-confidence"}
    made = always | of_systems | {"calibration", "comparisons", "quality", "quality-order"}
    assert {name for name, table in TABLES.items() if table.when(demo)} == made
    one = demo.model_copy(update={"datasets": {"demo-b": demo.datasets["demo-b"]}})
    assert {name for name, table in TABLES.items() if table.when(one)} == always | {"calibration", "comparisons"}
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
