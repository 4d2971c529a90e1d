"""Two small datasets that need no download: views of the colour photos that scikit-image brings.

A scene is one photographed thing. Its two queries are plain crops; its other views are seen from elsewhere, in other
light, out of focus, with something in front. Distractors are photos of other things, among them what stands beside a
scene's own subject: the flag beside the astronaut, the towers beside the rocket, another gland of the same tissue.

The strengths are such that the demo's network ranks well but not perfectly (mAP about 0.8), as on Oxford-5k: an attack
needs something to destroy, and a ranking without faults shows no difference between attacks of different strength.
"""

from dataclasses import dataclass
from pathlib import Path

from cvpire.datasets import Dataset, Query
from cvpire.errors import InputError

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


@dataclass(frozen=True)
class Recipe:
    """How a photo is made."""

    region: Region
    strength: float = 0.0
    """0: a plain crop."""
    inside: bool = False
    """Nothing beyond the region may be seen."""


SIDE = 192
"""Longest side of every photo in pixels."""

FORMATS = ((192, 144), (144, 192), (192, 128), (128, 192))
"""Width and height of views and distractors."""

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
        Where `cvpire.datasets.demo_photos.write_photos` writes, or will write, the photos.

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
    database = tuple(sorted(recipes(part)))
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


def recipes(part: str) -> dict[str, Recipe]:
    """How every photo of a part is made, by name; `InputError` where there is no such part."""
    if part not in PARTS:
        raise InputError(f"{part!r}: no such part of the demo; there are {', '.join(PARTS)}")
    made = {}
    for title, scene in PARTS[part].scenes.items():
        for number, crop in enumerate(scene.queries, 1):
            made[f"{title}-query-{number}"] = Recipe(crop)
        for number in range(1, scene.views + 1):
            subject = scene.subject[number % len(scene.subject)]
            made[f"{title}-view-{number:02}"] = Recipe(subject, scene.strength)
    regions = PARTS[part].distractors
    for number in range(1, PARTS[part].count + 1):
        region = regions[(number - 1) % len(regions)]
        made[f"distractor-{number:03}"] = Recipe(region, PARTS[part].strength, inside=True)
    return made


def _box_in_crop(box: Box, crop: Box) -> Box:
    """Where a box of the source lies in a query, in pixels of the query."""
    left, top, right, bottom = crop
    width, height = photo_size(right - left, bottom - top)
    x = [min(max((value - left) / (right - left), 0.0), 1.0) * width for value in box[::2]]
    y = [min(max((value - top) / (bottom - top), 0.0), 1.0) * height for value in box[1::2]]
    return x[0], y[0], x[1], y[1]


def photo_size(width: float, height: float) -> tuple[int, int]:
    """Width and height in pixels of a photo with this aspect."""
    scale = SIDE / max(width, height)
    return round(width * scale), round(height * scale)
