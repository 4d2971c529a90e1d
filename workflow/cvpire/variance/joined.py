"""Several maps as one: what may change is what all of them allow."""

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from cvpire.variance import colour, luminance, masking
from cvpire.variance.scaling import normalise

if TYPE_CHECKING:
    from cvpire.config import VarianceOptions

_PARTS = {"colour": colour, "luminance": luminance, "masking": masking}


def compute(photo: np.ndarray, options: "VarianceOptions", *, device: str, threads: int | None) -> np.ndarray:
    """Compute the map of a photo, uint8 of shape (H, W, 3); see `cvpire.variance.maps.variance_map`."""
    maps = [_PARTS[name].compute(photo, options, device=device, threads=threads) for name in options.parts]
    return normalise(join(maps, options.joined_by), options.normalisation)


def join(maps: list[np.ndarray], joined_by: str) -> np.ndarray:
    """Join maps (H, W) in [0, 1] pixel by pixel.

    Parameters
    ----------
    maps : list of numpy.ndarray
    joined_by : {"geometric-mean", "minimum"}
        Both are 0 where one map is; the minimum lets only the strictest map count.
    """
    if joined_by == "minimum":
        return reduce(np.minimum, maps)
    return reduce(np.multiply, maps) ** (1 / len(maps))
