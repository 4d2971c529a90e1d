"""Make the photos of the demo datasets (`cvpire.datasets.demo`) from the colour photos that scikit-image brings."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from cvpire.datasets.demo import FORMATS, Box, Recipe, photo_size, recipes
from cvpire.datasets.photographing import alter, cut, read_sample, tilted, to_pixels, write_all
from cvpire.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import torch


def make_photos(part: str, names: Iterable[str] | None = None) -> Iterator[tuple[str, "np.ndarray"]]:
    """Make the photos of a demo dataset.

    Each depends on its part and name alone, so any one of them alone has the same pixels as in a full run.

    Parameters
    ----------
    part : {"a", "b"}
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
        There is no such part or photo.
    """
    known = recipes(part)
    sources: dict[str, torch.Tensor] = {}
    for name in known if names is None else names:
        if name not in known:
            raise InputError(f"{name}: no such photo in part {part} of the demo")
        recipe = known[name]
        source = recipe.region.photo
        if source not in sources:
            sources[source] = read_sample(source)
        yield name, _make(sources[source], recipe, Random(f"{part}/{name}"))


def write_photos(part: str, folder: str | Path) -> None:
    """Write the photos of a demo dataset as JPEG files, each whole or not at all.

    Parameters
    ----------
    part : {"a", "b"}
    folder : str or Path
        The photos become `folder/NAME.jpg`; the folder is made if need be.

    Raises
    ------
    InputError
        There is no such part.
    """
    write_all(make_photos(part), folder)


def _make(source: "torch.Tensor", recipe: Recipe, random: Random) -> "np.ndarray":
    """Follow a recipe: uint8, (H, W, 3)."""
    left, top, right, bottom = recipe.region.box
    if recipe.strength == 0:
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        photo = cut(source, corners, photo_size(right - left, bottom - top))
    else:
        height, width = source.shape[2:]
        limits = recipe.region.box if recipe.inside else (0, 0, width, height)
        photo = cut(source, *_viewpoint(recipe, limits, random))
        photo = alter(photo, recipe.strength, random)
    return to_pixels(photo)


def _viewpoint(recipe: Recipe, limits: Box, random: Random) -> tuple[list[tuple[float, float]], tuple[int, int]]:
    """Choose a photo's corners in the source, clockwise from the top left, and its size in pixels."""
    left, top, right, bottom = recipe.region.box
    box_width, box_height = right - left, bottom - top
    strength = recipe.strength
    size = random.choice(FORMATS)

    # A view shows the subject, or at least a quarter of it (Oxford's bound); a distractor is any cut-out of its region.
    if recipe.inside:
        scale, spread = random.uniform(0.5, 1.0) * min(box_width / size[0], box_height / size[1]), 0.5
    else:
        scale = max(box_width / size[0], box_height / size[1]) * random.uniform(0.6, 1.2)
        spread = 0.1 * strength
    scale = min(scale, (limits[2] - limits[0]) / size[0], (limits[3] - limits[1]) / size[1])
    half_width, half_height = scale * size[0] / 2, scale * size[1] / 2
    x = (left + right) / 2 + random.uniform(-spread, spread) * box_width
    y = (top + bottom) / 2 + random.uniform(-spread, spread) * box_height
    x = min(max(x, limits[0] + half_width), limits[2] - half_width)
    y = min(max(y, limits[1] + half_height), limits[3] - half_height)

    corners = tilted(x, y, half_width, half_height, strength, random)
    left, top, right, bottom = limits
    corners = [(min(max(x, left), right), min(max(y, top), bottom)) for x, y in corners]
    return corners, size
