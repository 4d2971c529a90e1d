"""Measures that see colour: second implementations, what they see, and bad input."""

import json
import logging
import math
import sys

import numpy as np
import piq
import pytest
import skimage.color
import skimage.data
import torch
from cvpire.cli import app
from cvpire.config import PhotoOptions, QualityOptions, load_config
from cvpire.errors import InputError
from cvpire.measures import MEASURES, shown_in
from cvpire.options import validate
from cvpire.quality import compare
from cvpire.quality.compare import quality, quality_rows
from PIL import Image
from scipy.ndimage import convolve
from ssimulacra2 import compute_ssimulacra2
from typer.testing import CliRunner

BY_PIQ = {"vsi": piq.vsi, "mdsi": piq.mdsi, "fsimc": piq.fsim, "haarpsi": piq.haarpsi}
COLOUR = [measure.column for measure in shown_in("colour")]


def measured(original, altered, *columns):
    """Values of measures in their order, or of one."""
    values = quality(original, altered, QualityOptions(measures=columns))
    return [values[column] for column in columns] if len(columns) > 1 else values[columns[0]]


@pytest.fixture(scope="module")
def photo():
    """240 x 320 pixels."""
    return np.ascontiguousarray(skimage.data.astronaut()[100:340, 80:400])


@pytest.fixture(scope="module")
def noisy(photo):
    noise = np.random.default_rng(0).integers(-12, 13, photo.shape)
    return np.clip(photo + noise, 0, 255).astype(np.uint8)


def as_jpeg(folder, pixels):
    Image.fromarray(pixels).save(folder / "plain.jpg", quality=75)
    return np.asarray(Image.open(folder / "plain.jpg"))


# --- Second implementations ---


def by_command(folder, original, altered):
    """SSIMULACRA2 by the function that the package's command calls."""
    for name, pixels in (("original", original), ("altered", altered)):
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return compute_ssimulacra2(folder / "original.png", folder / "altered.png")


@pytest.mark.parametrize("shape", [(240, 320), (231, 225)])
def test_ssimulacra2_is_that_of_the_package(tmp_path, photo, noisy, shape):
    pair = [pixels[: shape[0], : shape[1]] for pixels in (photo, noisy)]

    assert measured(*pair, "ssimulacra2") == pytest.approx(by_command(tmp_path, *pair), rel=1e-9)


def test_ssimulacra2_of_smaller_photos_keeps_its_weights(tmp_path, photo):
    plain = as_jpeg(tmp_path, photo)
    values = {side: measured(photo[:side], plain[:side], "ssimulacra2") for side in (225, 224, 192, 113)}

    assert [values[side] for side in (224, 192, 113)] == pytest.approx([values[225]] * 3, abs=4)
    # The package gives the values of five scales the weights of six.
    assert by_command(tmp_path, photo[:224], plain[:224]) < values[224] - 10


@pytest.mark.parametrize("column", BY_PIQ)
def test_piq_is_given_what_it_expects(photo, noisy, column):
    first, second = (torch.from_numpy(pixels.transpose(2, 0, 1)[None].astype(float)) for pixels in (noisy, photo))

    expected = BY_PIQ[column](first, second, data_range=255).item()  # in float64

    assert measured(photo, noisy, column) == pytest.approx(expected, abs=1e-4 if column == "mdsi" else 1e-5)


def test_mdsi_by_its_paper(photo, noisy):
    def channels(pixels):
        matrix = [[0.2989, 0.587, 0.114], [0.3, 0.04, -0.35], [0.34, -0.6, 0.17]]
        return np.moveaxis(pixels @ np.transpose(matrix), 2, 0)

    def gradient(luminance):
        prewitt = np.array([[1, 0, -1]] * 3) / 3
        return np.hypot(*(convolve(luminance, kernel, mode="constant") for kernel in (prewitt, prewitt.T)))

    def alike(one, other, constant):
        return (2 * one * other + constant) / (one**2 + other**2 + constant)

    (l1, h1, m1), (l2, h2, m2) = channels(photo), channels(noisy)
    reference, distorted, fused = gradient(l1), gradient(l2), gradient((l1 + l2) / 2)
    structure = alike(reference, distorted, 140) + alike(distorted, fused, 55) - alike(reference, fused, 55)
    chroma = (2 * (h1 * h2 + m1 * m2) + 550) / (h1**2 + h2**2 + m1**2 + m2**2 + 550)
    similarity = (0.6 * structure + 0.4 * chroma).astype(complex) ** 0.25
    expected = np.abs(similarity - similarity.mean()).mean() ** 0.25

    assert measured(photo, noisy, "mdsi") == pytest.approx(expected, abs=1e-4)
    assert measured(noisy, photo, "mdsi") != pytest.approx(expected, abs=5e-4), "which one is the original matters"


def test_95th_percentile_of_colour_differences(photo, noisy):
    differences = skimage.color.deltaE_ciede2000(skimage.color.rgb2lab(photo), skimage.color.rgb2lab(noisy))

    mean, high = measured(photo, noisy, "ciede2000", "ciede2000_p95")

    assert high == pytest.approx(np.percentile(differences, 95), rel=1e-6)
    assert mean == pytest.approx(differences.mean(), rel=1e-6)


# --- What they see ---


