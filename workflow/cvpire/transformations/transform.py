"""Apply the steps of a transformation, one after the other."""

import hashlib
from collections.abc import Sequence
from pkgutil import resolve_name
from typing import TYPE_CHECKING

import numpy as np

from cvpire.errors import InputError
from cvpire.transformations.catalogue import KINDS

if TYPE_CHECKING:
    from cvpire.config.transformations import Step


def transform(pixels: np.ndarray, steps: Sequence["Step"], *, name: str, photo: str, seed: int = 0) -> np.ndarray:
    """Transform a photo.

    Between two steps stand whole grey levels, as between two programs that pass a photo on. The same arguments give the
    same result, in any order of photos: noise is drawn by a generator seeded by (seed, name, photo).

    Parameters
    ----------
    pixels : numpy.ndarray
        uint8, shape (H, W, 3), sRGB; left as it is.
    steps : sequence of cvpire.config.transformations.Step
        What is done, in this order.
    name : str
        Of the transformation.
    photo : str
        Name of the photo; versions of a query that share it meet the same noise.
    seed : int

    Returns
    -------
    numpy.ndarray
        uint8, shape (H', W', 3).

    Raises
    ------
    InputError
        A step that leaves less than one pixel a side, or a photo too large for a step's format.
    """
    digest = hashlib.sha256(f"{seed}\n{name}\n{photo}".encode()).digest()
    known = {"size": pixels.shape[:2], "generator": np.random.default_rng(int.from_bytes(digest[:8], "big"))}
    for step in steps:
        kind = KINDS[step.kind]
        # Imported one by one: who rotates nothing does not wait for SciPy.
        function = resolve_name(f"cvpire.transformations.{kind.function}")
        try:
            pixels = function(pixels, step.value, **{need: known[need] for need in kind.needs})
        except InputError as error:
            raise InputError(f"{photo}: transformation {name}, {step}: {error}") from None
    return pixels
