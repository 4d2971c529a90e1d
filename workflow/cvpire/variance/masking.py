"""Contrast masking: how much of a change each block of a JPEG hides, by Watson's model of vision [1]_.

Where a block of 8 x 8 pixels is bright, or strong in a frequency, people do not see small changes of that frequency.
Only frequencies that JPEG keeps count: a change elsewhere is lost with the file, however well it is hidden.

References
----------
.. [1] Watson, "DCT quantization matrices visually optimized for individual images", Proc. SPIE 1913 (1993). The least
   visible changes by frequency are those of Cox, Miller and Bloom, "Digital Watermarking" (2002), table 7.2.
.. [2] ITU-T T.81 (1992), table K.1.
"""

from typing import TYPE_CHECKING

import numpy as np

from cvpire.colour import LUMA
from cvpire.variance.scaling import normalise

if TYPE_CHECKING:
    from cvpire.config import VarianceOptions

_SIDE = 8

_LEAST_VISIBLE = np.array(
    [
        [1.40, 1.01, 1.16, 1.66, 2.40, 3.43, 4.79, 6.56],
        [1.01, 1.45, 1.32, 1.52, 2.00, 2.71, 3.67, 4.93],
        [1.16, 1.32, 2.24, 2.59, 2.98, 3.64, 4.60, 5.88],
        [1.66, 1.52, 2.59, 3.77, 4.55, 5.30, 6.28, 7.60],
        [2.40, 2.00, 2.98, 4.55, 6.15, 7.46, 8.71, 10.17],
        [3.43, 2.71, 3.64, 5.30, 7.46, 9.62, 11.58, 13.51],
        [4.79, 3.67, 4.60, 6.28, 8.71, 11.58, 14.50, 17.29],
        [6.56, 4.93, 5.88, 7.60, 10.17, 13.51, 17.29, 21.15],
    ]
)
"""Change of each coefficient (vertical, horizontal frequency) that is just seen on mid-grey, in grey levels."""

_STEPS = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
"""Quantisation steps of luminance at JPEG quality 50 [2]_; half of them at 75."""

_MID_GREY = 1024.0
"""Constant coefficient of a block of grey level 128."""
_BY_BRIGHTNESS = 0.649
_BY_CONTRAST = 0.7
"""Exponents of luminance and contrast masking."""


def compute(photo: np.ndarray, options: "VarianceOptions", *, device: str, threads: int | None) -> np.ndarray:
    """Compute the map of a photo, uint8 of shape (H, W, 3); see `cvpire.variance.maps.variance_map`."""
    height, width = photo.shape[:2]
    hidden = hidden_change(_coefficients(photo @ np.array(LUMA)))
    pixels = hidden.repeat(_SIDE, axis=0).repeat(_SIDE, axis=1)[:height, :width]
    return normalise(pixels, options.normalisation)


def hidden_change(coefficients: np.ndarray) -> np.ndarray:
    """Root mean square of the change that a block hides, over its pixels.

    Parameters
    ----------
    coefficients : numpy.ndarray, shape (..., 8, 8)
        Orthonormal DCT of a block of grey levels in [0, 255].

    Returns
    -------
    numpy.ndarray, shape (...)
        In grey levels; 0 where JPEG at quality 75 keeps nothing but the mean.
    """
    size = np.abs(coefficients)
    brightness = (size[..., :1, :1] / _MID_GREY) ** _BY_BRIGHTNESS
    on_grey = _LEAST_VISIBLE * brightness
    masked = np.maximum(on_grey, size**_BY_CONTRAST * on_grey ** (1 - _BY_CONTRAST))
    kept = size >= _STEPS / 4  # half a step of quality 75: what is less is rounded to 0
    kept[..., 0, 0] = False  # the mean is not hidden by itself
    return np.sqrt((masked**2 * kept).sum(axis=(-2, -1))) / _SIDE


def _coefficients(grey: np.ndarray) -> np.ndarray:
    """Orthonormal DCT of each block of grey levels, (H / 8, W / 8, 8, 8); the last ones repeat the edge, as in JPEG."""
    height, width = grey.shape
    padded = np.pad(grey, ((0, -height % _SIDE), (0, -width % _SIDE)), mode="edge")
    blocks = padded.reshape(padded.shape[0] // _SIDE, _SIDE, -1, _SIDE).swapaxes(1, 2)
    frequency, place = np.arange(_SIDE)[:, None], np.arange(_SIDE)
    waves = np.cos(np.pi * (2 * place + 1) * frequency / (2 * _SIDE)) * np.sqrt(2 / _SIDE)
    waves[0] /= np.sqrt(2)
    return waves @ blocks @ waves.T
