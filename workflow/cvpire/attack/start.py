"""Where an attack starts."""

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor


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
