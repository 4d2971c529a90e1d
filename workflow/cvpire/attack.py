"""Adversarial perturbations for image retrieval: CV-PIRE, SD-PIRE and PIRE (Algorithm 2, section 3.3).

The three differ only in the map that bounds the perturbation and in their hyperparameters.
"""

import hashlib
from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def attack(
    photo: Tensor,
    variance_map: Tensor,
    describe: Callable[[Tensor], Tensor],
    *,
    mean: Sequence[float],
    std: Sequence[float],
    multipliers: Sequence[float],
    checkpoints: Sequence[int],
    start: Tensor,
    learning_rate: float = 0.05,
    objective: str = "descriptor-distance",
    bound_space: str = "pixel",
    projection: str = "after-step",
    progress: Callable[[int], None] = lambda step: None,
) -> Tensor:
    """Maximise the change of a photo's descriptor within a bound, for several bounds at once.

    Parameters
    ----------
    photo : Tensor, shape (3, H, W)
        Values in [0, 1].
    variance_map : Tensor, shape (H, W)
        In [0, 1]; the bound of multiplier m is map * m / 255, the same for the three channels.
    describe : callable
        Network: normalised photos (B, 3, H, W) to descriptors (B, D). Its weights must be frozen.
    mean, std : sequence of 3 floats
        The network's normalisation.
    multipliers : sequence of M floats
        Threshold multipliers m; they are one batch and do not influence each other.
    checkpoints : sequence of K ints
        Ascending steps after which the perturbation is handed out; the last is T.
    start : Tensor, shape (M, 3, H, W)
        Start perturbation in units of the bound, in [-1, 1]: see `start_noise`.
    learning_rate : float
        Adam's step, in units of the bound's space.
    objective : {"descriptor-distance", "descriptor-sum"}
        Equation 3.1, or the sum of the perturbed photo's descriptor, as the released code has it.
    bound_space : {"pixel", "normalised"}
        Whether the perturbation is added to values in [0, 1] or to the normalised photo.
    projection : {"after-step", "before-step"}
        Clip after each step (eq. 3.5); or before it, so that a forward pass sees one step beyond the bound.
    progress : callable, optional
        Called with the number of finished steps.

    Returns
    -------
    Tensor, shape (M, K, 3, H, W)
        Perturbations in the bound's space, within the bound.
    """
    mean, std = (photo.new_tensor(values).view(3, 1, 1) for values in (mean, std))
    scale = std if bound_space == "pixel" else torch.ones_like(std)  # one unit of v, in normalised units
    image = ((photo - mean) / std)[None]
    bound = variance_map * (photo.new_tensor(multipliers) / 255).view(-1, 1, 1, 1)  # (M, 1, H, W)

    # A network that prefers channels-last gets it from the start: the sum below keeps the layout of its first term.
    perturbation = (start * bound).contiguous(memory_format=torch.channels_last).requires_grad_()
    # Adam is written out, because torch.optim imports torch's compiler: two seconds for every job.
    first, second = torch.zeros_like(perturbation), torch.zeros_like(perturbation)  # moments of the gradient
    with torch.no_grad():
        original = describe(image)

    wanted, handed_out = set(checkpoints), []
    for step in range(1, checkpoints[-1] + 1):
        descriptors = describe(perturbation / scale + image)
        value = descriptors.sum() if objective == "descriptor-sum" else (descriptors - original).square().sum()
        (gradient,) = torch.autograd.grad(value, perturbation)
        with torch.no_grad():
            if projection == "before-step":
                perturbation.clamp_(-bound, bound)
            first.lerp_(gradient, 1 - 0.9)
            second.mul_(0.999).addcmul_(gradient, gradient, value=1 - 0.999)
            spread = (second / (1 - 0.999**step)).sqrt_().add_(1e-8)
            perturbation.addcdiv_(first, spread, value=learning_rate / (1 - 0.9**step))
            if projection == "after-step":
                perturbation.clamp_(-bound, bound)
            if step in wanted:
                handed_out.append(perturbation.clamp(-bound, bound).contiguous())
        progress(step)
    return torch.stack(handed_out, dim=1)


def start_noise(seed: int, photo: str, attack: str, multipliers: Sequence[float], shape: tuple[int, int]) -> Tensor:
    """Uniform noise from which an attack starts, drawn alone for each multiplier.

    The generator is seeded by (seed, photo, attack, multiplier), and the noise is drawn on the CPU: the same job gives
    the same start alone, in any batch and on any device.

    Parameters
    ----------
    seed : int
    photo, attack : str
        Names.
    multipliers : sequence of M floats
    shape : (H, W)

    Returns
    -------
    Tensor, shape (M, 3, H, W)
        float32 in [-1, 1).
    """
    noise = []
    for multiplier in multipliers:
        digest = hashlib.sha256(f"{seed}\n{photo}\n{attack}\n{float(multiplier)!r}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
        noise.append(torch.rand((3, *shape), generator=generator) * 2 - 1)
    return torch.stack(noise)
