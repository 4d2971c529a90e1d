"""Where an attack starts, and what it draws on its way."""

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
        generator = _seeded(f"{seed}\n{photo}\n{attack}\n{float(multiplier)!r}")
        noise.append(torch.rand((3, *shape), generator=generator) * 2 - 1)
    return torch.stack(noise)


def sampling_generator(seed: int, photo: str, attack: str) -> torch.Generator:
    """Generator of what an attack samples in its steps, seeded by (seed, photo, attack), for all multipliers alike."""
    return _seeded(f"{seed}\n{photo}\n{attack}\nsampling")


def _seeded(words: str) -> torch.Generator:
    digest = hashlib.sha256(words.encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