def test_measures_see_a_change_of_colour_alone(photo):
    """The hues of a photo, turned by 15 degrees at their luma; its luminance differs by rounding and clipping."""
    luma, blue, red = np.moveaxis(np.asarray(Image.fromarray(photo).convert("YCbCr"), dtype=float), 2, 0)
    chroma = (blue - 128 + 1j * (red - 128)) * np.exp(1j * np.deg2rad(15))
    channels = [luma, 128 + chroma.real, 128 + chroma.imag]
    bands = [Image.fromarray(channel.clip(0, 255).astype(np.uint8)) for channel in channels]
    turned = np.asarray(Image.merge("YCbCr", bands).convert("RGB"))
    grey = [np.asarray(Image.fromarray(pixels).convert("L").convert("RGB")) for pixels in (photo, turned)]

    in_colour, in_grey = (np.array(measured(*pair, *COLOUR)) for pair in ((photo, turned), grey))

    unchanged = [MEASURES[column].unchanged for column in COLOUR]
    seen, unseen = np.abs(in_colour - unchanged), np.abs(in_grey - unchanged)
    assert (seen > 1.5 * unseen).all(), dict(zip(COLOUR, seen / unseen, strict=True))


# --- Bad input ---


def test_an_unknown_measure_is_named(photo):
    with pytest.raises(InputError, match=r"config.yaml: measures.0: must be 'ssim', .* \(given: 'sim'\)"):
        validate(QualityOptions, {"measures": ["sim"]}, "config.yaml")
    with pytest.raises(InputError, match=r"unknown measure 'sim'; expected one of ssim, "):
        quality(photo, photo, QualityOptions(), ["sim", "mse"])


def test_at_least_one_measure():
    with pytest.raises(InputError, match="measures: must have at least 1 entry"):
        validate(QualityOptions, {"measures": []}, "config.yaml")


def test_a_run_measures_what_its_tables_show():
    sections = {
        "datasets": {"demo": {"kind": "demo", "part": "a"}},
        "networks": {"net": {}},
        "variance": {"cv": {"kind": "colour"}},
        "attacks": {"one": {"network": "net", "variance": "cv"}},
    }
    enough = ["ssim", "ssim_range_1", "ssim_range_2", "ciede2000"]

    assert load_config({**sections, "quality": {"measures": [*enough, "vsi"]}}).quality.measures == [*enough, "vsi"]
    with pytest.raises(InputError, match=r"quality.measures: ssim_range_1 is missing, which tables of every run show"):
        load_config({**sections, "quality": {"measures": ["ssim", "vsi"]}})


def test_measures_keep_their_order_and_count_once():
    assert QualityOptions(measures=["vsi", "mse", "vsi"]).measures == ["mse", "vsi"]


@pytest.mark.parametrize(("column", "side"), [("ssimulacra2", 113), *((column, 16) for column in BY_PIQ)])
def test_a_photo_that_is_too_small_for_a_measure(photo, column, side):
    enough, small = photo[:side, :120], photo[: side - 1, :120]

    assert math.isfinite(measured(enough, enough, column))
    text = f"120 x {side - 1} is too small for {column}, which needs {side} pixels a side; leave {column} out"
    with pytest.raises(InputError, match=text):
        measured(small, small, column)


@pytest.fixture
def forget_imports():
    compare._function.cache_clear()
    yield
    compare._function.cache_clear()


@pytest.mark.parametrize(("package", "column"), [("ssimulacra2", "ssimulacra2"), ("piq", "vsi")])
def test_a_package_that_is_not_installed(tmp_path, monkeypatch, caplog, forget_imports, photo, noisy, package, column):
    module = {"ssimulacra2": "ssimulacra", "piq": "perceptual"}[package]
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"cvpire.quality.{module}", raising=False)
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path, pixels in zip(paths, (photo, noisy, photo), strict=True):
        Image.fromarray(pixels).save(path)

    with caplog.at_level(logging.WARNING):
        rows = quality_rows(paths[0], paths[1:], PhotoOptions(), QualityOptions(measures=["mse", column]))

    assert all(math.isnan(row[column]) and row["mse"] >= 0 for row in rows)
    assert json.loads(compare.quality_json(rows))[0][column] is None
    (message,) = caplog.messages
    assert f"{column} is left empty, package {package} cannot be imported" in message


def test_a_fault_of_a_measure_of_ours_is_no_missing_package(monkeypatch, forget_imports, photo):
    monkeypatch.setitem(sys.modules, "cvpire.quality.ssimulacra", None)

    with pytest.raises(ModuleNotFoundError):
        measured(photo, photo, "ssimulacra2")


# --- The command ---


def test_the_command_shows_what_was_measured(tmp_path, photo, noisy):
    paths = [tmp_path / "original.png", tmp_path / "altered.png"]
    for path, pixels in zip(paths, (photo, noisy), strict=True):
        Image.fromarray(pixels).save(path)
    choice = ["--measures", "haarpsi", "--measures", "ssim"]

    def run(*arguments):
        done = CliRunner().invoke(app, ["quality", *map(str, paths), *arguments], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    ssim, haarpsi = measured(photo, noisy, "ssim", "haarpsi")
    shown = {"query": "original", "file": str(paths[1]), "ssim": ssim, "haarpsi": haarpsi}
    assert json.loads(run(*choice)) == pytest.approx(shown) and list(json.loads(run(*choice))) == list(shown)
    assert "haarpsi" not in json.loads(run())
    table = tmp_path / "table.csv"
    for _ in range(2):  # its own table, even without the usual columns, is replaced
        run(*choice, "--csv", str(table))
    assert table.read_text().splitlines()[0] == "query,file,multiplier,iteration,ssim,haarpsi"
