"""Networks for the recognition of places, as their authors publish them: CosPlace, EigenPlaces, MixVPR, SALAD, MegaLoc.

Sizes are not options: the checkpoint's weights say them.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn

from cvpire.errors import InputError, printable, shown
from cvpire.networks.aggregation import MixVpr, NormalisedGem, Salad
from cvpire.networks.backbone import Backbone, channels, checkpoint_of, exponent
from cvpire.networks.convolutional import convolutions, torchvision_network
from cvpire.networks.dinov2 import PATCH, VisionTransformer
from cvpire.networks.resizing import Fitted, to_size, to_whole_patches
from cvpire.networks.whitening import affine
from cvpire.untrusted.checkpoints import load_state, owns_its_numbers

_State = Mapping[str, Any]

_RESNETS = ("resnet18", "resnet50", "resnet101", "resnet152")
_HEAD = 64
"""Channels of each of DINOv2's heads."""


def load(architecture: str, weights: str) -> Backbone:
    """Make a network of the size that its checkpoint has, and load its weights.

    Parameters
    ----------
    architecture : str
        cosplace, eigenplaces, mixvpr, salad or megaloc.
    weights : str
        Path of the authors' state dict, {"backbone.*", "aggregation.*" or "aggregator.*"}.

    Raises
    ------
    InputError
        Missing, corrupt or unsafe checkpoint, or one of another network.
    """
    state = checkpoint_of(architecture, weights).state
    if not owns_its_numbers(state):
        raise _unlike("several share their numbers", weights, architecture)
    return _FAMILIES[architecture](state, weights, architecture)


def _cosplace(state: _State, path: str, name: str) -> Backbone:
    body, head = _parts(state, ("backbone", "aggregation"), path, name)
    power = exponent(head, "1.p", path)
    if power is None:
        raise _unlike("no aggregation.1.p", path, name)
    body = _torchvision_body(body, _without_pooling, (*_RESNETS, "vgg16"), path, name)
    # `weight` and `bias` of the linear layer; `affine` refuses what is there beside them.
    layer = affine({key.removeprefix("3."): value for key, value in head.items()}, channels(body), path)
    return Backbone(body, layer.out_features, pool=NormalisedGem(power, layer), whole=True)


def _without_pooling(name: str) -> nn.Sequential:
    """Torchvision's convolutions, VGG's without their last ReLU, numbered as the authors do."""
    body = convolutions(torchvision_network(name))
    return body[:-1] if name == "vgg16" else body


def _mixvpr(state: _State, path: str, name: str) -> Backbone:
    body, head = _parts(state, ("backbone", "aggregator"), path, name)
    (body,) = _parts(body, ("model",), path, name)
    network = _torchvision_body(body, _up_to_stride_16, _RESNETS, path, name)
    rows, places = _shape(head, "row_proj.weight", 2, path, name)
    out_channels, _ = _shape(head, "channel_proj.weight", 2, path, name)
    hidden, _ = _shape(head, "mix.0.mix.1.weight", 2, path, name)
    with torch.device("meta"):
        pool = MixVpr(
            channels(network), places, hidden, _count(head, "mix"), out_channels, rows, row_bias="row_proj.bias" in head
        )
    pool = _filled(pool, head, path, name)
    side = _square(places, path, name)
    layers = nn.Sequential(*(layer for layer in network.children() if not isinstance(layer, nn.Identity)))
    body = Fitted(layers, partial(to_size, height=16 * side, width=16 * side, mode="bicubic"))
    return Backbone(body, out_channels * rows, pool=pool, whole=True)


def _up_to_stride_16(name: str) -> nn.Module:
    """Torchvision's ResNet without its last block, pooling and classifier."""
    network = torchvision_network(name)
    network.layer4 = network.avgpool = network.fc = nn.Identity()
    return network


def _salad(state: _State, path: str, name: str) -> Backbone:
    body, head = _parts(state, ("backbone", "aggregator"), path, name)
    body, width = _dinov2(body, path, name)
    pool = _salad_aggregator(head, width, path, name)
    return Backbone(body, pool.dimensions, pool=pool, whole=True)


def _megaloc(state: _State, path: str, name: str) -> Backbone:
    body, head = _parts(state, ("backbone", "aggregator"), path, name)
    body, width = _dinov2(body, path, name)
    aggregator, linear = _parts(head, ("agg", "linear"), path, name)
    salad = _salad_aggregator(aggregator, width, path, name)
    dimensions, _ = _shape(linear, "weight", 2, path, name)
    with torch.device("meta"):
        layer = nn.Linear(salad.dimensions, dimensions)
    pool = nn.Sequential(salad, _filled(layer, linear, path, name))
    return Backbone(body, dimensions, pool=pool, whole=True)


