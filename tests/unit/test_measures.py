"""One definition of what is measured."""

from importlib import import_module

import numpy as np
import pytest
from cvpire import measures
from cvpire.config import QualityOptions
from cvpire.measures import MEASURES, QUALITY
from cvpire.quality.compare import quality


def test_columns_are_told_apart():
    listed = (*measures.RETRIEVAL, *QUALITY, *measures.DIFFICULTIES)
    assert len(MEASURES) == len(listed)
    assert list(MEASURES) == [measure.column for measure in listed]


@pytest.mark.parametrize("measure", QUALITY, ids=lambda measure: measure.column)
def test_an_unchanged_photo_has_the_value_that_the_entry_says(measure):
    photo = np.random.default_rng(0).integers(0, 256, (16, 20, 3), dtype=np.uint8)
    assert quality(photo, photo, QualityOptions(), [measure.column]) == {measure.column: measure.unchanged}


@pytest.mark.parametrize("measure", QUALITY, ids=lambda measure: measure.column)
def test_a_worse_photo_has_a_worse_value(measure):
    generator = np.random.default_rng(1)
    photo = generator.integers(60, 190, (32, 40, 3), dtype=np.uint8)
    noise = generator.integers(-3, 4, photo.shape)
    near, far = ((photo + strength * noise).astype(np.uint8) for strength in (1, 8))
    values = [quality(photo, altered, QualityOptions())[measure.column] for altered in (near, far)]
    assert values == sorted(values, reverse=measure.better == "high") and values[0] != values[1]


@pytest.mark.parametrize("measure", QUALITY, ids=lambda measure: measure.column)
def test_every_function_is_there(measure):
    module, _, name = measure.function.partition(":")
    assert callable(getattr(import_module(f"cvpire.quality.{module}"), name))


def test_places_name_what_they_show():
    assert [measure.column for measure in measures.shown_in("comparisons")] == ["ap", "ssim"]
    assert [measure.label for measure in measures.shown_in("confidence")] == [
        "mAP (eq. 4.1)",
        "mAP (trapezoid)",
        "mSSIM (range 1)",
        "mSSIM (range 2)",
    ]
    known = {"confidence", "comparisons", "differences", "overview"}
    assert set().union(*(measure.shown for measure in MEASURES.values())) == known


def test_an_axis_has_its_unit():
    assert MEASURES["ap"].axis == "mAP (%)"
    assert MEASURES["ssim"].axis == "mSSIM"
