"""The attack against a literal transcription of Algorithm 2, and the properties that the workflow relies on."""

import gc
import itertools
import subprocess
import sys
from pkgutil import resolve_name

import numpy as np
import pytest
import torch
from cvpire.attack import catalogue, differentiable, loop, renderings
from cvpire.attack.batches import describe_and_weigh
from cvpire.attack.loop import attack, attack_photo
from cvpire.attack.members import Member
from cvpire.attack.objectives import OBJECTIVES
from cvpire.attack.start import start_noise
from cvpire.config import AttackOptions, NetworkOptions
from cvpire.errors import InputError
from cvpire.networks.network import as_tensor, load_network
from torch.multiprocessing.reductions import StorageWeakRef

pytestmark = pytest.mark.usefixtures("one_thread")

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
MULTIPLIERS = (5.0, 20.0, 80.0)
SHAPE = (12, 15)

TEXT = {"objective": "descriptor-distance", "bound_space": "pixel", "projection": "after-step"}
RELEASED = {"objective": "descriptor-sum", "bound_space": "normalised", "projection": "before-step"}
VARIANTS = [
    dict(zip(TEXT, values, strict=True))
    for values in itertools.product(*zip(TEXT.values(), RELEASED.values(), strict=True))
]

variants = pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: ", ".join(variant.values()))
text_and_released = pytest.mark.parametrize("variant", [TEXT, RELEASED], ids=["text", "released"])


def normalising(network):
    """Let a function be a network: it says how it normalises."""
    network.mean, network.std = MEAN, STD
    return network


