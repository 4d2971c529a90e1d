"""CIEDE2000 with slopes, for attacks that keep a change of colours small.

`cvpire.colour` computes the same faster, but writes over what a backward pass needs.
"""

import math

import torch
from torch import Tensor

from cvpire.colour import srgb_to_lab

_LEAST_CHROMA = 1e-5
"""Added to chromas as a square: greys, which have no hue, get slopes that end."""


def colour_differences(pixels: Tensor, photo: Tensor) -> Tensor:
    """CIEDE2000 of each pixel, with slopes by `pixels`.

    Parameters
    ----------
    pixels : Tensor, shape (B, 3, H, W)
        sRGB in [0, 1].
    photo : Tensor, shape (3, H, W) or (B, 3, H, W)
        What they are compared with, as `pixels`.

    Returns
    -------
    Tensor, shape (B, H, W)
        >= 0; about 1 is just noticeable.
    """
    return ciede2000(srgb_to_lab(pixels.movedim(1, 0)), srgb_to_lab(photo.expand_as(pixels).movedim(1, 0)))


def ciede2000(lab1: Tensor, lab2: Tensor) -> Tensor:
    """CIEDE2000 (kL = kC = kH = 1); its slope at equal colours, where it has a corner, is 0.

    Parameters
    ----------
    lab1, lab2 : Tensor, shape (3, ...)
        CIELAB colours.

    Returns
    -------
    Tensor, shape (...)
        Differences, >= 0.
    """
    squared = ciede2000_squared(lab1, lab2)
    # Rounding can make the square of a tiny difference negative.
    differs = squared > torch.finfo(squared.dtype).tiny
    return torch.where(differs, torch.where(differs, squared, 1).sqrt(), 0)


def ciede2000_squared(lab1: Tensor, lab2: Tensor) -> Tensor:
    """Square of CIEDE2000 [1]_, smooth at equal colours and at greys.

    Parameters
    ----------
    lab1, lab2 : Tensor, shape (3, ...)
        CIELAB colours.

    Returns
    -------
    Tensor, shape (...)
        Off by less than 1e-3 of the difference. The formula jumps where two hues are exactly opposite; there the mean
        hue counts as 0.

    References
    ----------
    .. [1] Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula: implementation notes, supplementary test data,
       and mathematical observations", Color Research and Application 30 (2005); equations are numbered as there.
    """
    (lightness1, a1, b1), (lightness2, a2, b2) = lab1, lab2
    stretch = 1.5 - 0.5 * _vividness((_chroma(a1, b1) + _chroma(a2, b2)) / 2)  # eq. 2 to 4
    a1, a2 = stretch * a1, stretch * a2  # eq. 5
    chroma1, chroma2 = _chroma(a1, b1), _chroma(a2, b2)  # eq. 6
    chroma = (chroma1 + chroma2) / 2  # eq. 13
    hue = _mean_hue(a1 / chroma1 + a2 / chroma2, b1 / chroma1 + b2 / chroma2)  # eq. 7, 14
    weight = (
        1
        - 0.17 * torch.cos(hue - math.radians(30))
        + 0.24 * torch.cos(2 * hue)
        + 0.32 * torch.cos(3 * hue + math.radians(6))
        - 0.20 * torch.cos(4 * hue - math.radians(63))
    )  # eq. 15
    off_mid = ((lightness1 + lightness2) / 2 - 50).square()  # eq. 12
    by_lightness = (lightness2 - lightness1) / (1 + 0.015 * off_mid / (20 + off_mid).sqrt())  # eq. 8, 18
    by_chroma = (chroma2 - chroma1) / (1 + 0.045 * chroma)  # eq. 9, 19
    by_hue = _hue_difference(a1, b1, chroma1, a2, b2, chroma2) / (1 + 0.015 * chroma * weight)  # eq. 20
    angle = math.radians(30) * torch.exp(-((hue.rad2deg() - 275) / 25).square())  # eq. 16
    rotation = -2 * _vividness(chroma) * torch.sin(2 * angle)  # eq. 17, 21
    return by_lightness**2 + by_chroma**2 + by_hue**2 + rotation * by_chroma * by_hue  # eq. 22, squared


def _chroma(a: Tensor, b: Tensor) -> Tensor:
    return (a * a + b * b + _LEAST_CHROMA**2).sqrt()


def _vividness(chroma: Tensor) -> Tensor:
    """sqrt(C^7 / (C^7 + 25^7)): 0 for greys, nearly 1 for vivid colours."""
    share = (chroma / 25) ** 7
    return (share / (share + 1) + 1e-30).sqrt()  # the root's slope at 0 is infinite


def _mean_hue(cos: Tensor, sin: Tensor) -> Tensor:
    """Angle in [0, 2 pi) of the sum of two hues' unit vectors, which lies on the shorter way between them."""
    points = cos * cos + sin * sin > 1e-12  # greys and opposite hues have no mean
    return torch.atan2(torch.where(points, sin, 0), torch.where(points, cos, 1)) % (2 * math.pi)


def _hue_difference(a1: Tensor, b1: Tensor, chroma1: Tensor, a2: Tensor, b2: Tensor, chroma2: Tensor) -> Tensor:
    """2 sqrt(C1 C2) sin(turn / 2) (eq. 10, 11), without the turn itself.

    With the product p of the chromas, and the scalar and cross products of the colours, it is the cross product over
    sqrt((p + scalar) / 2), and also the root of 2 (p - scalar): the one for less than a quarter turn, where the other
    has no slope, and the other beyond, where the first divides by 0.
    """
    product, scalar, cross = chroma1 * chroma2, a1 * a2 + b1 * b2, a1 * b2 - a2 * b1
    near = scalar >= 0
    by_cross = cross / (torch.where(near, product + scalar, 1) / 2).sqrt()
    by_root = torch.where(cross < 0, -1, 1) * (2 * torch.where(near, 1, product - scalar)).sqrt()
    return torch.where(near, by_cross, by_root)
