"""A thin ResNet-50, half as wide, with batch normalisation folded into its convolutions: Yahoo's open_nsfw.

References
----------
He et al., "Deep residual learning for image recognition", CVPR (2016).
"""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from cvpire.errors import InputError
from cvpire.networks.backbone import Backbone
from cvpire.networks.catalogue import ARCHITECTURES
from cvpire.networks.onnx_weights import SUFFIX, onnx_file, onnx_state
from cvpire.untrusted.checkpoints import load_state
from cvpire.untrusted.onnx_files import Weights

_BLOCKS = (3, 4, 6, 3)
"""Of each stage; the first stage works on 32 channels and gives 128, and each further one has twice as many."""


def load(architecture: str, weights: str) -> Backbone:
    """Make a body and load its weights.

    Parameters
    ----------
    architecture : str
        resnet50-thin.
    weights : str
        `package`, or the path of its ONNX file.

    Raises
    ------
    InputError
        Missing or corrupt file, one of another network, or none of ONNX.
    """
    if weights != "package" and Path(weights).suffix != SUFFIX:
        raise InputError(f"weights: {weights}: {architecture} is read from ONNX files only; set `weights: package`")
    path = onnx_file(architecture, weights)
    state = onnx_state(architecture, path, partial(_state, std=ARCHITECTURES[architecture].std))
    with torch.device("meta"):
        body = ThinResNet()
    body = body.to_empty(device="cpu")
    load_state(body, state, path, architecture)
    return Backbone(body, ARCHITECTURES[architecture].dimensions)


class ThinResNet(nn.Module):
    """Normalised photos (B, 3, H, W), of 3 pixels a side or more, to feature maps (B, 1024, h, w) of a 32nd of them."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        channels, blocks = 64, []
        for stage, count in enumerate(_BLOCKS):
            for number in range(count):
                stride = 2 if stage > 0 and number == 0 else 1
                blocks.append(_Bottleneck(channels, 32 * 2**stage, stride, projected=number == 0))
                channels = 128 * 2**stage
        self.blocks = nn.Sequential(*blocks)

    def forward(self, photos: Tensor) -> Tensor:
        """As Caffe's ResNet-50: 1 x 1 convolutions have the strides, and the pooling pads after the last pixel only."""
        return self.blocks(max_pool2d(relu(self.first(photos)), 3, stride=2, ceil_mode=True))


class _Bottleneck(nn.Module):
    def __init__(self, channels: int, width: int, stride: int, projected: bool) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, width, 1, stride)
        self.middle = nn.Conv2d(width, width, 3, padding=1)
        self.expand = nn.Conv2d(width, 4 * width, 1)
        self.shortcut = nn.Conv2d(channels, 4 * width, 1, stride) if projected else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        return relu(self.shortcut(maps) + self.expand(relu(self.middle(relu(self.reduce(maps))))))


def _state(stored: Weights, std: tuple[float, float, float]) -> dict[str, np.ndarray]:
    """Weights by the names in `ThinResNet`, the first for normalised photos.

    The file's network takes Caffe's photos: BGR in [0, 255], minus a mean. RGB minus that mean, divided by a standard
    deviation, is the same to weights in the other order, times that deviation of grey levels.
    """
    weight, bias = stored.by_output["bn_1/FusedBatchNormV3:0"]
    factors = 255 * np.array(std, np.float32)
    state = {"first.weight": weight[:, ::-1] * factors[:, None, None], "first.bias": bias}
    parts = {"reduce": "branch2a", "middle": "branch2b", "expand": "branch2c", "shortcut": "proj_shortcut"}
    blocks = [(stage, number) for stage, count in enumerate(_BLOCKS) for number in range(count)]
    for index, (stage, number) in enumerate(blocks):
        for part, name in parts.items():
            if part != "shortcut" or number == 0:
                weight, bias = stored.by_output[f"bn_stage{stage}_block{number}_{name}/FusedBatchNormV3:0"]
                state |= {f"blocks.{index}.{part}.weight": weight, f"blocks.{index}.{part}.bias": bias}
    return state
