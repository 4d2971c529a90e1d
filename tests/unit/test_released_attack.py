"""With the preset `released`, the attack equals a literal transcription of what the released code does."""

import numpy as np
import pytest
import torch
from cvpire.attack.loop import attack
from cvpire.attack.start import start_noise
from cvpire.config import AttackOptions, NetworkOptions, VarianceOptions, preset_values
from cvpire.networks.network import as_tensor, load_network
from cvpire.variance.maps import variance_map
from skimage import data, transform

pytestmark = pytest.mark.usefixtures("one_thread")

STEPS = [1, 5, 20]
METHODS = {
    "cv-pire": {"multiplier": 50.0, "learning_rate": 5e-2},
    # PIRE's released code follows the text in its objective; 2.5e-4 is the thesis's learning rate.
    "pire": {"multiplier": 10.0, "learning_rate": 2.5e-4, "objective": "descriptor-distance"},
}


@pytest.fixture(scope="module")
def network():
    # In double precision: Adam divides by the gradient's size, so where it is nearly zero rounding decides a step.
    return load_network(NetworkOptions(), "cpu").double()


@pytest.fixture(scope="module")
def pixels():
    return (255 * transform.resize(data.astronaut(), (40, 48), anti_aliasing=True)).astype(np.uint8)


def released_algorithm(photo, bound, network, start, learning_rate, steps, loss_of):
    """One photo, one bound, one perturbation after another, as the released code goes through them."""
    mean, std = (
        torch.tensor(values, dtype=torch.float64).reshape(1, 3, 1, 1) for values in (network.mean, network.std)
    )
    image = (photo[None] - mean) / std  # the photo as the network takes it; the perturbation lives there too
    upper = bound.reshape(1, 1, *bound.shape).expand(1, 3, -1, -1)
    v = (start[None] * upper).clone().requires_grad_(True)
    optimiser = torch.optim.Adam([v], lr=learning_rate)
    with torch.no_grad():
        target = network(image)
    saved = []
    for _ in range(steps[-1]):
        optimiser.zero_grad()
        loss_of(network(image + v), target).backward()
        v.data = torch.max(torch.min(v.data, upper), -upper)  # between the backward pass and the step
        optimiser.step()
        saved.append(torch.max(torch.min(v.data, upper), -upper)[0].clone())  # clipped once more when it is saved
    return [saved[step - 1] for step in steps]


LOSSES = {
    "cv-pire": lambda descriptor, target: -descriptor.sum(),
    "pire": lambda descriptor, target: -((descriptor - target) ** 2).sum(),
}


@pytest.mark.parametrize("method", METHODS)
def test_attack_is_the_released_algorithm(method, network, pixels):
    options = AttackOptions(
        **{**preset_values(AttackOptions, "released"), "iterations": 20, "other_iterations": [1, 5], **METHODS[method]}
    )
    kind = "uniform" if method == "pire" else "colour"
    variance = VarianceOptions(**{**preset_values(VarianceOptions, "released"), "kind": kind})
    bound = torch.from_numpy(variance_map(pixels, variance)).double()
    photo, start = as_tensor(pixels).double(), start_noise(0, "astronaut", method, [options.multiplier], bound.shape)

    ours = attack(photo, bound, network, options, start=start.double())
    theirs = released_algorithm(
        photo,
        bound * options.multiplier / 255,
        network,
        start[0].double(),
        options.learning_rate,
        STEPS,
        LOSSES[method],
    )

    assert options.checkpoints == STEPS
    for k, (mine, transcribed) in enumerate(zip(ours[0], theirs, strict=True)):
        assert (mine - transcribed).abs().max() < 1e-5, f"after {STEPS[k]} iterations"
    moved = (ours[0, -1] - ours[0, 0]).abs().max() / (options.multiplier / 255)
    assert moved > 0.05  # the perturbations that are compared did change
