"""Feature maps to one vector: generalised mean, maximum, average, and maxima of regions."""

from collections.abc import Callable
from fractions import Fraction
from functools import partial

from torch import Tensor
from torch.nn.functional import normalize

_OVERLAP = Fraction(2, 5)  # of neighbouring regions along the longer side
_LEVELS = 3


def make_pooling(pooling: str, power: float) -> Callable[[Tensor], Tensor]:
    """Choose a pooling by its name (`cvpire.config.NetworkOptions.pooling`); only `gem` has a power."""
    return {"gem": partial(gem, power=power), "mac": mac, "spoc": spoc, "rmac": rmac}[pooling]


def gem(features: Tensor, power: float) -> Tensor:
    """Generalised-mean pooling of feature maps (B, D, h, w) to (B, D); values below 1e-6 count as 1e-6.

    References
    ----------
    Radenovic, Tolias and Chum, "Fine-tuning CNN image retrieval with no human annotation", TPAMI (2018), eq. 3.
    """
    values = features.clamp(min=1e-6)
    if power <= 6:
        return values.pow(power).mean(dim=(2, 3)).pow(1 / power)
    # Higher powers of 1e-6 are 0 in float32, and the root has no gradient there; a share of the largest value is not.
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
    # As in Radenovic's code, a region without activation stays almost 0, with a bounded gradient.
    return sum(normalize(mac(part), dim=1, eps=1e-6) for part in [features, *parts])


def regions(height: int, width: int) -> list[tuple[int, int, int]]:
    """Lay out the square regions of R-MAC on a feature map, at three levels.

    Level l has l regions along the shorter side and l + m - 1 along the longer one, each of side 2 min(h, w) / (l + 1),
    evenly spaced, with all fractions cut. m is 1 for a square map; else it is the number from 2 to 7 with which
    neighbours at level 1 overlap by nearest to 40 % (of two equally near numbers the smaller).

    Returns
    -------
    list of (top, left, side)
        By level, then row by row. A level whose side is 0 is left out.

    References
    ----------
    Tolias, Sicre and Jegou, "Particular object retrieval with integral max-pooling of CNN activations", ICLR (2016).
    """
    shorter, longer = sorted((height, width))

    def miss(count: int) -> Fraction:
        return abs(1 - Fraction(longer - shorter, (count - 1) * shorter) - _OVERLAP)

    extra = 0 if height == width else min(range(2, 8), key=miss) - 1

    def starts(length: int, side: int, count: int) -> list[int]:
        return [step * (length - side) // max(count - 1, 1) for step in range(count)]

    return [
        (top, left, side)
        for level in range(1, _LEVELS + 1)
        if (side := 2 * shorter // (level + 1)) > 0
        for top in starts(height, side, level + extra * (height > width))
        for left in starts(width, side, level + extra * (width > height))
    ]
