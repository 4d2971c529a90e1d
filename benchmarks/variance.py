"""The variance map against whole-array scikit-image calls, Algorithm 1 pixel by pixel, and a GPU's memory."""

import math
import os
from collections.abc import Callable

import numpy as np
import skimage.color
import skimage.data
from cvpire.config import VarianceOptions
from cvpire.variance.colour import colour_variance, gaussian
from cvpire.variance.maps import variance_map

from benchmarks.timing import Line, compare, in_turn

KERNEL_SIZE, SIGMA = 5, 1.0
OPTIONS = VarianceOptions(kernel_size=KERNEL_SIZE, sigma=SIGMA)
REACH = KERNEL_SIZE // 2
NEIGHBOURS = [(x, y) for y in range(-REACH, REACH + 1) for x in range(-REACH, REACH + 1) if (x, y) != (0, 0)]


def lines(width: int = 1024, height: int = 768, rounds: int = 5) -> list[Line]:
    """Compare the colour variance map of a photo with the same algorithm written otherwise."""
    photo = example_photo(width, height)
    crop = photo[:12, :12]
    cores = os.cpu_count() or 1
    seconds = in_turn(
        {
            "one thread": lambda: variance_map(photo, OPTIONS, threads=1),
            "all threads": lambda: variance_map(photo, OPTIONS, threads=cores),
            "whole arrays": lambda: whole_array(photo),
            "pixel by pixel": lambda: pixel_by_pixel(crop),
            **gpu_runs(photo),
        },
        rounds,
    )
    # The crop has more border, and thus fewer neighbours a pixel.
    share = pairs(*crop.shape[:2]) / pairs(height, width)
    seconds["pixel by pixel"] = [value / share for value in seconds["pixel by pixel"]]
    name = f"variance map, {width} x {height}, n = {KERNEL_SIZE}"
    found = [
        compare(
            f"{name}, {cores} threads",
            "in scikit-image calls",
            seconds["all threads"],
            seconds["whole arrays"],
            ">= 30",
        ),
        compare(f"{name}, 1 thread", "pixel by pixel", seconds["one thread"], seconds["pixel by pixel"], ">= 10000"),
    ]
    if "gpu" in seconds:
        found.append(compare(name, "copy of its bytes", seconds["gpu"], seconds["gpu copy"], device="GPU"))
    return found


def example_photo(width: int, height: int) -> np.ndarray:
    """A photo that comes with scikit-image, mirrored to the size asked for: uint8 (height, width, 3)."""
    photo = skimage.data.astronaut()
    padding = [(0, max(0, height - photo.shape[0])), (0, max(0, width - photo.shape[1])), (0, 0)]
    return np.ascontiguousarray(np.pad(photo, padding, mode="reflect")[:height, :width])


def whole_array(photo: np.ndarray) -> np.ndarray:
    """Algorithm 1 in scikit-image calls on whole arrays, one a neighbour."""
    height, width = photo.shape[:2]
    lab = skimage.color.rgb2lab(photo)
    total = np.zeros((height, width))
    count = np.ones((height, width))
    for x, y in NEIGHBOURS:
        here = slice(max(0, -y), height - max(0, y)), slice(max(0, -x), width - max(0, x))
        there = slice(max(0, y), height + min(0, y)), slice(max(0, x), width + min(0, x))
        total[here] += (gaussian(x, y, SIGMA) * skimage.color.deltaE_ciede2000(lab[there], lab[here])) ** 2
        count[here] += 1
    return np.sqrt(total / count)


def pixel_by_pixel(photo: np.ndarray) -> np.ndarray:
    """Algorithm 1 as printed: one pixel and one neighbour at a time."""
    height, width = photo.shape[:2]
    lab = skimage.color.rgb2lab(photo)
    result = np.zeros((height, width))
    for yi in range(height):
        for xi in range(width):
            total, count = 0.0, 1
            for x, y in NEIGHBOURS:
                if 0 <= xi + x < width and 0 <= yi + y < height:
                    difference = skimage.color.deltaE_ciede2000(lab[yi + y, xi + x], lab[yi, xi])
                    total += (gaussian(x, y, SIGMA) * float(difference)) ** 2
                    count += 1
            result[yi, xi] = math.sqrt(total / count)
    return result


def pairs(height: int, width: int) -> int:
    """Pixels and neighbours of a photo: how many colour differences the printed algorithm takes."""
    return sum(max(0, height - abs(y)) * max(0, width - abs(x)) for x, y in NEIGHBOURS)


def gpu_runs(photo: np.ndarray) -> dict[str, Callable[[], object]]:
    """The map on a GPU, from and to its memory, and a copy there of the bytes that it must at least touch."""
    import torch

    if not torch.cuda.is_available():
        return {}
    from cvpire.colour import srgb_to_lab

    pixels = torch.from_numpy(photo).cuda().movedim(-1, 0)
    touched = torch.empty(photo.nbytes + 4 * photo[..., 0].size, dtype=torch.uint8, device="cuda")

    def waiting(run: Callable[[], object]) -> Callable[[], None]:
        def once() -> None:
            run()
            torch.cuda.synchronize()

        once()
        return once

    return {
        "gpu": waiting(lambda: colour_variance(srgb_to_lab(pixels.float() / 255), KERNEL_SIZE, SIGMA)),
        "gpu copy": waiting(touched.clone),
    }
