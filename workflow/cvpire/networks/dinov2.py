"""DINOv2: a vision transformer, whose class token describes a photo.

References
----------
Oquab et al., "DINOv2: Learning robust visual features without supervision", TMLR (2024).
Darcet et al., "Vision transformers need registers", ICLR (2024).
"""

from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, scaled_dot_product_attention

from cvpire.errors import InputError
from cvpire.networks.backbone import Backbone, checkpoint_of
from cvpire.networks.catalogue import ARCHITECTURES
from cvpire.networks.onnx_weights import SUFFIX, onnx_file, onnx_state
from cvpire.networks.resizing import to_size
from cvpire.untrusted.checkpoints import load_state
from cvpire.untrusted.onnx_files import Weights

PATCH = 14
"""Pixels a side of a patch."""

LONGEST = 18
"""Patches along the longer side of a photo: about what the weights in the package were tuned with (16 x 16). With more,
those find less: the 55 Oxford queries of 1024 pixels as a database, centred, give mAP 75.9 with 18, 73.9 with 24, 67.6
with 37."""

_GRID = 37
"""Patches a side of the photos that the positions were trained for."""

_REGISTERS = 4
"""Tokens that the published networks with registers have besides."""

_SIZES = {"dinov2-vits14": (384, 12, 6), "dinov2-vitb14": (768, 12, 12), "dinov2-vitl14": (1024, 24, 16)}
"""Width, blocks and heads."""


def load(architecture: str, weights: str) -> Backbone:
    """Make a transformer that gives tokens of a photo of any size, and load its weights.

    Parameters
    ----------
    architecture : str
        dinov2-vits14, dinov2-vitb14 or dinov2-vitl14.
    weights : str
        Path of a state dict as published for DINOv2, with or without registers: the class token after the last block
        and the last norm. For dinov2-vits14 also `package`, or the path of that ONNX file, whose weights were tuned for
        saliency. That spoiled the last block, so the class token is taken before it, without a norm.

    Returns
    -------
    Backbone
        Its body brings photos to whole patches at their own aspect ratio (`WholePatches`).

    Raises
    ------
    InputError
        Missing, corrupt or unsafe file, or one of another network; no such package.
    """
    width, depth, heads = _SIZES[architecture]
    if weights == "package" and ARCHITECTURES[architecture].package is None:
        raise InputError(
            f"weights: {architecture} has no weights in a package; set `weights` to a checkpoint file "
            f"({architecture.replace('-', '_')}_pretrain.pth)"
        )
    if weights == "package" or Path(weights).suffix == SUFFIX:
        path = onnx_file(architecture, weights)
        state = onnx_state(architecture, path, lambda stored: _published_names(stored, depth - 1))
        network = transformer(width, depth - 1, heads, final_norm=False, offset=0)
    else:
        path = weights
        state = {name: value for name, value in checkpoint_of(architecture, path).state.items() if name != "mask_token"}
        network = transformer(width, depth, heads, _REGISTERS * ("register_tokens" in state))
    load_state(network, state, path, architecture)
    return Backbone(nn.Sequential(WholePatches(LONGEST), network), width, pool=class_token)


def transformer(
    width: int, depth: int, heads: int, registers: int = 0, *, final_norm: bool = True, offset: float = 0.1
) -> "VisionTransformer":
    """Make a `VisionTransformer` whose weights are not set yet, for `load_state`."""
    with torch.device("meta"):
        network = VisionTransformer(width, depth, heads, registers, final_norm=final_norm, offset=offset)
    return network.to_empty(device="cpu")


def class_token(tokens: Tensor) -> Tensor:
    """Of tokens (B, 1 + N, D) the first, (B, D)."""
    return tokens[:, 0]


class WholePatches(nn.Module):
    """Resize photos (B, 3, H, W) to whole patches: the nearest number in each direction, at least one.

    The aspect ratio stays but for that rounding, and photos of more than `longest` patches become as small as that. By
    bicubic interpolation with a low-pass filter, as DINOv2 was evaluated, which has a slope.
    """

    def __init__(self, longest: int):
        super().__init__()
        self.longest = longest

    def forward(self, photos: Tensor) -> Tensor:
        """Photos (B, 3, 14 h, 14 w), where h and w are at most `longest`."""
        height, width = photos.shape[2:]
        share = min(1, self.longest * PATCH / max(height, width))
        size = [PATCH * max(1, round(share * side / PATCH)) for side in (height, width)]
        return to_size(photos, *size, "bicubic")


