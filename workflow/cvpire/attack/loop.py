"""The optimisation of a perturbation: Algorithm 2."""

from collections.abc import Callable
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

from cvpire.attack.batches import describe_and_weigh, in_batches, memory_for_batch
from cvpire.attack.catalogue import RENDERINGS
from cvpire.attack.objectives import OBJECTIVES
from cvpire.attack.renderings import clipped
from cvpire.attack.start import start_noise
from cvpire.errors import InputError, lacks_memory
from cvpire.networks.network import Network, as_tensor
from cvpire.perturbations import Perturbations

if TYPE_CHECKING:
    from cvpire.config import AttackOptions


class Attacked(Protocol):
    """What the attack needs of a network, whose weights must be frozen."""

    mean: tuple[float, ...]
    """Of values in [0, 1], per channel; with `std` the network's normalisation."""
    std: tuple[float, ...]

    def __call__(self, normalised: Tensor) -> Tensor:
        """Describe normalised photos (B, 3, H, W) by vectors (B, D)."""


def attack_photo(
    pixels: np.ndarray,
    bound_map: np.ndarray,
    network: Network,
    method: "AttackOptions",
    *,
    name: str,
    seed: int,
    photo: str,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Perturbations:
    """Attack a photo from noise of its own, on the network's device.

    Parameters
    ----------
    pixels : numpy.ndarray, shape (H, W, 3)
        uint8.
    bound_map : numpy.ndarray, shape (H, W)
        float32 in [0, 1].
    network : Network
    method : AttackOptions
        See `attack`.
    name, photo : str
        Names of the attack and of the photo; with `seed` they choose the noise, see `start_noise`.
    seed : int
    progress : callable, optional
        See `attack`.

    Raises
    ------
    InputError
        A photo that is too small for the network, or too large for the memory.
    """
    device = next(network.parameters()).device
    values = attack(
        as_tensor(pixels).to(device),
        torch.from_numpy(bound_map).to(device),
        network,
        method,
        start=start_noise(seed, photo, name, method.multipliers, bound_map.shape).to(device),
        progress=progress,
    )
    unit = (1.0, 1.0, 1.0) if method.bound_space == "pixel" else network.std
    return Perturbations(values.cpu().numpy(), tuple(method.multipliers), tuple(method.checkpoints), unit)


def attack(
    photo: Tensor,
    variance_map: Tensor,
    network: Attacked,
    method: "AttackOptions",
    *,
    start: Tensor,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Tensor:
    """Maximise the change of a photo's descriptor within a bound, for several bounds at once.

    The bounds are one batch, or several where memory does not hold it: a processor's batches are cut at a fixed size,
    a GPU's by what it has free, and once more where that does not suffice. How they are cut changes results by rounding
    only; on one processor thread it has been seen to change nothing.

    Parameters
    ----------
    photo : Tensor, shape (3, H, W)
        Values in [0, 1].
    variance_map : Tensor, shape (H, W)
        In [0, 1]; the bound of multiplier m is map * m / 255, the same for the three channels.
    network : Attacked
    method : AttackOptions
        M multipliers, which do not influence each other, and K checkpoints, ascending steps of which the last is T; the
        other options are explained there.
    start : Tensor, shape (M, 3, H, W)
        Start perturbation in units of the bound, in [-1, 1]: see `start_noise`.
    progress : callable, optional
        Called with the number of finished steps, those of each bound counted, and with how many there are.

    Returns
    -------
    Tensor, shape (M, K, 3, H, W)
        Perturbations in the bound's space, within the bound.

    Raises
    ------
    InputError
        Where memory does not even hold one bound.
    """
    bound = variance_map * (photo.new_tensor(method.multipliers) / 255).view(-1, 1, 1, 1)  # (M, 1, H, W)
    image, show = _presentation(photo, network, method)
    objective, steps = OBJECTIVES[method.objective], method.checkpoints[-1]

    def maximise(part: slice) -> Tensor:
        return _maximise(
            lambda perturbation: objective(network(show(perturbation)), original),
            bound[part],
            start[part],
            method,
            lambda step: progress(part.start * steps + (part.stop - part.start) * step, len(bound) * steps),
        )

    try:
        original, kept = describe_and_weigh(network, image)
        if method.through:
            _, kept = describe_and_weigh(lambda nothing: network(show(nothing)), torch.zeros_like(image))
        return in_batches(maximise, len(bound), int(memory_for_batch(photo.device) / kept))
    except RuntimeError as error:
        if not lacks_memory(error):
            raise
        height, width = photo.shape[1:]
        raise InputError(
            f"memory ({photo.device.type}) does not hold an attack on {width} x {height} pixels; "
            "set a smaller `longest_side`"
        ) from None


def _presentation(
    photo: Tensor, network: Attacked, method: "AttackOptions"
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Normalise a photo (1, 3, H, W), and say how the network gets to see perturbations of it (B, 3, H, W)."""
    mean, std = (photo.new_tensor(values).view(3, 1, 1) for values in (network.mean, network.std))
    scale = std if method.bound_space == "pixel" else torch.ones_like(std)  # one unit of v, in normalised units
    image = ((photo - mean) / std)[None]
    if not method.through:
        return image, lambda perturbation: perturbation / scale + image
    renderings = [resolve_name(f"cvpire.attack.{RENDERINGS[name]}") for name in method.through]

    def show(perturbation: Tensor) -> Tensor:
        pixels = clipped(perturbation * (std / scale) + photo)
        for render in renderings:
            pixels = render(pixels)
        return (pixels - mean) / std

    return image, show


def _maximise(
    value_of: Callable[[Tensor], Tensor],
    bound: Tensor,
    start: Tensor,
    method: "AttackOptions",
    progress: Callable[[int], None],
) -> Tensor:
    """Algorithm 2 for a batch of bounds (B, 1, H, W); on a GPU, the loop never waits for the device."""
    # A network that prefers channels-last gets it from the start: the sum with the photo keeps the layout of this term.
    perturbation = (start * bound).contiguous(memory_format=torch.channels_last).requires_grad_()
    # Adam is written out, because torch.optim imports torch's compiler: two seconds for every job.
    first, second = torch.zeros_like(perturbation), torch.zeros_like(perturbation)  # moments of the gradient

    clip_first = method.projection == "before-step"
    wanted, handed_out = set(method.checkpoints), []
    for step in range(1, method.checkpoints[-1] + 1):
        (gradient,) = torch.autograd.grad(value_of(perturbation), perturbation)
        with torch.no_grad():
            if clip_first:
                perturbation.clamp_(-bound, bound)
            first.lerp_(gradient, 1 - 0.9)
            second.mul_(0.999).addcmul_(gradient, gradient, value=1 - 0.999)
            spread = (second / (1 - 0.999**step)).sqrt_().add_(1e-8)
            perturbation.addcdiv_(first, spread, value=method.learning_rate / (1 - 0.9**step))
            if not clip_first:
                perturbation.clamp_(-bound, bound)
            if step in wanted:
                handed_out.append(perturbation.clamp(-bound, bound).contiguous())
        progress(step)
    return torch.stack(handed_out, dim=1)
