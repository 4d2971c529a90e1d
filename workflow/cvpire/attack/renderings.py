"""What happens to a perturbed photo between the attack and the network.

Each function takes pixels (B, 3, H, W) in [0, 1] and gives pixels of the same shape and range. Those that have no slope
of their own borrow that of doing nothing (`straight_through`), so that an attack can optimise through them.

References
----------
Bengio, Leonard and Courville, "Estimating or propagating gradients through stochastic neurons for conditional
computation", arXiv:1308.3432 (2013): the straight-through estimator.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def eight_bit(pixels: Tensor) -> Tensor:
    """Round to whole grey levels, as saving does, with the slope of not rounding."""
    return straight_through(pixels, (pixels * 255).round() / 255)


def clipped(values: Tensor) -> Tensor:
    """Clip to [0, 1] with the slope of not clipping: what left the range can still be led back into it."""
    return straight_through(values, values.clamp(0, 1))


def decoded(photos: Sequence[np.ndarray], like: Tensor) -> Tensor:
    """Turn decoded photos, uint8 (H, W, 3), into pixels (B, 3, H, W) in [0, 1], of a tensor's type and device."""
    return torch.from_numpy(np.stack(photos)).to(like.device).movedim(-1, 1).to(like.dtype) / 255


def straight_through(values: Tensor, changed: Tensor) -> Tensor:
    """Exactly the values of `changed`, with the slope of `values`."""
    return changed.detach() + (values - values.detach())  # plus exactly 0