class VisionTransformer(nn.Module):
    """Patches of photos to tokens, by blocks of attention; its weights have the names of the published ones.

    Parameters
    ----------
    width, depth, heads : int
        Numbers of a token, blocks, and heads of each. Fewer blocks than were trained give the tokens in between.
    registers : int
        Tokens that belong to no patch, besides the class token.
    final_norm : bool
        Whether a norm follows the last block.
    offset : float
        What is added to the number of patches when positions are interpolated: 0.1 in DINOv2's code, as long as there
        are no registers; 0 in exports.
    """

    def __init__(
        self, width: int, depth: int, heads: int, registers: int = 0, *, final_norm: bool = True, offset: float = 0.1
    ):
        super().__init__()
        self.offset = offset
        self.patch_embed = nn.Sequential(OrderedDict(proj=nn.Conv2d(3, width, PATCH, PATCH)))
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + _GRID**2, width))
        self.register_tokens = nn.Parameter(torch.zeros(1, registers, width)) if registers else None
        self.blocks = nn.Sequential(*(_Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6) if final_norm else nn.Identity()

    def forward(self, photos: Tensor) -> Tensor:
        """Tokens (B, 1 + h w, D) of photos (B, 3, 14 h, 14 w): the class token, then the patches row by row."""
        patches = self.patch_embed(photos)
        count, _, rows, columns = patches.shape
        tokens = torch.cat([self.cls_token.expand(count, -1, -1), patches.flatten(2).mT], dim=1)
        tokens = tokens + self._positions(rows, columns)
        if self.register_tokens is not None:
            tokens = torch.cat([tokens, self.register_tokens.expand(count, -1, -1)], dim=1)
        return self.norm(self.blocks(tokens))[:, : 1 + rows * columns]

    def _positions(self, rows: int, columns: int) -> Tensor:
        """Positions (1, 1 + h w, D), bicubically interpolated as in DINOv2's code."""
        if rows == columns == _GRID:
            return self.pos_embed
        grid = self.pos_embed[:, 1:].mT.unflatten(2, (_GRID, _GRID)).float()
        if self.register_tokens is not None:
            grid = interpolate(grid, (rows, columns), mode="bicubic", antialias=True)
        elif self.offset:
            scale = [(number + self.offset) / _GRID for number in (rows, columns)]
            grid = interpolate(grid, scale_factor=scale, mode="bicubic")
        else:
            grid = interpolate(grid, (rows, columns), mode="bicubic")
        return torch.cat([self.pos_embed[:, :1], grid.flatten(2).mT.to(self.pos_embed.dtype)], dim=1)


class _Block(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(width, eps=1e-6) for _ in range(2))
        self.attn = _Attention(width, heads)
        self.ls1, self.ls2 = _Scale(width), _Scale(width)
        layers = OrderedDict(fc1=nn.Linear(width, 4 * width), gelu=nn.GELU(), fc2=nn.Linear(4 * width, width))
        self.mlp = nn.Sequential(layers)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        return tokens + self.ls2(self.mlp(self.norm2(tokens)))


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        queries, keys, values = self.qkv(tokens).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.proj(scaled_dot_product_attention(queries, keys, values).transpose(1, 2).flatten(2))


class _Scale(nn.Module):
    """LayerScale: a factor for each number of a token."""

    def __init__(self, width: int):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens * self.gamma


def _published_names(stored: Weights, depth: int) -> dict[str, np.ndarray]:
    """Weights up to a block by their published names, from an export of the transformers library's module."""
    embeddings = "/backbone/embeddings"
    (first,), (others,) = (stored.by_output[f"{embeddings}/{node}_output_0"] for node in ("Concat_6", "Reshape_1"))
    projection = "backbone.embeddings.patch_embeddings.projection"
    return {
        "cls_token": stored.by_name["backbone.embeddings.cls_token"],
        "pos_embed": np.concatenate([first, others], axis=1),
        "patch_embed.proj.weight": stored.by_name[f"{projection}.weight"],
        "patch_embed.proj.bias": stored.by_name[f"{projection}.bias"],
    } | {
        f"blocks.{number}.{name}": values
        for number in range(depth)
        for name, values in _block_names(stored, number).items()
    }


def _block_names(stored: Weights, number: int) -> dict[str, np.ndarray]:
    def named(name: str) -> np.ndarray:
        return stored.by_name[f"backbone.encoder.layer.{number}.{name}"]

    def dense(layer: str) -> dict[str, np.ndarray]:
        # The exporter transposed the weights, which are constants of MatMul nodes.
        node = f"/backbone/encoder/layer.{number}/{layer.replace('.', '/')}/MatMul_output_0"
        return {"weight": stored.by_output[node][0].T, "bias": named(f"{layer}.bias")}

    three = [dense(f"attention.attention.{part}") for part in ("query", "key", "value")]
    layers = {
        "attn.qkv": {key: np.concatenate([part[key] for part in three]) for key in ("weight", "bias")},
        "attn.proj": dense("attention.output.dense"),
        "mlp.fc1": dense("mlp.fc1"),
        "mlp.fc2": dense("mlp.fc2"),
    }
    for half in (1, 2):
        layers[f"norm{half}"] = {key: named(f"norm{half}.{key}") for key in ("weight", "bias")}
        layers[f"ls{half}"] = {"gamma": named(f"layer_scale{half}.lambda1")}
    return {f"{layer}.{key}": values for layer, arrays in layers.items() for key, values in arrays.items()}
