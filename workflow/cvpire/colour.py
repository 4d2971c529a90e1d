"""Colours as people see them: sRGB to CIELAB, and the CIE's colour differences.

Every function takes NumPy arrays or torch tensors (of any device and floating type) with the colour channels along the
first axis, and returns the same kind. They agree with `skimage.color`, which knows neither tensors nor GPUs, and whose
CIEDE2000 takes many times as long.

A variance map compares each pixel with many others. So what depends on one colour alone is computed once a pixel
(`with_chroma`), and the squared differences, which is what is averaged, are functions of two such colours.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = Any  # numpy.ndarray or torch.Tensor

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the luma that JPEG codes (ITU-R BT.601)."""

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
    return linear_to_lab(srgb_to_linear(rgb))


def srgb_to_linear(rgb: Array) -> Array:
    """Convert sRGB values in [0, 1], of any shape, to linear light in [0, 1]."""
    return namespace(rgb).where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)


def linear_to_lab(linear: Array) -> Array:
    """Convert linear RGB in [0, 1], shape (3, ...), to CIELAB; see `srgb_to_lab`."""
    xp = namespace(linear)
    red, green, blue = linear
    x, y, z = (
        _lightness_response(xp, (r * red + g * green + b * blue) / white)
        for (r, g, b), white in zip(_XYZ_FROM_RGB, _WHITE, strict=True)
    )
    return xp.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def _lightness_response(xp: Any, t: Array) -> Array:
    # The cube root is not taken of values near 0, where its slope is infinite.
    return xp.where(t > 0.008856, xp.clip(t, 0.008856, None) ** (1 / 3), 7.787 * t + 16 / 116)


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
    return _root(_cie76_squared, lab1, lab2)


def cie94(lab1: Array, lab2: Array) -> Array:
    """CIE94 colour difference for graphic arts, with `lab1` as the reference: it is not symmetric.

    Parameters and result as for `cie76`.

    References
    ----------
    McDonald and Smith, "CIE94 - a new colour-difference formula", J. Soc. Dyers and Colourists 111 (1995).
    """
    return _root(_cie94_squared, lab1, lab2)


def ciede2000(lab1: Array, lab2: Array) -> Array:
    """CIEDE2000 colour difference (kL = kC = kH = 1); symmetric.

    Parameters and result as for `cie76`.

    Notes
    -----
    The formula jumps where two hues lie exactly opposite; there, float32 may fall on the other side than float64.
    Elsewhere it is exact to 5e-7 of the difference (float64), or to the rounding of the colours (float32).

    References
    ----------
    Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula: implementation notes, supplementary test data, and
    mathematical observations", Color Research and Application 30 (2005).
    """
    return _root(_ciede2000_squared, lab1, lab2)


def with_chroma(lab: Array) -> Array:
    """Compute what the squared differences need of each colour alone.

    Parameters
    ----------
    lab : array, shape (3, ...)
        CIELAB colours.

    Returns
    -------
    array, shape (5, ...)
        L* - 50, a*, b*, the square of b*, and the chroma, changed by less than rounding error: a trace of red gives
        black a hue too, so that greys need no case of their own (no hue differs from theirs), and a turn of all hues
        towards 180 degrees brings exactly opposite ones to the side where CIEDE2000 has their mean, above the lower.
    """
    xp = namespace(lab)
    lightness, a, b = lab
    a, b_squared = a + 1e-18, b * b
    chroma = xp.sqrt(a * a + b_squared)
    return xp.stack([lightness - 50, a - 1e-14 * chroma, b, b_squared, chroma])


def _root(squared: Callable[[Array, Array], Array], lab1: Array, lab2: Array) -> Array:
    # Rounding can make the square of a tiny difference negative.
    return namespace(lab1).sqrt(namespace(lab1).clip(squared(with_chroma(lab1), with_chroma(lab2)), 0, None))


def _cie76_squared(colour1: Array, colour2: Array) -> Array:
    lightness, a, b = colour1[0] - colour2[0], colour1[1] - colour2[1], colour1[2] - colour2[2]
    return lightness * lightness + a * a + b * b


