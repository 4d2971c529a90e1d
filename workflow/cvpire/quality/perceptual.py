"""Measures of similarity that see colour, by package piq; importing it and torch takes seconds.

VSI, MDSI and FSIMc average blocks of pixels first, so that the shorter side has about 256 of them; HaarPSI halves
photos. LPIPS, which piq has as well, is left out: its trunk is a network to download, and one that adversarial
perturbations carry over to.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import piq
import torch

from cvpire.quality.pair import Pair, needs_side

if TYPE_CHECKING:
    from cvpire.config import QualityOptions

SMALLEST_SIDE = 16
"""In pixels: what the largest of HaarPSI's filters needs in a halved photo."""


def vsi(pair: Pair, options: "QualityOptions") -> float:
    """Measure the visual saliency-induced index [1]_: saliency, gradient and two channels of colour; equal photos: 1.

    References
    ----------
    .. [1] Zhang, L., Shen, Y. and Li, H., "VSI: A Visual Saliency-Induced Index for Perceptual Image Quality
       Assessment", IEEE Transactions on Image Processing 23 (2014), 4270-4281.
    """
    return _by(piq.vsi, "vsi", pair)


def mdsi(pair: Pair, options: "QualityOptions") -> float:
    """Measure the mean deviation similarity index [1]_: how uneven the loss of gradient and colour is; equal photos: 0.

    References
    ----------
    .. [1] Nafchi, H. Z. et al., "Mean Deviation Similarity Index: Efficient and Reliable Full-Reference Image Quality
       Evaluator", IEEE Access 4 (2016), 5579-5590.
    """
    return _by(piq.mdsi, "mdsi", pair)


def fsimc(pair: Pair, options: "QualityOptions") -> float:
    """Measure the feature similarity index with colour [1]_: phase congruency, gradient, chroma; equal photos: 1.

    References
    ----------
    .. [1] Zhang, L. et al., "FSIM: A Feature Similarity Index for Image Quality Assessment", IEEE Transactions on Image
       Processing 20 (2011), 2378-2386.
    """
    return _by(piq.fsim, "fsimc", pair)  # chromatic by default


def haarpsi(pair: Pair, options: "QualityOptions") -> float:
    """Measure the Haar wavelet-based perceptual similarity index [1]_; equal photos: 1.

    References
    ----------
    .. [1] Reisenhofer, R. et al., "A Haar Wavelet-Based Perceptual Similarity Index for Image Quality Assessment",
       Signal Processing: Image Communication 61 (2018), 33-43.
    """
    return _by(piq.haarpsi, "haarpsi", pair)


def _by(function: Callable[..., torch.Tensor], column: str, pair: Pair) -> float:
    needs_side(pair, SMALLEST_SIDE, column)
    # The altered photo stands first: MDSI, which alone is not symmetric, takes what is judged before the reference.
    return float(function(_tensor(pair.altered), _tensor(pair.original), data_range=1.0))


def _tensor(photo: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(photo.transpose(2, 0, 1)[None], dtype=np.float32))
