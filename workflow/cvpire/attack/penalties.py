"""What an attack pays for being seen: how far the pixels that people get are from the photo's.

Each function takes pixels (B, 3, H, W) and the photo (3, H, W), in [0, 1], and gives the sum of B values, each a mean
over its photo; 0 is no change.
"""

from torch import Tensor
from torch.nn.functional import avg_pool2d

from cvpire.attack.colour_difference import colour_differences
from cvpire.errors import InputError

_WINDOW = 7
"""Side of the windows of SSIM in pixels, as in the measure of image quality."""


def mse(pixels: Tensor, photo: Tensor) -> Tensor:
    """Mean squared difference, in squares of grey levels from 0 to 255."""
    return (255 * (pixels - photo)).square().mean(dim=(1, 2, 3)).sum()


def ssim(pixels: Tensor, photo: Tensor) -> Tensor:
    """1 minus mean structural similarity (appendix A.1), windows and dynamic range as `cvpire quality` has them.

    Raises
    ------
    InputError
        A photo that is smaller than a window.
    """
    if min(photo.shape[1:]) < _WINDOW:
        height, width = photo.shape[1:]
        raise InputError(
            f"penalty: a photo of {width} x {height} pixels is smaller than the windows of ssim; expected at least "
            f"{_WINDOW} x {_WINDOW}"
        )
    original = photo[None]
    mean_x, mean_y, mean_xx, mean_yy, mean_xy = (
        avg_pool2d(values, _WINDOW, stride=1)
        for values in (original, pixels, original * original, pixels * pixels, original * pixels)
    )
    of_samples = _WINDOW**2 / (_WINDOW**2 - 1)
    product, squares = mean_x * mean_y, mean_x * mean_x + mean_y * mean_y
    variances = of_samples * (mean_xx + mean_yy - squares)
    covariance = of_samples * (mean_xy - product)
    c1, c2 = 0.01**2, 0.03**2
    similarity = (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))
    return (1 - similarity.mean(dim=(1, 2, 3))).sum()


def ciede2000(pixels: Tensor, photo: Tensor) -> Tensor:
    """Mean CIEDE2000 of the pixels."""
    return colour_differences(pixels, photo).mean(dim=(1, 2)).sum()


PENALTIES = {"mse": mse, "ssim": ssim, "ciede2000": ciede2000}
"""By name; `cvpire.attack.catalogue` has the same names."""
