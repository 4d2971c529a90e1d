"""Perceptual hashes as vectors, for search of near-duplicates: their dot products rank as Hamming distances do."""

from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING

import imagehash
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from cvpire.config.systems import PerceptualHashOptions

_METHODS = {
    "phash": imagehash.phash,
    "dhash": imagehash.dhash,
    "whash": imagehash.whash,
    "average": imagehash.average_hash,
}


def load(options: "PerceptualHashOptions") -> SimpleNamespace:
    """Return a `cvpire.retrieval.describing.Describer`."""
    return SimpleNamespace(describe=partial(describe, options=options))


def describe(pixels: np.ndarray, options: "PerceptualHashOptions") -> np.ndarray:
    """Hash a photo.

    Parameters
    ----------
    pixels : numpy.ndarray
        uint8, (H, W, 3), RGB; any size.
    options : cvpire.config.systems.PerceptualHashOptions
        `method` and `hash_size`, s.

    Returns
    -------
    numpy.ndarray
        float32, (D,), with D = s². A bit that is set is 1 / √D, another -1 / √D, so that the dot product of two hashes
        of Hamming distance h is 1 - 2 h / D, and hashes of equal distance have equal products.
    """
    bits = _METHODS[options.method](Image.fromarray(pixels), options.hash_size).hash.ravel()
    return (np.where(bits, 1, -1) / np.sqrt(bits.size)).astype(np.float32)
