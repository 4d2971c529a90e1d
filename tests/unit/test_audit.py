"""The audit of published artefacts, on artefacts made here."""

import logging
import math
import shutil

import numpy as np
import pandas as pd
import pytest
from cvpire import layout
from cvpire.audit.artefacts import (
    COLUMNS,
    MAP_LARGEST,
    MAP_PIXELS,
    audit_average_precision,
    audit_maps,
    audit_queries,
    run_audit,
)
from cvpire.audit.report import summarise, write_audit
from cvpire.audit.texts import MEASURES, read_average_precision, read_quality
from cvpire.config import QualityOptions, VarianceOptions
from cvpire.errors import InputError
from cvpire.figures.audit import audit_figure
from cvpire.photos import load_photo
from cvpire.quality.compare import quality
from cvpire.variance.maps import variance_map
from PIL import Image

NAMES = ["arch_1", "door_2"]


def text_of(values, end="\n"):
    blocks = [f"{name}.jpg{end}" + "".join(f"{k}: {v!r}{end}" for k, v in of.items()) for name, of in values.items()]
    averages = "".join(f"{measure} avg: 0.5{end}" for measure in MEASURES)
    return end.join(blocks) + f"-----------------{end}{end}" + averages


@pytest.fixture
def artefacts(tmp_path):
    """Two photos; CV-PIRE with everything, PIRE with queries only."""
    generator = np.random.default_rng(0)
    photos, published = tmp_path / "photos", tmp_path / "published"
    for folder in (photos, published / "CV-PIRE", published / "PIRE", published / "variance" / "CV-PIRE"):
        folder.mkdir(parents=True)
    stated = {}
    for name in NAMES:
        smooth = Image.fromarray(generator.integers(0, 256, (4, 6, 3), dtype=np.uint8)).resize((48, 32))
        smooth.save(photos / f"{name}.jpg", quality=90)
        for method, strength in (("CV-PIRE", 10), ("PIRE", 20)):
            noisy = np.asarray(smooth) + generator.normal(0, strength, (32, 48, 3))
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(published / method / f"{name}.jpg", quality=75)
        original = load_photo(photos / f"{name}.jpg", "libjpeg-9")
        values = quality(
            original, load_photo(published / "CV-PIRE" / f"{name}.jpg", "libjpeg-9"), QualityOptions(data_range=2.0)
        )
        stated[name] = {measure: values[measure] for measure in MEASURES}
        options = VarianceOptions(mean_over="neighbours", normalisation="stretched-8-bit")
        levels = np.rint(variance_map(original, options) * 255).astype(np.uint8)
        Image.fromarray(levels).save(published / "variance" / "CV-PIRE" / f"{name}.png")
    stated["arch_1"]["ssim"] -= 0.25
    (published / "CV-PIRE" / "imageQualityComparison.txt").write_text(text_of(stated))
    (published / "CV-PIRE" / "map_score_img_output_T100.txt").write_text(
        "door_2.jpg\t\t : 0.25\narch_1.jpg\t\t : 0.5\n\n------\naverage MaP \t\t : 0.375\n"
    )
    return photos, published


def select(table, **values):
    for column, value in values.items():
        table = table[table[column] == value]
    return table


def test_everything_in_one_table(artefacts):
    seen = []
    table = run_audit(*artefacts, progress=lambda done, steps: seen.append((done, steps)))
    assert list(table.columns) == COLUMNS
    assert list(table["method"].unique()) == ["CV-PIRE", "PIRE"]
    assert seen == [(done, 6) for done in range(1, 7)]
    sizes = {("CV-PIRE", metric): 2 for metric in (*MEASURES, MAP_PIXELS, MAP_LARGEST, "ap")}
    sizes |= {("PIRE", measure): 2 for measure in MEASURES}
    assert table.groupby(["method", "metric"]).size().to_dict() == sizes
    assert table.dtypes[COLUMNS[3:]].eq(float).all()


def test_differences_are_recomputed_minus_published(artefacts):
    table = audit_queries(*artefacts, "CV-PIRE")
    wrong = select(table, photo="arch_1", metric="ssim")["difference"].item()
    assert wrong == pytest.approx(0.25)
    others = table[(table["photo"] != "arch_1") | (table["metric"] != "ssim")]
    assert (others["difference"].abs() < 1e-12).all()


def test_corrected_is_ssim_of_data_range_1_by_the_current_decoder(artefacts):
    photos, published = artefacts
    table = audit_queries(photos, published, "CV-PIRE")
    expected = quality(
        load_photo(photos / "door_2.jpg"), load_photo(published / "CV-PIRE" / "door_2.jpg"), QualityOptions()
    )["ssim"]
    assert select(table, photo="door_2", metric="ssim")["corrected"].item() == expected
    assert table[table["metric"] != "ssim"]["corrected"].isna().all()
    without = audit_queries(photos, published, "CV-PIRE", corrected=False)
    assert without["corrected"].isna().all()
    pd.testing.assert_frame_equal(without.drop(columns="corrected"), table.drop(columns="corrected"))


