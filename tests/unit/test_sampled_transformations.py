"""What an attack samples: each transformation against the one that evaluation applies to files, and what is drawn."""

from pkgutil import resolve_name

import numpy as np
import pytest
import torch
from cvpire.attack import differentiable
from cvpire.attack.catalogue import SAMPLED
from cvpire.attack.sampling import Sampler
from cvpire.config import AttackOptions
from cvpire.config.transformations import parse
from cvpire.transformations.catalogue import KINDS
from cvpire.transformations.transform import transform
from PIL import Image
from skimage.data import astronaut

pytestmark = pytest.mark.usefixtures("one_thread")

RANGES = {
    "crop": (0.05, 0.4),
    "resize": (0.4, 1.0),
    "rotation": (-20.0, 20.0),
    "blur": (0.3, 2.0),
    "jpeg": (40, 95),
    "webp": (40, 95),
    "noise": (1.0, 8.0),
    "brightness": (0.7, 1.4),
    "contrast": (0.6, 1.4),
    "gamma": (0.5, 2.0),
}
every_kind = pytest.mark.parametrize("kind", RANGES)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def sampled(kind, pixels, value, seed=0):
    """Transform as an attack does."""
    return getattr(differentiable, SAMPLED[kind])(pixels, value, seeded(seed))


def evaluated(kind, levels, value):
    """Transform as evaluation does; levels from 0 to 255."""
    return transform(levels, parse(f"{{{kind}: {value}}}"), name="test", photo="photo")


def as_pixels(levels, dtype=torch.float64):
    return torch.from_numpy(levels.copy()).movedim(-1, 0)[None].to(dtype) / 255


def as_levels(pixels):
    return 255 * pixels[0].movedim(0, -1).numpy()


@pytest.fixture(scope="module")
def levels():
    """A real photo, wider than high, of odd and even sides."""
    return np.array(Image.fromarray(astronaut()[:384]).resize((92, 69), Image.Resampling.LANCZOS))


@pytest.fixture(scope="module")
def smooth():
    """The same photo without what is finer than a few pixels, where interpolations differ."""
    small = Image.fromarray(astronaut()[:384]).resize((16, 12), Image.Resampling.LANCZOS)
    return np.array(small.resize((92, 69), Image.Resampling.BICUBIC))


def test_every_kind_is_one_that_evaluation_knows():
    assert set(RANGES) == set(SAMPLED) <= set(KINDS)
    assert all(callable(resolve_name(f"cvpire.attack.differentiable:{name}")) for name in SAMPLED.values())


# --- Values: what evaluation makes of the file ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
@pytest.mark.parametrize("quality", [5, 50, 95])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_codecs_give_exactly_the_pixels_of_evaluation(levels, kind, quality, dtype):
    result = sampled(kind, as_pixels(levels, dtype), quality)

    assert torch.equal(result, as_pixels(evaluated(kind, levels, quality), dtype))


def test_codecs_see_whole_grey_levels(levels):
    pixels = as_pixels(levels)
    between = pixels + 0.4 / 255 * (torch.rand(pixels.shape, generator=seeded(), dtype=torch.float64) * 2 - 1)

    assert torch.equal(sampled("jpeg", between.clamp(0, 1), 60), sampled("jpeg", pixels, 60))


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.5])
def test_brightness_is_that_of_evaluation_but_for_rounding(levels, factor):
    # Pillow cuts the decimals off.
    result = as_levels(sampled("brightness", as_pixels(levels), factor))

    np.testing.assert_allclose(result, evaluated("brightness", levels, factor), atol=1.0001)
    assert result.max() <= 255 and (factor < 1 or (result == 255).any())


@pytest.mark.parametrize("factor", [0.3, 0.9, 1.6])
def test_contrast_is_that_of_evaluation_but_for_rounding(levels, factor):
    # Pillow rounds the mean to a whole level, which is kept by |1 - factor|, and cuts decimals off.
    result = as_levels(sampled("contrast", as_pixels(levels), factor))

    np.testing.assert_allclose(result, evaluated("contrast", levels, factor), atol=1 + 0.6 * abs(1 - factor))


@pytest.mark.parametrize("exponent", [0.4, 0.9, 2.2])
def test_gamma_is_that_of_evaluation_but_for_rounding(levels, exponent):
    levels = levels.copy()
    levels[0, :3] = np.arange(9).reshape(3, 3)  # black and nearly black

    result = as_levels(sampled("gamma", as_pixels(levels), exponent))

    np.testing.assert_allclose(result, evaluated("gamma", levels, exponent), atol=0.5001)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.5, 20])
def test_blur_is_that_of_evaluation_but_for_rounding(levels, sigma):
    # 20: the kernel reaches over the whole photo and over its mirror images.
    result = as_levels(sampled("blur", as_pixels(levels), sigma))

    np.testing.assert_allclose(result, evaluated("blur", levels, sigma), atol=0.502)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.73, 0.99, 1.0])
