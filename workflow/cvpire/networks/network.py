"""A descriptor network: photo in, unit vector out."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from cvpire.errors import InputError
from cvpire.networks.backbones import load_backbone, normalisation
from cvpire.networks.folding import fold_batch_norm

_SMALLEST_SIDE = 32  # one pixel of a feature map


class Network(nn.Module):
    """Convolutional body, generalised-mean (GeM) pooling, unit length; frozen, for inference and attacks.

    Parameters
    ----------
    body : nn.Module
        Normalised photos (B, 3, H, W) to feature maps (B, D, h, w).
    power : float
        Exponent p of the pooling.
    mean, std : sequence of 3 floats
        Normalisation of values in [0, 1].
    """

    def __init__(self, body: nn.Module, power: float, mean: Sequence[float], std: Sequence[float]):
        super().__init__()
        self.body, self.power, self.mean, self.std = body, power, tuple(mean), tuple(std)

    def forward(self, normalised: Tensor) -> Tensor:
        """Describe normalised photos (B, 3, H, W) by unit vectors (B, D); `InputError` where they are too small."""
        height, width = normalised.shape[2:]
        if min(height, width) < _SMALLEST_SIDE:
            raise InputError(
                f"a photo of {width} x {height} is too small: a network needs {_SMALLEST_SIDE} pixels a side"
            )
        return nn.functional.normalize(gem(self.body(normalised), self.power), dim=1)

    @torch.inference_mode()
    def describe(self, pixels: np.ndarray) -> np.ndarray:
        """Describe one photo, uint8 of shape (H, W, 3), by a float32 unit vector (D,)."""
        device = next(self.parameters()).device
        values = as_tensor(pixels).to(device)
        mean, std = (values.new_tensor(v).view(3, 1, 1) for v in (self.mean, self.std))
        batch = ((values - mean) / std)[None].contiguous(memory_format=torch.channels_last)
        return self(batch)[0].float().cpu().numpy()


def load_network(
    architecture: str,
    weights: str,
    gem_power: float | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    device: str = "auto",
) -> Network:
    """Load a network, ready to describe or to attack.

    Parameters
    ----------
    architecture, weights, gem_power, mean, std
        See `cvpire.config.NetworkOptions`.
    device : {"auto", "cpu", "cuda"}
        auto: CUDA where there is a GPU.

    Raises
    ------
    InputError
        Missing or unreadable weights, weights of another architecture, no GPU where one is asked for.
    """
    body, trained_power = load_backbone(architecture, weights)
    trained_mean, trained_std = normalisation(architecture)
    power = gem_power or trained_power or 3.0
    network = Network(fold_batch_norm(body.eval()), power, mean or trained_mean, std or trained_std)
    network.requires_grad_(False)
    return network.to(choose_device(device), memory_format=torch.channels_last)


def choose_device(device: str) -> torch.device:
    """Turn `auto`, `cpu` or `cuda` into a device that exists, or raise `InputError`."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device: cuda is asked for, but torch finds no GPU; choose `auto` or `cpu`")
    return torch.device(device)


def gem(features: Tensor, power: float) -> Tensor:
    """Generalised-mean pooling of feature maps (B, D, h, w) to (B, D).

    References
    ----------
    Radenovic, Tolias and Chum, "Fine-tuning CNN image retrieval with no human annotation", TPAMI (2018), eq. 3.
    """
    return features.clamp(min=1e-6).pow(power).mean(dim=(2, 3)).pow(1 / power)


def as_tensor(pixels: np.ndarray) -> Tensor:
    """Turn pixels, uint8 of shape (H, W, 3), into float32 values in [0, 1] of shape (3, H, W)."""
    return torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
