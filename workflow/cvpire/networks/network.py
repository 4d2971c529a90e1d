"""A descriptor network: photo in, unit vector out."""

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize

from cvpire.errors import InputError
from cvpire.networks.backbone import Backbone
from cvpire.networks.catalogue import ARCHITECTURES, SMALLEST_SIDE
from cvpire.networks.device import choose_device
from cvpire.networks.folding import fold_batch_norm
from cvpire.networks.pooling import POOLINGS, make_pooling, power_mean, spoc, unit_length
from cvpire.networks.whitening import learned_whitening
from cvpire.untrusted.checkpoints import finite

if TYPE_CHECKING:
    from cvpire.config import NetworkOptions


class Network(nn.Module):
    """Convolutional body, pooling, whitening, unit length, at one or several scales; for inference and attacks.

    At each scale the pooled maps get unit length; then the layer, where there is one, and unit length again. The
    descriptors of several scales are combined to one, which gets unit length; last comes the learned whitening, where
    there is one, and unit length. All of it as in Radenovic's code, which adds 1e-6 to the lengths that it divides by,
    but for that of several scales combined.

    Parameters
    ----------
    body : nn.Module
        Normalised photos (B, 3, H, W) to feature maps (B, C, h, w).
    pool : callable
        Feature maps (B, C, h, w) to vectors (B, C); see `cvpire.networks.pooling`.
    mean, std : sequence of 3 floats
        Normalisation of values in [0, 1].
    layer, learned : nn.Linear, optional
        Whitening trained with the body, and learned after it.
    scales : sequence of floats
        Shares of the photo's size at which it is described.
    combine : callable
        Descriptors of S scales (B, C, S, 1) to one (B, C), as a pooling does.
    smallest_side : int
        Pixels a side that a photo needs, at its smallest scale.

    The body computes with the floating-point type of its weights; all that follows with float32.
    """

    def __init__(
        self,
        body: nn.Module,
        pool: Callable[[Tensor], Tensor],
        mean: Sequence[float],
        std: Sequence[float],
        *,
        layer: nn.Linear | None = None,
        learned: nn.Linear | None = None,
        scales: Sequence[float] = (1.0,),
        combine: Callable[[Tensor], Tensor] = spoc,
        smallest_side: int = SMALLEST_SIDE,
    ):
        super().__init__()
        self.body, self.pool, self.mean, self.std = body, pool, tuple(mean), tuple(std)
        self.layer, self.learned, self.scales, self.combine = layer, learned, tuple(scales), combine
        self.smallest_side = smallest_side

    def forward(self, normalised: Tensor) -> Tensor:
        """Describe normalised photos (B, 3, H, W) by unit vectors (B, D); `InputError` where they are too small."""
        height, width = normalised.shape[2:]
        smallest, needed = min(self.scales), self.smallest_side
        if int(min(height, width) * smallest) < needed:
            unit = "pixel" if needed == 1 else "pixels"
            scaled = "" if smallest == 1 else f" at scale {smallest:.4g}"
            raise InputError(
                f"a photo of {width} x {height} is too small: a network needs {needed} {unit} a side{scaled}"
            )
        descriptors = [self._at_one_scale(resized(normalised, scale)) for scale in self.scales]
        if len(descriptors) == 1:
            descriptor = descriptors[0]
        else:
            descriptor = normalize(self.combine(torch.stack(descriptors, dim=2)[..., None]), dim=1)
        return descriptor if self.learned is None else unit_length(self.learned(descriptor))

    def _at_one_scale(self, normalised: Tensor) -> Tensor:
        dtype = next((weights.dtype for weights in self.body.parameters()), normalised.dtype)
        features = self.body(normalised.to(dtype)).to(normalised.dtype)
        pooled = unit_length(self.pool(features))
        return pooled if self.layer is None else unit_length(self.layer(pooled))

    @torch.inference_mode()
    def describe(self, pixels: np.ndarray) -> np.ndarray:
        """Describe one photo, uint8 of shape (H, W, 3), by a float32 unit vector (D,)."""
        values = as_tensor(pixels[None], next(self.parameters()).device)
        mean, std = (values.new_tensor(v).view(3, 1, 1) for v in (self.mean, self.std))
        photo = ((values - mean) / std).contiguous(memory_format=torch.channels_last)
        return self(photo)[0].float().cpu().numpy()


