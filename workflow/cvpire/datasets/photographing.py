"""How a photo of something comes about: seen from a viewpoint, in some light, more or less in focus."""

from collections.abc import Iterable
from importlib.util import find_spec
from itertools import pairwise
from math import ceil, cos, dist, exp, radians, sin
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from cvpire.files import whole

if TYPE_CHECKING:
    import numpy as np
    import torch

JPEG = {"quality": 95, "subsampling": "4:4:4"}
"""Near lossless, so that the photos look like camera originals to the variance map."""


def write_all(photos: Iterable[tuple[str, "np.ndarray"]], folder: str | Path) -> None:
    """Write photos as JPEG files `folder/NAME.jpg`, each whole or not at all; the folder is made if need be.

    Parameters
    ----------
    photos : iterable of (str, numpy.ndarray)
        Names, and pixels: uint8, (H, W, 3).
    folder : str or Path
    """
    from PIL import Image

    for name, photo in photos:
        with whole(Path(folder) / f"{name}.jpg") as temporary:
            Image.fromarray(photo).save(temporary, **JPEG)


def read_sample(photo: str) -> "torch.Tensor":
    """A photo that scikit-image brings, by its file's name: float32, (1, 3, H, W), in [0, 1]."""
    import numpy as np
    from PIL import Image

    # Asking for the place does not import scikit-image.
    folder = Path(next(iter(find_spec("skimage").submodule_search_locations))) / "data"
    with Image.open(folder / photo) as image:
        return from_pixels(np.array(image.convert("RGB")))


def from_pixels(pixels: "np.ndarray") -> "torch.Tensor":
    """Values of 8 bits, (H, W, 3), as float32, (1, 3, H, W), in [0, 1]."""
    import torch

    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def to_pixels(photo: "torch.Tensor") -> "np.ndarray":
    """Values of 8 bits, (H, W, 3), of a photo (1, 3, H, W); what is beyond [0, 1] is clipped."""
    import torch

    return photo[0].permute(1, 2, 0).mul(255).round().clamp(0, 255).to(torch.uint8).contiguous().numpy()


def tilted(
    x: float, y: float, half_width: float, half_height: float, strength: float, random: Random
) -> list[tuple[float, float]]:
    """Choose what a tilted camera sees of a plane: a rectangle turned and drawn in at its corners.

    Parameters
    ----------
    x, y : float
        Centre of the rectangle, in pixels of the plane.
    half_width, half_height : float
        Half its sides.
    strength : float
        0: the rectangle itself; 1: turned by up to 30 degrees, its corners drawn in by up to 30 % of the half sides.
    random : random.Random

    Returns
    -------
    list of (float, float)
        Corners x and y, clockwise from the photo's top left.
    """
    angle = radians(random.uniform(-30, 30) * strength)
    corners = []
    for sign_x, sign_y in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        dx = sign_x * half_width * (1 - random.uniform(0, 0.3) * strength)
        dy = sign_y * half_height * (1 - random.uniform(0, 0.3) * strength)
        corners.append((x + cos(angle) * dx - sin(angle) * dy, y + sin(angle) * dx + cos(angle) * dy))
    return corners


def cut(source: "torch.Tensor", corners: list[tuple[float, float]], size: tuple[int, int]) -> "torch.Tensor":
    """Straighten a quadrilateral of a picture into a photo.

    Parameters
    ----------
    source : torch.Tensor
        (1, 3, H, W).
    corners : list of (float, float)
        x and y in pixels of the source, clockwise from the photo's top left.
    size : (int, int)
        Width and height of the photo in pixels.

    Returns
    -------
    torch.Tensor
        (1, 3, height, width); beyond the source, its border goes on.
    """
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


def alter(photo: "torch.Tensor", strength: float, random: Random) -> "torch.Tensor":
    """Put something in front, change light and colour, lose focus, add noise.

    Parameters
    ----------
    photo : torch.Tensor
        (1, 3, H, W), in [0, 1].
    strength : float
        0: not at all; 1: the demo's.
    random : random.Random
        Decides everything, the noise too.

    Returns
    -------
    torch.Tensor
        (1, 3, H, W); noise may go beyond [0, 1].
    """
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
