"""What an attack pays for being seen: against scikit-image, and in the attack against literal steps."""

import numpy as np
import pytest
import skimage.color
import skimage.metrics
import torch
from cvpire.attack import catalogue
from cvpire.attack.loop import attack
from cvpire.attack.penalties import PENALTIES
from cvpire.attack.start import start_noise
from cvpire.config import AttackOptions
from cvpire.errors import InputError
from torch.nn.functional import conv2d, normalize, softplus

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPE = (12, 15)


class Network:
    """A small smooth descriptor network that does not normalise."""

    mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)

    def __call__(self, pixels):
        weight = torch.randn((16, 3, 5, 5), generator=torch.Generator().manual_seed(0), dtype=torch.float64) / 4
        return normalize(softplus(conv2d(pixels, weight.to(pixels), stride=2)).mean(dim=(2, 3)), dim=1)


def random(shape, seed):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_scikit_image(name, pixels, photo):
    """A penalty of one photo (H, W, 3)."""
    if name == "mse":
        return np.mean((255 * pixels - 255 * photo) ** 2)
    if name == "ssim":
        return 1 - skimage.metrics.structural_similarity(photo, pixels, data_range=1, channel_axis=2)
    return skimage.color.deltaE_ciede2000(skimage.color.rgb2lab(photo), skimage.color.rgb2lab(pixels)).mean()


def attacked(photo, multipliers=(30.0,), steps=4, network=None, **options):
    """Attack with a map of ones; the perturbations (M, 3, H, W) after the last step."""
    first, *others = multipliers
    method = AttackOptions(multiplier=first, other_multipliers=others, iterations=steps, learning_rate=0.02, **options)
    start = start_noise(0, "photo", "attack", multipliers, SHAPE).to(photo)
    return attack(photo, torch.ones(SHAPE).to(photo), network or Network(), method, start=start)[:, -1]


def test_the_catalogue_names_the_penalties():
    assert tuple(PENALTIES) == catalogue.PENALTIES


@pytest.mark.parametrize("name", PENALTIES)
def test_a_penalty_is_the_measure_of_image_quality_summed_over_photos(name):
    photo, pixels = random((3, *SHAPE), 1), random((2, 3, *SHAPE), 2)

    result = PENALTIES[name](pixels, photo)

    expected = sum(by_scikit_image(name, each.movedim(0, -1).numpy(), photo.movedim(0, -1).numpy()) for each in pixels)
    np.testing.assert_allclose(result, expected, rtol=1e-3)


@pytest.mark.parametrize("name", PENALTIES)
def test_a_photo_that_did_not_change_pays_nothing(name):
    photo = random((3, *SHAPE), 1)
    pixels = photo[None].clone().requires_grad_()

    value = PENALTIES[name](pixels, photo)

    assert abs(value) < 1e-12
    assert torch.autograd.grad(value, pixels)[0].abs().max() < 1e-9


def test_an_attack_pays_for_the_pixels_that_come_out_of_what_it_goes_through():
    """Steps by the sign of the slope, written out, on the rounded photo."""
    photo, weight, bound = random((3, *SHAPE), 1), 0.02, 30 / 255
    expected = start_noise(0, "photo", "attack", (30.0,), SHAPE).to(photo) * bound
    original = Network()(photo[None])
    for _ in range(4):
        pixels = ((photo + expected).clamp(0, 1) * 255).round() / 255
        pixels.requires_grad_()
        value = (Network()(pixels) - original).square().sum() - weight * (255 * (pixels - photo)).square().mean()
        slope = torch.autograd.grad(value, pixels)[0]
        expected = (expected + 0.02 * slope.sign()).clamp(-bound, bound)

    result = attacked(photo, optimiser="sign", through=["eight-bit"], penalty="mse", penalty_weight=weight)

    torch.testing.assert_close(result, expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", PENALTIES)
def test_who_pays_changes_less(name):
    photo = random((3, *SHAPE), 1)

    def change(**paid):
        pixels = (photo + attacked(photo, **paid)[0]).clamp(0, 1)
        return by_scikit_image(name, pixels.movedim(0, -1).numpy(), photo.movedim(0, -1).numpy())

    assert change(penalty=name, penalty_weight=1000) < 0.8 * change()


def test_bounds_pay_alone_what_they_pay_in_a_batch():
    photo = random((3, *SHAPE), 1)
    paid = {"penalty": "ciede2000", "penalty_weight": 0.1, "through": ["saving"]}

    together = attacked(photo, (10.0, 30.0), **paid)

    torch.testing.assert_close(together[1:], attacked(photo, (30.0,), **paid), atol=1e-9, rtol=0)
    assert torch.equal(together, attacked(photo, (10.0, 30.0), **paid))


def test_a_photo_smaller_than_ssims_window_is_an_error():
    with pytest.raises(InputError, match="a photo of 15 x 6 pixels is smaller than the windows of ssim; expected at"):
        PENALTIES["ssim"](random((1, 3, 6, 15), 1), random((3, 6, 15), 2))


@pytest.mark.parametrize(
    "options", [{"penalty": "ssim"}, {"penalty_weight": 1}, {"penalty": "ssim", "penalty_weight": 0}]
)
def test_a_penalty_needs_a_weight_and_a_weight_a_penalty(options):
    with pytest.raises(ValueError, match="penalty, penalty_weight: a penalty and a weight above 0 go together"):
        AttackOptions(**options)
