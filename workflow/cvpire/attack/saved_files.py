"""What a network sees of a perturbed photo once it was saved: enlarged, rounded, encoded, decoded."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from torch import Tensor

from cvpire.attack.renderings import decoded, straight_through
from cvpire.saving import adversarial_query

if TYPE_CHECKING:
    from cvpire.config import SavingOptions


def saved(photo: np.ndarray, perturbations: Tensor, unit: Sequence[float], options: "SavingOptions") -> Tensor:
    """Save perturbed photos and read them again: exactly the pixels of `cvpire save`, with the slope of adding.

    Parameters
    ----------
    photo : numpy.ndarray, shape (H, W, 3)
        uint8.
    perturbations : Tensor, shape (B, 3, H, W)
        In the space of their bound.
    unit : sequence of 3 floats
        One unit of it as a share of the range 0..255, per channel.
    options : SavingOptions
        Enlargement, rounding, file format.

    Returns
    -------
    Tensor, shape (B, 3, H, W)
        In [0, 1].
    """
    files = [adversarial_query(photo, each, unit, options) for each in perturbations.detach().cpu().numpy()]
    pixels = decoded([read(file) for file in files], perturbations)
    return straight_through(perturbations * perturbations.new_tensor(unit).view(3, 1, 1), pixels)


def read(file: bytes) -> np.ndarray:
    """Pixels of a saved photo, uint8 of shape (H, W, 3)."""
    return np.array(Image.open(io.BytesIO(file)).convert("RGB"))  # a copy: PyTorch warns of arrays that it cannot write
