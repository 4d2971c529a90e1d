"""Spatial verification: do the features that two photos share lie alike in both?"""

from collections.abc import Sequence

import cv2
import numpy as np

from cvpire.retrieval.systems.local_features import LocalFeatures, as_points

_RATIO = 0.8
"""A match is as near as this share of the second nearest feature at most (Lowe 2004, section 7.1)."""
_PIXELS = 5.0
"""How far from its place an inlier may lie."""
_FEWEST = 4
"""Matches to fit a similarity to: two fit always."""


def inliers(query: LocalFeatures, photo: LocalFeatures, root_sift: bool = True) -> int:
    """Count the features of two photos that agree on one shift, rotation and scale [1]_.

    Parameters
    ----------
    query, photo : LocalFeatures
        With F and G features.
    root_sift : bool
        See `cvpire.retrieval.systems.local_features.as_points`.

    Returns
    -------
    int
        Matches, one to one at most, that the best similarity found by RANSAC explains; 0 where there are too few.
        The same two photos have the same number each time.

    References
    ----------
    .. [1] Philbin, Chum, Isard, Sivic and Zisserman, "Object retrieval with large vocabularies and fast spatial
       matching", CVPR 2007.
    """
    if min(len(query.descriptors), len(photo.descriptors)) < _FEWEST:
        return 0
    products = as_points(query.descriptors, root_sift) @ as_points(photo.descriptors, root_sift).T
    distances = np.maximum(2 - 2 * products, 0)  # squared, since the points have length 1
    nearest, second = np.partition(distances, 1, axis=1)[:, :2].T
    chosen = distances.argmin(axis=1)
    asking = np.flatnonzero(nearest < _RATIO**2 * second)
    # A repeated pattern may ask for one feature many times; a photo shrunk to that point would explain them all.
    asking = asking[np.argsort(nearest[asking], kind="stable")]
    matched, first = np.unique(chosen[asking], return_index=True)
    asking = asking[first]
    if len(asking) < _FEWEST:
        return 0
    cv2.setRNGSeed(0)
    model, explained = cv2.estimateAffinePartial2D(
        query.keypoints[asking, :2], photo.keypoints[matched, :2], method=cv2.RANSAC, ransacReprojThreshold=_PIXELS
    )
    return 0 if model is None else int(explained.sum())


def verified(scores: np.ndarray, counts: Sequence[int], rows: np.ndarray) -> np.ndarray:
    """Put verified photos before all others, by their number of inliers, then by their former similarity.

    Parameters
    ----------
    scores : numpy.ndarray
        Cosines of a query and N photos, float32 (N,), in [0, 1].
    counts : sequence of int
        Inliers of the K verified photos.
    rows : numpy.ndarray
        Their rows, (K,).

    Returns
    -------
    numpy.ndarray
        float32, (N,): the same but for the verified ones, which are in (1, 2], equal where both numbers are.
    """
    if not len(rows):
        return scores
    keys = np.stack([np.asarray(counts, np.float64), scores[rows]], axis=1)
    _, places = np.unique(keys, axis=0, return_inverse=True)
    made = scores.copy()
    made[rows] = 1 + (places.ravel() + 1) / (places.max() + 1)
    return made
