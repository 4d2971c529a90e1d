"""Variance maps against slow, literal transcriptions of Algorithm 1, equations 3.6, 3.7, 2.13, and Watson's model."""

import logging
import math
from functools import cache

import numpy as np
import pytest
import skimage.color
import torch
from cvpire.config import VarianceOptions
from cvpire.errors import InputError
from cvpire.photos import load_variance_map
from cvpire.variance import colour as colour_module
from cvpire.variance import masking
from cvpire.variance.catalogue import KINDS
from cvpire.variance.colour import colour_variance, gaussian
from cvpire.variance.luminance import grey_values, luminance_deviation
from cvpire.variance.maps import variance_map, write_variance_map
from cvpire.variance.scaling import normalise

SKIMAGE = {
    "cie76": skimage.color.deltaE_cie76,
    "cie94": skimage.color.deltaE_ciede94,
    "ciede2000": skimage.color.deltaE_ciede2000,
}

VARYING = [name for name, kind in KINDS.items() if kind.varies]
BY_PIXEL = [name for name in VARYING if name not in ("masking", "joined")]  # these two follow the blocks of JPEG

libraries = pytest.mark.parametrize("library", ["numpy", "torch"])


def map_of(photo, device="cpu", threads=None, **options):
    """Map of a photo with some options of the configuration."""
    return variance_map(photo, VarianceOptions(**options), device=device, threads=threads)