def test_equal_photos_have_no_difference_in_psnr(artefacts):
    photos, published = artefacts
    stated = {"door_2": {"ssim": 1.0, "mse": 0.0, "nrmse": 0.0, "psnr": math.inf}}
    (published / "PIRE" / "imageQualityComparison.txt").write_text(text_of(stated))
    (published / "PIRE" / "door_2.jpg").write_bytes((photos / "door_2.jpg").read_bytes())
    table = audit_queries(photos, published, "PIRE", corrected=False)
    assert (select(table, photo="door_2")["difference"] == 0).all()


def test_maps_are_compared_pixel_by_pixel(artefacts):
    photos, published = artefacts
    path = published / "variance" / "CV-PIRE" / "door_2.png"
    levels = np.array(Image.open(path)).astype(int)
    levels[0, 0] = 3 if levels[0, 0] > 128 else 250
    levels[5, 5] += -1 if levels[5, 5] else 1
    Image.fromarray(levels.astype(np.uint8)).save(path)
    table = audit_maps(photos, published, "CV-PIRE").set_index(["photo", "metric"])
    assert table.loc[("arch_1", MAP_PIXELS), "recomputed"] == 0
    assert table.loc[("door_2", MAP_PIXELS), "recomputed"] == pytest.approx(2e5 / (32 * 48))
    assert table.loc[("door_2", MAP_LARGEST), "recomputed"] > 100
    assert table["published"].isna().all()


def test_what_is_missing_is_logged_and_left_empty(artefacts, caplog):
    photos, published = artefacts
    (published / "CV-PIRE" / "arch_1.jpg").unlink()
    Image.new("RGB", (48, 32)).save(published / "PIRE" / "tower_3.jpg")
    shutil.rmtree(published / "variance")
    with caplog.at_level(logging.WARNING):
        table = run_audit(photos, published)
    for message in (
        "arch_1.jpg: skipped, it is not among the published queries",
        "tower_3.jpg: skipped, there is no photo tower_3",
        "PIRE/imageQualityComparison.txt: no such file",
        "variance/CV-PIRE: no published variance maps",
        "PIRE: no published average precision",
    ):
        assert message in caplog.text
    assert select(table, method="CV-PIRE", metric="ssim")["photo"].tolist() == ["door_2"]
    pire = select(table, method="PIRE", metric="ssim")
    assert pire["published"].isna().all()
    assert pire[["recomputed", "corrected"]].notna().all().all()


def test_maps_of_an_unknown_method_are_skipped(artefacts, caplog):
    photos, published = artefacts
    (published / "variance" / "CV-PIRE").rename(published / "variance" / "PIRE")
    assert audit_maps(photos, published, "PIRE").empty
    assert "no variance map is known for the method PIRE" in caplog.text


def test_a_query_without_published_values_is_named(artefacts, caplog):
    photos, published = artefacts
    path = published / "CV-PIRE" / "imageQualityComparison.txt"
    path.write_text("door_2.jpg\nssim: 0.9\nmse: 0.1\nnrmse: 0.1\npsnr: 30\n")
    table = audit_queries(photos, published, "CV-PIRE", corrected=False)
    assert select(table, photo="arch_1")["published"].isna().all()
    assert "arch_1.jpg: no published image quality" in caplog.text


def test_of_several_iterations_the_last_counts(artefacts):
    _, published = artefacts
    (published / "CV-PIRE" / "map_score_img_output_T90.txt").write_text("arch_1.jpg : 0.125\n")
    table = audit_average_precision(published, "CV-PIRE")
    assert table["published"].tolist() == [0.5, 0.25]


def test_summary_stands_beside_the_table(artefacts):
    table = run_audit(*artefacts)
    summary = summarise(table, "oxford5k").set_index(["method", "metric"])
    assert summary.loc[("CV-PIRE", "ap"), "published"] == 0.375
    assert summary.loc[("CV-PIRE", "ap"), "table"] == 0.0507
    assert summary.loc[("CV-PIRE", "ssim"), "table"] == 0.916
    assert summary.loc[("CV-PIRE", "ssim"), "largest_difference"] == pytest.approx(0.25)
    assert summary.loc[("CV-PIRE", MAP_PIXELS), "largest_difference"] == 0
    assert (summary["photos"] == 2).all()
    assert summarise(table)["table"].isna().all()


