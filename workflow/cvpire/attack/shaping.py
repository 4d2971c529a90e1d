"""What becomes of a perturbation before it is added to a photo: less colour, less of what is finer than a scale.

Each map is linear and never leaves the bound's range, since each value it gives is a mean of values it takes; so what
is shaped is optimised by the slope through it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cvpire.colour import LUMA

if TYPE_CHECKING:
    from cvpire.config import AttackOptions


def shaping(method: "AttackOptions") -> Callable[[Tensor], Tensor]:
    """Return what an attack's options do to perturbations (B, 3, H, W)."""
    if method.chroma == 1:
        return _unchanged
    return lambda perturbations: less_chroma(perturbations, method.chroma)


def less_chroma(perturbations: Tensor, share: float) -> Tensor:
    """Keep the luma of perturbations (B, 3, H, W), and a share of their chroma: how the channels differ from it.

    0 leaves luminance only: the three channels change alike.
    """
    luma = torch.einsum("c,bchw->bhw", perturbations.new_tensor(LUMA), perturbations)[:, None]
    return luma + share * (perturbations - luma)


def _unchanged(perturbations: Tensor) -> Tensor:
    return perturbations
