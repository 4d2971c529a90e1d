"""Steps that change a few values of a photo, where they do most and are seen least: Luo et al. [1]_.

References
----------
.. [1] Luo, Liu, Wei and Xu, "Towards imperceptible and robust adversarial example attacks against neural networks",
   AAAI 2018.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cvpire.attack.steps import Move

if TYPE_CHECKING:
    from cvpire.config import AttackOptions


def priority(
    perturbation: Tensor,
    method: "AttackOptions",
    *,
    bound: Tensor,
    pixels: Callable[[Tensor], Tensor],
    excess: Callable[[Tensor], Tensor],
) -> Move:
    """Change the values of highest priority by `size`, until the photo is as unlike its original as others are.

    The sensitivity of eyes to a change is one over the standard deviation around it, and so one over the bound, where
    the map is that deviation. The priority of a value is its effect over its sensitivity: |slope| times bound. Only
    values that can go further are changed: not beyond the bound, and not black or white ones. What the change costs is
    the sum of |v| times sensitivity, here as the mean of |v| / bound; a step that would bring it above
    `priority_budget` is not taken, and ends it.

    It starts at the photo itself. There the descriptor's distance is least and has no slope, so the start noise stands
    for it in the first step.
    """
    noise = perturbation.clone()
    perturbation.zero_()
    count = max(1, round(method.priority_share * noise[0].numel()))
    going = torch.ones(len(noise), dtype=torch.bool, device=noise.device)
    seen = pixels(perturbation)

    def move(slope: Tensor, step: int, size: float) -> Tensor:
        nonlocal going, seen
        effect = slope if step > 1 else noise
        moved = (perturbation + size * effect.sign()).clamp(-bound, bound)
        free = (moved != perturbation) & ((seen > 0) | (effect > 0)) & ((seen < 1) | (effect < 0))
        chosen = free & highest(effect.abs() * bound * free, count)
        changed = torch.where(chosen, moved, perturbation)
        going = going & (cost(changed, bound) <= method.priority_budget)
        perturbation.copy_(torch.where(going.view(-1, 1, 1, 1), changed, perturbation))
        seen = pixels(perturbation)
        going = going & (excess(seen) > 0)
        return perturbation

    return move


def highest(values: Tensor, count: int) -> Tensor:
    """Where the `count` highest values of each photo (B, C, H, W) are, of equal ones as many as are needed."""
    places = values.flatten(1).topk(count).indices
    return torch.zeros_like(values, dtype=torch.bool).flatten(1).scatter_(1, places, True).view_as(values)


def cost(perturbation: Tensor, bound: Tensor) -> Tensor:
    """Mean of |v| / bound of each photo (B, C, H, W), where the bound is not 0."""
    allowed = (bound > 0).expand_as(perturbation)
    shares = perturbation.abs() / torch.where(allowed, bound, 1)
    return shares.sum(dim=(1, 2, 3)) / allowed.sum(dim=(1, 2, 3)).clamp(min=1)