@normalising
def describe(normalised):
    """A small smooth descriptor network: convolution, pooling, unit length."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn((16, 3, 5, 5), generator=generator, dtype=torch.float64) / 8
    features = torch.nn.functional.softplus(torch.nn.functional.conv2d(normalised, weight.to(normalised), stride=2))
    return torch.nn.functional.normalize(features.pow(3).mean(dim=(2, 3)).pow(1 / 3), dim=1)


@pytest.fixture(scope="module")
def photo():
    return torch.rand((3, *SHAPE), generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.fixture(scope="module")
def bound_map():
    """A map with zeros and ones in it."""
    values = torch.rand(SHAPE, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return torch.where(values < 0.2, 0.0, values / values.max())


def method_of(multipliers=MULTIPLIERS, checkpoints=(5,), **options):
    """A method with these multipliers and checkpoints, both ascending."""
    (multiplier, *others), (*earlier, last) = multipliers, checkpoints
    method = AttackOptions(
        multiplier=multiplier, other_multipliers=others, iterations=last, other_iterations=earlier, **options
    )
    assert (method.multipliers, method.checkpoints) == (list(multipliers), list(checkpoints))
    return method


def run(
    photo,
    bound_map,
    multipliers=MULTIPLIERS,
    checkpoints=(5,),
    start=None,
    network=describe,
    progress=lambda *counts: None,
    **options,
):
    """Attack with the start noise of these multipliers."""
    if start is None:
        start = start_noise(0, "photo", "attack", multipliers, tuple(bound_map.shape)).to(photo)
    method = method_of(multipliers, checkpoints, **options)
    return attack(photo, bound_map, network, method, start=start, progress=progress)


def bounds(bound_map, multipliers=MULTIPLIERS):
    """|v| may not exceed this; shape (M, 1, 1, H, W)."""
    return torch.stack([bound_map * (m / 255) for m in multipliers])[:, None, None]


def perturbed_descriptors(photo, perturbations, bound_space, network=describe):
    """Descriptors of a photo with each of some perturbations (N, 3, H, W), and of the photo."""
    mean, std = (torch.tensor(values, dtype=photo.dtype).view(3, 1, 1) for values in (MEAN, STD))
    unit = 1 / std if bound_space == "pixel" else 1
    batch = (photo - mean) / std + unit * perturbations
    with torch.no_grad():
        return network(batch), network((photo - mean)[None] / std)


def objective_values(photo, perturbations, objective, bound_space, network=describe, **_):
    """What is maximised, for each of some perturbations (N, 3, H, W)."""
    descriptors, original = perturbed_descriptors(photo, perturbations, bound_space, network)
    return descriptors.sum(1) if objective == "descriptor-sum" else (descriptors - original).square().sum(1)


def algorithm_2(
    photo, bound_map, multiplier, start, learning_rate, steps, objective, bound_space, projection, rounded=False
):
    """Algorithm 2 for one multiplier, with Adam (Kingma and Ba, Algorithm 1) written out; returns v after each step.

    `rounded`: the descriptor and its slope are those of the photo in whole grey levels from 0 to 255.
    """
    mean, std = (torch.tensor(values, dtype=photo.dtype).view(3, 1, 1) for values in (MEAN, STD))
    threshold = (bound_map * multiplier / 255).expand(3, *bound_map.shape)
    v = start * threshold
    first, second, results = torch.zeros_like(v), torch.zeros_like(v), []
    for t in range(1, steps + 1):
        v = v.detach().requires_grad_()
        image = (photo + v - mean) / std if bound_space == "pixel" else (photo - mean) / std + v
        if rounded:
            levels = np.rint(255 * (image.detach() * std + mean).numpy()).clip(0, 255)
            image = image + ((torch.from_numpy(levels) / 255 - mean) / std - image.detach())
        descriptor = describe(image[None])
        if objective == "descriptor-sum":
            loss = -descriptor.sum()
        else:
            loss = -((describe(((photo - mean) / std)[None]) - descriptor) ** 2).sum()
        loss.backward()
        gradient, v = v.grad, v.detach()
        if projection == "before-step":
            v = torch.maximum(torch.minimum(v, threshold), -threshold)
        first = 0.9 * first + (1 - 0.9) * gradient
        second = 0.999 * second + (1 - 0.999) * gradient**2
        v = v - learning_rate * (first / (1 - 0.9**t)) / ((second / (1 - 0.999**t)).sqrt() + 1e-8)
        clipped = torch.maximum(torch.minimum(v, threshold), -threshold)
        if projection == "after-step":
            v = clipped
        results.append(clipped)
    return torch.stack(results)


@variants
def test_attack_is_algorithm_2(photo, bound_map, variant):
    steps, learning_rate = 5, 0.02
    start = start_noise(3, "photo", "attack", MULTIPLIERS, SHAPE).double()

    result = run(photo, bound_map, checkpoints=range(1, steps + 1), start=start, learning_rate=learning_rate, **variant)

    expected = torch.stack(
        [
            algorithm_2(photo, bound_map, multiplier, noise, learning_rate, steps, **variant)
            for multiplier, noise in zip(MULTIPLIERS, start, strict=True)
        ]
    )
    torch.testing.assert_close(result, expected, atol=1e-6, rtol=0)
    inside = (result.abs() < 0.999 * bounds(bound_map)).double().mean(dim=(1, 2, 3, 4))
    assert inside[0] < 0.3, "the smallest bound must be reached, or clipping is not tested"
    assert inside[-1] > 0.5, "the largest bound must not be reached, or the step's size is not tested"


def test_the_variants_differ(photo, bound_map):
    results = [run(photo, bound_map, **variant) for variant in VARIANTS]

    for one, other in itertools.combinations(results, 2):
        assert (one - other).abs().max() > 1e-3


@variants
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_perturbation_stays_within_the_bound_at_every_multiplier_and_step(photo, bound_map, variant, dtype):
    photo, bound_map = photo.to(dtype), bound_map.to(dtype)

    result = run(photo, bound_map, checkpoints=range(1, 7), learning_rate=0.3, **variant)

    assert result.shape == (3, 6, 3, *SHAPE)
    assert result.dtype == dtype
    assert (result.abs() <= bounds(bound_map)).all()
    assert (result.abs() == bounds(bound_map)).double().mean() > 0.5
    assert (result[..., bound_map == 0] == 0).all()


@variants
def test_objective_increases(photo, bound_map, variant):
    start = start_noise(0, "photo", "attack", MULTIPLIERS, SHAPE).double()

    result = run(photo, bound_map, checkpoints=(15,), start=start, **variant)

    before = objective_values(photo, start * bounds(bound_map)[:, 0], **variant)
    after = objective_values(photo, result[:, 0], **variant)
    assert (after > before).all()
    if variant["objective"] == "descriptor-distance":
        assert (after > 5 * before).all()


@text_and_released
def test_checkpoints_of_one_run_are_shorter_runs(photo, bound_map, variant):
    together = run(photo, bound_map, checkpoints=(1, 3, 4, 7), **variant)

    for index, steps in enumerate((1, 3, 4, 7)):
        alone = run(photo, bound_map, checkpoints=(steps,), **variant)
        assert torch.equal(together[:, index], alone[:, 0])
    assert not torch.equal(together[:, 0], together[:, 1])


@text_and_released
@pytest.mark.parametrize("others", [(), (7.0,), (1.0, 20.0, 300.0)])
def test_multipliers_do_not_influence_each_other(photo, bound_map, variant, others):
    multipliers = tuple(sorted({*others, 50.0}))

    alone = run(photo, bound_map, multipliers=(50.0,), **variant)
    together = run(photo, bound_map, multipliers=multipliers, **variant)

    torch.testing.assert_close(together[multipliers.index(50.0)], alone[0], atol=1e-6, rtol=0)


@text_and_released
def test_attack_is_deterministic_and_leaves_its_arguments_alone(photo, bound_map, variant):
    start = start_noise(0, "photo", "attack", MULTIPLIERS, SHAPE).double()
    copies = [tensor.clone() for tensor in (photo, bound_map, start)]
    random_state = torch.get_rng_state()

    first, second = (run(photo, bound_map, start=start, **variant) for _ in range(2))

    assert torch.equal(first, second)
    assert not first.requires_grad
    assert all(torch.equal(*pair) for pair in zip(copies, (photo, bound_map, start), strict=True))
    assert torch.equal(torch.get_rng_state(), random_state), "the global generator was used"


@variants
def test_a_map_of_zeros_allows_nothing(photo, variant):
    result = run(photo, torch.zeros(SHAPE, dtype=photo.dtype), **variant)

    assert (result == 0).all()


def test_progress_counts_the_steps(photo, bound_map):
    steps = []

    run(photo, bound_map, checkpoints=(2, 4), progress=lambda *counts: steps.append(counts))

    assert steps == [(3, 12), (6, 12), (9, 12), (12, 12)]


# --- What is chosen by name -------------------------------------------------------------------------------------------


def test_the_catalogue_names_what_there_is():
    assert tuple(OBJECTIVES) == catalogue.OBJECTIVES
    assert all(callable(getattr(differentiable, name)) for name in catalogue.SAMPLED.values())
    named = (*catalogue.RENDERINGS.values(), *catalogue.OPTIMISERS.values())
    assert all(callable(resolve_name(f"cvpire.attack.{each.function}")) for each in named)


@pytest.mark.parametrize("room", ["attack", "networks"])
def test_a_catalogue_is_read_without_what_it_names(room):
    code = f"import sys, cvpire.{room}.catalogue; print(*{{'torch', 'numpy'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


# --- Through something ------------------------------------------------------------------------------------------------


@pytest.fixture
def entry(monkeypatch):
    """Put a rendering into the catalogue, and give its name."""

    def add(function):
        monkeypatch.setattr(renderings, function.__name__, function, raising=False)
        entry = catalogue.Rendering(f"renderings:{function.__name__}")
        monkeypatch.setitem(catalogue.RENDERINGS, function.__name__, entry)
        return function.__name__

    return add


def through(names, photo, bound_map, network=describe, **options):
    """Attack through renderings that the configuration need not know."""
    method = method_of(**options).model_copy(update={"through": names})
    start = start_noise(0, "photo", "attack", method.multipliers, tuple(bound_map.shape)).to(photo)
    return attack(photo, bound_map, network, method, start=start)


def test_eight_bit_is_whole_grey_levels_with_the_slope_of_not_rounding():
    pixels = torch.linspace(0, 1, 1000, requires_grad=True)

    rounded = renderings.eight_bit(pixels)
    (slope,) = torch.autograd.grad((rounded * torch.arange(1000)).sum(), pixels)

    levels = (pixels.detach().double() * 255).round().to(torch.uint8)
    assert torch.equal(rounded, levels.float() / 255)
    assert torch.equal(slope, torch.arange(1000.0))


def test_clipping_lets_back_in_what_left_the_range():
    values = torch.tensor([-0.3, 0.0, 0.4, 1.0, 1.7], requires_grad=True)

    result = renderings.clipped(values)
    (slope,) = torch.autograd.grad(result.square().sum(), values)

    assert torch.equal(result, values.detach().clamp(0, 1))
    assert torch.equal(slope, 2 * result)


@variants
def test_an_attack_through_eight_bits_is_algorithm_2_on_the_rounded_photo(photo, bound_map, variant):
    steps, learning_rate, multipliers = 5, 0.02, (20.0, 80.0)
    start = start_noise(3, "photo", "attack", multipliers, SHAPE).double()
    options = {"multipliers": multipliers, "checkpoints": range(1, steps + 1), "start": start}

    result = run(photo, bound_map, **options, learning_rate=learning_rate, through=["eight-bit"], **variant)

    expected = [
        algorithm_2(photo, bound_map, multiplier, noise, learning_rate, steps, **variant, rounded=True)
        for multiplier, noise in zip(multipliers, start, strict=True)
    ]
    torch.testing.assert_close(result, torch.stack(expected), atol=1e-6, rtol=0)
    plain = run(photo, bound_map, **options, learning_rate=learning_rate, **variant)
    assert (result - plain).abs().max() > 1e-3


@variants
def test_the_network_sees_what_an_attack_goes_through(photo, bound_map, variant):
    seen = []

    @normalising
    def network(normalised):
        seen.append(normalised.detach())
        return describe(normalised)

    run(photo, bound_map, checkpoints=(3,), learning_rate=0.3, network=network, through=["eight-bit"], **variant)

    mean, std = (torch.tensor(values, dtype=torch.float64).view(3, 1, 1) for values in (MEAN, STD))
    original, *steps = (255 * (normalised * std + mean) for normalised in seen)
    torch.testing.assert_close(original, 255 * photo[None])
    assert [len(each) for each in steps] == [3] * 3
    for each in steps:
        torch.testing.assert_close(each, each.round(), atol=1e-9, rtol=0)
        assert -1e-9 < each.min() < 1
        assert 254 < each.max() < 255 + 1e-9


@text_and_released
def test_renderings_run_in_their_order_on_pixels_in_their_range(photo, bound_map, entry, variant):
    ranges, order = [], []

    def halve(pixels):
        ranges.append((pixels.min().item(), pixels.max().item()))
        order.append("halve")
        return pixels / 2

    def lighten(pixels):
        order.append("lighten")
        return (pixels + 1) / 2

    names = [entry(halve), entry(lighten)]
    one, other = (
        through(asked, photo, bound_map, checkpoints=(3,), learning_rate=0.3, **variant)
        for asked in (names, names[::-1])
    )

    assert order == 4 * ["halve", "lighten"] + 4 * ["lighten", "halve"]  # once to see how much memory it takes
    assert all(least >= 0 and most <= 1 for least, most in ranges)
    assert (one - other).abs().max() > 1e-3
    assert (one.abs() <= bounds(bound_map)).all()


def test_a_rendering_that_changes_nothing_changes_no_attack(bound_map, entry):
    photo = 0.4 + 0.2 * torch.rand((3, *SHAPE), generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def nothing(pixels):
        return pixels

    for variant in (TEXT, RELEASED):
        result = through([entry(nothing)], photo, bound_map, **variant)
        torch.testing.assert_close(result, run(photo, bound_map, **variant), atol=1e-9, rtol=0)


def test_what_renderings_keep_counts_as_memory(photo, bound_map, entry, monkeypatch):
    _, kept = describe_and_weigh(describe, photo[None])
    monkeypatch.setattr(loop, "memory_for_batch", lambda device: 3.5 * kept)
    network, asked = fails_above(3)

    def heavy(pixels):
        for _ in range(int(kept / pixels[0].nbytes)):
            pixels = pixels.sigmoid()  # its backward pass needs its result
        return pixels

    through([], photo, bound_map, network, checkpoints=(1,))
    assert asked == [1, 3]
    asked.clear()
    through([entry(heavy)], photo, bound_map, network, checkpoints=(1,))
    assert asked == [1, 1, 1, 1]


# --- Memory -----------------------------------------------------------------------------------------------------------


def fails_above(size):
    """The descriptor network on a device whose memory holds batches of at most `size`, and the sizes it was asked."""
    asked = []

    @normalising
    def limited(normalised):
        asked.append(len(normalised))
        if len(normalised) > size:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return describe(normalised)

    return limited, asked


@pytest.mark.parametrize(("size", "batches"), [(3, [3]), (2, [3, 1, 1, 1]), (1, [3, 1, 1, 1])])
def test_a_batch_that_memory_does_not_hold_is_halved(photo, bound_map, size, batches):
    network, asked = fails_above(size)
    counts = []

    result = run(photo, bound_map, network=network, progress=lambda *count: counts.append(count))

    torch.testing.assert_close(result, run(photo, bound_map), atol=1e-12, rtol=0)
    assert [number for number, again in itertools.groupby(asked[1:])] == [
        number for number, _ in itertools.groupby(batches)
    ]
    assert counts[-1] == (15, 15) and counts == sorted(counts)


def test_batches_are_cut_by_the_memory_there_is(photo, bound_map, monkeypatch):
    _, kept = describe_and_weigh(describe, photo[None])
    assert kept >= 2 * photo.nbytes  # at least the photo and its features
    monkeypatch.setattr(loop, "memory_for_batch", lambda device: 2.5 * kept)
    network, asked = fails_above(3)

    result = run(photo, bound_map, network=network)

    assert asked == [1] + 5 * [2] + 5 * [1]
    torch.testing.assert_close(result, run(photo, bound_map), atol=1e-12, rtol=0)


def test_weighing_leaves_nothing_in_memory(photo):
    """A graph that keeps its own results is freed only when Python looks for cycles: the attack would need twice."""
    seen = []

    def network(normalised):
        features = normalised.exp()  # its backward pass needs its result
        seen.append(StorageWeakRef(features.untyped_storage()))
        return features.mean(dim=(2, 3))

    gc.disable()
    try:
        describe_and_weigh(network, photo[None])
        assert seen[0].expired()
    finally:
        gc.enable()


def test_memory_that_does_not_hold_one_bound_is_named(photo, bound_map):
    with pytest.raises(InputError, match="does not hold an attack on 15 x 12 pixels; set a smaller `longest_side`"):
        run(photo, bound_map, network=fails_above(0)[0])


def test_other_errors_are_not_taken_for_a_lack_of_memory(photo, bound_map):
    @normalising
    def broken(normalised):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        run(photo, bound_map, network=broken)


# --- Start ------------------------------------------------------------------------------------------------------------


def test_start_noise_is_uniform_in_the_unit_of_the_bound():
    noise = start_noise(0, "photo", "attack", [10, 50], (60, 70))

    assert noise.shape == (2, 3, 60, 70)
    assert noise.dtype == torch.float32
    assert noise.min() >= -1
    assert noise.max() < 1
    shares = np.histogram(noise, bins=10, range=(-1, 1))[0] / noise.numel()
    np.testing.assert_allclose(shares, 0.1, atol=0.01)


def test_start_noise_is_the_same_alone_in_a_batch_and_again():
    together = start_noise(7, "photo", "attack", [10, 50, 80], SHAPE)

    for index, multiplier in enumerate([10, 50, 80]):
        torch.rand(3)  # the global generator plays no part
        assert torch.equal(start_noise(7, "photo", "attack", [multiplier], SHAPE)[0], together[index])
    assert torch.equal(start_noise(7, "photo", "attack", [50.0], SHAPE)[0], together[1])


@pytest.mark.parametrize(
    "changed",
    [{"seed": 8}, {"photo": "photo2"}, {"photo": "Photo"}, {"attack": "attack2"}, {"multipliers": [50.5]}],
    ids=str,
)
def test_start_noise_depends_on_seed_photo_attack_and_multiplier(changed):
    given = {"seed": 7, "photo": "photo", "attack": "attack", "multipliers": [50], "shape": SHAPE}

    difference = start_noise(**given) - start_noise(**{**given, **changed})

    assert (difference.abs() > 1e-3).double().mean() > 0.99


def test_start_noise_keeps_names_apart():
    one = start_noise(1, "photo", "1attack", [50], SHAPE)

    assert not torch.equal(one, start_noise(1, "photo1", "attack", [50], SHAPE))
    assert not torch.equal(one, start_noise(11, "photo", "attack", [50], SHAPE))


def test_channels_and_multipliers_have_noise_of_their_own():
    noise = start_noise(0, "photo", "attack", [10, 50], SHAPE)

    correlation = np.corrcoef(noise.reshape(6, -1).numpy()) - np.eye(6)
    assert np.abs(correlation).max() < 0.3


# --- The demo's network -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network():
    return load_network(NetworkOptions(mean=MEAN, std=STD), "cpu")


@text_and_released
def test_attack_on_the_demo_network(network, variant):
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand((1, 3, 6, 8), generator=generator)
    photo = torch.nn.functional.interpolate(coarse, scale_factor=8, mode="bilinear")[0]
    bound_map = torch.rand((48, 64), generator=generator)
    multipliers = (20.0, 50.0)
    start = start_noise(0, "photo", "attack", multipliers, (48, 64))

    result = run(photo, bound_map, multipliers, (1, 6), start, network, **variant)

    assert result.shape == (2, 2, 3, 48, 64)
    assert (result.abs() <= bounds(bound_map, multipliers)).all()
    before = objective_values(photo, start * bounds(bound_map, multipliers)[:, 0], **variant, network=network)
    values = [objective_values(photo, result[:, k], **variant, network=network) for k in (0, 1)]
    assert (before < values[0]).all()
    assert (values[0] < values[1]).all()
    alone = run(photo, bound_map, multipliers[1:], (1,), start[1:], network, **variant)
    # Adam's first step has the learning rate's size whatever the gradient's, so a sign may differ where it is about 0.
    assert ((alone[0, 0] - result[1, 0]).abs() < 1e-4).double().mean() > 0.99


@text_and_released
def test_a_photo_is_attacked_from_its_own_noise_and_the_result_says_in_what_unit(network, variant):
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (40, 48, 3), dtype=np.uint8)
    bound_map = generator.random((40, 48), dtype=np.float32)
    method, counts = method_of((20.0, 50.0), (1, 3), **variant), []

    result = attack_photo(
        pixels,
        bound_map,
        [Member(network)],
        method,
        name="cv",
        seed=5,
        photo="tower",
        progress=lambda *count: counts.append(count),
    )

    start = start_noise(5, "tower", "cv", [20, 50], (40, 48))
    expected = attack(as_tensor(pixels), torch.from_numpy(bound_map), network, method, start=start)
    np.testing.assert_array_equal(result.values, expected.numpy())
    assert result.values.dtype == np.float32
    assert (result.multipliers, result.checkpoints) == ((20, 50), (1, 3))
    assert result.unit == ((1, 1, 1) if variant is TEXT else STD)
    assert counts[-1] == (6, 6)
