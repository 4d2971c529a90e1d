"""SSIMULACRA2, which agrees with people on what compression does to photos, from the parts of package ssimulacra2."""

from typing import TYPE_CHECKING

import numpy as np
from ssimulacra2 import ssimulacra2 as package

from cvpire.quality.pair import Pair, needs_side

if TYPE_CHECKING:
    from cvpire.config import QualityOptions

SMALLEST_SIDE = 113
"""In pixels: five halvings, rounded up, leave 8 before the last of them."""


def ssimulacra2(pair: Pair, options: "QualityOptions") -> float:
    """Measure SSIMULACRA2 [1]_: a weighted sum of SSIM and edge differences of XYB channels at six scales.

    At most 100, which equal photos have; 90 is hard to tell from the original, 30 is low quality, and there is no lower
    bound. Photos of 225 pixels a side and more have the value of the package's command. Below that, the command takes
    five scales only, and their 90 values then meet weights of others among the 108: JPEG 75 of a photo falls from 72 to
    50 when its shorter side goes from 225 to 224 pixels. The reference measures a scale where the one before has 8
    pixels a side, and so does this.

    Raises
    ------
    InputError
        A side below `SMALLEST_SIDE` pixels, where the reference has too few scales for its weights as well.

    References
    ----------
    .. [1] Sneyers, J., SSIMULACRA 2, https://github.com/cloudinary/ssimulacra2
    """
    needs_side(pair, SMALLEST_SIDE, "ssimulacra2")
    first, second = (package.srgb_to_linear(255 * photo) for photo in (pair.original, pair.altered))
    measured = package.Msssim()
    for scale in range(package.kNumScales):
        if scale:
            first, second = (package.downsample(photo, 2, 2) for photo in (first, second))
        measured.scales.append(_scale(_xyb(first), _xyb(second)))
    return float(measured.score())


def _xyb(linear: np.ndarray) -> np.ndarray:
    return package.make_positive_xyb(package.linear_rgb_to_xyb(linear))


def _scale(first: np.ndarray, second: np.ndarray) -> package.MsssimScale:
    products = (first, second, first * first, second * second, first * second)
    mean_x, mean_y, mean_xx, mean_yy, mean_xy = (package.blur_image(values) for values in products)
    scale = package.MsssimScale()
    scale.avg_ssim = package.ssim_map(mean_x, mean_y, mean_xx, mean_yy, mean_xy)
    scale.avg_edgediff = package.edge_diff_map(first, mean_x, second, mean_y)
    return scale
