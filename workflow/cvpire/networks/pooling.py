"""Feature maps to one vector: generalised mean, maximum, average, and maxima of regions."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

_OVERLAP = 0.4  # of neighbouring regions along the longer side
_LEVELS = 3


def make_pooling(pooling: str, power: float) -> Callable[[Tensor], Tensor]:
    """Choose a pooling by its name (`cvpire.config.NetworkOptions.pooling`); only `gem` has a power."""
    return partial(gem, power=power) if pooling == "gem" else POOLINGS[pooling]


def unit_length(vectors: Tensor) -> Tensor:
    """Divide vectors (B, D) by their length; 1e-6 is added to it, as in Radenovic's code: 0 stays 0, with a slope."""
    return vectors / (torch.linalg.vector_norm(vectors, dim=1, keepdim=True) + 1e-6)


def gem(features: Tensor, power: float) -> Tensor:
    """Generalised-mean pooling of feature maps (B, D, h, w) to (B, D); values below 1e-6 count as 1e-6.

    References
    ----------
    Radenovic, Tolias and Chum, "Fine-tuning CNN image retrieval with no human annotation", TPAMI (2018), eq. 3.
    """
    values = features.clamp(min=1e-6)
    if power <= 6:
        return values.pow(power).mean(dim=(2, 3)).pow(1 / power)
    return power_mean(values, power)


def power_mean(values: Tensor, power: float) -> Tensor:
    """Generalised mean of positive values (B, D, h, w) to (B, D), however small they are.

    So Radenovic's code combines unit descriptors of several scales, whose values are mostly small: none counts as 1e-6.
    """
    # High powers of small values are 0 in float32, and the root has no gradient there; a share of the largest is not.
    values = values.clamp(min=torch.finfo(values.dtype).tiny)
    largest = mac(values.detach())
    return largest * (values / largest[..., None, None]).pow(power).mean(dim=(2, 3)).pow(1 / power)


def mac(features: Tensor) -> Tensor:
    """Maximum activations of convolutions: feature maps (B, D, h, w) to their maxima (B, D).

    References
    ----------
    Tolias, Sicre and Jegou, "Particular object retrieval with integral max-pooling of CNN activations", ICLR (2016).
    """
    return features.amax(dim=(2, 3))


def spoc(features: Tensor) -> Tensor:
    """Sum-pooled convolutions, as an average: feature maps (B, D, h, w) to their means (B, D).

    References
    ----------
    Babenko and Lempitsky, "Aggregating deep convolutional features for image retrieval", ICCV (2015).
    """
    return features.mean(dim=(2, 3))


def rmac(features: Tensor) -> Tensor:
    """Regional maxima: the sum of the unit vectors of the maxima of `regions` and of the whole map.

    Tolias et al. sum over the regions alone. Radenovic's code, which the published numbers come from, adds the whole
    map, and so does this.

    Parameters
    ----------
    features : Tensor, shape (B, D, h, w)
        Not negative.

    Returns
    -------
    Tensor, shape (B, D)

    References
    ----------
    Tolias, Sicre and Jegou, "Particular object retrieval with integral max-pooling of CNN activations", ICLR (2016).
    """
    parts = [features[:, :, top : top + side, left : left + side] for top, left, side in regions(*features.shape[2:])]
    return sum(unit_length(mac(part)) for part in [features, *parts])


POOLINGS = {"gem": gem, "mac": mac, "spoc": spoc, "rmac": rmac}
"""By their names, which are those of Radenovic's code."""


def regions(height: int, width: int) -> list[tuple[int, int, int]]:
    """Lay out the square regions of R-MAC on a feature map, at three levels.

    Level l has l regions along the shorter side and l + m - 1 along the longer one, each of side 2 min(h, w) / (l + 1),
    evenly spaced, with all fractions cut. m is 1 for a square map; else it is the number from 2 to 7 with which
    neighbours at level 1 overlap by nearest to 40 %.

    Published numbers come from Radenovic's code, which computes in float32: rounding decides between two equally near
    numbers (25 x 61: four, where three are as near), and some whole numbers are cut to the one before. So does this.

    Returns
    -------
    list of (top, left, side)
        By level, then row by row. A level whose side is 0 is left out.

    References
    ----------
    Tolias, Sicre and Jegou, "Particular object retrieval with integral max-pooling of CNN activations", ICLR (2016).
    """
    shorter, longer = sorted((height, width))
    strides = (longer - shorter) / torch.arange(1.0, 7.0)  # with 2 to 7 regions
    overlaps = (shorter**2 - shorter * strides) / shorter**2
    extra = 0 if height == width else int((overlaps - _OVERLAP).abs().argmin()) + 1

    def starts(length: int, side: int, count: int) -> list[int]:
        half, stride = side // 2 - 1, (length - side) / max(count - 1, 1)  # centres are cut, not corners
        return ((half + torch.arange(float(count)) * stride).floor() - half).int().tolist()

    return [
        (top, left, side)
        for level in range(1, _LEVELS + 1)
        if (side := 2 * shorter // (level + 1)) > 0
        for top in starts(height, side, level + extra * (height > width))
        for left in starts(width, side, level + extra * (width > height))
    ]
