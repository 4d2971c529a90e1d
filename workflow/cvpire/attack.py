"""Adversarial perturbations for image retrieval: CV-PIRE, SD-PIRE and PIRE (Algorithm 2, section 3.3).

The three differ only in the map that bounds the perturbation and in their hyperparameters.
"""

import hashlib
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from cvpire.errors import InputError, lacks_memory

_CPU_BATCH = 2**30
"""Bytes that a batch may keep for its backward pass on a processor, where larger batches are no faster."""

_GPU_SHARE = 0.7
"""Share of a GPU's free memory for the same; the rest is for gradients and the workspace of convolutions."""


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
    describe : callable
        Network: normalised photos (B, 3, H, W) to descriptors (B, D). Its weights must be frozen.
    mean, std : sequence of 3 floats
        The network's normalisation.
    multipliers : sequence of M floats
        Threshold multipliers m; they do not influence each other.
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
    mean, std = (photo.new_tensor(values).view(3, 1, 1) for values in (mean, std))
    scale = std if bound_space == "pixel" else torch.ones_like(std)  # one unit of v, in normalised units
    image = ((photo - mean) / std)[None]
    bound = variance_map * (photo.new_tensor(multipliers) / 255).view(-1, 1, 1, 1)  # (M, 1, H, W)
    steps = checkpoints[-1]

    def optimise(part: slice) -> Tensor:
        return _optimise(
            image,
            original,
            scale,
            bound[part],
            start[part],
            describe,
            checkpoints,
            learning_rate=learning_rate,
            objective=objective,
            projection=projection,
            progress=lambda step: progress(part.start * steps + (part.stop - part.start) * step, len(bound) * steps),
        )

    try:
        original, kept = _describe_and_weigh(describe, image)
        return _in_batches(optimise, len(bound), int(_memory_for_batch(photo.device) / kept))
    except RuntimeError as error:
        if not lacks_memory(error):
            raise
        height, width = photo.shape[1:]
        raise InputError(
            f"memory ({photo.device.type}) does not hold an attack on {width} x {height} pixels; "
            "set a smaller `longest_side`"
        ) from None


def _optimise(
    image: Tensor,
    original: Tensor,
    scale: Tensor,
    bound: Tensor,
    start: Tensor,
    describe: Callable[[Tensor], Tensor],
    checkpoints: Sequence[int],
    *,
    learning_rate: float,
    objective: str,
    projection: str,
    progress: Callable[[int], None],
) -> Tensor:
    """Algorithm 2 for a batch of bounds (B, 1, H, W); on a GPU, the loop never waits for the device."""
    # A network that prefers channels-last gets it from the start: the sum below keeps the layout of its first term.
    perturbation = (start * bound).contiguous(memory_format=torch.channels_last).requires_grad_()
    # Adam is written out, because torch.optim imports torch's compiler: two seconds for every job.
    first, second = torch.zeros_like(perturbation), torch.zeros_like(perturbation)  # moments of the gradient

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


def _describe_and_weigh(describe: Callable[[Tensor], Tensor], image: Tensor) -> tuple[Tensor, int]:
    """Descriptor of a photo, and the bytes that its forward pass keeps for the backward pass, weights included."""
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> None:
        # The graph gets nothing: it would hold itself by its own results, and the memory until Python looks for cycles.
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda nothing: nothing):
        descriptor = describe(image.detach().requires_grad_()).detach()
    return descriptor, max(1, sum(storage.nbytes() for storage in kept.values()))


def _in_batches(run: Callable[[slice], Tensor], count: int, size: int) -> Tensor:
    """Run over `count` items in batches, halved where memory does not suffice; of one item the error is raised."""
    parts: list[Tensor] = []
    begun, size = 0, min(max(size, 1), count)
    while begun < count:
        try:
            parts.append(run(slice(begun, min(begun + size, count))))
        except RuntimeError as error:
            if size == 1 or not lacks_memory(error):
                raise
        else:
            begun += size
            continue
        # After the handler, because its error keeps alive what filled the memory.
        size //= 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return torch.cat(parts)


def _memory_for_batch(device: torch.device) -> float:
    if device.type != "cuda":
        return _CPU_BATCH
    free, _ = torch.cuda.mem_get_info(device)
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return _GPU_SHARE * (free + unused)


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
