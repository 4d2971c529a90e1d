"""SIFT features of photos, and files of them (section 2.2.2)."""

import logging
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from cvpire import files
from cvpire.errors import InputError, reason
from cvpire.retrieval.descriptors import read_names, write_names
from cvpire.untrusted.arrays import read_arrays

if TYPE_CHECKING:
    from cvpire.config.systems import BagOfWordsOptions

DIMENSIONS = 128
"""Of a SIFT descriptor: 4 x 4 histograms of 8 orientations."""


class LocalFeatures(NamedTuple):
    """The F local features of a photo, the strongest first."""

    descriptors: np.ndarray
    """uint8, (F, 128)."""
    keypoints: np.ndarray
    """float32, (F, 4): x and y in pixels, scale (sigma of the Gaussian, in pixels), angle in degrees in [0, 360),
    clockwise from the x axis."""


NO_FEATURE = "no SIFT feature (flat, or tiny?), and so similar to no photo"
"""Said of flat photos."""

_FORMS = {"descriptors": ("uint8", 2), "keypoints": ("float32", 2), "offsets": ("int64", 1)}


def describe(pixels: np.ndarray, options: "BagOfWordsOptions") -> LocalFeatures:
    """Find the SIFT features of a photo [1]_.

    Parameters
    ----------
    pixels : numpy.ndarray
        uint8, (H, W, 3), RGB; any size. Features are of its luma (0.299 R + 0.587 G + 0.114 B).
    options : cvpire.config.systems.BagOfWordsOptions
        `features` and `most_features`.

    Returns
    -------
    LocalFeatures
        The strongest `most_features` at most, by the response of the detector; scikit-image tells none, and there the
        largest are the strongest. None at all for a flat or tiny photo.

    References
    ----------
    .. [1] Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004.
    """
    grey = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)
    descriptors, keypoints, strength = _FINDERS[options.features](grey)
    # Features of one strength have an order, too: keypoints of several angles, and repeated patterns, are as strong.
    order = np.lexsort((*keypoints.T[::-1], -strength))[: options.most_features]
    return LocalFeatures(descriptors[order], keypoints[order])


def _opencv(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found, descriptors = cv2.SIFT_create().detectAndCompute(grey, None)
    if descriptors is None:
        return _none()
    # OpenCV's size is a diameter; its descriptors are whole numbers in float32.
    keypoints = np.array([(*each.pt, each.size / 2, each.angle % 360) for each in found], np.float32)
    strength = np.array([each.response for each in found], np.float32)
    return descriptors.astype(np.uint8), keypoints, strength


def _scikit_image(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from skimage.feature import SIFT

    sift = SIFT()
    try:
        sift.detect_and_extract(grey / 255)
    except (RuntimeError, IndexError):  # no feature; too few pixels for a scale space
        return _none()
    rows, columns = sift.positions.T
    # Its angles are counted from the row axis to the column axis.
    angles = np.rad2deg(np.pi / 2 - sift.orientations) % 360
    keypoints = np.stack([columns, rows, sift.sigmas, angles], axis=1).astype(np.float32)
    return sift.descriptors, keypoints, keypoints[:, 2]


_FINDERS = {"opencv": _opencv, "scikit-image": _scikit_image}


def _none() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.empty((0, DIMENSIONS), np.uint8), np.empty((0, 4), np.float32), np.empty(0, np.float32)


def as_points(descriptors: np.ndarray, root_sift: bool) -> np.ndarray:
    """Make points of descriptors, whose Euclidean distances say how much they differ.

    Parameters
    ----------
    descriptors : numpy.ndarray
        uint8, (F, 128).
    root_sift : bool
        RootSIFT [1]_: the square root of a descriptor of sum 1, so that dot products are Hellinger's kernel
        sum_i sqrt(x_i y_i).

    Returns
    -------
    numpy.ndarray
        float32, (F, 128), of length 1.

    References
    ----------
    .. [1] Arandjelović and Zisserman, "Three things everyone should know to improve object retrieval", CVPR 2012.
    """
    points = descriptors.astype(np.float32)
    order = 1 if root_sift else 2
    points /= np.maximum(np.linalg.norm(points, order, axis=1, keepdims=True), 1)  # whole numbers: below 1 is 0
    return np.sqrt(points) if root_sift else points


def warn_of_flat_photos(names: Sequence[str], features: Sequence[LocalFeatures]) -> None:
    """Log a warning that names the photos without any feature."""
    flat = [name for name, each in zip(names, features, strict=True) if not len(each.descriptors)]
    if flat:
        more = f" and {len(flat) - 5} more" if len(flat) > 5 else ""
        logging.warning(f"{', '.join(flat[:5])}{more}: {NO_FEATURE}")


def write_shard(shard: Path, names: Sequence[str], features: Sequence[LocalFeatures]) -> None:
    """Write the features of a shard's photos as .npz, and the photos' names into a .txt beside.

    The arrays are `descriptors`, uint8 (F, 128), and `keypoints`, float32 (F, 4), of all photos, and `offsets`, int64
    (N + 1): those of photo i are the rows from offsets[i] to offsets[i + 1]. Photos without a feature are told of.
    """
    warn_of_flat_photos(names, features)
    descriptors, keypoints, _ = _none()
    with files.whole(shard) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            descriptors=np.concatenate([descriptors, *(each.descriptors for each in features)]),
            keypoints=np.concatenate([keypoints, *(each.keypoints for each in features)]),
            offsets=np.cumsum([0, *(len(each.descriptors) for each in features)], dtype=np.int64),
        )
    write_names(shard, names)


def read_shard(shard: Path) -> list[LocalFeatures]:
    """Read the features of a shard's photos; `InputError` where the file is missing, damaged or another."""
    descriptors, keypoints, offsets = _arrays(shard, *_FORMS)
    places = [slice(start, stop) for start, stop in pairwise(offsets)]
    return [LocalFeatures(descriptors[place], keypoints[place]) for place in places]


def shard_names(shard: Path) -> list[str]:
    """Names of a shard's photos, from the .txt beside it; `InputError` where they are not as many."""
    (offsets,) = _arrays(shard, "offsets")
    return read_names(shard, len(offsets) - 1)


def _arrays(shard: Path, *names: str) -> list[np.ndarray]:
    try:
        arrays = read_arrays(shard, {name: _FORMS[name] for name in names})
        count = len(arrays["descriptors"]) if "descriptors" in arrays else arrays["offsets"][-1:].sum()
        check_offsets(arrays["offsets"], count)
        for name, columns in (("descriptors", DIMENSIONS), ("keypoints", 4)):
            if name in arrays and arrays[name].shape != (count, columns):
                raise ValueError(f"{name} of shape {arrays[name].shape}, expected {(count, columns)}")
    except (OSError, ValueError) as error:
        raise InputError(f"{shard}: not a shard of local features ({reason(error)}); delete it and run again") from None
    return list(arrays.values())


def check_offsets(offsets: np.ndarray, count: int) -> None:
    """ValueError unless offsets, (N + 1,), cut `count` rows into N parts."""
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != count or (np.diff(offsets) < 0).any():
        raise ValueError(f"offsets that do not cut {count} rows into parts")
