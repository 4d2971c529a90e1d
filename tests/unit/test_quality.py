"""Image quality measures: closed forms, scikit-image, and bad input."""

import math

import numpy as np
import pytest
import skimage.color
import skimage.metrics
from cvpire.config import PhotoOptions, QualityOptions
from cvpire.errors import InputError
from cvpire.measures import MEASURES, QUALITY
from cvpire.quality.compare import quality, quality_rows
from cvpire.quality.structural import mean_ssim
from PIL import Image


def quality_of(original, altered, measures=None, **options):
    """Quality with some options of the configuration."""
    return quality(original, altered, QualityOptions(**options), measures)


@pytest.fixture(scope="module")
def photo():
    coarse = np.random.default_rng(0).integers(20, 236, (4, 5, 3))
    return np.kron(coarse, np.ones((8, 8, 1))).astype(np.uint8)


@pytest.fixture(scope="module")
def noisy(photo):
    noise = np.random.default_rng(1).integers(-20, 21, photo.shape)
    return np.clip(photo + noise, 0, 255).astype(np.uint8)


def test_identical_photos(photo):
    result = quality_of(photo, photo.copy())

    assert result["ssim"] == result["ssim_range_1"] == result["ssim_range_2"] == pytest.approx(1)
    assert result["mse"] == result["nrmse"] == result["ciede2000"] == 0
    assert result["psnr"] == math.inf


def test_even_photos_by_hand():
    # 51 of 255 levels are 0.2: MSE 0.04, PSNR -10 lg 0.04, NRMSE 0.2 / 0.4, SSIM without any variance.
    dark, light = np.full((8, 9, 3), 102, np.uint8), np.full((8, 9, 3), 153, np.uint8)

    result = quality_of(dark, light)

    assert result["mse"] == pytest.approx(0.04)
    assert result["psnr"] == pytest.approx(13.9794)
    assert result["nrmse"] == pytest.approx(0.5)
    assert quality_of(light, dark)["nrmse"] == pytest.approx(1 / 3), "the norm is the original's"
    assert result["ssim"] == pytest.approx((2 * 0.4 * 0.6 + 0.01**2) / (0.4**2 + 0.6**2 + 0.01**2))


def test_ssim_of_one_window_by_hand(photo, noisy):
    first, second = (image[4:11, 4:11].astype(float) / 255 for image in (photo, noisy))

    def ssim(x, y, data_range):
        c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
        (vx, vxy), (_, vy) = np.cov(x.ravel(), y.ravel())
        means = (2 * x.mean() * y.mean() + c1) / (x.mean() ** 2 + y.mean() ** 2 + c1)
        return means * (2 * vxy + c2) / (vx + vy + c2)

    result = quality_of(photo[4:11, 4:11], noisy[4:11, 4:11])

    for data_range in (1, 2):
        expected = np.mean([ssim(first[..., c], second[..., c], data_range) for c in range(3)])
        assert result[f"ssim_range_{data_range}"] == pytest.approx(expected, rel=1e-6)


def test_measures_equal_scikit_image(photo, noisy):
    first, second = photo / 255, noisy / 255

    result = quality_of(photo, noisy)

    assert result["mse"] == pytest.approx(skimage.metrics.mean_squared_error(first, second))
    assert result["psnr"] == pytest.approx(skimage.metrics.peak_signal_noise_ratio(photo, noisy))
    assert result["nrmse"] == pytest.approx(skimage.metrics.normalized_root_mse(first, second))
    assert result["ssim"] == pytest.approx(
        skimage.metrics.structural_similarity(photo, noisy, data_range=255, channel_axis=2)
    )
    differences = skimage.color.deltaE_ciede2000(skimage.color.rgb2lab(photo), skimage.color.rgb2lab(noisy))
    assert result["ciede2000"] == pytest.approx(differences.mean())


def test_measures_can_be_chosen(photo, noisy):
    every = quality_of(photo, noisy)
    assert list(every) == [measure.column for measure in QUALITY if measure.by_default]

    for chosen in (["mse"], ["ciede2000", "ssim"]):
        assert quality_of(photo, noisy, measures=chosen) == {measure: every[measure] for measure in chosen}


def test_unchanged_photos_have_the_values_that_the_measures_state(photo):
    same = quality_of(photo, photo)

    assert same == {column: pytest.approx(MEASURES[column].unchanged) for column in QualityOptions().measures}