def _salad_aggregator(state: _State, width: int, path: str, name: str) -> Salad:
    ends = ("score.0", "score.3", "cluster_features.3")
    hidden, clusters, cluster_channels = (_shape(state, f"{end}.weight", 4, path, name)[0] for end in ends)
    token_channels, _ = _shape(state, "token_features.2.weight", 2, path, name)
    with torch.device("meta"):
        salad = Salad(width, hidden, clusters, cluster_channels, token_channels)
    return _filled(salad, state, path, name)


def _dinov2(state: _State, path: str, name: str) -> tuple[nn.Module, int]:
    """Body that gives DINOv2's tokens, and their channels."""
    # MegaLoc's second release has neither `model` in its names nor the token that only training needs.
    state = {key.removeprefix("model."): value for key, value in state.items()}
    state.pop("mask_token", None)
    *_, width = _shape(state, "pos_embed", 3, path, name)
    if width % _HEAD:
        raise _unlike(f"{width} channels are no heads of {_HEAD}", path, name)
    with torch.device("meta"):
        network = VisionTransformer(width, _count(state, "blocks"), width // _HEAD)
    body = _filled(network, state, path, name)
    return Fitted(body, partial(to_whole_patches, height=PATCH, width=PATCH)), width


_FAMILIES: dict[str, Callable[[_State, str, str], Backbone]] = {
    "cosplace": _cosplace,
    "eigenplaces": _cosplace,
    "mixvpr": _mixvpr,
    "salad": _salad,
    "megaloc": _megaloc,
}


def _parts(state: _State, parts: Iterable[str], path: str, name: str) -> list[dict[str, Any]]:
    """Weights by the first part of their names, which are to be these and no others."""
    found: dict[str, dict[str, Any]] = {part: {} for part in parts}
    for key, value in state.items():
        part, _, rest = key.partition(".")
        if part not in found:
            raise _unlike(f"holds {printable(key, 80)}", path, name)
        found[part][rest] = value
    if lacking := [part for part, weights in found.items() if not weights]:
        raise _unlike(f"no {lacking[0]}.*", path, name)
    return list(found.values())


def _count(state: _State, part: str) -> int:
    """How many layers of a name a checkpoint numbers."""
    return len({key.split(".")[1] for key in state if key.startswith(f"{part}.")})


def _shape(state: _State, key: str, dimensions: int, path: str, name: str) -> torch.Size:
    """Shape of a weight from which the size of a network is read."""
    weight = state.get(key)
    if not isinstance(weight, Tensor) or weight.ndim != dimensions or not weight.numel():
        found = f"shape {tuple(weight.shape)}" if isinstance(weight, Tensor) else shown(weight)
        raise _unlike(f"{key}: expected {dimensions} dimensions, found {found}", path, name)
    return weight.shape


def _square(places: int, path: str, name: str) -> int:
    """Side of a square grid."""
    if places < 1 or (side := math.isqrt(places)) ** 2 != places:
        raise _unlike(f"{places} places are no square", path, name)
    return side


def _torchvision_body(state: _State, make: Callable[[str], Any], names: Iterable[str], path: str, name: str) -> Any:
    """The one of torchvision's bodies whose weights have the most names in common with these."""
    nearest = min(names, key=lambda each: len(_names(make, each) ^ state.keys()))
    return _filled(make(nearest), state, path, f"{name} on {nearest}")


@cache
def _names(make: Callable[[str], nn.Module], name: str) -> frozenset[str]:
    return frozenset(make(name).state_dict())


def _filled(module: Any, state: _State, path: str, name: str) -> Any:
    """Give a module memory and weights; not before their shapes agree, for a checkpoint may ask for any size."""
    for key, own in module.state_dict().items():
        if getattr(state.get(key), "shape", None) != own.shape:
            found = tuple(state[key].shape) if isinstance(state.get(key), Tensor) else shown(state.get(key))
            raise _unlike(f"{key}: expected shape {tuple(own.shape)}, found {found}", path, name)
    module = module.to_empty(device="cpu")
    load_state(module, state, path, name)
    return module


def _unlike(fault: str, path: str, name: str) -> InputError:
    return InputError(f"weights: {path}: not the weights of {name} ({fault})")
