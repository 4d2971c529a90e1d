"""How a step follows the slope.

Each optimiser takes the perturbation (B, C, H, W), which it moves, the attack's options, and by name what
`cvpire.attack.catalogue` says that it needs. It gives a function of the slope, the number of the step, from 1, and its
size, which returns what the attack has reached: the perturbation itself, or an earlier one that was better.

References
----------
.. [1] Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.
.. [2] Dong et al., "Boosting adversarial attacks with momentum", CVPR 2018.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from cvpire.config import AttackOptions

Move = Callable[[Tensor, int, float], Tensor]


def adam(perturbation: Tensor, method: "AttackOptions") -> Move:
    """Adam [1]_, written out because torch.optim imports torch's compiler: two seconds for every job."""
    first, second = torch.zeros_like(perturbation), torch.zeros_like(perturbation)  # moments of the slope

    def move(slope: Tensor, step: int, size: float) -> Tensor:
        first.lerp_(slope, 1 - 0.9)
        second.mul_(0.999).addcmul_(slope, slope, value=1 - 0.999)
        spread = (second / (1 - 0.999**step)).sqrt_().add_(1e-8)
        perturbation.addcdiv_(first, spread, value=size / (1 - 0.9**step))
        return perturbation

    return move


def sign(perturbation: Tensor, method: "AttackOptions") -> Move:
    """Steps of one size by the sign of the slope, collected with momentum where the options say so [2]_."""
    collected = torch.zeros_like(perturbation)

    def move(slope: Tensor, step: int, size: float) -> Tensor:
        length = slope.abs().mean(dim=(1, 2, 3), keepdim=True)
        collected.mul_(method.momentum).add_(slope / length.clamp(min=torch.finfo(slope.dtype).tiny))
        perturbation.add_(collected.sign(), alpha=size)
        return perturbation

    return move


def step_size(method: "AttackOptions", step: int) -> float:
    """Return the size of a step, from 1: the learning rate, or its `decay` in the last 40 % of the steps."""
    return method.learning_rate * (method.decay if step > 0.6 * method.checkpoints[-1] else 1)