def test_what_measures_share_is_computed_once(photo, noisy, monkeypatch):
    calls = []

    def counted(*arguments):
        calls.append(arguments)
        return mean_ssim(*arguments)

    every = quality_of(photo, noisy)
    monkeypatch.setattr("cvpire.quality.structural.mean_ssim", counted)

    assert quality_of(photo, noisy) == every
    assert len(calls) == 1
    quality_of(photo, noisy, ["mse", "ciede2000"])
    assert len(calls) == 1, "nor where nobody asks for it"


def test_a_row_for_each_altered_photo(tmp_path, photo, noisy):
    original = tmp_path / "tower.png"
    Image.fromarray(photo).save(original)
    paths = [tmp_path / "m50_T100" / "tower.png", tmp_path / "other.png"]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(noisy).save(path)

    rows = quality_rows(original, paths, PhotoOptions(), QualityOptions(window=9))

    values = quality_of(photo, noisy, window=9)
    assert rows == [
        {"query": "tower", "file": str(paths[0]), "multiplier": 50, "iteration": 100, **values},
        {"query": "tower", "file": str(paths[1]), "multiplier": None, "iteration": None, **values},
    ]
    assert list(rows[0]) == ["query", "file", "multiplier", "iteration", *values]


def test_altered_photos_have_the_size_at_which_the_original_is_read(tmp_path, photo):
    original, altered = tmp_path / "tower.png", tmp_path / "altered.png"
    Image.fromarray(photo).save(original)
    Image.fromarray(photo).resize((20, 16), Image.Resampling.LANCZOS).save(altered)

    (row,) = quality_rows(original, [altered], PhotoOptions(longest_side=20), QualityOptions())

    assert row["mse"] < 1e-3
    sizes = r"40 x 32 and 20 x 16 \(width x height\): give --longest-side 20 here too"
    with pytest.raises(InputError, match=rf"^{altered}: photos of different size cannot be compared: {sizes}"):
        quality_rows(original, [altered], PhotoOptions(), QualityOptions())


def test_every_value_is_a_plain_number(photo, noisy):
    assert {type(value) for value in quality_of(photo, noisy).values()} == {float}


@pytest.mark.parametrize("data_range", [1, 1.0, 2.0, 0.7, 5])
def test_a_wider_data_range_flatters(photo, noisy, data_range):
    result = quality_of(photo, noisy, data_range=data_range)

    assert result["ssim_range_1"] < result["ssim_range_2"] < 1
    assert result["ssim"] == pytest.approx(
        skimage.metrics.structural_similarity(photo / 255, noisy / 255, data_range=data_range, channel_axis=2)
    )


def test_ranges_share_statistics_but_change_nothing(photo, noisy):
    first, second, ranges = photo / 255, noisy / 255, (0.3, 1.0, 2.0, 255.0)

    expected = [
        skimage.metrics.structural_similarity(first, second, data_range=data_range, channel_axis=2, win_size=9)
        for data_range in ranges
    ]

    np.testing.assert_allclose(mean_ssim(first, second, 9, ranges), expected, rtol=0, atol=1e-14)


def test_window_is_used(photo, noisy):
    result = quality_of(photo, noisy, window=11)

    assert result["ssim"] == pytest.approx(
        skimage.metrics.structural_similarity(photo, noisy, data_range=255, channel_axis=2, win_size=11)
    )
    assert result["ssim"] != quality_of(photo, noisy)["ssim"]


def test_more_noise_is_worse_in_every_measure(photo, noisy):
    noisier = np.clip(photo + 2 * (noisy.astype(int) - photo), 0, 255).astype(np.uint8)
    little, much = quality_of(photo, noisy), quality_of(photo, noisier)

    assert all(much[key] < little[key] for key in ("ssim", "ssim_range_2", "psnr"))
    assert all(much[key] > little[key] for key in ("mse", "nrmse", "ciede2000"))


def test_a_black_original_has_no_relative_error():
    black = np.zeros((8, 8, 3), np.uint8)

    assert math.isnan(quality_of(black, black + 1)["nrmse"])


def test_photos_of_different_size_are_refused(photo):
    with pytest.raises(InputError, match=r"different size.* 40 x 32 and 39 x 32 "):
        quality_of(photo, photo[:, 1:])


@pytest.mark.parametrize(("shape", "window", "text"), [((6, 20), 7, "20 x 6"), ((20, 10), 11, "10 x 20")])
def test_photo_smaller_than_the_window_is_refused(shape, window, text):
    small = np.zeros((*shape, 3), np.uint8)

    with pytest.raises(InputError, match=f"{text} is smaller than SSIM's window of {window}"):
        quality_of(small, small, window=window)