def _cie94_squared(colour1: Array, colour2: Array) -> Array:
    chroma1, chroma = colour1[4], colour1[4] - colour2[4]
    lightness, a, b = colour1[0] - colour2[0], colour1[1] - colour2[1], colour1[2] - colour2[2]
    # Rounding can make the squared hue difference of nearly equal hues negative.
    hue_squared = namespace(colour1).clip(a * a + b * b - chroma * chroma, 0, None)
    chroma = chroma / (1 + 0.045 * chroma1)
    return lightness * lightness + chroma * chroma + hue_squared / (1 + 0.015 * chroma1) ** 2


# CIEDE2000, with the equation numbers of Sharma et al. (2005). As printed, it takes two arctangents, an exponential and
# six sines and cosines a pair. Here a hue is a unit vector (its cosine and sine), and the mean of two hues the
# direction between two vectors; one exponential and one sine remain. Sums stand for twice the means. What is left is
# bound by memory, so steps work in place, and in functions, whose temporary arrays end with them.


def _ciede2000_squared(colour1: Array, colour2: Array) -> Array:
    xp = namespace(colour1)
    (lightness1, a1, b1, b1_squared, chroma1), (lightness2, a2, b2, b2_squared, chroma2) = colour1, colour2
    stretch = 1.5 - 0.5 * _vividness(xp, chroma1 + chroma2)
    chroma1, *hue1 = _stretched(xp, a1, b1, b1_squared, stretch)
    chroma2, *hue2 = _stretched(xp, a2, b2, b2_squared, stretch)
    cos, sin, turn = _mean_hue(xp, *hue1, *hue2)
    del stretch, hue1, hue2

    # The differences (eq. 8 to 11) over their weights (eq. 18 to 20), and their sum (eq. 22).
    chroma_sum = chroma1 + chroma2
    chroma = chroma2 - chroma1
    chroma1 *= chroma2
    hue = turn
    hue *= xp.sqrt(chroma1)
    hue /= 1 + 0.015 / 2 * chroma_sum * _hue_weight(cos, sin)
    rotation = _rotation(xp, cos, sin, chroma_sum)
    chroma /= 1 + 0.045 / 2 * chroma_sum
    lightness = lightness2 - lightness1
    lightness /= _lightness_weight(xp, lightness1 + lightness2)
    rotation *= chroma
    return hue * (hue + rotation) + chroma * chroma + lightness * lightness


def _vividness(xp: Any, chroma_sum: Array) -> Array:
    """sqrt(C^7 / (C^7 + 25^7)) of the mean C of two chromas (eq. 4, 17): 0 for greys, nearly 1 for vivid colours."""
    power7 = chroma_sum * chroma_sum
    power7 *= chroma_sum
    power7 *= power7
    power7 *= chroma_sum
    power7 /= power7 + 50.0**7
    return xp.sqrt(power7)


def _stretched(xp: Any, a: Array, b: Array, b_squared: Array, stretch: Array) -> tuple[Array, Array, Array]:
    """C', cos h' and sin h' of a colour after a* is multiplied by 1 + G (eq. 5 to 7)."""
    a = a * stretch
    chroma = a * a
    chroma += b_squared
    chroma = xp.sqrt(chroma)
    a /= chroma
    return chroma, a, b / chroma


