"""Colour conversions and differences against scikit-image and against published values."""

import numpy as np
import pytest
import skimage.color
import torch
from cvpire.colour import SQUARED_DIFFERENCES, cie76, cie94, ciede2000, srgb_to_lab

REFERENCES = {
    "cie76": skimage.color.deltaE_cie76,
    "cie94": skimage.color.deltaE_ciede94,
    "ciede2000": skimage.color.deltaE_ciede2000,
}

# Sharma, Wu and Dalal (2005), Table 1: L1 a1 b1, L2 a2 b2, CIEDE2000.
SHARMA = np.array(
    [
        [50.0000, 2.6772, -79.7751, 50.0000, 0.0000, -82.7485, 2.0425],
        [50.0000, 3.1571, -77.2803, 50.0000, 0.0000, -82.7485, 2.8615],
        [50.0000, 2.8361, -74.0200, 50.0000, 0.0000, -82.7485, 3.4412],
        [50.0000, -1.3802, -84.2814, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, -1.1848, -84.8006, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, -0.9009, -85.5211, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, 0.0000, 0.0000, 50.0000, -1.0000, 2.0000, 2.3669],
        [50.0000, -1.0000, 2.0000, 50.0000, 0.0000, 0.0000, 2.3669],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0009, 7.1792],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0010, 7.1792],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0011, 7.2195],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0012, 7.2195],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0009, -2.4900, 4.8045],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0010, -2.4900, 4.8045],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0011, -2.4900, 4.7461],
        [50.0000, 2.5000, 0.0000, 50.0000, 0.0000, -2.5000, 4.3065],
        [50.0000, 2.5000, 0.0000, 73.0000, 25.0000, -18.0000, 27.1492],
        [50.0000, 2.5000, 0.0000, 61.0000, -5.0000, 29.0000, 22.8977],
        [50.0000, 2.5000, 0.0000, 56.0000, -27.0000, -3.0000, 31.9030],
        [50.0000, 2.5000, 0.0000, 58.0000, 24.0000, 15.0000, 19.4535],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.1736, 0.5854, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.2972, 0.0000, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 1.8634, 0.5757, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.2592, 0.3350, 1.0000],
        [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
        [63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630],
        [61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731],
        [35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645],
        [22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373],
        [36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146],
        [90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441],
        [90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381],
        [6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377],
        [2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082],
    ]
)

# Greys, black and white, primaries, and hues just beside 0, 90, 180 and 270 degrees, at small and large chroma.
EDGE_COLOURS = np.array(
    [(0, 0, 0), (100, 0, 0), (50, 0, 0), (50.5, 0, 0), (53.24, 80.09, 67.20), (87.74, -86.18, 83.18)]
    + [(32.30, 79.19, -107.86), (91.11, -48.09, -14.13)]
    + [(50, chroma, side) for chroma in (-40, -1e-3, 1e-3, 40) for side in (-1e-5, 0, 1e-5)]
    + [(50, side, chroma) for chroma in (-40, -1e-3, 1e-3, 40) for side in (-1e-5, 0, 1e-5)],
    dtype=np.float64,
).T

kinds = pytest.mark.parametrize("dtype", ["float32", "float64"])
libraries = pytest.mark.parametrize("library", ["numpy", "torch"])
DIFFERENCES = {"cie76": cie76, "cie94": cie94, "ciede2000": ciede2000}
assert DIFFERENCES.keys() == SQUARED_DIFFERENCES.keys()
names = pytest.mark.parametrize("name", DIFFERENCES)


def array(values, library, dtype="float64"):
    """The values as an array of a library and type."""
    values = np.asarray(values, dtype=dtype)
    return torch.from_numpy(values) if library == "torch" else values


def random_lab(seed, count=2000):
    """Random sRGB colours in CIELAB, shape (3, count)."""
    return skimage.color.rgb2lab(np.random.default_rng(seed).random((3, count)), channel_axis=0)


def same_kind(result, like):
    """Whether a result is of the library and type of an argument."""
    return type(result) is type(like) and result.dtype == like.dtype


@libraries
@kinds
def test_lab_equals_scikit_image(library, dtype):
    grey = np.linspace(0, 1, 256)
    corners = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1)
    rgb = np.concatenate([np.random.default_rng(0).random((3, 2000)), [grey, grey, grey], corners], axis=1)
    given = array(rgb, library, dtype)

    lab = srgb_to_lab(given)

    assert same_kind(lab, given)
    np.testing.assert_allclose(
        np.asarray(lab, dtype=np.float64), skimage.color.rgb2lab(rgb, channel_axis=0), atol=1e-4, rtol=0
    )


@libraries
def test_lab_of_all_8_bit_greys_is_grey_and_ordered(library):
    grey = np.arange(256) / 255

    lightness, a, b = np.asarray(srgb_to_lab(array([grey, grey, grey], library)))

    assert lightness[0] == pytest.approx(0, abs=1e-9)
    assert lightness[-1] == pytest.approx(100, abs=1e-3)
    assert (np.diff(lightness) > 0).all()
    assert max(np.abs(a).max(), np.abs(b).max()) < 0.02


@libraries
@kinds
@names
def test_difference_of_random_colours_equals_scikit_image(name, library, dtype):
    # Of the same rounded colours, so that only the formula's own error counts.
    lab1, lab2 = (random_lab(seed).astype(dtype) for seed in (1, 2))
    expected = REFERENCES[name](lab1.astype(np.float64), lab2.astype(np.float64), channel_axis=0)

    result = DIFFERENCES[name](array(lab1, library, dtype), array(lab2, library, dtype))

    assert same_kind(result, array(lab1, library, dtype))
    np.testing.assert_allclose(np.asarray(result, dtype=np.float64), expected, atol=1e-4, rtol=0)


