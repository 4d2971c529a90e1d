"""Two small datasets that need no download: views of the colour photos that scikit-image brings.

A scene is one photographed thing. Its two queries are plain crops; its other views are seen from elsewhere, in other
light, out of focus, with something in front. Distractors are photos of other things, among them what stands beside a
scene's own subject: the flag beside the astronaut, the towers beside the rocket, another gland of the same tissue.

The strengths are such that the demo's network ranks well but not perfectly (mAP about 0.8), as on Oxford-5k: an attack
needs something to destroy, and a ranking without faults shows no difference between attacks of different strength.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from math import ceil, cos, dist, exp, radians, sin
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from cvpire.datasets import Dataset, Query
from cvpire.errors import InputError
from cvpire.files import whole

if TYPE_CHECKING:
    import numpy as np
    import torch

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of a photo of scikit-image."""


@dataclass(frozen=True)
class Region:
    """A part of a photo of scikit-image."""

    photo: str
    box: Box


@dataclass(frozen=True)
class Scene:
    """One thing that is searched for."""

    subject: tuple[Region, ...]
    """The thing itself; one region for each photo that shows it."""
    queries: tuple[Region, ...]
    """Crops at 4:3 or 3:4, unaltered."""
    views: int
    """Number of further relevant photos."""
    strength: float
    """How far light, sharpness and viewpoint of the views differ from the queries'; 0 would be plain crops."""


@dataclass(frozen=True)
class Part:
    """One of the two datasets."""

    scenes: dict[str, Scene]
    distractors: tuple[Region, ...]
    """Where wrong answers are cut out, in turn; none shows a subject of this part."""
    count: int
    """Number of distractors."""
    strength: float = 1.0
    """How far the distractors are altered."""


SIDE = 192
"""Longest side of every photo in pixels."""

FORMATS = ((192, 144), (144, 192), (192, 128), (128, 192))
"""Width and height of views and distractors."""

JPEG = {"quality": 95, "subsampling": "4:4:4"}
"""Near lossless, so that the photos look like camera originals to the variance map."""

ASTRONAUT = Region("astronaut.png", (15, 10, 505, 512))
COFFEE = Region("coffee.png", (76, 15, 482, 390))
MOTORCYCLE_LEFT = Region("motorcycle_left.png", (95, 85, 685, 450))
MOTORCYCLE_RIGHT = Region("motorcycle_right.png", (45, 85, 635, 450))
CAT = Region("chelsea.png", (20, 0, 370, 300))
ROCKET = Region("rocket.jpg", (255, 110, 395, 427))
TISSUE = Region("ihc.png", (0, 0, 460, 300))

HUBBLE = Region("hubble_deep_field.jpg", (0, 0, 1000, 872))
RETINA = Region("retina.jpg", (250, 250, 1161, 1161))

PARTS = {
    "a": Part(
        scenes={
            "astronaut": Scene(
                subject=(ASTRONAUT,),
                queries=(
                    Region("astronaut.png", (60, 8, 438, 512)),
                    Region("astronaut.png", (40, 5, 440, 305)),
                ),
                views=7,
                strength=1.4,
            ),
            "coffee": Scene(
                subject=(COFFEE,),
                queries=(
                    Region("coffee.png", (30, 0, 563, 400)),
                    Region("coffee.png", (135, 0, 435, 400)),
                ),
                views=7,
                strength=1.4,
            ),
            "motorcycle": Scene(
                subject=(MOTORCYCLE_LEFT, MOTORCYCLE_RIGHT),
                queries=(
                    Region("motorcycle_left.png", (74, 0, 741, 500)),
                    Region("motorcycle_right.png", (330, 40, 660, 480)),
                ),
                views=7,
                strength=1.0,
            ),
        },
        distractors=(
            Region("astronaut.png", (0, 0, 98, 200)),  # the flag
            Region("astronaut.png", (325, 0, 512, 250)),  # the model of the shuttle
            Region("coffee.png", (490, 120, 600, 400)),  # the table
            Region("coffee.png", (430, 0, 600, 110)),
            Region("motorcycle_left.png", (575, 0, 741, 265)),  # the shelves
            Region("motorcycle_left.png", (0, 0, 330, 105)),  # the wall
            Region("motorcycle_right.png", (0, 405, 280, 500)),  # the floor
            CAT,
            ROCKET,
            TISSUE,
            HUBBLE,
            RETINA,
        ),
        count=40,
    ),
    "b": Part(
        scenes={
            "cat": Scene(
                subject=(CAT,),
                queries=(
                    Region("chelsea.png", (0, 0, 400, 300)),
                    Region("chelsea.png", (135, 0, 360, 300)),
                ),
                views=7,
                strength=1.25,
            ),
            "rocket": Scene(
                subject=(ROCKET,),
                queries=(
                    Region("rocket.jpg", (50, 27, 583, 427)),
                    Region("rocket.jpg", (185, 60, 460, 427)),
                ),
                views=7,
                strength=1.0,
            ),
            "tissue": Scene(
                subject=(TISSUE,),
                queries=(
                    Region("ihc.png", (20, 0, 448, 321)),
                    Region("ihc.png", (225, 0, 480, 340)),
                ),
                views=7,
                strength=1.0,
            ),
        },
        distractors=(
            Region("ihc.png", (235, 300, 400, 512)),  # other glands
            Region("ihc.png", (0, 285, 165, 512)),
            Region("ihc.png", (380, 300, 512, 512)),  # what lies between them
            Region("rocket.jpg", (0, 0, 235, 427)),  # the towers
            Region("rocket.jpg", (415, 0, 640, 427)),
            ASTRONAUT,
            COFFEE,
            MOTORCYCLE_LEFT,
            MOTORCYCLE_RIGHT,
            HUBBLE,
            RETINA,
        ),
        count=40,
    ),
}


