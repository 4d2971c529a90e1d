"""Optimisers that look at more than the slope, against literal transcriptions of what their papers describe."""

import itertools

import numpy as np
import pytest
import skimage.color
import torch
from cvpire.attack.colour_difference import ciede2000_squared
from cvpire.attack.loop import attack, attack_photo
from cvpire.attack.members import Member
from cvpire.attack.priority import cost, highest
from cvpire.attack.start import start_noise
from cvpire.colour import srgb_to_lab
from cvpire.config import AttackOptions
from cvpire.errors import InputError
from cvpire.options import validate
from cvpire.retrieval.learnt import Learnt

from tests.unit.test_attack import MEAN, SHAPE, STD, describe, method_of

pytestmark = pytest.mark.usefixtures("one_thread")

UNRELATED = 0.9995
"""Similarity at which the small network's photos count as unlike each other."""
ALTERNATING = {"optimiser": "alternating", "objective": "similarity", "through": ["eight-bit"]}
PRIORITY = {"optimiser": "priority", "through": ["eight-bit"], "priority_share": 0.02}
both = pytest.mark.parametrize("options", [ALTERNATING, PRIORITY], ids=["alternating", "priority"])


@pytest.fixture(scope="module")
def photo():
    """A photo with black and white in it, in whole grey levels."""
    values = torch.rand((3, *SHAPE), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return (255 * (1.2 * values - 0.1).clamp(0, 1)).round() / 255


@pytest.fixture(scope="module")
def bound_map():
    values = torch.rand(SHAPE, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return torch.where(values < 0.2, 0.0, values / values.max())


def run(photo, bound_map, multipliers=(60.0,), steps=range(1, 13), unrelated=UNRELATED, network=describe, **options):
    """Perturbations after each step, (M, K, 3, H, W)."""
    start = start_noise(0, "photo", "attack", multipliers, SHAPE).to(photo)
    member = Member(network, learnt=Learnt(unrelated=unrelated))
    return attack(photo, bound_map, [member], method_of(multipliers, steps, **options), start=start)


class Describing(torch.nn.Linear):
    """The small network as a module."""

    mean, std = MEAN, STD

    def __init__(self):
        super().__init__(1, 1)

    def forward(self, normalised):
        return describe(normalised)


def eight_bits(photo, perturbation):
    return (255 * (photo + perturbation).clamp(0, 1)).round() / 255


def descriptor(pixels):
    mean, std = (torch.tensor(values, dtype=pixels.dtype).view(3, 1, 1) for values in (MEAN, STD))
    return describe(((pixels - mean) / std)[None])[0]


def similarity(photo, pixels):
    return descriptor(photo) @ descriptor(pixels)


def slope_of(function, pixels):
    """Slope of a function of pixels."""
    pixels = pixels.clone().requires_grad_()
    return torch.autograd.grad(function(pixels), pixels)[0]


def rms(values):
    return values.square().mean().sqrt()


def colour_distance(photo, pixels):
    """Root of the summed squares of CIEDE2000."""
    return ciede2000_squared(srgb_to_lab(photo), srgb_to_lab(pixels)).sum().sqrt()


# --- Alternating ------------------------------------------------------------------------------------------------------


def percal(photo, bound, noise, steps, size, colour_step, unrelated=UNRELATED):
    """PerC-AL of a photo; what was reached after each step, and which steps went down the colour distance."""
    v, pixels, found, reached, downwards = torch.zeros_like(noise), photo, [], [], []
    for step in range(steps):
        if downwards.append(bool(similarity(photo, pixels) <= unrelated)) or downwards[-1]:
            down = slope_of(lambda shown: colour_distance(photo, shown), pixels)
            v = v - colour_step * size * down / rms(down)
        else:
            up = noise if step == 0 else slope_of(lambda shown: -similarity(photo, shown), pixels)
            v = v + size * up / rms(up)
        v = torch.maximum(torch.minimum(v, bound), -bound)
        pixels = eight_bits(photo, v)
        if similarity(photo, pixels) <= unrelated:
            found.append((colour_distance(photo, pixels).item(), v))
        reached.append(min(found, key=lambda pair: pair[0])[1] if found else v)
    return torch.stack(reached), downwards


@pytest.mark.parametrize("colour_step", [0.25, 1.0])
def test_alternating_is_perc_al(photo, bound_map, colour_step):
    multiplier, size, steps = 60.0, 0.01, 30
    bound = bound_map * multiplier / 255
    noise = start_noise(0, "photo", "attack", [multiplier], SHAPE)[0].double() * bound

    options = {"learning_rate": size, "colour_step": colour_step, **ALTERNATING}
    (result,) = run(photo, bound_map, (multiplier,), range(1, steps + 1), **options)

    expected, downwards = percal(photo, bound, noise, steps, size, colour_step)
    torch.testing.assert_close(result, expected, atol=1e-6, rtol=0)
    turns = sum(one != other for one, other in itertools.pairwise(downwards))
    assert turns > 4, "steps must alternate, or one kind is not tested"


def test_alternating_keeps_the_least_changed_that_suffices(photo, bound_map):
    (result,) = run(photo, bound_map, steps=range(1, 41), learning_rate=0.01, **ALTERNATING)

    shown = [eight_bits(photo, each) for each in result]
    enough = [bool(similarity(photo, pixels) <= UNRELATED) for pixels in shown]
    first = enough.index(True)
    assert 0 < first < 20 and all(enough[first:])
    lab = [skimage.color.rgb2lab(pixels.movedim(0, -1).numpy()) for pixels in (photo, *shown[first:])]
    distances = [np.square(skimage.color.deltaE_ciede2000(lab[0], each)).sum() for each in lab[1:]]
    assert all(later <= earlier * (1 + 1e-3) for earlier, later in itertools.pairwise(distances))
    assert distances[-1] < 0.9 * distances[0]


# --- Priority ---------------------------------------------------------------------------------------------------------


def luo(photo, bound, noise, steps, size, count, budget=1.0, unrelated=UNRELATED):
    """Luo et al.'s attack of a photo, one value at a time; the perturbation after each step."""
    v, results, ended = torch.zeros_like(noise), [], False
    sensitivity = torch.where(bound > 0, 1 / bound, 0).expand_as(v)
    for step in range(steps):
        pixels = eight_bits(photo, v)
        effect = noise if step == 0 else slope_of(lambda shown: -similarity(photo, shown), pixels)
        ranked = []
        for place in np.ndindex(*v.shape):
            sign, limit = effect[place].sign(), bound[place[1:]]
            further = max(min(v[place] + size * sign, limit), -limit)
            if further != v[place] and pixels[place] != (1 if sign > 0 else 0):
                ranked.append((float(effect[place].abs() * limit), place, further))
        changed = v.clone()
        for _, place, further in sorted(ranked, reverse=True)[:count]:
            changed[place] = further
        ended = ended or (changed.abs() * sensitivity).sum() / (3 * (bound > 0).sum()) > budget
        v = v if ended else changed
        ended = ended or similarity(photo, eight_bits(photo, v)) <= unrelated
        results.append(v)
    return torch.stack(results), ended


@pytest.mark.parametrize(("budget", "unrelated"), [(1.0, -1.0), (1.0, UNRELATED), (0.03, -1.0)])
def test_priority_is_what_luo_et_al_describe(photo, bound_map, budget, unrelated):
    multiplier, size, steps, share = 60.0, 0.05, 25, 0.02
    bound = bound_map * multiplier / 255
    noise = start_noise(0, "photo", "attack", [multiplier], SHAPE)[0].double() * bound
    how = {"objective": "similarity"} if unrelated == -1 else {}

    options = PRIORITY | {"learning_rate": size, "priority_budget": budget, **how}
    (result,) = run(photo, bound_map, (multiplier,), range(1, steps + 1), unrelated, **options)

    count = round(share * 3 * SHAPE[0] * SHAPE[1])
    expected, ended = luo(photo, bound, noise, steps, size, count, budget, unrelated)
    torch.testing.assert_close(result, expected, atol=1e-6, rtol=0)
    assert ended == ((budget, unrelated) != (1.0, -1.0))
    changed = (result.diff(dim=0, prepend=torch.zeros_like(result[:1])) != 0).sum(dim=(1, 2, 3))
    assert (changed[:3] == count).all() and (changed <= count).all()
    assert (changed[-1] == 0) == ended


def test_priority_never_costs_more_than_its_budget(photo, bound_map):
    options = PRIORITY | {"learning_rate": 0.05, "priority_budget": 0.05}
    (result,) = run(photo, bound_map, unrelated=-1.0, steps=range(1, 31), **options)

    bound = bound_map * 60 / 255
    inside = (result.abs() / torch.where(bound > 0, bound, 1))[:, :, bound > 0].mean(dim=(1, 2))
    assert 0.04 < inside[-1] <= 0.05
    torch.testing.assert_close(cost(result, bound[None, None]), inside)


def test_the_highest_are_as_many_as_asked_of_each_photo():
    values = torch.tensor([[3.0, 1, 2, 0], [5, 5, 5, 5]]).view(2, 1, 2, 2)

    found = highest(values, 2)

    assert found[0].flatten().tolist() == [True, False, True, False]
    assert found.sum(dim=(1, 2, 3)).tolist() == [2, 2]


# --- Both -------------------------------------------------------------------------------------------------------------


@both
def test_bounds_do_not_influence_each_other_and_hold(photo, bound_map, options):
    multipliers = (10.0, 60.0, 200.0)

    together = run(photo, bound_map, multipliers, learning_rate=0.02, **options)

    for multiplier, result in zip(multipliers, together, strict=True):
        (alone,) = run(photo, bound_map, (multiplier,), learning_rate=0.02, **options)
        torch.testing.assert_close(result, alone, atol=1e-9, rtol=0)
        assert (result.abs() <= bound_map * (multiplier / 255)).all()
    assert not torch.equal(together[1], together[2])


@both
def test_attacks_are_deterministic_and_checkpoints_are_shorter_runs(photo, bound_map, options):
    together = run(photo, bound_map, steps=(3, 9), **options)

    for index, steps in enumerate((3, 9)):
        assert torch.equal(run(photo, bound_map, steps=(steps,), **options)[:, 0], together[:, index])


@both
def test_all_attacked_networks_must_find_the_photo_unlike(photo, bound_map, options):
    """Of two networks, the one that still finds it similar decides."""

    def attacked(*unrelated):
        members = [Member(describe, learnt=Learnt(unrelated=each)) for each in unrelated]
        start = start_noise(0, "photo", "attack", [60.0], SHAPE).double()
        return attack(photo, bound_map, members, method_of((60.0,), (12,), **options), start=start)[0, 0]

    limits = (0.9999, 0.9995)
    for order in (limits, limits[::-1]):
        assert similarity(photo, eight_bits(photo, attacked(*order))) <= limits[1]
    assert similarity(photo, eight_bits(photo, attacked(limits[0]))) > limits[1]


@both
def test_a_photo_starts_from_its_own_noise(options):
    pixels = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
    method = method_of((60.0,), (4,), **options)

    one, again, other = (
        attack_photo(pixels, np.ones(SHAPE, np.float32), [Member(Describing())], method, name="a", seed=0, photo=name)
        for name in ("tower", "tower", "bridge")
    )

    np.testing.assert_array_equal(one.values, again.values)
    assert (one.values != other.values).any()


def test_the_start_noise_fills_a_share_of_the_bound(photo, bound_map):
    """No step of that size changes anything."""
    pixels = (255 * photo).byte().movedim(0, -1).numpy()
    for share in (0.0, 0.25, 1.0):
        method = method_of((60.0,), (1,), start=share, learning_rate=1e-12)
        found = attack_photo(
            pixels, bound_map.float().numpy(), [Member(Describing())], method, name="a", seed=0, photo="tower"
        )
        noise = start_noise(0, "tower", "a", [60.0], SHAPE).numpy()[0]
        np.testing.assert_allclose(found.values[0, 0], share * noise * bound_map.numpy() * 60 / 255, atol=1e-7)


@pytest.mark.parametrize(
    ("option", "optimiser"),
    [
        ("momentum", "sign"),
        ("colour_step", "alternating"),
        ("priority_share", "priority"),
        ("priority_budget", "priority"),
    ],
)
def test_an_option_of_another_optimiser_is_a_mistake(option, optimiser):
    assert validate(AttackOptions, {"optimiser": optimiser, option: 0.125}, "attacks.mine")
    with pytest.raises(InputError, match=f"{option}: of optimiser {optimiser} only, and it is adam"):
        validate(AttackOptions, {option: 0.125}, "attacks.mine")


def test_optimisers_that_compare_with_unrelated_photos_say_so():
    assert [AttackOptions(optimiser=name).needs_unrelated for name in ("adam", "sign", "alternating", "priority")] == [
        False,
        False,
        True,
        True,
    ]