@libraries
@names
def test_difference_of_edge_cases_equals_scikit_image(name, library):
    lab1 = np.repeat(EDGE_COLOURS, EDGE_COLOURS.shape[1], axis=1)
    lab2 = np.tile(EDGE_COLOURS, EDGE_COLOURS.shape[1])

    result = np.asarray(DIFFERENCES[name](array(lab1, library), array(lab2, library)))

    expected = REFERENCES[name](lab1, lab2, channel_axis=0)
    if name == "ciede2000":
        # The formula jumps at exactly opposite hues, where scikit-image falls on the one side or the other by rounding.
        # Sharma et al. leave no choice: 180 degrees apart counts as not far, so the mean lies above the lower hue.
        (a1, b1), (a2, b2) = lab1[1:], lab2[1:]
        opposite = (a1 * b2 == a2 * b1) & (a1 * a2 + b1 * b2 < 0)
        first_is_lower = (b1 > 0) | ((b1 == 0) & (a1 > 0))
        nearer = lab2 + 1e-9 * np.where(first_is_lower, 1, -1) * np.array([0 * b2, b2, -a2])
        expected[opposite] = REFERENCES[name](lab1, nearer, channel_axis=0)[opposite]
        assert opposite.sum() > 20
    np.testing.assert_allclose(result, expected, atol=1e-4, rtol=0)


@libraries
@kinds
@names
def test_nearly_opposite_hues_equal_scikit_image(name, library, dtype):
    angle = np.random.default_rng(3).uniform(0, 2 * np.pi, 500)
    off = np.geomspace(1e-9 if dtype == "float64" else 1e-5, 1e-2, 250)
    other = angle + np.pi + np.concatenate([off, -off])
    # Of the same rounded colours, so that only the formula's own error counts.
    lab1 = np.array([np.full(500, 50.0), 30 * np.cos(angle), 30 * np.sin(angle)]).astype(dtype)
    lab2 = np.array([np.full(500, 60.0), 20 * np.cos(other), 20 * np.sin(other)]).astype(dtype)
    expected = REFERENCES[name](lab1.astype(np.float64), lab2.astype(np.float64), channel_axis=0)

    result = np.asarray(DIFFERENCES[name](array(lab1, library, dtype), array(lab2, library, dtype)))

    np.testing.assert_allclose(result, expected, atol=1e-4, rtol=0)


@libraries
@kinds
@names
def test_equal_colours_do_not_differ(name, library, dtype):
    lab = array(np.concatenate([random_lab(4), EDGE_COLOURS], axis=1), library, dtype)

    result = np.asarray(DIFFERENCES[name](lab, lab))

    assert (result == 0).all()


@libraries
@kinds
@names
def test_tiny_differences_are_finite_and_small(name, library, dtype):
    lab = np.concatenate([random_lab(5), EDGE_COLOURS], axis=1)
    random = np.random.default_rng(6)
    nudge = random.uniform(-1, 1, lab.shape) * 10 ** random.uniform(-6, -4, lab.shape[1])
    nudge[0, ::2] = 0  # equally light: rounding of the chroma is all that is left
    nudged = lab + nudge

    result = np.asarray(DIFFERENCES[name](array(lab, library, dtype), array(nudged, library, dtype)))

    assert (result >= 0).all()  # so no NaN either
    assert result.max() < 0.01


@libraries
def test_ciede2000_of_the_published_pairs(library):
    result = np.asarray(ciede2000(array(SHARMA[:, :3].T, library), array(SHARMA[:, 3:6].T, library)))

    np.testing.assert_allclose(result, SHARMA[:, 6], atol=1e-4, rtol=0)


def test_the_table_of_published_pairs_is_typed_correctly():
    reference = skimage.color.deltaE_ciede2000(SHARMA[:, :3], SHARMA[:, 3:6])

    np.testing.assert_array_equal(np.round(reference, 4), SHARMA[:, 6])


@libraries
@pytest.mark.parametrize("difference", [cie76, ciede2000])
def test_cie76_and_ciede2000_are_symmetric(difference, library):
    lab1, lab2 = (
        array(np.concatenate([random_lab(seed), EDGE_COLOURS[:, ::step]], axis=1), library)
        for seed, step in ((7, 1), (8, -1))
    )

    np.testing.assert_allclose(
        np.asarray(difference(lab1, lab2)), np.asarray(difference(lab2, lab1)), atol=1e-9, rtol=0
    )


@libraries
def test_cie94_weighs_by_the_chroma_of_its_first_argument(library):
    grey, red = array([50.0, 0, 0], library), array([50.0, 60, 0], library)

    assert float(cie94(grey, red)) == pytest.approx(60)
    assert float(cie94(red, grey)) == pytest.approx(60 / (1 + 0.045 * 60))


@libraries
@names
def test_trailing_shapes_broadcast(name, library):
    lab, one = random_lab(9, 12).reshape(3, 3, 4), random_lab(10, 1).reshape(3, 1, 1)

    result = np.asarray(DIFFERENCES[name](array(lab, library), array(one, library)))

    expected = REFERENCES[name](lab, np.broadcast_to(one, lab.shape), channel_axis=0)
    np.testing.assert_allclose(result, expected, atol=1e-4, rtol=0)
