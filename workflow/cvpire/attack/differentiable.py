"""Transformations that an attack samples, with slopes: what `cvpire.transformations` does to files, on a device.

Each takes pixels (B, 3, H, W) in [0, 1], a value of the same meaning as in evaluation, and a generator for what it
draws itself; it gives pixels (B, 3, H', W'). Codecs are the real ones, with the slope of doing nothing. Between two
steps values are not rounded to whole grey levels, as evaluation rounds them.
"""

import torch
from torch import Generator, Tensor
from torch.nn.functional import affine_grid, conv2d, grid_sample, interpolate

from cvpire.attack.renderings import clipped, decoded, straight_through
from cvpire.colour import LUMA
from cvpire.transformations.codecs import again

WHOLE = {"jpeg", "webp"}
"""Kinds whose values are whole numbers."""


def crop(pixels: Tensor, share: float, generator: Generator) -> Tensor:
    """Cut a share of both sides away, wherever it is drawn that the rest lies; evaluation keeps the centre."""
    height, width = pixels.shape[2:]
    kept = [max(1, round(side * (1 - share))) for side in (height, width)]
    place = torch.rand(2, generator=generator, dtype=torch.float64).tolist()
    top, left = (int(p * (side - k + 1)) for p, side, k in zip(place, (height, width), kept, strict=True))
    return pixels[:, :, top : top + kept[0], left : left + kept[1]]


def resize(pixels: Tensor, share: float, generator: Generator) -> Tensor:
    """Scale both sides by a share, by cubic interpolation without aliasing; evaluation uses Lanczos's filter."""
    height, width = (max(1, round(side * share)) for side in pixels.shape[2:])
    return clipped(interpolate(pixels, (height, width), mode="bicubic", antialias=True))


def rotation(pixels: Tensor, degrees: float, generator: Generator) -> Tensor:
    """Turn about the centre, anticlockwise, bilinearly; corners that are laid bare mirror the photo."""
    height, width = pixels.shape[2:]
    angle = torch.tensor(degrees * torch.pi / 180, dtype=pixels.dtype)
    cos, sin = angle.cos(), angle.sin()
    # In affine_grid's coordinates both sides go from -1 to 1, and y points down.
    turn = torch.stack(
        [torch.stack([cos, -sin * height / width, cos * 0]), torch.stack([sin * width / height, cos, cos * 0])]
    ).to(pixels)
    grid = affine_grid(turn.expand(len(pixels), 2, 3), list(pixels.shape), align_corners=False)
    return grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)


def blur(pixels: Tensor, sigma: float, generator: Generator) -> Tensor:
    """Convolve with a Gaussian of `sigma` pixels, cut at four of them; the edges are mirrored."""
    radius = int(4 * sigma + 0.5)
    places = torch.arange(-radius, radius + 1, dtype=pixels.dtype, device=pixels.device)
    kernel = torch.exp(-(places**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(3, 1, 1, -1)
    for sides, weights in (((radius, radius, 0, 0), kernel), ((0, 0, radius, radius), kernel.transpose(2, 3))):
        pixels = conv2d(_mirrored(pixels, sides), weights, groups=3)
    return pixels


def jpeg(pixels: Tensor, quality: float, generator: Generator) -> Tensor:
    """Save as JPEG 4:2:0 and read again."""
    return _coded(pixels, "JPEG", quality=int(quality), subsampling="4:2:0")


def webp(pixels: Tensor, quality: float, generator: Generator) -> Tensor:
    """Save as lossy WebP and read again."""
    return _coded(pixels, "WEBP", quality=int(quality))


def noise(pixels: Tensor, deviation: float, generator: Generator) -> Tensor:
    """Add Gaussian noise of a standard deviation in grey levels, the same to each photo of a batch."""
    drawn = torch.randn(pixels.shape[1:], generator=generator).to(pixels)
    return clipped(pixels + deviation / 255 * drawn)


def brightness(pixels: Tensor, factor: float, generator: Generator) -> Tensor:
    """Multiply by a factor."""
    return clipped(pixels * factor)


def contrast(pixels: Tensor, factor: float, generator: Generator) -> Tensor:
    """Multiply how far values are from the photo's mean grey by a factor."""
    weights = pixels.new_tensor(LUMA).view(3, 1, 1)
    mean = (pixels * weights).sum(dim=1, keepdim=True).mean(dim=(2, 3), keepdim=True)
    return clipped(mean + factor * (pixels - mean))


def gamma(pixels: Tensor, exponent: float, generator: Generator) -> Tensor:
    """Raise to an exponent; below one grey level, where slopes have no end, with the slope of one."""
    lightened = straight_through(pixels, pixels.clamp(min=1 / 255))
    return straight_through(lightened**exponent, pixels.clamp(min=0) ** exponent)


def _coded(pixels: Tensor, format: str, **options: int | str) -> Tensor:
    levels = (pixels.detach() * 255).round().clamp(0, 255).byte().movedim(1, -1).cpu().numpy()
    return straight_through(pixels, decoded([again(photo, format, **options) for photo in levels], pixels))


def _mirrored(pixels: Tensor, sides: tuple[int, int, int, int]) -> Tensor:
    """Pad with the mirrored photo, the edge itself twice, as SciPy's `reflect`."""
    height, width = pixels.shape[2:]
    left, right, top, bottom = sides
    columns = _reflected(width, left, right, pixels.device)
    rows = _reflected(height, top, bottom, pixels.device)
    return pixels[:, :, rows][:, :, :, columns]


def _reflected(length: int, before: int, after: int, device: torch.device) -> Tensor:
    places = torch.arange(-before, length + after, device=device) % (2 * length)
    return torch.where(places < length, places, 2 * length - 1 - places)
