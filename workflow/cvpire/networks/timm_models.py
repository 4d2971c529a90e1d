"""Any network of the package timm by its name there, as the image towers of DINOv2, CLIP and SigLIP, or convnets."""

from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from inspect import signature

from torch import Tensor, nn

from cvpire.errors import InputError, printable
from cvpire.networks.backbone import Backbone, checkpoint_of
from cvpire.networks.resizing import Fitted, to_size, to_whole_patches
from cvpire.untrusted.checkpoints import load_state


def load(architecture: str, weights: str, model: str) -> Backbone:
    """Make a network and load its weights; nothing is downloaded.

    The descriptor is what the network hands to its classifier: its features, pooled in its own way. Transformers get
    photos at their own size, made to whole patches, and interpolate their positions, where timm knows how; others of a
    fixed size get photos at that size, whatever their aspect ratio; and convolutional networks get them as they are.

    Parameters
    ----------
    architecture : str
        timm.
    weights : str
        Path of timm's state dict (model.safetensors or pytorch_model.bin), with or without the classifier.
    model : str
        timm's name of the network. A tag behind it, as in vit_small_patch14_dinov2.lvd142m, says which weights they
        are: the mean and the standard deviation that go with them are taken from it.

    Raises
    ------
    InputError
        No network of that name; missing, corrupt or unsafe checkpoint, or one of another network.
    """
    network = _without_classifier(model)
    described, kept = network.pretrained_cfg, network.state_dict().keys()
    names = described["classifier"] or ()
    classifier = tuple(f"{name}." for name in ([names] if isinstance(names, str) else names))
    state = checkpoint_of(architecture, weights).state
    state = {key: value for key, value in state.items() if key in kept or not key.startswith(classifier)}
    load_state(network, state, weights, f"timm's {model}")
    return Backbone(
        Fitted(network, _fit(network)),
        getattr(network, "head_hidden_size", None) or network.num_features,
        meta={"mean": described["mean"], "std": described["std"]},
        pool=nn.Identity(),
        in_order=False,
    )


def _without_classifier(model: str) -> nn.Module:
    import timm

    _check_name(model)
    make = partial(timm.create_model, model, pretrained=False, num_classes=0)
    network = make()
    return make(**{_TAKES_ANY_SIZE: True}) if _takes_any_size(network) else network


def _check_name(model: str) -> None:
    import timm
    from timm.models import get_pretrained_cfg

    try:
        # Names with a colon would be looked up elsewhere, on a hub too: none of them is a model's.
        known = timm.is_model(model) and get_pretrained_cfg(model, allow_unregistered=False) is not None
    except RuntimeError:  # an unknown tag
        known = False
    if not known:
        names = get_close_matches(model, timm.list_models() + timm.list_pretrained(), n=3, cutoff=0.5)
        hint = f"; nearest: {', '.join(names)}" if names else ""
        raise InputError(f"model: timm has no {printable(model, 80)}{hint}")


_TAKES_ANY_SIZE = "dynamic_img_size"
"""timm's option of those transformers that interpolate their positions."""


def _takes_any_size(network: nn.Module) -> bool:
    return _TAKES_ANY_SIZE in signature(type(network).__init__).parameters


def _fit(network: nn.Module) -> Callable[[Tensor], Tensor]:
    """What makes photos of any size to photos that a network takes."""
    if _takes_any_size(network):
        height, width = network.patch_embed.patch_size
        return partial(to_whole_patches, height=height, width=width, mode="bicubic")
    if network.pretrained_cfg.get("fixed_input_size"):
        _, height, width = network.pretrained_cfg["input_size"]
        return partial(to_size, height=height, width=width, mode="bicubic")
    return nn.Identity()
