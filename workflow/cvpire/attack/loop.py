"""The optimisation of a perturbation: Algorithm 2, and what robust CV-PIRE adds to it (docs/robust.md)."""

from collections.abc import Callable, Mapping, Sequence
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from cvpire.attack.batches import in_batches, memory_for_batch
from cvpire.attack.catalogue import OPTIMISERS
from cvpire.attack.members import Attacked, Member
from cvpire.attack.shaping import shaping
from cvpire.attack.slopes import Slope, beside_the_slope, slope_of
from cvpire.attack.start import sampling_generator, start_noise
from cvpire.attack.steps import step_size
from cvpire.errors import InputError, lacks_memory
from cvpire.networks.network import as_tensor
from cvpire.perturbations import Perturbations

if TYPE_CHECKING:
    from cvpire.config import AttackOptions


def attack_photo(
    pixels: np.ndarray,
    bound_map: np.ndarray,
    networks: Sequence[Member],
    method: "AttackOptions",
    *,
    name: str,
    seed: int,
    photo: str,
    goal: np.ndarray | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Perturbations:
    """Attack a photo from noise of its own, on the networks' device.

    Parameters
    ----------
    pixels : numpy.ndarray, shape (H, W, 3)
        uint8.
    bound_map : numpy.ndarray, shape (H, W)
        float32 in [0, 1].
    networks : sequence of Member
        Those that are attacked, all on one device.
    method : AttackOptions
        See `attack`.
    name, photo : str
        Names of the attack and of the photo; with `seed` they choose the noise, see `start_noise`, and what is sampled.
    seed : int
    goal : numpy.ndarray, shape (H', W', 3), optional
        uint8; the photo that the objective `target` goes for.
    progress : callable, optional
        See `attack`.

    Raises
    ------
    InputError
        A photo that is too small for a network, or too large for the memory.
    """
    device = next(networks[0].network.parameters()).device
    values = attack(
        as_tensor(pixels).to(device),
        torch.from_numpy(bound_map).to(device),
        networks,
        method,
        start=method.start * start_noise(seed, photo, name, method.multipliers, bound_map.shape).to(device),
        draws=lambda: sampling_generator(seed, photo, name),
        goal=None if goal is None else as_tensor(goal).to(device),
        progress=progress,
    )
    unit = (1.0, 1.0, 1.0) if method.bound_space == "pixel" else networks[0].network.std
    return Perturbations(values.cpu().numpy(), tuple(method.multipliers), tuple(method.checkpoints), unit)


def attack(
    photo: Tensor,
    variance_map: Tensor,
    networks: Attacked | Sequence[Member],
    method: "AttackOptions",
    *,
    start: Tensor,
    draws: Callable[[], torch.Generator] = torch.Generator,
    goal: Tensor | None = None,
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
    networks : Attacked, or sequence of Member
        One network, or what is attacked together.
    method : AttackOptions
        M multipliers, which do not influence each other, and K checkpoints, ascending steps of which the last is T; the
        other options are explained there.
    start : Tensor, shape (M, 3, H, W)
        Start perturbation in units of the bound, in [-1, 1]: see `start_noise`.
    draws : callable, optional
        Makes the generator of what is sampled, on the CPU. Every batch of bounds gets a new one, and so sees the same.
    goal : Tensor, shape (3, H', W'), optional
        The photo that the objective `target` goes for.
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
    members, steps = networks if isinstance(networks, Sequence) else [Member(networks)], method.checkpoints[-1]

    try:
        slope, kept = slope_of(photo, members, method, goal)
        beside = beside_the_slope(photo, members, method)

        def maximise(part: slice) -> Tensor:
            return _maximise(
                slope,
                beside,
                bound[part],
                start[part],
                method,
                draws(),
                lambda step: progress(part.start * steps + (part.stop - part.start) * step, len(bound) * steps),
            )

        return in_batches(maximise, len(bound), int(memory_for_batch(photo.device) / kept))
    except RuntimeError as error:
        if not lacks_memory(error):
            raise
        height, width = photo.shape[1:]
        raise InputError(
            f"memory ({photo.device.type}) does not hold an attack on {width} x {height} pixels; "
            "set a smaller `longest_side`"
        ) from None


def _maximise(
    slope_of_all: Slope,
    beside: Mapping[str, Any],
    bound: Tensor,
    start: Tensor,
    method: "AttackOptions",
    generator: torch.Generator,
    progress: Callable[[int], None],
) -> Tensor:
    """Algorithm 2 for a batch of bounds (B, 1, H, W); on a GPU, the loop of the thesis never waits for the device."""
    # A network that prefers channels-last gets it from the start: the sum with the photo keeps the layout of this term.
    perturbation = (start * bound).contiguous(memory_format=torch.channels_last)
    function, needs = OPTIMISERS[method.optimiser]
    given = {**beside, "bound": bound}
    optimiser = resolve_name(f"cvpire.attack.{function}")
    move = optimiser(perturbation, method, **{need: given[need] for need in needs})
    shape = shaping(method)
    clip_first = method.projection == "before-step"
    wanted, handed_out = set(method.checkpoints), []
    for step in range(1, method.checkpoints[-1] + 1):
        slope = slope_of_all(perturbation, generator)
        if clip_first:
            perturbation.clamp_(-bound, bound)
        reached = move(slope, step, step_size(method, step))
        if not clip_first:
            perturbation.clamp_(-bound, bound)
        if step in wanted:
            shaped = shape(reached.clamp(-bound, bound))
            handed_out.append(shaped.clamp(-bound, bound).contiguous())  # a mean may leave its range by rounding
        progress(step)
    return torch.stack(handed_out, dim=1)
