"""Variances of any size as shares of the largest."""

import logging

import numpy as np

logger = logging.getLogger(__name__)


def normalise(values: np.ndarray, normalisation: str = "maximum") -> np.ndarray:
    """Scale a map to [0, 1] (section 3.2.3).

    Parameters
    ----------
    values : numpy.ndarray
        Non-negative, shape (H, W).
    normalisation : {"maximum", "stretched-8-bit"}
        Divide by the maximum; or stretch from minimum to maximum in steps of 1 / 255, which is what an attack of the
        released code sees when the map was kept as a PNG.

    Returns
    -------
    numpy.ndarray
        float32; zeros where there is nothing to scale, with a warning.
    """
    lowest, highest = (0.0, values.max()) if normalisation == "maximum" else (values.min(), values.max())
    # A spread below rounding error is no variance: the map of a flat photo must not be its rounding noise.
    if highest - lowest <= 1e-6:
        logger.warning("the photo is flat: its variance map is 0 everywhere, and no attack can change it")
        return np.zeros(values.shape, dtype=np.float32)
    scaled = (values - lowest) / (highest - lowest)
    if normalisation == "stretched-8-bit":
        scaled = np.round(scaled * 255) / 255
    return scaled.astype(np.float32)
