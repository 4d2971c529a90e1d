"""A convolutional body and what its checkpoint says about the rest of its network: what every family gives."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn

from cvpire.errors import InputError, printable
from cvpire.networks.catalogue import ARCHITECTURES
from cvpire.untrusted.checkpoints import finite, read_checkpoint

_WRAPPERS = {"module", "_orig_mod"}
"""Parts of weights' names that torch adds for several GPUs (DataParallel) and for compiled networks."""


class Backbone(NamedTuple):
    """The body of a network and what its checkpoint says about the rest of it."""

    body: nn.Module
    """Normalised photos (B, 3, H, W) to feature maps (B, D, h, w), not negative; or to whatever `pool` takes."""
    channels: int
    """D."""
    power: float | None = None
    """Trained exponent of GeM pooling."""
    layer: nn.Linear | None = None
    """Trained whitening layer."""
    meta: Mapping[str, Any] = {}
    """GeM's description of the network: architecture, pooling, whitening, mean, std, outputdim, Lw."""
    pool: Callable[[Tensor], Tensor] | None = None
    """The network's own way from what the body gives to vectors (B, D), as transformers have one, and networks for the
    recognition of places; None: the pooling that the options name."""
    whole: bool = False
    """Whether it comes from a network that was trained for retrieval, pooling included, and not from a classifier."""
    in_order: bool = True
    """Whether the body defines its modules in the order in which they run, so that batch normalisation can be folded
    into the convolutions before it."""


class Checkpoint(NamedTuple):
    """Weights by name, and GeM's description of their network, which may be empty."""

    state: dict[str, Any]
    meta: Mapping[str, Any]


def checkpoint_of(architecture: str, path: str) -> Checkpoint:
    """Read a checkpoint: a state dict, or one under `state_dict`, as training leaves it, with or without `meta`.

    Raises
    ------
    InputError
        None is given, or it is missing, corrupt, unsafe, or says that it is of another network.
    """
    if path == "package":
        raise InputError(
            f"weights: {architecture} has no weights in a package; set `weights` to a checkpoint file "
            "(config/downloads.yaml names some that are published)"
        )
    checkpoint = read_checkpoint(path)
    meta = checkpoint.get("meta", {})
    made_for = meta.get("architecture") or architecture
    if made_for != architecture:
        known = f"set `architecture: {made_for}`"
        if made_for not in ARCHITECTURES:
            known = f"there is no such architecture here, but {', '.join(ARCHITECTURES)}"
        raise InputError(f"weights: {path}: not the weights of {architecture}, but of {made_for}; {known}")
    state: dict[str, Any] = {}
    for key, value in checkpoint.get("state_dict", checkpoint).items():
        name = ".".join(part for part in str(key).split(".") if part not in _WRAPPERS)
        if name in state:
            raise InputError(f"weights: {path}: holds {printable(name, 80)} twice, once as {printable(str(key), 80)}")
        state[name] = value
    return Checkpoint(state, meta)


def exponent(state: dict[str, Any], key: str, path: str) -> float | None:
    """Take the trained exponent of GeM pooling out of a checkpoint's weights; None: it has none."""
    if key not in state:
        return None
    power = finite(state.pop(key), f"weights: {path}: {key}")
    if power.numel() != 1 or power <= 0:
        raise InputError(f"weights: {path}: {key} is not one positive number, but {power.numel()} values")
    return power.item()


def channels(body: nn.Module) -> int:
    """Channels of a body's last convolution."""
    return [module for module in body.modules() if isinstance(module, nn.Conv2d)][-1].out_channels
