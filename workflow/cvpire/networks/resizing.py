"""Photos at the sizes that a body takes, for bodies that do not take any size; attacks follow the slope."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate


def to_size(photos: Tensor, height: int, width: int, mode: str = "bilinear") -> Tensor:
    """Resize photos (B, 3, H, W), with a low-pass filter where they become smaller, as Pillow does.

    Parameters
    ----------
    photos : Tensor, shape (B, 3, H, W)
    height, width : int
        Pixels; where they are those of the photos, nothing changes.
    mode : {"bilinear", "bicubic"}
        Kernel of the interpolation.

    Returns
    -------
    Tensor, shape (B, 3, height, width)
        Of the same floating-point type.
    """
    if photos.shape[2:] == (height, width):
        return photos
    values = photos.float() if photos.dtype == torch.bfloat16 else photos
    return interpolate(values, (height, width), mode=mode, align_corners=False, antialias=True).to(photos.dtype)


def to_whole_patches(photos: Tensor, height: int, width: int, mode: str = "bilinear") -> Tensor:
    """Resize photos (B, 3, H, W) to the nearest whole number, at least one, of patches of height x width a side."""
    sides = (max(round(side / patch), 1) * patch for side, patch in zip(photos.shape[2:], (height, width), strict=True))
    return to_size(photos, *sides, mode)


class Fitted(nn.Module):
    """A network behind what makes photos fit it."""

    def __init__(self, network: nn.Module, fit: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network, self.fit = network, fit

    def forward(self, photos: Tensor) -> Tensor:
        """What the network gives for photos (B, 3, H, W)."""
        return self.network(self.fit(photos))
