"""A convolutional body and what its checkpoint says about the rest of its network: what every family gives."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import nn

from cvpire.errors import InputError
from cvpire.untrusted.checkpoints import read_checkpoint


class Backbone(NamedTuple):
    """A convolutional body and what its checkpoint says about the rest of the network."""

    body: nn.Module
    """Normalised photos (B, 3, H, W) to feature maps (B, D, h, w), not negative."""
    channels: int
    """D."""
    power: float | None = None
    """Trained exponent of GeM pooling."""
    layer: nn.Linear | None = None
    """Trained whitening layer."""
    meta: Mapping[str, Any] = {}
    """GeM's description of the network: architecture, pooling, mean, std, outputdim, Lw."""


def checkpoint_of(architecture: str, path: str) -> Mapping[str, Any]:
    """Read a checkpoint; `InputError` where it is missing, corrupt, unsafe, or says that it is of another network."""
    checkpoint = read_checkpoint(path)
    made_for = checkpoint.get("meta", {}).get("architecture") or architecture
    if made_for != architecture:
        raise InputError(
            f"weights: {path}: not the weights of {architecture}, but of {made_for}; set `architecture: {made_for}`"
        )
    return checkpoint


def channels(body: nn.Module) -> int:
    """Channels of a body's last convolution."""
    return [module for module in body.modules() if isinstance(module, nn.Conv2d)][-1].out_channels
