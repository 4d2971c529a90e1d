"""AlexNet, VGG and ResNet as torchvision makes them, with its weights or those of GeM's authors."""

import torch
from torch import nn

from cvpire.errors import InputError, printable
from cvpire.networks.backbone import Backbone, Checkpoint, channels, checkpoint_of, exponent
from cvpire.networks.whitening import affine
from cvpire.untrusted.checkpoints import load_state


def load(architecture: str, weights: str) -> Backbone:
    """Make a body and load its weights.

    Parameters
    ----------
    architecture : str
        Torchvision's name of it.
    weights : str
        Path of a checkpoint: torchvision's state dict, by itself or as `state_dict` of what training leaves, or one by
        GeM's authors, {"meta": ..., "state_dict": {"features.*", "pool.p", and in some "whiten.*"}}.

    Raises
    ------
    InputError
        Missing, corrupt or unsafe checkpoint, or one of another architecture.
    """
    checkpoint = checkpoint_of(architecture, weights)
    parts = {name.partition(".")[0] for name in checkpoint.state}
    if checkpoint.meta or ("features" in parts and "classifier" not in parts):
        return _gem(architecture, checkpoint, weights)
    network = torchvision_network(architecture).to_empty(device="cpu")
    load_state(network, checkpoint.state, weights, architecture)
    body = convolutions(network)
    return Backbone(body, channels(body))


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


def _gem(architecture: str, checkpoint: Checkpoint, path: str) -> Backbone:
    state, meta = dict(checkpoint.state), checkpoint.meta
    power = exponent(state, "pool.p", path)
    features, layer, unknown = {}, {}, []
    for key, value in state.items():
        part, _, rest = key.partition(".")
        if part == "features":
            features[rest] = value
        elif part == "whiten":
            layer[rest] = value
        else:
            unknown.append(printable(key, 80))
    unknown += [f"meta.{key}: True" for key in ("local_whitening", "regional") if meta.get(key)]
    if unknown:
        raise InputError(
            f"weights: {path}: holds {', '.join(unknown[:3])}; only features, pool.p and a last whitening layer "
            "are supported, no local or regional whitening"
        )
    body = convolutions(torchvision_network(architecture)).to_empty(device="cpu")
    load_state(body, features, path, architecture)
    width = channels(body)
    whitening = affine(layer, width, path) if layer else None
    dimensions = whitening.out_features if whitening else width
    if meta.get("outputdim", dimensions) != dimensions:
        raise InputError(
            f"weights: {path}: meta.outputdim is {meta['outputdim']!r}, but the network gives {dimensions}"
        )
    return Backbone(body, width, power, whitening, meta, whole=True)