def demo_dataset(part: str, folder: str | Path) -> Dataset:
    """Names and ground truth of a demo dataset; the photos need not exist yet.

    Parameters
    ----------
    part : {"a", "b"}
    folder : str or Path
        Where `write_photos` writes, or will write, the photos.

    Returns
    -------
    Dataset
        Every photo is in the database, the queries too. Relevant to a query are the scene's other query and its views;
        the query's own photo is junk, as in the Oxford protocol (`with_clean_twin` decides otherwise).

    Raises
    ------
    InputError
        There is no such part.
    """
    database = tuple(sorted(_recipes(part)))
    queries = {}
    for title, scene in PARTS[part].scenes.items():
        of_scene = frozenset(name for name in database if name.startswith(f"{title}-"))
        for number, crop in enumerate(scene.queries, 1):
            name = f"{title}-query-{number}"
            subject = next(region.box for region in scene.subject if region.photo == crop.photo)
            queries[name] = Query(of_scene - {name}, frozenset({name}), _box_in_crop(subject, crop.box))
    return Dataset(
        photos={name: Path(folder) / f"{name}.jpg" for name in database},
        database=database,
        queries=dict(sorted(queries.items())),
    )


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
    recipes = _recipes(part)
    sources: dict[str, torch.Tensor] = {}
    for name in recipes if names is None else names:
        if name not in recipes:
            raise InputError(f"{name}: no such photo in part {part} of the demo")
        recipe = recipes[name]
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


@dataclass(frozen=True)
class _Recipe:
    """How a photo is made."""

    region: Region
    strength: float = 0.0
    """0: a plain crop."""
    inside: bool = False
    """Nothing beyond the region may be seen."""


def _recipes(part: str) -> dict[str, _Recipe]:
    """Every photo of a part by name."""
    if part not in PARTS:
        raise InputError(f"{part!r}: no such part of the demo; there are {', '.join(PARTS)}")
    recipes = {}
    for title, scene in PARTS[part].scenes.items():
        for number, crop in enumerate(scene.queries, 1):
            recipes[f"{title}-query-{number}"] = _Recipe(crop)
        for number in range(1, scene.views + 1):
            subject = scene.subject[number % len(scene.subject)]
            recipes[f"{title}-view-{number:02}"] = _Recipe(subject, scene.strength)
    regions = PARTS[part].distractors
    for number in range(1, PARTS[part].count + 1):
        region = regions[(number - 1) % len(regions)]
        recipes[f"distractor-{number:03}"] = _Recipe(region, PARTS[part].strength, inside=True)
    return recipes


def _box_in_crop(box: Box, crop: Box) -> Box:
    """Where a box of the source lies in a query, in pixels of the query."""
    left, top, right, bottom = crop
    width, height = _format(right - left, bottom - top)
    x = [min(max((value - left) / (right - left), 0.0), 1.0) * width for value in box[::2]]
    y = [min(max((value - top) / (bottom - top), 0.0), 1.0) * height for value in box[1::2]]
    return x[0], y[0], x[1], y[1]


def _format(width: float, height: float) -> tuple[int, int]:
    """Width and height in pixels of a photo with this aspect."""
    scale = SIDE / max(width, height)
    return round(width * scale), round(height * scale)


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


def _make(source: "torch.Tensor", recipe: _Recipe, random: Random) -> "np.ndarray":
    """Follow a recipe: uint8, (H, W, 3)."""
    import torch

    left, top, right, bottom = recipe.region.box
    if recipe.strength == 0:
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        photo = _cut(source, corners, _format(right - left, bottom - top))
    else:
        height, width = source.shape[2:]
        limits = recipe.region.box if recipe.inside else (0, 0, width, height)
        photo = _cut(source, *_viewpoint(recipe, limits, random))
        photo = _alter(photo, recipe.strength, random)
    return photo[0].permute(1, 2, 0).mul(255).round().clamp(0, 255).to(torch.uint8).contiguous().numpy()


def _viewpoint(recipe: _Recipe, limits: Box, random: Random) -> tuple[list[tuple[float, float]], tuple[int, int]]:
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