def test_resize_has_the_size_of_evaluation_and_nearly_its_values(levels, share):
    # Pillow's cubic filter is the same but for rounding and clipping after each direction; Lanczos's differs at edges.
    result = as_levels(sampled("resize", as_pixels(levels), share))
    expected = evaluated("resize", levels, share)

    assert result.shape == expected.shape
    height, width = expected.shape[:2]
    cubic = np.asarray(Image.fromarray(levels).resize((width, height), Image.Resampling.BICUBIC))
    assert np.abs(result - cubic).mean() < 0.4
    assert np.abs(result - expected).mean() < 3
    shifted = np.roll(expected, 1, axis=1)
    assert np.abs(result - expected).mean() < 0.25 * np.abs(result - shifted).mean()
    assert result.min() >= 0 and result.max() <= 255


@pytest.mark.parametrize("degrees", [-30, -3.5, 0.4, 12])
@pytest.mark.parametrize("is_wide", [True, False])
def test_rotation_turns_as_evaluation_about_the_same_centre(smooth, degrees, is_wide):
    # Bilinear and cubic interpolation of a smooth photo differ by some levels at most; a mistaken direction, aspect
    # ratio or centre does by tens.
    given = smooth if is_wide else np.ascontiguousarray(smooth.swapaxes(0, 1))

    result = as_levels(sampled("rotation", as_pixels(given), degrees))
    expected = evaluated("rotation", given, degrees)

    difference = np.abs(result - expected)
    assert difference.mean() < 1.5 and np.quantile(difference, 0.99) < 6
    assert np.abs(result - evaluated("rotation", given, -degrees)).mean() > 4 * difference.mean()


def test_rotation_by_nothing_is_nothing(levels):
    pixels = as_pixels(levels)

    torch.testing.assert_close(sampled("rotation", pixels, 0.0), pixels, atol=1e-12, rtol=0)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.33, 0.9])
def test_crop_has_the_size_of_evaluation_and_lies_anywhere(levels, share):
    pixels = as_pixels(levels)
    marked = pixels.clone()
    rows, columns = torch.meshgrid(torch.arange(69.0), torch.arange(92.0), indexing="ij")
    marked[0, 0], marked[0, 1] = rows, columns  # where each pixel comes from

    crops = [sampled("crop", marked, share, seed) for seed in range(200)]

    height, width = evaluated("crop", levels, share).shape[:2]
    assert {tuple(crop.shape) for crop in crops} == {(1, 3, height, width)}
    places = [(int(crop[0, 0, 0, 0]), int(crop[0, 1, 0, 0])) for crop in crops]
    for crop, (top, left) in zip(crops, places, strict=True):
        assert torch.equal(crop, marked[:, :, top : top + height, left : left + width])
    for found, rest in zip(zip(*places, strict=True), (69 - height, 92 - width), strict=True):
        assert min(found) <= 0.1 * rest and max(found) >= 0.9 * rest and np.ptp(found) <= rest


def test_noise_has_the_deviation_in_grey_levels():
    grey = torch.full((1, 3, 200, 210), 0.5, dtype=torch.float64)

    difference = 255 * (sampled("noise", grey, 4.0) - grey)

    assert abs(difference.std() - 4) < 0.05 and abs(difference.mean()) < 0.05
    file = evaluated("noise", np.full((200, 210, 3), 128, np.uint8), 4.0) - 128.0
    assert abs(difference.std() - file.std()) < 0.1


@every_kind
def test_values_stay_in_the_range_of_pixels(kind):
    black_and_white = (torch.rand((1, 3, 20, 26), generator=seeded(), dtype=torch.float64) > 0.5).double()

    for value in RANGES[kind]:
        result = sampled(kind, black_and_white, value)
        assert result.min() >= -1e-12 and result.max() <= 1 + 1e-12


# --- Slopes -----------------------------------------------------------------------------------------------------------


@every_kind
def test_slopes_are_those_of_finite_differences_or_of_doing_nothing(kind, levels):
    """In the middle of the range nothing is clipped, and what has a derivative has the slope it says."""
    pixels = 0.4 + 0.2 * as_pixels(levels[:22, :27])
    value = RANGES[kind][0] if kind not in differentiable.WHOLE else 60
    weights = torch.randn(sampled(kind, pixels, value).shape, generator=seeded(1), dtype=torch.float64)
    direction = torch.randn(pixels.shape, generator=seeded(2), dtype=torch.float64)

    leaf = pixels.clone().requires_grad_()
    (slope,) = torch.autograd.grad((sampled(kind, leaf, value) * weights).sum(), leaf)

    if kind in differentiable.WHOLE:
        assert torch.equal(slope, weights)
    else:
        ahead, behind = ((sampled(kind, pixels + h * direction, value) * weights).sum() for h in (1e-4, -1e-4))
        torch.testing.assert_close((slope * direction).sum(), (ahead - behind) / 2e-4, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("kind", "value"), [("brightness", 1.5), ("contrast", 1.5), ("noise", 80.0)])
