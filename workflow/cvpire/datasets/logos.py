"""A dataset of iconic content: logos, plain and photographed on walls and on the ground. It needs no download.

Logos are flat and sharp-edged: most of such a picture has no variance of colour, in which a perturbation could hide.
A query is a logo as its owner prints it. Relevant are the other print and the views: photos of a sign with the logo,
from aside, in other light, out of focus, on brick, gravel or grass. Distractors are such photos of other logos.

The icons are those of Simple Icons, in the package `simpleicons`. The package is under the MIT licence and Simple Icons
is dedicated to the public domain (CC0), but a single icon may have a licence of its own, which the package tells. Taken
are exactly the icons whose entry is a licence that lets anybody alter and show them: CC0, CC BY, CC BY-SA, MIT, Apache,
GPL, Unlicense. Left out are licences against commercial use or alterations, custom ones, and icons without an entry.
The marks remain trademarks of their owners: the rule alone chooses them, and nobody's product is meant or judged.

The photos are such that the demo's network ranks well but not perfectly (mAP about 0.7), as in `cvpire.datasets.demo`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cvpire.datasets import Dataset, Query

_NAMES = """
astro backbonedotjs canonical conventionalcommits debian deno exercism fluentd freecodecamp gentoo gimp git gnu
gnubash gnuemacs gnuprivacyguard gnusocial godotengine gulp inkscape iota ipfs jabber javascript jekyll jenkins
kicad liberapay maas markdown materialdesignicons mercurial minds mxlinux neovim ocaml opentelemetry oshkosh
packagist pelican php purescript quasar r redmine rocksdb rockylinux ruby rust saltproject simpleicons solidity
spacemacs stopstalk storybook svg v weblate zig
"""

ICONS = tuple(_NAMES.split())
"""Names in `simpleicons`, in alphabetical order: all with a licence as above."""

SEARCHED = ICONS[1::3]
"""Logos that are searched for: every third, whatever it is."""

OTHERS = tuple(icon for icon in ICONS if icon not in SEARCHED)
"""Logos that only distractors show."""

VIEWS = 6
"""Photographed signs of a logo that is searched for."""

DISTRACTORS = 60
"""Number of distractors, which show the other logos in turn."""

SIDE = 192
"""Longest side of every photo in pixels."""

FORMATS = ((SIDE, SIDE * 3 // 4), (SIDE * 3 // 4, SIDE))
"""Width and height of the photos; the first query is landscape, the second portrait."""

SHARE = 0.65
"""Side of a logo as a share of the shorter side of its query, or of the side of a sign."""

Scheme = Literal["white on colour", "colour on white"]
"""How a logo is printed, its colour being its owner's."""

SCHEMES: tuple[Scheme, ...] = ("white on colour", "colour on white")


@dataclass(frozen=True)
class Recipe:
    """How a photo is made."""

    icon: str
    scheme: Scheme | None = None
    """Of a query; None: either, on a sign that is photographed."""
    size: tuple[int, int] | None = None
    """Width and height of a query in pixels; None: one of the formats."""


def logos_dataset(folder: str | Path) -> Dataset:
    """Names and ground truth of the dataset of logos; the photos need not exist yet.

    Parameters
    ----------
    folder : str or Path
        Where `cvpire.datasets.logo_photos.write_photos` writes, or will write, the photos.

    Returns
    -------
    Dataset
        Every photo is in the database, the queries too. Relevant to a query are the other print of the logo and its
        views; the query's own photo is junk, as in the Oxford protocol (`with_clean_twin` decides otherwise).
    """
    made = recipes()
    names: dict[str, set[str]] = {icon: set() for icon in ICONS}
    for name, recipe in made.items():
        names[recipe.icon].add(name)
    queries = {
        name: Query(frozenset(names[recipe.icon] - {name}), frozenset({name}), _box(recipe.size))
        for name, recipe in made.items()
        if recipe.size
    }
    database = tuple(sorted(made))
    return Dataset(
        photos={name: Path(folder) / f"{name}.jpg" for name in database},
        database=database,
        queries=dict(sorted(queries.items())),
    )


def recipes() -> dict[str, Recipe]:
    """How every photo is made, by name."""
    made = {}
    for icon in SEARCHED:
        for number, (scheme, size) in enumerate(zip(SCHEMES, FORMATS, strict=True), 1):
            made[f"{icon}-query-{number}"] = Recipe(icon, scheme, size)
        for number in range(1, VIEWS + 1):
            made[f"{icon}-view-{number:02}"] = Recipe(icon)
    for number in range(DISTRACTORS):
        made[f"distractor-{number + 1:03}"] = Recipe(OTHERS[number % len(OTHERS)])
    return made


def _box(size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Where a query of this width and height shows its logo."""
    width, height = size
    side = SHARE * min(size)
    return (width - side) / 2, (height - side) / 2, (width + side) / 2, (height + side) / 2