def load_network(options: "NetworkOptions", device: Literal["auto", "cpu", "cuda"] = "auto") -> Network:
    """Load a network, ready to describe or to attack.

    What the checkpoint says about its network holds where the options say nothing. Options that say something hold,
    except where the checkpoint makes no sense with them: another architecture, or a whitening that was made for another
    pooling. Since `gem` is also the default of `pooling`, it counts as chosen for a checkpoint of another pooling only
    with a `gem_power`.

    As in Radenovic's code, descriptors of several scales are combined by the generalised mean with the same exponent
    where the pooling is GeM and no whitening layer follows, else by their mean; and a learned whitening comes after the
    layer, if the checkpoint has both, since it was learned there.

    Parameters
    ----------
    options : NetworkOptions
        Explained there. Whether a GPU rounds to tf32 is a setting of the process, so the `precision` of the last
        network loaded decides it.
    device : {"auto", "cpu", "cuda"}
        auto: CUDA where there is a GPU.

    Raises
    ------
    InputError
        Missing or unreadable weights, options that contradict the checkpoint or each other, a whitening that it lacks,
        no GPU where one is asked for.
    """
    known = ARCHITECTURES[options.architecture]
    weights = options.weights
    load = import_module(f"cvpire.networks.{known.module}").load
    backbone = load(options.architecture, weights, *([options.model] if known.by_model else []))
    _check_pooling(options, backbone)
    _check_layer(options, backbone)
    pool = backbone.pool or make_pooling(options.pooling, options.gem_power or backbone.power or 3.0)
    by_gem = backbone.pool is None and options.pooling == "gem"
    layer = backbone.layer if options.whitening != "none" else None
    if options.whitening == "layer" and layer is None:
        raise InputError(
            f"whitening: {weights} has no whitening layer; set `whitening: none`, or `learned` if it has Lw"
        )
    learned = None
    if options.whitening == "learned":
        dimensions = layer.out_features if layer else backbone.channels
        learned = learned_whitening(backbone.meta, len(options.scales) > 1, dimensions, weights)
    network = Network(
        fold_batch_norm(backbone.body.eval()) if backbone.in_order else backbone.body.eval(),
        pool,
        options.mean or _three(backbone, "mean", weights) or known.mean,
        options.std or _three(backbone, "std", weights) or known.std,
        layer=layer,
        learned=learned,
        scales=options.scales,
        combine=partial(power_mean, **pool.keywords) if by_gem and layer is None else spoc,
        smallest_side=known.smallest_side,
    )
    if options.precision == "bfloat16":
        network.body.to(torch.bfloat16)
    # torch rounds convolutions on a GPU to tf32 unless it is told not to.
    for part in (torch.backends.cudnn.conv, torch.backends.cuda.matmul):
        part.fp32_precision = "tf32" if options.precision == "tf32" else "ieee"
    network.requires_grad_(False)
    return network.to(choose_device(device), memory_format=torch.channels_last)


def _check_pooling(options: "NetworkOptions", backbone: Backbone) -> None:
    pooling, weights = options.pooling, options.weights
    if backbone.pool is not None:
        if pooling != "gem" or options.gem_power is not None:
            raise InputError(f"pooling: {options.architecture} pools by itself; leave out pooling and gem_power")
        return
    trained = backbone.meta.get("pooling") or pooling
    if pooling != "gem" and options.gem_power is not None:
        raise InputError(f"gem_power: {pooling} pooling has no exponent; leave gem_power out or set `pooling: gem`")
    if pooling == "gem" and options.gem_power is None and trained != pooling:
        remedy = f"set `pooling: {trained}`, or" if trained in POOLINGS else f"there is {', '.join(POOLINGS)};"
        raise InputError(
            f"pooling: {weights} was trained with {trained} pooling; {remedy} "
            "give `gem_power` to pool by the generalised mean all the same"
        )
    if pooling == "gem" and backbone.whole and not (backbone.power or options.gem_power):
        raise InputError(
            f"pooling: {weights} is a network trained for retrieval, but lacks the exponent of its pooling (pool.p); "
            "set `gem_power` to it"
        )
    if trained == pooling:
        return
    if options.whitening == "learned" or (backbone.layer is not None and options.whitening != "none"):
        raise InputError(
            f"whitening: that of {weights} was made for {trained} pooling; with `pooling: {pooling}` "
            "set `whitening: none`"
        )


def _check_layer(options: "NetworkOptions", backbone: Backbone) -> None:
    said, found = backbone.meta.get("whitening"), backbone.layer is not None
    if said is None or bool(said) == found or options.whitening in ("none", "layer"):
        return
    fault = (
        "holds a whitening layer, but says it has none" if found else "says it has a whitening layer, but holds none"
    )
    remedy = "set `whitening: layer` to use it, or" if found else "download it again, or"
    raise InputError(f"whitening: {options.weights} {fault} (meta.whitening); {remedy} set `whitening: none`")


def _three(backbone: Backbone, key: Literal["mean", "std"], weights: str) -> tuple[float, ...] | None:
    """Mean or standard deviation as the checkpoint has them."""
    if key not in backbone.meta:
        return None
    values = finite(backbone.meta[key], f"weights: {weights}: meta.{key}")
    if values.shape != (3,) or (key == "std" and values.min() <= 0):
        raise InputError(f"weights: {weights}: meta.{key} is {values.tolist()}, expected three numbers, std above 0")
    return tuple(values.tolist())


def resized(photos: Tensor, scale: float) -> Tensor:
    """Resize photos (B, 3, H, W) bilinearly to a share of their size, cut to whole pixels; 1 leaves them as they are.

    No low-pass filter comes before, and pixel centres lie at their place times the scale: as in Radenovic's code.
    """
    if scale == 1:
        return photos
    return interpolate(photos, scale_factor=scale, mode="bilinear", align_corners=False)


def as_tensor(pixels: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """Turn pixels, uint8 of shape (..., H, W, 3), into float32 values in [0, 1] of shape (..., 3, H, W)."""
    return torch.from_numpy(pixels).to(device).movedim(-1, -3).float() / 255