def random_photo(height, width, seed=0):
    """uint8 (H, W, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def random_lab(height, width, seed=0):
    """CIELAB, float64 (3, H, W)."""
    return np.moveaxis(skimage.color.rgb2lab(random_photo(height, width, seed)), -1, 0)


def array(values, library):
    """The values as an array of a library."""
    return torch.from_numpy(np.ascontiguousarray(values)) if library == "torch" else values


@cache
def algorithm_1(height, width, n, sigma, difference, centre_counts):
    """Algorithm 1 as printed, for every pixel of a random photo; pixels out of bounds are skipped."""
    image = np.moveaxis(random_lab(height, width), 0, -1)
    d = n // 2
    result = np.zeros((height, width))
    for yi in range(height):
        for xi in range(width):
            total, count = 0.0, 0
            for x in range(xi - d, xi + d + 1):
                for y in range(yi - d, yi + d + 1):
                    if not (0 <= x < width and 0 <= y < height):
                        continue
                    distance = (x - xi) ** 2 + (y - yi) ** 2
                    g = math.exp(-distance / (2 * sigma**2)) / (2 * math.pi * sigma**2)
                    diff = float(SKIMAGE[difference](image[y, x], image[yi, xi]))
                    total += (diff * g) ** 2
                    count += centre_counts or (x, y) != (xi, yi)
            result[yi, xi] = math.sqrt(total / max(count, 1))
    return result


def equation_3_7(grey, n, squared_count):
    """Equation 3.7 as printed, for every pixel; pixels out of bounds are skipped."""
    height, width = grey.shape
    d = n // 2
    result = np.zeros(grey.shape)
    for yi in range(height):
        for xi in range(width):
            region = [
                grey[y, x]
                for y in range(max(0, yi - d), min(height, yi + d + 1))
                for x in range(max(0, xi - d), min(width, xi + d + 1))
            ]
            mean = sum(region) / len(region)
            total = sum((value - mean) ** 2 for value in region)
            result[yi, xi] = math.sqrt(total / (len(region) ** 2 if squared_count else len(region)))
    return result


@libraries
@pytest.mark.parametrize("mean_over", ["window", "neighbours"])
@pytest.mark.parametrize(
    ("height", "width", "kernel_size", "sigma", "difference"),
    [
        (6, 7, 3, 1.0, "ciede2000"),
        (7, 6, 5, 1.0, "ciede2000"),
        (6, 7, 5, 0.6, "cie76"),
        (6, 7, 5, 2.5, "cie94"),
        pytest.param(3, 4, 7, 1.5, "cie94", id="smaller than the kernel"),
        pytest.param(2, 9, 9, 1.0, "ciede2000", id="flatter than the kernel"),
        pytest.param(9, 1, 5, 1.0, "ciede2000", id="one pixel wide"),
        pytest.param(1, 9, 5, 1.0, "cie94", id="one pixel high"),
        pytest.param(1, 1, 5, 1.0, "ciede2000", id="one pixel"),
    ],
)
def test_colour_variance_is_algorithm_1(height, width, kernel_size, sigma, difference, mean_over, library):
    expected = algorithm_1(height, width, kernel_size, sigma, difference, centre_counts=mean_over == "window")
    lab = array(random_lab(height, width), library)

    result = colour_variance(lab, kernel_size, sigma, difference, mean_over)

    assert type(result) is type(lab)
    np.testing.assert_allclose(np.asarray(result), expected, rtol=5e-7, atol=1e-9)


def test_map_of_a_photo_is_the_normalised_algorithm_1():
    expected = algorithm_1(7, 6, 5, 1.0, "ciede2000", centre_counts=True)

    result = map_of(random_photo(7, 6), kernel_size=5, sigma=1.0)

    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected / expected.max(), atol=2e-5)


@libraries
def test_cie94_takes_the_neighbour_as_reference(library):
    # A grey and a red pixel: seen from the red one, the neighbour is the grey reference, and nothing is weighed down.
    lab = array(np.array([[[50.0, 50.0]], [[0.0, 60.0]], [[0.0, 0.0]]]), library)

    grey, red = np.asarray(colour_variance(lab, 3, 1.0, "cie94", "neighbours"))[0]

    assert red == pytest.approx(gaussian(1, 0, 1) * 60)
    assert grey == pytest.approx(gaussian(1, 0, 1) * 60 / (1 + 0.045 * 60))


@pytest.mark.parametrize("mean_over", ["window", "neighbours"])
def test_pixels_out_of_bounds_do_not_count(mean_over):
    # Only the corner differs: it has 8 neighbours inside the photo at n = 5, and the opposite corner sees none of it.
    lab = np.zeros((3, 6, 6))
    lab[0, 0, 0] = 10
    total = sum((10 * gaussian(x, y, 1)) ** 2 for x in range(3) for y in range(3) if x or y)

    result = colour_variance(lab, 5, 1.0, "cie76", mean_over)

    assert result[0, 0] == pytest.approx(math.sqrt(total / (9 if mean_over == "window" else 8)))
    assert result[2, 2] == pytest.approx(10 * gaussian(2, 2, 1) / math.sqrt(25 if mean_over == "window" else 24))
    assert (result[3:] == 0).all()
    assert (result[:, 3:] == 0).all()


@pytest.mark.parametrize(("kernel_size", "difference"), [(3, "ciede2000"), (7, "ciede2000"), (5, "cie94")])
def test_no_bit_of_a_map_depends_on_tiles_and_threads(kernel_size, difference, monkeypatch):
    photo = random_photo(37, 53)
    whole = map_of(photo, kernel_size=kernel_size, difference=difference)

    for tile in [(1, 1000), (1000, 2), (13, 17)]:
        for threads in (1, 3):
            monkeypatch.setitem(colour_module._TILES, "cpu", tile)
            tiled = map_of(photo, kernel_size=kernel_size, difference=difference, threads=threads)
            np.testing.assert_array_equal(tiled, whole, err_msg=f"tile {tile}, {threads} threads")


@pytest.mark.parametrize(("variable", "threads"), [("3", 3), ("2,4", 2), ("", 5), ("0", 5), ("many", 5)])
def test_threads_are_those_of_the_environment_or_one_a_processor(variable, threads, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 5)
    monkeypatch.setenv("OMP_NUM_THREADS", variable)

    assert colour_module._available_threads() == threads


@pytest.mark.parametrize("difference", SKIMAGE)
@pytest.mark.parametrize(
    "device",
    [
        pytest.param("cpu:0", id="torch on the CPU"),
        pytest.param(
            "cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]
        ),
    ],
)
def test_map_by_torch_is_that_by_numpy(device, difference, monkeypatch):
    photo = random_photo(61, 83)
    expected = map_of(photo, difference=difference)

    for tile in [(4096, 4096), (20, 30)]:
        monkeypatch.setitem(colour_module._TILES, device, tile)
        np.testing.assert_allclose(map_of(photo, difference=difference, device=device), expected, atol=1e-4)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("kind", BY_PIXEL)
def test_flipping_the_photo_flips_the_map(kind, axis):
    photo = random_photo(12, 19)

    flipped = map_of(np.flip(photo, axis).copy(), kind=kind)

    np.testing.assert_allclose(flipped, np.flip(map_of(photo, kind=kind), axis), atol=1e-6)


@pytest.mark.parametrize("divisor", ["count", "count-squared"])
@pytest.mark.parametrize(("height", "width", "kernel_size"), [(7, 9, 3), (6, 8, 5), (3, 4, 9), (1, 7, 3), (7, 1, 5)])
def test_luminance_deviation_is_equation_3_7(height, width, kernel_size, divisor):
    grey = grey_values(random_photo(height, width), "bt709")

    result = luminance_deviation(grey, kernel_size, divisor)

    np.testing.assert_allclose(result, equation_3_7(grey, kernel_size, divisor == "count-squared"), atol=1e-9)


def test_luminance_deviation_of_a_bright_even_surface_keeps_its_digits():
    grey = 250 + np.random.default_rng(0).uniform(-1e-4, 1e-4, (8, 8))

    np.testing.assert_allclose(luminance_deviation(grey, 3), equation_3_7(grey, 3, False), rtol=1e-3)


def test_luma_of_the_text():
    photo = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [10, 20, 30]]], dtype=np.uint8)

    expected = [0.2126 * 255, 0.7152 * 255, 0.0722 * 255, 255, 2.126 + 14.304 + 2.166]
    np.testing.assert_allclose(grey_values(photo, "bt709"), [expected])


def test_luma_of_the_released_code():
    photo = random_photo(40, 50)
    red, green, blue = np.moveaxis(photo.astype(float), -1, 0)

    result = grey_values(photo, "bt601-truncated")

    np.testing.assert_array_equal(result, np.floor(19595 / 65536 * red + 38470 / 65536 * green + 7471 / 65536 * blue))
    assert grey_values(np.full((1, 1, 3), 255, np.uint8), "bt601-truncated") == 255


@pytest.mark.parametrize("luma", ["bt709", "bt601-truncated"])
@pytest.mark.parametrize("divisor", ["count", "count-squared"])
def test_luminance_map_of_a_photo(luma, divisor):
    photo = random_photo(8, 9)
    expected = equation_3_7(grey_values(photo, luma), 3, divisor == "count-squared")

    result = map_of(photo, kind="luminance", kernel_size=3, luma=luma, deviation_divisor=divisor)

    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected / expected.max(), atol=1e-6)


@pytest.mark.parametrize("kind", VARYING)
@pytest.mark.parametrize("normalisation", ["maximum", "stretched-8-bit"])
def test_map_lies_between_0_and_exactly_1(kind, normalisation):
    result = map_of(random_photo(16, 20), kind=kind, normalisation=normalisation)

    assert result.shape == (16, 20)
    assert result.max() == 1
    assert result.min() >= 0
    assert (result.min() == 0) == (normalisation == "stretched-8-bit"), "noise everywhere: only stretching reaches 0"


def test_normalisation_of_the_text_divides_by_the_maximum():
    np.testing.assert_array_equal(normalise(np.array([[1.0, 2.0], [3.0, 4.0]])), [[0.25, 0.5], [0.75, 1]])


def test_normalisation_of_the_released_code_stretches_to_8_bits():
    result = normalise(np.array([[1.0, 2.0], [1.5, 5.0]]), "stretched-8-bit")

    np.testing.assert_allclose(result * 255, [[0, 64], [32, 255]], atol=1e-4)


@pytest.mark.parametrize("kind", VARYING)
@pytest.mark.parametrize("normalisation", ["maximum", "stretched-8-bit"])
@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (37, 141, 201), (1, 254, 77)])
def test_flat_photo_has_a_map_of_zeros_and_a_warning(colour, normalisation, kind, caplog):
    photo = np.full((37, 53, 3), colour, dtype=np.uint8)

    with caplog.at_level(logging.WARNING):
        result = map_of(photo, kind=kind, normalisation=normalisation)

    assert (result == 0).all()  # so no NaN either
    assert [record.message for record in caplog.records if "flat" in record.message]


@pytest.mark.parametrize("kind", BY_PIXEL)
@pytest.mark.parametrize("channel", [0, 1, 2])
@pytest.mark.parametrize("level", [1, 128, 254])
def test_nearly_flat_photo_keeps_its_one_detail(level, channel, kind, caplog):
    photo = np.full((9, 11, 3), level, dtype=np.uint8)
    photo[4, 5, channel] += 1

    result = map_of(photo, kind=kind, kernel_size=3)

    assert result.max() == 1
    assert not caplog.records
    around = np.zeros((9, 11), dtype=bool)
    around[3:6, 4:7] = True
    assert (result[around] > 0).all()
    assert result[~around].max() < 1e-4


def test_uniform_map_is_1_everywhere():
    result = map_of(np.zeros((4, 6, 3), dtype=np.uint8), kind="uniform")

    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, np.ones((4, 6)))


def test_every_kind_has_a_map_and_a_label():
    photo = random_photo(16, 17)

    assert VARYING == ["colour", "luminance", "joined", "masking"]
    for name, kind in KINDS.items():
        options = VarianceOptions(kind=name, sigma=1.5)
        found = variance_map(photo, options)
        assert (found.shape, found.dtype, found.max()) == ((16, 17), np.float32, 1)
        assert (found.min() < 1) == kind.varies
        assert options.label.startswith(kind.method)
        assert options.kernel_size == kind.kernel_size


@pytest.mark.parametrize(
    ("options", "label"),
    [
        ({"sigma": 1.5}, "CV-PIRE (n = 5, σ = 1.5)"),
        ({"power": 0.5}, "CV-PIRE (n = 5, σ = 1) to the power 0.5"),
        ({"kind": "joined"}, "JOINED (geometric-mean of colour and masking, n = 5)"),
    ],
)
def test_labels_tell_maps_apart(options, label):
    assert VarianceOptions(**options).label == label


def test_a_kind_that_does_not_exist_is_an_error():
    unknown = VarianceOptions.model_construct(kind="hue")

    with pytest.raises(
        InputError, match="kind: no variance map is called 'hue'; there are colour, luminance, joined, masking, uniform"
    ):
        variance_map(random_photo(4, 4), unknown)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("power", [0.5, 2])
def test_a_power_is_that_of_the_normalised_map(kind, power):
    photo = random_photo(16, 17)

    result = map_of(photo, kind=kind, power=power)

    assert result.dtype == np.float32
    np.testing.assert_allclose(result, map_of(photo, kind=kind).astype(float) ** power, rtol=1e-5)


@pytest.mark.parametrize(
    ("joined_by", "join"),
    [("geometric-mean", lambda maps: np.prod(maps, axis=0) ** (1 / len(maps))), ("minimum", np.min)],
)
@pytest.mark.parametrize("parts", [["colour", "luminance"], ["colour", "luminance", "masking"]])
def test_a_joined_map_is_made_of_maps_with_its_options(parts, joined_by, join):
    photo = random_photo(16, 17)
    options = {"kernel_size": 7, "sigma": 2.0, "luma": "bt601-truncated"}

    result = map_of(photo, kind="joined", parts=parts, joined_by=joined_by, **options)

    maps = np.stack([map_of(photo, kind=part, **options).astype(float) for part in parts])
    expected = join(maps, axis=0) if joined_by == "minimum" else join(maps)
    np.testing.assert_allclose(result, expected / expected.max(), atol=1e-6)


def watson(grey):
    """What a block of grey levels (8, 8) hides: every coefficient as its definition has it."""
    total = 0.0
    mean = sum(grey[y, x] for y in range(8) for x in range(8)) / 8
    for v in range(8):
        for u in range(8):
            coefficient = sum(
                grey[y, x]
                * math.cos((2 * y + 1) * v * math.pi / 16)
                * math.cos((2 * x + 1) * u * math.pi / 16)
                * (math.sqrt(1 / 8) if v == 0 else 1 / 2)
                * (math.sqrt(1 / 8) if u == 0 else 1 / 2)
                for y in range(8)
                for x in range(8)
            )
            threshold = masking._LEAST_VISIBLE[v, u] * (mean / 1024) ** 0.649
            hidden = max(threshold, abs(coefficient) ** 0.7 * threshold**0.3)
            step = masking._STEPS[v, u] / 2
            if (u or v) and abs(coefficient) / step >= 0.5:
                total += hidden**2
    return math.sqrt(total / 64)


@pytest.mark.parametrize(("height", "width"), [(16, 24), (13, 10), (5, 8)])
def test_masking_is_watsons_model_of_each_block_of_a_jpeg(height, width):
    photo = random_photo(height, width) // 6 + np.uint8(90)  # of so little contrast JPEG keeps a part
    rows, columns = (np.minimum(np.arange(-(-side // 8) * 8), side - 1) for side in (height, width))
    grey = (photo.astype(float) @ [0.299, 0.587, 0.114])[np.ix_(rows, columns)]

    result = map_of(photo, kind="masking")

    expected = np.array([[watson(grey[y : y + 8, x : x + 8]) for x in columns[::8]] for y in rows[::8]])
    expected = np.kron(expected, np.ones((8, 8)))[:height, :width]
    np.testing.assert_allclose(result, expected / expected.max(), rtol=1e-5)


def test_masking_hides_nothing_where_jpeg_keeps_nothing():
    photo = np.full((16, 16, 3), 128, dtype=np.uint8)
    photo[:8, ::2] += 1  # half a step of the coarsest frequency takes more
    photo[8:, ::2] += 40

    result = map_of(photo, kind="masking")

    assert (result[:8] == 0).all()
    assert (result[8:] == 1).all()


def test_written_maps_are_read_again(tmp_path):
    values = map_of(random_photo(8, 9))

    for name, tolerance in (("map.npy", 0), ("map.png", 0.5 / 255 + 1e-6)):
        write_variance_map(tmp_path / name, values)
        np.testing.assert_allclose(load_variance_map(tmp_path / name, (8, 9)), values, rtol=0, atol=tolerance)
    with pytest.raises(InputError, match=r"map\.jpg: a variance map is written as \.npy or \.png"):
        write_variance_map(tmp_path / "map.jpg", values)


def test_gaussian_is_equation_2_13():
    assert gaussian(0, 0, 1) == pytest.approx(1 / (2 * math.pi))
    assert gaussian(3, 3, 1) == pytest.approx(0.00002, abs=5e-7)  # the thesis's example
    assert gaussian(1, 2, 0.8) == gaussian(-2, 1, 0.8) == pytest.approx(0.005, abs=1e-4)


def test_figure_2_14_is_equation_2_13_averaged_over_each_pixel_and_divided_by_the_sum():
    """The figure prints another kernel than equation 2.13, which Algorithm 1 takes at the pixels' centres."""
    printed = [[0.077847, 0.123317, 0.077847], [0.123317, 0.195346, 0.123317], [0.077847, 0.123317, 0.077847]]
    within = (np.arange(100) + 0.5) / 100 - 0.5
    averaged = np.array(
        [
            [np.mean([[gaussian(x + i, y + j, 1) for i in within] for j in within]) for x in (-1, 0, 1)]
            for y in (-1, 0, 1)
        ]
    )
    sampled = np.array([[gaussian(x, y, 1) for x in (-1, 0, 1)] for y in (-1, 0, 1)])

    np.testing.assert_allclose(averaged / averaged.sum(), printed, atol=2e-6)
    np.testing.assert_allclose(
        sampled, [[0.0585, 0.0965, 0.0585], [0.0965, 0.1592, 0.0965], [0.0585, 0.0965, 0.0585]], atol=5e-5
    )
    np.testing.assert_allclose((sampled / sampled.sum())[1, 1], 0.2042, atol=5e-5)