def _mean_hue(xp: Any, cos1: Array, sin1: Array, cos2: Array, sin2: Array) -> tuple[Array, Array, Array]:
    """Cosine and sine of the mean of two hues (eq. 14), and 2 sin(turn / 2) of the turn between them (eq. 10, 11).

    The sum of two unit vectors points to the mean hue and is 2 cos(turn / 2) long. Their difference, after a quarter
    turn to that side, points there too and is 2 sin(turn / 2) long. Rounding spoils the one for opposite hues and the
    other for equal ones, but never both together: added, they are 2 sqrt(1 + sin(turn)) long. Overwrites its arguments.
    """
    turn = cos1 * sin2
    turn -= cos2 * sin1
    scale = 0.5 / xp.sqrt(1 + xp.abs(turn))
    turn = xp.copysign(scale, turn)
    cos_difference, sin_difference = cos1 - cos2, sin1 - sin2
    cos, sin = cos1, sin1
    cos += cos2
    cos *= scale
    cos -= turn * sin_difference
    sin += sin2
    sin *= scale
    sin += turn * cos_difference
    # The difference of the unit vectors lies across the mean hue.
    cos_difference *= sin
    sin_difference *= cos
    cos_difference -= sin_difference
    return cos, sin, cos_difference


def _hue_weight(cos: Array, sin: Array) -> Array:
    """T (eq. 15)."""
    weight = _polynomial(_T_SINE, cos)
    weight *= sin
    weight += _polynomial(_T_COSINE, cos)
    return weight


def _rotation(xp: Any, cos: Array, sin: Array, chroma_sum: Array) -> Array:
    """R_T (eq. 16, 17, 21), which mends the blue region: an even function of the angle from 275 degrees.

    So it is one of that angle's cosine. The angle is not taken the short way round: hues just past 0 are far from blue.
    """
    unlike = 1 - _COS_275 * cos
    unlike -= _SIN_275 * sin
    unlike *= _polynomial(_BLUENESS, unlike)
    rotation = xp.exp(unlike)
    rotation *= math.radians(60)
    rotation = xp.sin(rotation)
    rotation *= sin < 0
    rotation *= _vividness(xp, chroma_sum)
    rotation *= -2
    return rotation


def _lightness_weight(xp: Any, off_mid: Array) -> Array:
    """S_L (eq. 18) of the sum of two lightnesses less 50."""
    off_mid *= off_mid
    weight = off_mid / xp.sqrt(80 + off_mid)
    weight *= 0.015 / 2
    weight += 1
    return weight


def _polynomial(coefficients: Sequence[float], x: Array) -> Array:
    """Value of a polynomial, coefficients from the highest power down (Horner's scheme)."""
    value = coefficients[0] * x
    for coefficient in coefficients[1:-1]:
        value += coefficient
        value *= x
    value += coefficients[-1]
    return value


def _hue_weight_coefficients() -> tuple[list[float], list[float]]:
    """T of eq. 15, 1 plus the sum of k cos(n h + p), as A(cos h) + sin h B(cos h): coefficients of A and of B.

    cos(n h) and sin(n h) / sin h are Chebyshev polynomials of cos h, of the first and of the second kind.
    """
    harmonics = [(-0.17, -30), (0.24, 0), (0.32, 6), (-0.20, -63)]
    (c1, s1), (c2, _), (c3, s3), (c4, s4) = (
        (k * math.cos(math.radians(p)), -k * math.sin(math.radians(p))) for k, p in harmonics
    )
    return [8 * c4, 4 * c3, 2 * c2 - 8 * c4, c1 - 3 * c3, 1 - c2 + c4], [8 * s4, 4 * s3, -4 * s4, s1 - s3]


_T_COSINE, _T_SINE = _hue_weight_coefficients()
_COS_275, _SIN_275 = math.cos(math.radians(275)), math.sin(math.radians(275))
_BLUENESS = [-2 * 2**n / (n * n * math.comb(2 * n, n)) / math.radians(25) ** 2 for n in range(7, 0, -1)]
"""-(angle / 25 degrees)^2 / u as a polynomial of u = 1 - cos(angle), from the series of the squared arcsine: angle^2 is
twice the sum of (2 u)^n / (n^2 binomial(2 n, n)). Up to n = 7, the exponential is exact to 1e-7."""

SQUARED_DIFFERENCES = {"cie76": _cie76_squared, "cie94": _cie94_squared, "ciede2000": _ciede2000_squared}
"""Squares of the colour differences by the name that the configuration gives them, as functions of two colours
`with_chroma`; rounding can make them negative."""