def test_what_is_clipped_keeps_the_slope_of_not_clipping(kind, value):
    pixels = torch.linspace(0, 1, 60, dtype=torch.float64).view(1, 3, 4, 5).requires_grad_()

    result = sampled(kind, pixels, value)
    (slope,) = torch.autograd.grad(result[:, 0].sum(), pixels)

    assert (result == 1).any() or (result == 0).any()
    assert (slope[:, 0] > 0).all()


@pytest.mark.parametrize("exponent", [0.4, 0.9, 2.2])
def test_gamma_has_at_black_the_slope_of_one_grey_level(exponent):
    pixels = torch.tensor([0.0, 0.5 / 255, 1 / 255, 0.3], dtype=torch.float64).expand(1, 3, 1, 4).requires_grad_()

    (slope,) = torch.autograd.grad(sampled("gamma", pixels, exponent).sum(), pixels)

    base = torch.tensor([1 / 255, 1 / 255, 1 / 255, 0.3], dtype=torch.float64)
    torch.testing.assert_close(slope[0, 0, 0], exponent * base ** (exponent - 1))


# --- Batches and draws ------------------------------------------------------------------------------------------------


@every_kind
def test_a_photo_of_a_batch_is_transformed_as_alone(kind, levels, smooth):
    batch = torch.cat([as_pixels(levels), as_pixels(smooth), as_pixels(255 - levels)])

    for value in RANGES[kind]:
        together = sampled(kind, batch, value)
        for number in range(3):
            torch.testing.assert_close(
                together[number], sampled(kind, batch[number : number + 1], value)[0], atol=1e-12, rtol=0
            )


@pytest.mark.parametrize("kind", ["crop", "noise"])
def test_what_is_drawn_follows_the_generator_and_nothing_else(kind, levels):
    pixels, state = as_pixels(levels), torch.get_rng_state()

    first, again, other = (sampled(kind, pixels, RANGES[kind][1], seed) for seed in (3, 3, 4))

    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state), "the global generator was used"


def sampler(*steps, samples=2):
    return Sampler(AttackOptions(samples=samples, sampled=list(steps)))


@every_kind
def test_values_are_drawn_uniformly_from_the_range_in_its_share_of_the_samples(kind):
    low, high = RANGES[kind]
    drawing, generator = sampler({"kind": kind, "range": (low, high), "share": 0.3}), seeded()

    drawn = [drawing.draw(generator) for _ in range(3000)]

    values = np.array([value for steps in drawn for name, value in steps if name == kind])
    assert abs(len(values) / len(drawn) - 0.3) < 0.03
    assert low <= values.min() and values.max() <= high
    quarters = np.histogram(values, bins=4, range=(low, high))[0] / len(values)
    np.testing.assert_allclose(quarters, 0.25, atol=0.06)


@pytest.mark.parametrize(("kind", "low", "high"), [("jpeg", 70, 75), ("webp", 90, 90)])
def test_qualities_are_whole_numbers(kind, low, high):
    drawing, generator = sampler({"kind": kind, "range": (low, high)}), seeded()

    values = [value for _ in range(200) for _, value in drawing.draw(generator)]

    assert set(values) == set(range(low, high + 1)) and all(isinstance(value, int) for value in values)


def test_what_a_share_decides_changes_no_later_draw():
    first = {"kind": "blur", "range": (0.5, 2.0)}
    last = {"kind": "gamma", "range": (0.5, 2.0)}
    always, never_quite = (
        sampler(first, {"kind": "resize", "range": (0.5, 0.9), "share": share}, last) for share in (1.0, 1e-9)
    )

    for seed in range(20):
        with_it, without = always.draw(seeded(seed)), never_quite.draw(seeded(seed))
        assert [name for name, _ in with_it] == ["blur", "resize", "gamma"]
        assert without == [with_it[0], with_it[2]]


def test_a_sample_is_its_steps_in_their_order(levels):
    steps = [{"kind": "rotation", "range": (5, 9)}, {"kind": "crop", "range": (0.1, 0.3)}]
    steps += [{"kind": "noise", "range": (1, 2)}, {"kind": "jpeg", "range": (50, 90)}]
    drawing, pixels = sampler(*steps), as_pixels(levels)
    generator = seeded(5)
    expected = pixels
    for (name, value), step in zip(drawing.draw(generator), steps, strict=True):
        assert name == step["kind"]
        expected = getattr(differentiable, SAMPLED[name])(expected, value, generator)

    assert torch.equal(drawing(pixels, seeded(5)), expected)
    assert not torch.equal(drawing(pixels, seeded(6)), expected)
