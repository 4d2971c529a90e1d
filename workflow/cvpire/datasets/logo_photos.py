"""Make the photos of the dataset of logos (`cvpire.datasets.logos`) from icons, and from textures of scikit-image."""

from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from cvpire.datasets.logos import FORMATS, SCHEMES, SHARE, Scheme, recipes
from cvpire.datasets.photographing import alter, cut, from_pixels, read_sample, tilted, to_pixels, write_all
from cvpire.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from simpleicons.icon import Icon

TEXTURES = ("brick.png", "grass.png", "gravel.png")
"""Backgrounds, grey, 512 x 512 pixels; all under CC0."""

SIGN = 160
"""Side of a sign in pixels of the background."""

STRENGTH = 0.4
"""How far viewpoint, light and sharpness of a photographed sign differ from a query's (`tilted`, `alter`)."""

CONTRAST = 0.5
"""Of a background, as a share of the texture's own."""

DISTANCE = 1.25
"""From how far a logo is photographed at most, in units of where it would just fill the photo."""


def make_photos(names: Iterable[str] | None = None) -> Iterator[tuple[str, "np.ndarray"]]:
    """Make the photos of the dataset of logos.

    Each depends on its name alone, so any one of them alone has the same pixels as in a full run.

    Parameters
    ----------
    names : iterable of str, optional
        Which photos, in which order; default: all.

    Yields
    ------
    name : str
    photo : numpy.ndarray
        uint8, shape (H, W, 3), longest side 192.

    Raises
    ------
    InputError
        There is no such photo, or the installed icons lack one.
    """
    known = recipes()
    textures = {name: read_sample(name) for name in TEXTURES}
    for name in known if names is None else names:
        if name not in known:
            raise InputError(f"{name}: no such photo in the dataset of logos")
        recipe = known[name]
        icon = _icon(recipe.icon)
        if recipe.size:
            yield name, to_pixels(_printed(icon, recipe.scheme, recipe.size))
        else:
            yield name, to_pixels(_photographed(icon, textures, Random(f"logos/{name}")))


def write_photos(folder: str | Path) -> None:
    """Write the photos of the dataset of logos as JPEG files, each whole or not at all.

    Parameters
    ----------
    folder : str or Path
        The photos become `folder/NAME.jpg`; the folder is made if need be.

    Raises
    ------
    InputError
        The installed icons lack one.
    """
    write_all(make_photos(), folder)


def _icon(name: str) -> "Icon":
    from simpleicons.all import icons

    if name not in icons:
        raise InputError(f"{name}: no such icon in the installed package simpleicons; install version 7.21")
    return icons[name]


def _printed(icon: "Icon", scheme: Scheme, size: tuple[int, int]) -> "torch.Tensor":
    """Render a logo in the middle of a plain surface: (1, 3, H, W)."""
    import numpy as np
    from PIL import Image
    from resvg_py import svg_to_bytes

    width, height = size
    units = 24 / (SHARE * min(size))  # an icon's box is 24 units wide and high
    box = f"{12 - units * width / 2} {12 - units * height / 2} {units * width} {units * height}"
    colours = "#ffffff", f"#{icon.hex}"
    ink, paper = colours if scheme == "white on colour" else colours[::-1]
    svg = icon.get_xml_bytes(fill=ink, viewBox=box, width=str(width), height=str(height)).decode()
    png = svg_to_bytes(svg_string=svg, background=paper, skip_system_fonts=True)
    with Image.open(BytesIO(bytes(png))) as image:
        return from_pixels(np.array(image.convert("RGB")))


def _photographed(icon: "Icon", textures: dict[str, "torch.Tensor"], random: Random) -> "torch.Tensor":
    """Photograph a sign with a logo on a texture: (1, 3, H, W)."""
    scene = _background(textures[random.choice(TEXTURES)], random)
    start = (scene.shape[2] - SIGN) // 2
    sign = _printed(icon, random.choice(SCHEMES), (SIGN, SIGN))
    place = (..., slice(start, start + SIGN), slice(start, start + SIGN))
    # The relief of what it is painted on shows through.
    scene[place] = sign * (1 + random.uniform(0, 1) * (scene[place].mean(1, keepdim=True) - 0.5))
    return alter(cut(scene, *_viewpoint(scene.shape[2], random)), STRENGTH, random)


def _background(texture: "torch.Tensor", random: Random) -> "torch.Tensor":
    """Turn a texture, make it fainter, and give it light and colour: (1, 3, H, W)."""
    import torch

    tint = torch.tensor([random.uniform(0.8, 1.0) for _ in range(3)])[:, None, None]
    turned = torch.rot90(texture, random.randrange(4), (2, 3))
    return (0.5 + CONTRAST * (turned - 0.5)) * tint * random.uniform(0.8, 1.3)


def _viewpoint(side: int, random: Random) -> tuple[list[tuple[float, float]], tuple[int, int]]:
    """Choose a photo's corners in a square scene, clockwise from the top left, and its size in pixels.

    The photo shows the whole logo, which is in the middle of the scene.
    """
    width, height = size = random.choice(FORMATS)
    x, y = (random.uniform(-0.05, 0.05) * SIGN for _ in range(2))
    frame = tilted(0, 0, width, height, STRENGTH, random)
    half = SHARE * SIGN / 2
    logo = [(half * dx - x, half * dy - y) for dx in (-1, 1) for dy in (-1, 1)]
    # The frame grows until the last of its edges lets the last corner of the logo in.
    edges = zip(frame, [*frame[1:], frame[0]], strict=True)
    nearest = max(_across(a, b, corner) / _across(a, b, a) for a, b in edges for corner in logo)
    scale = nearest * random.uniform(1.02, DISTANCE)
    return [(side / 2 + x + scale * dx, side / 2 + y + scale * dy) for dx, dy in frame], size


def _across(a: tuple[float, float], b: tuple[float, float], point: tuple[float, float]) -> float:
    """Distance of a point from the line through the origin along an edge, in units that depend on the edge alone."""
    return (b[0] - a[0]) * point[1] - (b[1] - a[1]) * point[0]
