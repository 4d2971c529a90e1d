"""Paths under results/, and the names of variants."""

from pathlib import Path
from string import Formatter

import pytest
from cvpire import layout
from hypothesis import given
from hypothesis import strategies as st

TEMPLATES = {name: value for name, value in vars(layout).items() if name.isupper() and isinstance(value, str)}


def test_templates_lie_in_the_two_folders_of_a_run():
    paths = {name: value for name, value in TEMPLATES.items() if "/" in value}
    assert len(paths) > 15
    assert all(value.startswith(("results/", "resources/")) for value in paths.values())
    assert len(set(paths.values())) == len(paths)


def test_a_template_is_filled_below_any_folder():
    names = {"dataset": "demo-a", "map": "cv", "photo": "büro 1"}
    assert layout.path(layout.VARIANCE, **names) == Path("results/demo-a/variance/cv/büro 1.npy")
    assert layout.path(layout.VARIANCE, "/tmp/other", **names) == Path("/tmp/other/demo-a/variance/cv/büro 1.npy")


def test_folders_of_attacks_and_of_other_things_do_not_meet():
    """What a dataset's folder holds besides attacks is refused as an attack's name, and so for datasets."""
    of_dataset = [value.split("/")[2:] for value in TEMPLATES.values() if value.startswith("results/{dataset}/")]
    beside_attacks = {parts[0] for parts in of_dataset if len(parts) > 1 and parts[0] != "{attack}"}
    assert beside_attacks | {layout.PLAIN} == layout.FOLDERS_OF_A_DATASET
    fixed = {value.split("/")[1] for value in TEMPLATES.values() if value.startswith("results/") and "/" in value[8:]}
    assert {name for name in fixed if not name.startswith("{")} | {"logs"} == layout.FOLDERS


@pytest.mark.parametrize(
    ("output", "log"),
    [
        (layout.VARIANCE, "results/logs/{dataset}/variance/{map}/{photo}.log"),
        (layout.DESCRIPTORS, "results/logs/{dataset}/descriptors/{victim}/shard-{shard}.log"),
        ("results/tables/table-4.1", "results/logs/tables/table-4.1.log"),
        ("results/figures/figure-A.4", "results/logs/figures/figure-A.4.log"),
        ("results/tables/table-4.2-confidence", "results/logs/tables/table-4.2-confidence.log"),
    ],
)
def test_a_log_is_named_like_what_its_job_makes(output, log):
    assert layout.log(output) == log
    assert {field for _, field, _, _ in Formatter().parse(log) if field} == {
        field for _, field, _, _ in Formatter().parse(output) if field
    }


@given(st.integers(1, 10**6) | st.floats(0, exclude_min=True, allow_infinity=False), st.integers(1, 10**6))
def test_a_variant_is_read_as_it_was_written(multiplier, iteration):
    folder = layout.variant(multiplier, iteration)
    assert layout.read_variant(Path(folder, "photo.jpg")) == (multiplier, iteration)
    assert "/" not in folder


@pytest.mark.parametrize(
    ("multiplier", "folder"),
    [(50, "m50_T100"), (50.0, "m50_T100"), (0.1, "m0.1_T100"), (42.857142, "m42.857142_T100"), (1e16, "m1e+16_T100")],
)
def test_a_folder_has_as_many_digits_as_the_multiplier_needs(multiplier, folder):
    assert layout.variant(multiplier, 100) == folder


@pytest.mark.parametrize("folder", ["queries", "m50", "m50_T", "m50_T1_old", "xm50_T1", ""])
def test_other_folders_say_no_variant(folder):
    assert layout.read_variant(Path(folder, "photo.jpg")) is None
