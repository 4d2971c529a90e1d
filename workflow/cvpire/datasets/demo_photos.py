"""Make the photos of the demo datasets (`cvpire.datasets.demo`) from the colour photos that scikit-image brings."""

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from itertools import pairwise
from math import ceil, cos, dist, exp, radians, sin
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from cvpire.datasets.demo import FORMATS, Box, Recipe, photo_size, recipes
from cvpire.errors import InputError
from cvpire.files import whole

if TYPE_CHECKING:
    import numpy as np
    import torch

JPEG = {"quality": 95, "subsampling": "4:4:4"}
"""Near lossless, so that the photos look like camera originals to the variance map."""


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
            sources[source] = _read(source)
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
    from PIL import Image

    for name, photo in make_photos(part):
        with whole(Path(folder) / f"{name}.jpg") as temporary:
            Image.fromarray(photo).save(temporary, **JPEG)


def _read(photo: str) -> "torch.Tensor":
    """A photo of scikit-image: float32, (1, 3, H, W), in [0, 1]."""
    import numpy as np
    import torch
    from PIL import Image

    # Asking for the place does not import scikit-image.
    folder = Path(next(iter(find_spec("skimage").submodule_search_locations))) / "data"
    with Image.open(folder / photo) as image:
        pixels = np.array(image.convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def _make(source: "torch.Tensor", recipe: Recipe, random: Random) -> "np.ndarray":
    """Follow a recipe: uint8, (H, W, 3)."""
    import torch

    left, top, right, bottom = recipe.region.box
    if recipe.strength == 0:
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        photo = _cut(source, corners, photo_size(right - left, bottom - top))
    else:
        height, width = source.shape[2:]
        limits = recipe.region.box if recipe.inside else (0, 0, width, height)
        photo = _cut(source, *_viewpoint(recipe, limits, random))
        photo = _alter(photo, recipe.strength, random)
    return photo[0].permute(1, 2, 0).mul(255).round().clamp(0, 255).to(torch.uint8).contiguous().numpy()


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

    angle = radians(random.uniform(-30, 30) * strength)
    corners = []
    for sign_x, sign_y in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        dx = sign_x * half_width * (1 - random.uniform(0, 0.3) * strength)
        dy = sign_y * half_height * (1 - random.uniform(0, 0.3) * strength)
        corner_x = x + cos(angle) * dx - sin(angle) * dy
        corner_y = y + sin(angle) * dx + cos(angle) * dy
        corners.append((min(max(corner_x, limits[0]), limits[2]), min(max(corner_y, limits[1]), limits[3])))
    return corners, size


def _cut(source: "torch.Tensor", corners: list[tuple[float, float]], size: tuple[int, int]) -> "torch.Tensor":
    """Straighten a quadrilateral of the source into a photo: (1, 3, H, W)."""
    import torch
    from kornia.geometry.transform import get_perspective_transform, warp_perspective
    from torch.nn.functional import avg_pool2d

    width, height = size
    # Sample finer than the source and average, so that nothing aliases.
    fine = ceil(1.5 * max(dist(a, b) for a, b in pairwise([*corners, corners[0]])) / max(size))
    target = [(0, 0), (fine * width, 0), (fine * width, fine * height), (0, fine * height)]
    # Corners are given at the edges of pixels, the transform wants centres.
    start, end = (torch.tensor([points], dtype=torch.float64) - 0.5 for points in (corners, target))
    transform = get_perspective_transform(start, end).to(source.dtype)
    photo = warp_perspective(source, transform, (fine * height, fine * width), padding_mode="border")
    return avg_pool2d(photo, fine)


def _alter(photo: "torch.Tensor", strength: float, random: Random) -> "torch.Tensor":
    """Put something in front, change light and colour, lose focus, add noise: (1, 3, H, W)."""
    import torch
    from kornia.enhance import adjust_gamma, adjust_saturation_with_gray_subtraction
    from kornia.filters import gaussian_blur2d

    if random.random() < 0.4 * strength:
        photo = _obstruct(photo, strength, random)
    warmth, exposure = random.gauss(0, 0.15) * strength, random.uniform(-0.9, 0.2) * strength
    gain = torch.tensor([exp(exposure + warmth), exp(exposure), exp(exposure - warmth)])
    photo = (photo * gain[:, None, None]).clamp(0, 1)
    photo = adjust_gamma(photo, exp(random.uniform(-0.4, 0.4) * strength))
    photo = adjust_saturation_with_gray_subtraction(photo, max(0.0, 1 + random.uniform(-1.0, 0.3) * strength))
    photo = gaussian_blur2d(photo, 13, (random.uniform(0.2, 0.2 + 2.0 * strength),) * 2)
    generator = torch.Generator().manual_seed(random.getrandbits(63))
    return photo + random.uniform(0, 0.06) * strength * torch.randn(photo.shape, generator=generator)


def _obstruct(photo: "torch.Tensor", strength: float, random: Random) -> "torch.Tensor":
    """Let something out of focus, grey or brown, stand in front, at any angle: (1, 3, H, W)."""
    import torch

    height, width = photo.shape[2:]
    angle = radians(random.uniform(-90, 90))
    across = width * abs(cos(angle)) + height * abs(sin(angle))
    x, y = torch.arange(width) - width / 2, torch.arange(height)[:, None] - height / 2
    from_axis = (x * cos(angle) + y * sin(angle) - random.uniform(-0.4, 0.4) * across).abs()
    cover = ((random.uniform(0.04, 0.12) * strength * across - from_axis) / random.uniform(1, 8)).sigmoid()
    grey, brown = random.uniform(0.05, 0.6), random.uniform(0, 0.3)
    colour = grey * torch.tensor([1.0, 1 - brown / 2, 1 - brown])[:, None, None]
    return photo * (1 - cover) + colour * cover
