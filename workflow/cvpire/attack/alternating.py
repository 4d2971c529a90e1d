"""Steps that either make a photo less like its original, or make the change of its colours smaller: PerC-AL [1]_.

References
----------
.. [1] Zhao, Liu and Larson, "Towards large yet imperceptible adversarial image perturbations with perceptual color
   distance", CVPR 2020.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cvpire.attack.colour_difference import colour_differences
from cvpire.attack.steps import Move

if TYPE_CHECKING:
    from cvpire.config import AttackOptions


def alternating(
    perturbation: Tensor,
    method: "AttackOptions",
    *,
    bound: Tensor,
    photo: Tensor,
    pixels: Callable[[Tensor], Tensor],
    excess: Callable[[Tensor], Tensor],
) -> Move:
    """Alternate by whether a photo is more like its original than unrelated photos are.

    While it is, a step goes up the slope, else down the slope of the colour distance: the root of the summed squares
    of CIEDE2000, between the photo and what networks see of it. All steps have a fixed root mean square, `size` or
    `colour_step` of it. The least distant perturbation that sufficed is what was reached; before there is one, the
    last.

    It starts at the photo itself. There the descriptor's distance is least and has no slope, so the first step follows
    the start noise.
    """
    noise = perturbation.clone()
    perturbation.zero_()
    least = noise.new_full((len(noise),), torch.inf)
    similar, down, best = least.isinf(), torch.zeros_like(noise), torch.zeros_like(noise)

    def move(slope: Tensor, step: int, size: float) -> Tensor:
        nonlocal similar, down, best, least
        up = size * _of_unit_size(slope if step > 1 else noise)
        perturbation.add_(torch.where(_each(similar), up, -method.colour_step * size * _of_unit_size(down)))
        perturbation.clamp_(-bound, bound)
        with torch.enable_grad():
            moved = perturbation.detach().requires_grad_()
            seen = pixels(moved)
            squares = colour_differences(seen, photo).square().sum(dim=(1, 2))  # its slope has the root's direction
            similar = excess(seen.detach()) > 0
            down = down if similar.all() else torch.autograd.grad(squares.sum(), moved)[0]
        distance = squares.detach()
        better = ~similar & (distance < least)
        best, least = torch.where(_each(better), perturbation, best), torch.where(better, distance, least)
        return torch.where(_each(least.isfinite()), best, perturbation)

    return move


def _of_unit_size(direction: Tensor) -> Tensor:
    """Scale each photo's direction to a root mean square of 1; none stays none."""
    size = direction.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return direction / size.clamp(min=torch.finfo(direction.dtype).tiny)


def _each(photos: Tensor) -> Tensor:
    """A value for each photo (B,), as one for each of its values."""
    return photos.view(-1, 1, 1, 1)
