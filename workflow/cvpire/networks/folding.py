"""Fold batch normalisation into the convolutions before it: the same function of the input in fewer operations."""

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norm(module: nn.Module) -> nn.Module:
    """Fold every batch normalisation that stands right after a convolution, in place.

    Parameters
    ----------
    module : nn.Module
        In evaluation mode; its submodules must be defined in the order in which they run, as in torchvision's ResNet
        and VGG and in EfficientNet-Lite.

    Returns
    -------
    nn.Module
        The same module. Its outputs differ from before by rounding only, its weights by one rounding each.
    """
    previous_name, previous = None, None
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d) and isinstance(previous, nn.Conv2d):
            # In float64: float32 would round each factor, and an attack amplifies what that changes.
            dtype = previous.weight.dtype
            setattr(module, previous_name, fuse_conv_bn_eval(previous.double(), child.double()).to(dtype))
            setattr(module, name, nn.Identity())
        fold_batch_norm(child)
        previous_name, previous = name, child
    return module