def test_everything_is_written(artefacts, tmp_path):
    out, summary, figure = (tmp_path / "out" / name for name in ("audit.csv", "summary", "figure"))
    write_audit(*artefacts, out, "oxford5k", summary, figure)
    expected = run_audit(*artefacts)
    pd.testing.assert_frame_equal(pd.read_csv(out), expected, check_dtype=False)
    written = pd.read_csv(f"{summary}.csv")
    np.testing.assert_array_equal(written["table"], summarise(expected, "oxford5k")["table"])
    files = {"audit.csv", *(f"summary{end}" for end in layout.TABLE_SUFFIXES)}
    files |= {f"figure{end}" for end in (".svg", ".png", ".pdf")}
    assert {path.name for path in out.parent.iterdir()} == files
    write_audit(*artefacts, tmp_path / "alone.csv")
    assert (tmp_path / "alone.csv").read_bytes() == out.read_bytes()


def test_figure(artefacts):
    table = run_audit(*artefacts)
    (axes,) = audit_figure(table).axes
    plotted = [
        line.get_xydata() for line in axes.lines if len(line.get_xdata()) == 2 and line.get_linestyle() == "None"
    ]
    ssim = select(table, method="CV-PIRE", metric="ssim")
    np.testing.assert_array_equal(plotted[0], ssim[["published", "corrected"]])
    np.testing.assert_array_equal(plotted[1], ssim[["published", "recomputed"]])
    (empty,) = audit_figure(table[table["method"] == "PIRE"]).axes
    assert "no published SSIM" in [text.get_text() for text in empty.texts]


# --- The text files --------------------------------------------------------------------------------------------------

VALUES = {"Türme 1": {"ssim": 0.9, "mse": 1e-3, "nrmse": 0.05, "psnr": 30.0}, "b.2": dict.fromkeys(MEASURES, 0.5)}


@pytest.mark.parametrize(("end", "bom"), [("\n", ""), ("\r\n", ""), ("\r\n", "\ufeff")])
def test_read_quality(tmp_path, end, bom):
    path = tmp_path / "quality.txt"
    path.write_bytes((bom + text_of(VALUES, end)).encode())
    assert read_quality(path) == VALUES


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no photo"),
        ("\n---\nssim avg: 0.9\n", "names no photo"),
        ("ssim: 0.9\n", "line 1: expected the file name of a photo before 'ssim: 0.9'"),
        ("a.jpg\nssim: high\n", "line 2: expected a number, found 'high'"),
        ("a.jpg\n\nssim: nan\n", "line 3: expected a number, found 'nan'"),
        ("a.jpg\nssim: 0.9\nssim: 0.9\n", "line 3: a second ssim of the photo a"),
        ("a.jpg\nssim 0.9\n", "line 2: expected the file name of a photo, found 'ssim 0.9'"),
        ("a.jpg\nssim: 0.9\nmse: 0\npsnr: 3\n", "line 1: the photo a has no nrmse"),
        ("a.jpg\na.jpg\n", "line 2: a second entry of the photo a"),
    ],
)
def test_bad_quality_names_file_and_line(tmp_path, text, message):
    path = tmp_path / "quality.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"{path}.*{message}"):
        read_quality(path)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_read_average_precision(tmp_path, end):
    path = tmp_path / "ap.txt"
    path.write_bytes(f"a.jpg\t\t : 0.25{end}b c.JPG : 1{end}{end}------{end}average MaP \t\t : 0.6{end}".encode())
    assert read_average_precision(path) == {"a": 0.25, "b c": 1.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no photo"),
        ("a.jpg 0.5\n", "line 1: expected the file name of a photo"),
        ("a.jpg : 0.5\nb.jpg : \n", "line 2: expected a number, found ''"),
        ("a.jpg : 50\n", "line 1: expected an average precision from 0 to 1, found 50"),
        ("a.jpg : 0.5\naverage : 0.5\n", "line 2: expected the file name of a photo, found 'average'"),
        ("a.jpg : 0.5\na.jpg : 0.5\n", "line 2: a second entry of the photo a"),
    ],
)
def test_bad_average_precision_names_file_and_line(tmp_path, text, message):
    path = tmp_path / "ap.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"{path}.*{message}"):
        read_average_precision(path)


def test_unreadable_text(tmp_path):
    path = tmp_path / "ap.txt"
    with pytest.raises(InputError, match="cannot be read"):
        read_average_precision(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a text file in UTF-8"):
        read_quality(path)


# --- Bad folders -----------------------------------------------------------------------------------------------------


def test_bad_folders_are_one_clear_error(artefacts, tmp_path):
    photos, published = artefacts
    with pytest.raises(InputError, match="nowhere: no such folder of published artefacts"):
        run_audit(photos, tmp_path / "nowhere")
    with pytest.raises(InputError, match="no published queries; expected photos in sub-folders such as CV-PIRE"):
        run_audit(photos, published / "CV-PIRE")
    with pytest.raises(InputError, match="nowhere: no photos"):
        run_audit(tmp_path / "nowhere", published)


def test_a_query_of_another_size_is_named(artefacts):
    photos, published = artefacts
    path = published / "PIRE" / "arch_1.jpg"
    Image.new("RGB", (48, 48)).save(path)
    with pytest.raises(InputError, match=rf"{path}: photos of different size"):
        audit_queries(photos, published, "PIRE")
