"""One definition of what is measured."""

from importlib import import_module

import numpy as np
import pytest
import skimage.data
from cvpire import measures
from cvpire.config import QualityOptions
from cvpire.measures import MEASURES, QUALITY
from cvpire.quality.compare import quality


def test_columns_are_told_apart():
    listed = (*measures.RETRIEVAL, *measures.REVERSED, *QUALITY, *measures.DIFFICULTIES)
    assert len(MEASURES) == len(listed)
    assert list(MEASURES) == [measure.column for measure in listed]


@pytest.mark.parametrize("measure", QUALITY, ids=lambda measure: measure.column)
def test_an_unchanged_photo_has_the_value_that_the_entry_says(measure):
    photo = skimage.data.astronaut()[::4, ::3]
    same = quality(photo, photo, QualityOptions(), [measure.column])
    assert same == {measure.column: pytest.approx(measure.unchanged, abs=1e-5)}


@pytest.mark.parametrize("measure", QUALITY, ids=lambda measure: measure.column)
def test_a_worse_photo_has_a_worse_value(measure):
    photo = skimage.data.astronaut()[::4, ::3]
    share = np.random.default_rng(1).uniform(-1, 1, photo.shape)
    noisy = [np.rint(photo + levels * share).clip(0, 255).astype(np.uint8) for levels in (2, 4, 8, 16)]
    values = [quality(photo, altered, QualityOptions(), [measure.column])[measure.column] for altered in noisy]
    gains = np.diff(values) if measure.better == "low" else -np.diff(values)
    assert (gains > 0).all(), values


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
    assert [measure.column for measure in measures.shown_in("colour")] == [
        "ssim",
        "ciede2000",
        "ssimulacra2",
        "vsi",
        "mdsi",
        "fsimc",
        "haarpsi",
    ]
    known = {"confidence", "comparisons", "differences", "overview", "colour"}
    assert set().union(*(measure.shown for measure in MEASURES.values())) == known


def test_an_axis_has_its_unit():
    assert MEASURES["ap"].axis == "mAP (%)"
    assert MEASURES["ssim"].axis == "mSSIM"
