"""What robust CV-PIRE adds to Algorithm 2, against a literal transcription; what networks see, and what is drawn."""

import gc
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from cvpire.attack import differentiable, loop
from cvpire.attack.batches import describe_and_weigh
from cvpire.attack.catalogue import SAMPLED
from cvpire.attack.loop import attack, attack_photo
from cvpire.attack.members import Member, chosen
from cvpire.attack.objectives import OBJECTIVES
from cvpire.attack.shaping import less_chroma
from cvpire.attack.start import sampling_generator, start_noise
from cvpire.attack.steps import step_size
from cvpire.config import AttackOptions, SavingOptions
from cvpire.perturbations import write_perturbations
from cvpire.retrieval.learnt import Learnt, apply
from cvpire.saving import adversarial_query
from PIL import Image
from torch.multiprocessing.reductions import StorageWeakRef

from tests.unit.test_attack import bounds, describe, method_of
from tests.unit.test_commands import cvpire

pytestmark = pytest.mark.usefixtures("one_thread")

MULTIPLIERS = (20.0, 60.0)
SHAPE = (20, 27)
LUMA = (0.299, 0.587, 0.114)


class Small(torch.nn.Module):
    """A small smooth network with a normalisation of its own, of unit vectors (B, D)."""

    def __init__(self, dimensions=12, mean=(0.4, 0.5, 0.6), std=(0.3, 0.25, 0.2), seed=7):
        super().__init__()
        self.mean, self.std = mean, std
        weight = torch.randn((dimensions, 3, 4, 4), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        self.weight = torch.nn.Parameter(weight / 5, requires_grad=False)

    def forward(self, normalised):
        features = torch.nn.functional.conv2d(normalised, self.weight.to(normalised), stride=2)
        return torch.nn.functional.normalize(torch.nn.functional.softplus(features).mean(dim=(2, 3)), dim=1)


def learnt(dimensions, unrelated=0.0, seed=0, kept=None):
    """A mean, and a projection where `kept` says of how many rows."""
    random = np.random.default_rng(seed)
    projection = random.standard_normal((kept, dimensions)) if kept else None
    return Learnt(random.uniform(0.1, 0.3, dimensions), projection, unrelated)


PLAIN = Member(describe, 1.0)
CENTRED = Member(describe, 0.5, learnt(16, 0.2))
WHITENED = Member(Small(), 2.0, learnt(12, -0.1, 1, kept=8))
OTHER = Member(Small(10, seed=3), 1.5, Learnt(unrelated=0.3))

SAMPLES = [
    {"kind": "crop", "range": (0.05, 0.3), "share": 0.5},
    {"kind": "resize", "range": (0.6, 1.0), "share": 0.7},
    {"kind": "jpeg", "range": (45, 95), "share": 0.5},
    {"kind": "noise", "range": (1, 5), "share": 0.6},
    {"kind": "brightness", "range": (0.8, 1.2)},
]


@pytest.fixture(scope="module")
def levels():
    """A photo in grey levels, from black to white."""
    coarse = np.random.default_rng(4).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    levels = np.array(Image.fromarray(coarse).resize(SHAPE[::-1], Image.Resampling.BICUBIC))
    levels[:2], levels[-2:] = 0, 255
    return levels


@pytest.fixture(scope="module")
def photo(levels):
    return torch.from_numpy(levels).movedim(-1, 0).double() / 255


@pytest.fixture(scope="module")
def bound_map():
    values = torch.rand(SHAPE, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return torch.where(values < 0.1, 0.0, values / values.max())


@pytest.fixture(scope="module")
def goal():
    """Another photo, of another size."""
    return torch.rand((3, 18, 31), generator=torch.Generator().manual_seed(9), dtype=torch.float64) ** 2


def draws():
    return torch.Generator().manual_seed(11)


def run(photo, bound_map, members, multipliers=MULTIPLIERS, checkpoints=(5,), goal=None, **options):
    start = start_noise(0, "photo", "attack", multipliers, tuple(bound_map.shape)).to(photo)
    method = method_of(multipliers, checkpoints, **options)
    return attack(photo, bound_map, members, method, start=start, draws=draws, goal=goal)


# --- Against a literal transcription ----------------------------------------------------------------------------------


def compared(member, pixels):
    """Descriptor (D,) of pixels (3, H, W) as a member compares it."""
    mean, std = (
        torch.tensor(values, dtype=pixels.dtype).view(3, 1, 1) for values in (member.network.mean, member.network.std)
    )
    vector = member.network((pixels - mean)[None] / std)[0]
    if member.learnt is not None and member.learnt.mean is not None:
        vector = vector - torch.from_numpy(member.learnt.mean)
        if member.learnt.projection is not None:
            vector = torch.from_numpy(member.learnt.projection) @ vector
        vector = vector / vector.norm()
    return vector


def straight(values, changed):
    """`changed`, as if it were `values` to whoever takes a derivative."""
    return values + (changed - values).detach()


def saved(levels, perturbation, options):
    """Pixels (3, H, W) in [0, 1] of the file of a perturbed photo."""
    file = adversarial_query(levels, perturbation.detach().numpy(), (1.0, 1.0, 1.0), options)
    return torch.from_numpy(np.array(Image.open(io.BytesIO(file)))).movedim(-1, 0).double() / 255


def robust_attack(levels, bound_map, multiplier, start, members, method, generator, goal):
    """The attack on one photo with one multiplier: everything that a step maximises is one sum with one graph."""
    photo = torch.from_numpy(levels).movedim(-1, 0).double() / 255
    threshold, total = bound_map * multiplier / 255, sum(member.weight for member in members)
    v, results = start * threshold, []
    # One network that sees what the perturbation is added to sees it as in the thesis, out of range where it is.
    beyond = [method.through, method.samples > 1, method.chroma < 1, method.objective == "target"]
    is_plain = len(members) == 1 and members[0].learnt is None and not any(beyond)
    first = second = collected = torch.zeros_like(v)
    luma = torch.tensor(LUMA, dtype=torch.float64).view(3, 1, 1)

    def shaped(v):
        grey = (luma * v).sum(dim=0)
        return torch.stack([grey + method.chroma * (channel - grey) for channel in v])

    for t in range(1, method.checkpoints[-1] + 1):
        v = v.detach().requires_grad_()
        pixels = photo + shaped(v)
        pixels = pixels if is_plain else straight(pixels, pixels.clamp(0, 1))
        for name in method.through:
            changed = saved(levels, shaped(v), method.saving) if name == "saving" else (255 * pixels).round() / 255
            pixels = straight(pixels, changed)
        counted = range(len(members))
        if method.dropout:
            stays = torch.rand(len(members), generator=generator) >= method.dropout
            fallback = torch.randint(len(members), (1,), generator=generator).item()
            counted = [index for index in counted if stays[index]] or [fallback]
        value = torch.zeros((), dtype=torch.float64)
        for sample in range(method.samples):
            seen = pixels
            if sample:
                drawn = [torch.rand(2, generator=generator, dtype=torch.float64).tolist() for _ in method.sampled]
                for step, (chance, place) in zip(method.sampled, drawn, strict=True):
                    if chance < step.share:
                        number = step.range[0] + place * (step.range[1] - step.range[0])
                        number = round(number) if step.kind == "jpeg" else number
                        seen = getattr(differentiable, SAMPLED[step.kind])(seen[None], number, generator)[0]
            for index in counted:
                member = members[index]
                f, f0 = compared(member, seen), compared(member, photo)
                of_member = {
                    "descriptor-distance": lambda f, f0, member: ((f - f0) ** 2).sum(),
                    "descriptor-sum": lambda f, f0, member: f.sum(),
                    "similarity": lambda f, f0, member: -torch.relu(f @ f0 - member.learnt.unrelated),
                    "target": lambda f, f0, member: f @ compared(member, goal),
                }[method.objective](f, f0, member)
                value = value + member.weight / total * of_member / method.samples
        value.backward()
        gradient, v = v.grad, v.detach()
        size = method.learning_rate * (method.decay if t > 0.6 * method.checkpoints[-1] else 1)
        if method.optimiser == "adam":
            first = 0.9 * first + (1 - 0.9) * gradient
            second = 0.999 * second + (1 - 0.999) * gradient**2
            v = v + size * (first / (1 - 0.9**t)) / ((second / (1 - 0.999**t)).sqrt() + 1e-8)
        else:
            collected = method.momentum * collected + gradient / gradient.abs().mean()
            v = v + size * collected.sign()
        v = torch.maximum(torch.minimum(v, threshold), -threshold)
        results.append(shaped(v))
    return torch.stack(results)


SIGN = {"optimiser": "sign", "momentum": 0.7, "learning_rate": 0.01, "decay": 0.25}
SAMPLED_TWICE = {"samples": 3, "sampled": SAMPLES}
ROBUST = {"objective": "similarity", "chroma": 0.0, "through": ["saving"], "decay": 0.4, **SAMPLED_TWICE}
CASES = {
    "centred": ([CENTRED], {}),
    "whitened": ([WHITENED], {"objective": "similarity"}),
    "two networks": ([PLAIN, OTHER], {}),
    "three networks, one left out": ([CENTRED, WHITENED, OTHER], {"dropout": 0.6, "objective": "similarity"}),
    "sum of two": ([PLAIN, WHITENED], {"objective": "descriptor-sum"}),
    "target": ([PLAIN, WHITENED], {"objective": "target", "target": "other.jpg"}),
    "luminance only": ([PLAIN], {"chroma": 0.0}),
    "less chroma": ([PLAIN], {"chroma": 0.3, **SIGN}),
    "sampled": ([PLAIN], SAMPLED_TWICE),
    "sampled, rounded": ([PLAIN], {**SAMPLED_TWICE, "through": ["eight-bit"]}),
    "saved": ([PLAIN], {"through": ["saving"]}),
    "saved, enlarged": ([PLAIN], {"through": ["saving"], "saving": SavingOptions(enlargement="released", quality=90)}),
    "saved, rounded": ([PLAIN], {"through": ["saving", "eight-bit"], "saving": SavingOptions(format="png")}),
    "sign": ([PLAIN], {"optimiser": "sign", "learning_rate": 0.01}),
    "sign with momentum": ([PLAIN], SIGN),
    "decay": ([PLAIN], {"decay": 0.1}),
    "all of it": ([CENTRED, WHITENED, OTHER], {**ROBUST, "dropout": 0.3}),
    "all of it, by sign": ([CENTRED, WHITENED], {**ROBUST, **SIGN, "chroma": 0.5}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_attack_is_its_literal_transcription(levels, photo, bound_map, goal, case):
    members, options = CASES[case]
    options = {"learning_rate": 0.02, **options}
    steps, goal = 5, goal if "target" in options else None
    start = start_noise(0, "photo", "attack", MULTIPLIERS, SHAPE).double()

    result = run(photo, bound_map, members, MULTIPLIERS, range(1, steps + 1), goal, **options)

    method = method_of(MULTIPLIERS, (steps,), **options)
    for index, (multiplier, noise) in enumerate(zip(MULTIPLIERS, start, strict=True)):
        expected = robust_attack(levels, bound_map, multiplier, noise, members, method, draws(), goal)
        torch.testing.assert_close(result[index], expected, atol=1e-9, rtol=0)
    inside = (result.abs() < 0.999 * bounds(bound_map, MULTIPLIERS)).double().mean()
    assert inside > 0.2, "where all is at its bound, steps are not tested"


def test_the_transcribed_cases_differ(photo, bound_map, goal):
    """Or an option may do nothing in the attack and in its transcription."""
    results = {
        case: run(photo, bound_map, members, goal=goal if "target" in options else None, **options)
        for case, (members, options) in CASES.items()
    }
    thesis = run(photo, bound_map, describe)

    for case, result in results.items():
        others = [other for name, other in results.items() if name != case]
        assert all((result - other).abs().max() > 1e-3 for other in [thesis, *others]), case


def test_one_network_of_any_weight_is_the_attack_of_the_thesis_to_the_bit(photo, bound_map):
    expected = run(photo, bound_map, describe)

    for member in (PLAIN, Member(describe, 3.0), Member(describe, 1.0, Learnt(unrelated=0.4))):
        assert torch.equal(run(photo, bound_map, [member]), expected)
        assert torch.equal(run(photo, bound_map, [member], dropout=0.5, chroma=1.0, decay=1.0), expected)


def test_only_shares_of_weights_count(photo, bound_map):
    def weighted(*weights):
        members = [member._replace(weight=weight) for member, weight in zip((CENTRED, OTHER), weights, strict=True)]
        return run(photo, bound_map, members)

    assert torch.equal(weighted(1.0, 3.0), weighted(2.0, 6.0))
    assert (weighted(1.0, 3.0) - weighted(3.0, 1.0)).abs().max() > 1e-3
    nearly_alone = weighted(1e9, 1.0)
    torch.testing.assert_close(nearly_alone, run(photo, bound_map, [CENTRED]), atol=1e-4, rtol=0)


def test_the_last_two_fifths_of_the_steps_are_smaller():
    for steps in (1, 2, 5, 10, 35, 100, 150):
        method = AttackOptions(iterations=steps, other_iterations=[1], decay=0.25, learning_rate=0.08)
        sizes = [step_size(method, step) for step in range(1, steps + 1)]
        assert sizes == sorted(sizes, reverse=True) and set(sizes) <= {0.08, 0.02}
        assert sizes.count(0.02) == -(-2 * steps // 5)


# --- The bound --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("chroma", [0.0, 0.3, 0.999, 1.0])
@pytest.mark.parametrize("projection", ["after-step", "before-step"])
@pytest.mark.parametrize("optimiser", ["adam", "sign"])
def test_what_is_handed_out_is_within_the_bound(photo, bound_map, dtype, chroma, projection, optimiser):
    options = {"chroma": chroma, "projection": projection, "optimiser": optimiser, "learning_rate": 0.3}
    bound_map = bound_map.to(dtype)

    result = run(photo.to(dtype), bound_map, [PLAIN, WHITENED], checkpoints=range(1, 5), **options)

    assert result.dtype == dtype and result.shape == (2, 4, 3, *SHAPE)
    bound = torch.stack([bound_map * (m / 255) for m in MULTIPLIERS])[:, None, None]
    assert (result.abs() <= bound).all()
    assert (result.abs() > 0.99 * bound)[..., bound_map > 0].double().mean() > 0.1
    if chroma == 0:
        torch.testing.assert_close(result[:, :, 0], result[:, :, 2], atol=1e-7, rtol=0)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_less_chroma_keeps_luma_and_a_share_of_the_rest(share):
    perturbations = torch.randn((2, 3, 4, 5), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weights = torch.tensor(LUMA, dtype=torch.float64).view(3, 1, 1)

    result = less_chroma(perturbations, share)

    luma = [(weights * each).sum(dim=1) for each in (perturbations, result)]
    torch.testing.assert_close(*luma)
    torch.testing.assert_close(result - luma[1][:, None], share * (perturbations - luma[0][:, None]))


# --- What the networks see --------------------------------------------------------------------------------------------


class Watching(Small):
    """A network that keeps what it has seen."""

    def __init__(self, **options):
        super().__init__(**options)
        self.seen = []

    def forward(self, normalised):
        self.seen.append(normalised.detach().clone())
        return super().forward(normalised)


@pytest.mark.parametrize(
    "saving",
    [
        SavingOptions(),
        SavingOptions(quality=30, subsampling="4:4:4", enlargement="none"),
        SavingOptions(enlargement="released", rounding="truncate"),
        SavingOptions(range="stretch", subsampling="4:2:2"),
        SavingOptions(format="png"),
    ],
    ids=lambda saving: ", ".join(map(str, saving.model_dump().values())),
)
def test_the_network_sees_exactly_the_pixels_of_the_saved_file(levels, bound_map, tmp_path, monkeypatch, saving):
    """What step 2 sees is the file of what step 1 has made."""
    monkeypatch.chdir(tmp_path)
    network = Watching(mean=(0, 0, 0), std=(1, 1, 1))
    method = method_of(
        MULTIPLIERS, (1, 2, 3), through=["saving"], saving=saving, chroma=0.4, samples=2, sampled=SAMPLES[:1]
    )

    found = attack_photo(levels, bound_map.float().numpy(), [Member(network)], method, name="cv", seed=1, photo="photo")

    original, *steps = network.seen
    assert len(steps) == 6, "two samples in each of three steps"
    Image.fromarray(levels).save("photo.png")
    write_perturbations(Path("v.npz"), found)
    options = [word for key, value in saving.model_dump().items() for word in (f"--{key}", value)]
    for iteration, untransformed in ((1, steps[2]), (2, steps[4])):
        for index, multiplier in enumerate(MULTIPLIERS):
            file = f"m{multiplier:g}_T{iteration}/query{saving.suffix}"
            cvpire("save", "photo.png", "v.npz", file, *options)
            pixels = torch.from_numpy(np.array(Image.open(file))).movedim(-1, 0)
            assert torch.equal(untransformed[index], pixels.float() / 255)
    assert torch.equal(original[0], torch.from_numpy(levels).movedim(-1, 0).float() / 255)


def test_the_first_version_is_the_photo_as_it_is_and_the_others_are_transformed(photo, bound_map):
    network = Watching(mean=(0, 0, 0), std=(1, 1, 1))

    run(
        photo,
        bound_map,
        [Member(network)],
        checkpoints=(2,),
        samples=3,
        sampled=[{"kind": "resize", "range": (0.5, 0.7)}],
    )

    shapes = [tuple(seen.shape[2:]) for seen in network.seen[1:]]
    assert shapes[0] == shapes[3] == SHAPE
    assert all(10 <= height <= 14 for height, _ in shapes[1:3] + shapes[4:])
    assert len(set(shapes[1:3] + shapes[4:])) > 1


def test_all_networks_see_the_same_versions(photo, bound_map):
    networks = [Watching(mean=(0, 0, 0), std=(1, 1, 1), seed=seed) for seed in (1, 2)]

    run(photo, bound_map, [Member(network) for network in networks], checkpoints=(3,), **SAMPLED_TWICE)

    one, other = (network.seen for network in networks)
    assert len(one) == len(other) == 1 + 3 * 3
    assert all(torch.equal(*pair) for pair in zip(one, other, strict=True))


def test_a_member_compares_descriptors_as_its_system_does(photo):
    pixels = torch.rand((5, 3, *SHAPE), generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    for member in (CENTRED, WHITENED, OTHER, PLAIN):
        described = member.network(pixels).numpy()
        expected = described if member.learnt is None else apply(member.learnt, described.astype(np.float32))
        np.testing.assert_allclose(member.describe(pixels).numpy(), expected, atol=2e-6)


# --- Determinism ------------------------------------------------------------------------------------------------------


def attacked(levels, bound_map, multipliers=MULTIPLIERS, name="cv", seed=5, photo="tower", **options):
    members = [WHITENED, OTHER]
    method = method_of(multipliers, (1, 3), **{**ROBUST, "dropout": 0.4, **options})
    map32 = bound_map.float().numpy()
    return attack_photo(levels, map32, members, method, name=name, seed=seed, photo=photo).values


def test_an_attack_that_samples_gives_the_same_again_and_leaves_the_global_generator_alone(levels, bound_map):
    state = torch.get_rng_state()

    first, again = (attacked(levels, bound_map) for _ in range(2))

    np.testing.assert_array_equal(first, again)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("others", [(7.0,), (1.0, 20.0, 300.0)])
def test_other_multipliers_change_nothing_that_is_sampled(photo, bound_map, others):
    options = {**ROBUST, "dropout": 0.4}
    multipliers = tuple(sorted({*others, 60.0}))

    alone = run(photo, bound_map, [WHITENED, OTHER], (60.0,), **options)
    together = run(photo, bound_map, [WHITENED, OTHER], multipliers, **options)

    torch.testing.assert_close(together[multipliers.index(60.0)], alone[0], atol=1e-9, rtol=0)


def test_how_batches_are_cut_changes_nothing_that_is_sampled(photo, bound_map, monkeypatch):
    options, multipliers = {**ROBUST, "dropout": 0.4}, (10.0, 20.0, 60.0)
    expected = run(photo, bound_map, [WHITENED, OTHER], multipliers, **options)
    networks = [Watching(seed=seed) for seed in (1, 2)]

    for bytes_for_batch, batches in ((1, {1}), (None, {3})):
        for network in networks:
            network.seen.clear()
        with monkeypatch.context() as patched:
            if bytes_for_batch:
                patched.setattr(loop, "memory_for_batch", lambda device, size=bytes_for_batch: size)
            result = run(photo, bound_map, [WHITENED, OTHER], multipliers, **options)
            run(photo, bound_map, [Member(network) for network in networks], multipliers, through=["saving"])
        torch.testing.assert_close(result, expected, atol=1e-9, rtol=0)
        assert {len(seen) for network in networks for seen in network.seen[1:]} == batches


@pytest.mark.parametrize("changed", [{"seed": 6}, {"photo": "tower2"}, {"name": "cv2"}], ids=str)
def test_what_is_sampled_follows_seed_photo_and_attack(changed):
    given = {"seed": 5, "photo": "tower", "attack": "cv"}
    other = given | {"attack" if key == "name" else key: value for key, value in changed.items()}

    numbers = [torch.rand(50, generator=sampling_generator(**names)) for names in (given, given, other)]

    assert torch.equal(numbers[0], numbers[1])
    assert ((numbers[0] - numbers[2]).abs() > 1e-3).double().mean() > 0.9
    assert not torch.equal(numbers[0], (start_noise(5, "tower", "cv", [50], (1, 50))[0, 0, 0] + 1) / 2)


def test_dropout_leaves_members_out_by_its_share_and_one_always_in():
    generator, members = torch.Generator().manual_seed(0), [PLAIN] * 3

    drawn = [chosen(members, 0.4, generator) for _ in range(4000)]

    assert all(drawn) and all(counted == sorted(set(counted)) for counted in drawn)
    for index in range(3):
        # 0.6, and a third of the cases in which all three were to be left out.
        assert abs(np.mean([index in counted for counted in drawn]) - (0.6 + 0.4**3 / 3)) < 0.03
    assert np.mean([len(counted) == 1 for counted in drawn]) > 0.25


def test_without_dropout_nothing_is_drawn():
    generator = draws()

    assert chosen([PLAIN] * 3, 0.0, generator) == [0, 1, 2]
    assert torch.equal(generator.get_state(), draws().get_state())


# --- Objectives -------------------------------------------------------------------------------------------------------


def unit(*shape, seed=0):
    vectors = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return vectors / vectors.norm(dim=1, keepdim=True)


def test_similarity_has_a_slope_only_above_that_of_unrelated_photos():
    original = unit(1, 6)
    near, far = original + 0.2 * unit(1, 6, seed=1), -original + 0.2 * unit(1, 6, seed=2)
    descriptors = torch.cat([near / near.norm(), far / far.norm()]).requires_grad_()
    cosines = (descriptors.detach() @ original.T).flatten()
    assert cosines[0] > 0.3 > cosines[1]

    value = OBJECTIVES["similarity"](descriptors, original, unrelated=0.3)
    (slope,) = torch.autograd.grad(value, descriptors)

    torch.testing.assert_close(value.detach(), -(cosines[0] - 0.3))
    torch.testing.assert_close(slope[0], -original[0])
    assert (slope[1] == 0).all()


def test_the_hinge_stops_an_attack_at_the_similarity_of_unrelated_photos(photo, bound_map):
    start = start_noise(0, "photo", "attack", MULTIPLIERS, SHAPE).double()
    resting = start * bounds(bound_map, MULTIPLIERS)[:, 0]
    options = {"checkpoints": (120,), "objective": "similarity", "optimiser": "sign", "learning_rate": 0.001}

    def similarities(perturbations, member):
        original = compared(member, photo)
        return torch.stack([compared(member, (photo + v).clamp(0, 1)) @ original for v in perturbations])

    stays = run(photo, bound_map, [CENTRED._replace(learnt=CENTRED.learnt._replace(unrelated=1.0))], **options)
    assert torch.equal(stays[:, 0], resting), "below the hinge from the start"

    before = similarities(resting, CENTRED)
    level = float(before[1] - 0.02)
    hinged = CENTRED._replace(learnt=CENTRED.learnt._replace(unrelated=level))
    freely = CENTRED._replace(learnt=CENTRED.learnt._replace(unrelated=-1.0))
    after, further = (
        similarities(run(photo, bound_map, [each], **options)[:, 0], CENTRED) for each in (hinged, freely)
    )
    assert further[1] < level - 0.04 and level - 0.01 < after[1] <= level


def test_the_opposite_of_a_descriptor_lies_in_the_direction_of_eq_3_1(photo):
    """Of unit vectors ||f + f0||^2 + ||f - f0||^2 = 4: ODFA's slope, and the attack's, are one."""
    for member in (PLAIN, CENTRED, WHITENED):
        original = compared(member, photo).detach()
        pixels = (photo + 0.05 * torch.randn(photo.shape, generator=draws(), dtype=torch.float64)).requires_grad_()
        opposite = -(compared(member, pixels) + original).square().sum()
        distance = OBJECTIVES["descriptor-distance"](compared(member, pixels)[None], original[None])

        slopes = [torch.autograd.grad(value, pixels)[0] for value in (opposite, distance)]

        torch.testing.assert_close(*slopes)
        assert slopes[0].abs().max() > 1e-4


def test_a_target_draws_every_descriptor_to_its_own(photo, bound_map, goal):
    members, multipliers = [PLAIN, WHITENED], (20.0, 120.0)
    start = start_noise(0, "photo", "attack", multipliers, SHAPE).double()
    resting = (start * bounds(bound_map, multipliers)[:, 0])[:, None]

    result = run(
        photo, bound_map, members, multipliers, (30,), goal, objective="target", target="x.jpg", learning_rate=0.02
    )

    for member in members:
        aim = compared(member, goal)
        before, after = (
            torch.stack([compared(member, (photo + v[0]).clamp(0, 1)) @ aim for v in each])
            for each in (resting, result)
        )
        assert (after > before).all() and after[1] > after[0]


# --- Memory -----------------------------------------------------------------------------------------------------------


def test_what_a_network_keeps_is_gone_before_the_next_one_sees_anything(photo, bound_map):
    features = []

    class Heavy(Small):
        def forward(self, normalised):
            assert all(each.expired() for each in features), "two networks or samples are in memory at once"
            kept = normalised.exp()  # its backward pass needs its result
            features.append(StorageWeakRef(kept.untyped_storage()))
            return super().forward(kept)

    gc.disable()
    try:
        run(photo, bound_map, [Member(Heavy(seed=1)), Member(Heavy(seed=2))], **SAMPLED_TWICE)
    finally:
        gc.enable()
    assert len(features) == 2 + 5 * 3 * 2


def test_batches_are_cut_by_the_network_that_keeps_most(photo, bound_map, monkeypatch):
    networks = [Watching(dimensions=4), Watching(dimensions=400)]
    members = [Member(network) for network in networks]
    _, kept = describe_and_weigh(lambda pixels: networks[1](pixels / 1), photo[None])
    for network in networks:
        network.seen.clear()
    monkeypatch.setattr(loop, "memory_for_batch", lambda device: 2.5 * kept)

    run(photo, bound_map, members, (10.0, 20.0, 30.0), (1,))

    assert [[len(seen) for seen in network.seen] for network in networks] == [[1, 2, 1], [1, 2, 1]]
