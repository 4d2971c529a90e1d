"""Published methods compared by measures that see colour, on artefacts made here."""

import numpy as np
import pandas as pd
import pytest
import skimage.data
from cvpire import layout
from cvpire.audit.artefacts import PLAIN, run_audit
from cvpire.audit.colour import compare_colour
from cvpire.audit.report import write_audit
from cvpire.config import QualityOptions
from cvpire.errors import InputError
from cvpire.measures import MEASURES, shown_in
from cvpire.photos import load_photo
from cvpire.quality.compare import quality
from PIL import Image
from scipy.stats import wilcoxon

COLOUR = [measure.column for measure in shown_in("colour")]
NAMES = ["arch_1", "door_2", "gate_3"]
STRENGTHS = {"CV-PIRE": 4, "SD-PIRE": 8, "PIRE": 16}


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory):
    """Photos of 120 x 128 pixels, and noise on them that grows from method to method."""
    folder, generator = tmp_path_factory.mktemp("artefacts"), np.random.default_rng(0)
    photos, published = folder / "photos", folder / "published"
    for place in (photos, *(published / method for method in STRENGTHS)):
        place.mkdir(parents=True)
    for number, name in enumerate(NAMES):
        photo = skimage.data.astronaut()[:120, 128 * number :][:, :128]
        Image.fromarray(photo).save(photos / f"{name}.jpg", quality=95)
        for method, strength in STRENGTHS.items():
            noisy = (photo + generator.normal(0, strength, photo.shape)).clip(0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(published / method / f"{name}.jpg", quality=75)
    Image.fromarray(photo).save(photos / "unpublished.jpg")
    return photos, published


@pytest.fixture(scope="module")
def audit(artefacts):
    return run_audit(*artefacts, colour=True)


def test_every_query_and_plain_jpeg_is_measured(artefacts, audit):
    seen = []
    again = run_audit(*artefacts, lambda done, steps: seen.append((done, steps)), colour=True)

    pd.testing.assert_frame_equal(again, audit)
    assert seen == [(done, 21) for done in range(1, 22)], "9 queries twice, and 3 photos saved plainly"
    of_colour = audit[audit["metric"].isin(COLOUR)]
    sizes = of_colour.groupby(["method", "metric"]).size().to_dict()
    assert sizes == {(method, column): 3 for method in (*STRENGTHS, PLAIN) for column in COLOUR}
    assert of_colour["corrected"].notna().all() and of_colour["published"].isna().all()


@pytest.mark.parametrize("method", ["SD-PIRE", PLAIN])
def test_values_are_those_of_the_files(artefacts, audit, tmp_path, method):
    photos, published = artefacts
    photo, path = load_photo(photos / "door_2.jpg"), published / method / "door_2.jpg"
    if method == PLAIN:
        path = tmp_path / "plain.jpg"
        Image.fromarray(photo).save(path, quality=75, subsampling="4:2:0")

    expected = quality(photo, load_photo(path), QualityOptions(), COLOUR)

    found = audit[(audit["photo"] == "door_2") & (audit["method"] == method)].set_index("metric")["corrected"]
    assert found[COLOUR].to_dict() == expected


def test_losses_are_against_plain_jpeg(audit):
    table = compare_colour(audit).set_index(["measure", "first", "second"])

    assert len(table) == 3 * len(COLOUR)
    assert (table["loss of first"] < table["loss of second"]).all(), "noise grows from method to method"
    assert (table["first better on"] == 3).all() and (table["photos"] == 3).all()
    for column in ("ssimulacra2", "mdsi"):  # better where high, and where low
        measure = MEASURES[column]
        values = audit[audit["metric"] == column].pivot(index="photo", columns="method", values="corrected")
        sign = 1 if measure.better == "high" else -1
        loss = sign * (values[PLAIN] - values["PIRE"])
        row = table.loc[(measure.label, "CV-PIRE", "PIRE")]
        assert row[PLAIN] == pytest.approx(values[PLAIN].mean())
        assert row["loss of second"] == pytest.approx(loss.mean())
        assert row["difference"] == pytest.approx(row["loss of second"] - row["loss of first"])
        assert row["low"] <= row["difference"] <= row["high"]


def test_tests_are_over_photos():
    """Eight of nine photos are better under one method, by amounts that no two share."""
    gains = np.array([1, 2, 3, 4, 5, 6, 7, 8, -9]) / 100
    rows = [
        {"photo": str(number), "method": method, "metric": column, "corrected": 0.5 + share * gain}
        for column in COLOUR
        for number, gain in enumerate(gains)
        for method, share in (("one", 1), ("two", 0), (PLAIN, 0))
    ]

    table = compare_colour(pd.DataFrame(rows)).set_index("measure")

    assert table["first better on"].to_dict() == {
        MEASURES[column].label: 8 if MEASURES[column].better == "high" else 1 for column in COLOUR
    }
    assert table["sign p"].to_numpy() == pytest.approx(2 * (1 + 9) / 2**9)
    assert table["Wilcoxon p"].to_numpy() == pytest.approx(wilcoxon(gains).pvalue)
    assert table["Holm p"].to_numpy() == pytest.approx(7 * wilcoxon(gains).pvalue), "of seven equal tests"


def test_everything_is_written(artefacts, audit, tmp_path):
    out, colour = tmp_path / "audit.csv", tmp_path / "colour"

    write_audit(*artefacts, out, colour=colour)

    pd.testing.assert_frame_equal(pd.read_csv(out), audit, check_dtype=False)
    assert {path.name for path in tmp_path.iterdir()} == {
        "audit.csv",
        *(f"colour{suffix}" for suffix in layout.TABLE_SUFFIXES),
    }
    assert "SSIMULACRA2" in (tmp_path / "colour.md").read_text()


def test_one_method_is_compared_with_nothing(artefacts, tmp_path):
    (tmp_path / "PIRE").mkdir()
    (tmp_path / "PIRE" / "arch_1.jpg").write_bytes((artefacts[1] / "PIRE" / "arch_1.jpg").read_bytes())

    with pytest.raises(InputError, match=f"{tmp_path}: comparing methods .* takes two; found PIRE"):
        run_audit(artefacts[0], tmp_path, colour=True)


def test_a_photo_that_is_too_small_is_named(artefacts, tmp_path):
    photos, published = tmp_path / "photos", tmp_path / "published"
    for folder in (photos, published / "CV-PIRE", published / "PIRE"):
        folder.mkdir(parents=True)
        Image.new("RGB", (60, 40)).save(folder / "arch_1.jpg")

    with pytest.raises(InputError, match=r"CV-PIRE/arch_1.jpg: .* is too small for ssimulacra2"):
        run_audit(photos, published, colour=True)
