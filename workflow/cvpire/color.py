"""Colours as people see them: sRGB to CIELAB, and the CIE's colour differences.

Every function takes NumPy arrays or torch tensors (of any device and floating type) with the colour channels along the
first axis, and returns the same kind. They agree with `skimage.color`, which knows neither tensors nor GPUs.
"""

import math
from typing import Any

import numpy as np

Array = Any  # numpy.ndarray or torch.Tensor

_WHITE = (0.95047, 1.0, 1.08883)  # CIE XYZ of D65, 2 degree observer
_XYZ_FROM_RGB = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)


def namespace(array: Array) -> Any:
    """Return the module, `numpy` or `torch`, whose functions work on `array`."""
    if isinstance(array, np.ndarray):
        return np
    import torch

    return torch


def srgb_to_lab(rgb: Array) -> Array:
    """Convert sRGB to CIELAB (D65, 2 degree observer).

    Parameters
    ----------
    rgb : array, shape (3, ...)
        sRGB values in [0, 1].

    Returns
    -------
    array, shape (3, ...)
        L* in [0, 100], a* and b*.
    """
    xp = namespace(rgb)
    linear = xp.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    red, green, blue = linear
    x, y, z = (
        _lightness_response(xp, (r * red + g * green + b * blue) / white)
        for (r, g, b), white in zip(_XYZ_FROM_RGB, _WHITE, strict=True)
    )
    return xp.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def _lightness_response(xp: Any, t: Array) -> Array:
    # The cube root is not taken of values near 0, where its slope is infinite.
    return xp.where(t > 0.008856, xp.where(t > 0.008856, t, 1.0) ** (1 / 3), 7.787 * t + 16 / 116)


def cie76(lab1: Array, lab2: Array) -> Array:
    """CIE76 colour difference: the Euclidean distance in CIELAB.

    Parameters
    ----------
    lab1, lab2 : array, shape (3, ...)
        CIELAB colours; the trailing shapes broadcast.

    Returns
    -------
    array, shape (...)
        Differences, >= 0; about 1 is just noticeable.
    """
    xp = namespace(lab1)
    lightness, a, b = lab1[0] - lab2[0], lab1[1] - lab2[1], lab1[2] - lab2[2]
    return xp.sqrt(lightness * lightness + a * a + b * b)


def cie94(lab1: Array, lab2: Array) -> Array:
    """CIE94 colour difference for graphic arts, with `lab1` as the reference: it is not symmetric.

    Parameters and result as for `cie76`.

    References
    ----------
    McDonald and Smith, "CIE94 - a new colour-difference formula", J. Soc. Dyers and Colourists 111 (1995).
    """
    xp = namespace(lab1)
    (l1, a1, b1), (l2, a2, b2) = lab1, lab2
    chroma1, chroma2 = xp.sqrt(a1 * a1 + b1 * b1), xp.sqrt(a2 * a2 + b2 * b2)
    lightness, chroma = l1 - l2, chroma1 - chroma2
    # Rounding can make the squared hue difference of nearly equal hues negative.
    hue_squared = xp.clip((a1 - a2) ** 2 + (b1 - b2) ** 2 - chroma * chroma, 0, None)
    chroma = chroma / (1 + 0.045 * chroma1)
    return xp.sqrt(lightness * lightness + chroma * chroma + hue_squared / (1 + 0.015 * chroma1) ** 2)


def ciede2000(lab1: Array, lab2: Array) -> Array:
    """CIEDE2000 colour difference (kL = kC = kH = 1); symmetric.

    Parameters and result as for `cie76`.

    Notes
    -----
    The formula jumps where two hues lie exactly opposite; there, float32 may fall on the other side than float64.

    References
    ----------
    Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula: implementation notes, supplementary test data, and
    mathematical observations", Color Research and Application 30 (2005); the step numbers below are theirs.
    """
    xp = namespace(lab1)
    (l1, a1, b1), (l2, a2, b2) = lab1, lab2

    # 1. Chroma and hue, with a* stretched for nearly grey colours.
    chroma7 = (0.5 * (xp.sqrt(a1 * a1 + b1 * b1) + xp.sqrt(a2 * a2 + b2 * b2))) ** 7
    stretch = 1.5 - 0.5 * xp.sqrt(chroma7 / (chroma7 + 25.0**7))
    a1, a2 = a1 * stretch, a2 * stretch
    chroma1, chroma2 = xp.sqrt(a1 * a1 + b1 * b1), xp.sqrt(a2 * a2 + b2 * b2)
    hue1, hue2 = xp.atan2(b1, a1), xp.atan2(b2, a2)
    hue1 = xp.where(hue1 < 0, hue1 + 2 * math.pi, hue1)
    hue2 = xp.where(hue2 < 0, hue2 + 2 * math.pi, hue2)

    # 2. Differences; a grey has no hue, and the hue's difference is taken the short way round.
    chroma_product = chroma1 * chroma2
    turn = hue2 - hue1
    far = xp.abs(turn) > math.pi
    hue = 2 * xp.sqrt(chroma_product) * xp.sin(0.5 * turn)
    hue = xp.where(far, -hue, hue)
    lightness, chroma = l2 - l1, chroma2 - chroma1

    # 3. Means and weights.
    hue_sum = hue1 + hue2
    mean_hue = 0.5 * hue_sum
    mean_hue = xp.where(far, xp.where(hue_sum < 2 * math.pi, mean_hue + math.pi, mean_hue - math.pi), mean_hue)
    mean_hue = xp.where(chroma_product == 0, hue_sum, mean_hue)
    mean_chroma = 0.5 * (chroma1 + chroma2)
    off_mid = (0.5 * (l1 + l2) - 50) ** 2
    weight_hue = (
        1
        - 0.17 * xp.cos(mean_hue - math.radians(30))
        + 0.24 * xp.cos(2 * mean_hue)
        + 0.32 * xp.cos(3 * mean_hue + math.radians(6))
        - 0.20 * xp.cos(4 * mean_hue - math.radians(63))
    )
    lightness = lightness / (1 + 0.015 * off_mid / xp.sqrt(20 + off_mid))
    chroma = chroma / (1 + 0.045 * mean_chroma)
    hue = hue / (1 + 0.015 * mean_chroma * weight_hue)

    # The rotation that mends the blue region.
    blueness = xp.exp(-(((mean_hue - math.radians(275)) / math.radians(25)) ** 2))
    mean_chroma7 = mean_chroma**7
    rotation = -2 * xp.sqrt(mean_chroma7 / (mean_chroma7 + 25.0**7)) * xp.sin(math.radians(60) * blueness)
    squared = lightness * lightness + chroma * chroma + hue * hue + rotation * chroma * hue
    return xp.sqrt(xp.clip(squared, 0, None))


DIFFERENCES = {"cie76": cie76, "cie94": cie94, "ciede2000": ciede2000}
"""Colour differences by the name that the configuration gives them."""
