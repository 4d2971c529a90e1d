"""CIEDE2000 with slopes, against scikit-image and finite differences."""

import numpy as np
import pytest
import skimage.color
import torch
from cvpire.attack.colour_difference import ciede2000, ciede2000_squared, colour_differences


def random_lab(seed, count=3000, greys=200):
    """Colours of random sRGB values, the first of them grey, float64 (3, N)."""
    rgb = np.random.default_rng(seed).random((3, count))
    rgb[:, :greys] = rgb[:1, :greys]
    return skimage.color.rgb2lab(rgb, channel_axis=0)


def nearby(lab, seed, distance):
    """Colours at a random offset of each."""
    return lab + distance * np.random.default_rng(seed).normal(size=lab.shape)


@pytest.mark.parametrize("distance", [0.01, 1, 10, None])
def test_differences_are_those_of_scikit_image(distance):
    one = random_lab(0)
    other = random_lab(1)[:, ::-1].copy() if distance is None else nearby(one, 1, distance)

    result = ciede2000(torch.from_numpy(one), torch.from_numpy(other))

    expected = skimage.color.deltaE_ciede2000(one, other, channel_axis=0)
    np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-5)


def test_differences_of_float32_keep_three_digits():
    one = random_lab(0)
    other = nearby(one, 1, 2)

    result = ciede2000(*(torch.from_numpy(each.astype(np.float32)) for each in (one, other)))

    np.testing.assert_allclose(result, skimage.color.deltaE_ciede2000(one, other, channel_axis=0), rtol=2e-3)


@pytest.mark.parametrize("distance", [0.3, 5, None])
def test_slopes_are_those_of_finite_differences(distance):
    # Of a grey and a colour the difference grows as a root, with no slope at the grey.
    one = random_lab(2, greys=0)
    other = torch.from_numpy(random_lab(3, greys=0) if distance is None else nearby(one, 3, distance))
    one = torch.from_numpy(one).requires_grad_()

    (slope,) = torch.autograd.grad(ciede2000(one, other).sum(), one)

    step = 1e-6
    for channel in range(3):
        moved = torch.zeros_like(other)
        moved[channel] = step
        with torch.no_grad():
            expected = (ciede2000(one + moved, other) - ciede2000(one - moved, other)) / (2 * step)
        torch.testing.assert_close(slope[channel], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("function", [ciede2000, ciede2000_squared])
def test_equal_colours_differ_by_nothing_and_have_no_slope(function, dtype):
    lab = torch.from_numpy(random_lab(4)).to(dtype)
    lab[:, :2] = 0  # black
    one = lab.clone().requires_grad_()

    value = function(one, lab)
    (slope,) = torch.autograd.grad(value.sum(), one)

    assert torch.equal(value, torch.zeros_like(value))
    assert torch.equal(slope, torch.zeros_like(slope))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_slopes_end_at_greys_black_and_white(dtype):
    photo = torch.tensor([0, 0.001, 0.5, 1], dtype=dtype).expand(3, 1, 4).clone()
    for moved in (torch.tensor([0.0, 0, 0]), torch.tensor([0.004, 0, 0]), torch.tensor([-0.004, 0.002, 0.01])):
        pixels = (photo + moved[:, None, None].to(dtype)).clamp(0, 1)[None].requires_grad_()

        (slope,) = torch.autograd.grad(colour_differences(pixels, photo).sum(), pixels)

        assert slope.isfinite().all()
        assert slope.abs().max() < 1e4


def test_pixels_are_compared_as_scikit_image_compares_photos():
    generator = np.random.default_rng(5)
    photo, pixels = generator.random((6, 7, 3)), generator.random((2, 6, 7, 3))

    result = colour_differences(torch.from_numpy(pixels).movedim(-1, 1), torch.from_numpy(photo).movedim(-1, 0))

    lab = [skimage.color.rgb2lab(each) for each in (photo, *pixels)]
    expected = [skimage.color.deltaE_ciede2000(lab[0], each) for each in lab[1:]]
    np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-4)
