"""Speed of the variance map: against whole-array scikit-image calls, and against Algorithm 1 pixel by pixel.

Usage: python benchmarks/variance.py [--size 1024x768] [--repeats 5]
"""

import argparse
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import skimage.color
import skimage.data
from cvpire.variance import color_variance, gaussian, variance_map
from PIL import Image

KERNEL_SIZE, SIGMA = 5, 1.0
REACH = KERNEL_SIZE // 2
NEIGHBOURS = [(x, y) for y in range(-REACH, REACH + 1) for x in range(-REACH, REACH + 1) if (x, y) != (0, 0)]


def measure(width: int = 1024, height: int = 768, repeats: int = 5) -> dict[str, float]:
    """Time the colour variance map side by side with two references, and in a process of its own.

    Parameters
    ----------
    width, height : int
        Of the photo, in pixels.
    repeats : int
        Rounds; in each, everything is timed once, in turn.

    Returns
    -------
    dict of str to float
        Seconds are medians over the rounds, and a ratio is the median of the rounds' ratios. `largest_error`: of the
        normalised map, against scikit-image's in float64. Keys that contain `gpu` are there where a GPU is.
    """
    photo = example_photo(width, height)
    crop = photo[:12, :12]
    cores = os.cpu_count() or 1
    runs: dict[str, Callable[[], object]] = {
        "one_thread": lambda: variance_map(photo, threads=1),
        "all_threads": lambda: variance_map(photo, threads=cores),
        "whole_array": lambda: whole_array(photo),
        "whole_array_float32": lambda: whole_array(photo, np.float32),
        "pixel_by_pixel": lambda: pixel_by_pixel(crop),
        **gpu_runs(photo),
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            seconds[name].append(timed(run))
    # The crop has more border, and thus fewer neighbours a pixel.
    share = pairs(*crop.shape[:2]) / pairs(height, width)
    seconds["pixel_by_pixel"] = [value / share for value in seconds["pixel_by_pixel"]]

    def ratio(slow: str, fast: str) -> float:
        return statistics.median(a / b for a, b in zip(seconds[slow], seconds[fast], strict=True))

    expected = whole_array(photo)
    result = {f"{name}_s": statistics.median(values) for name, values in seconds.items()}
    result |= {
        "whole_array_to_one_thread": ratio("whole_array", "one_thread"),
        "whole_array_to_all_threads": ratio("whole_array", "all_threads"),
        "whole_array_float32_to_all_threads": ratio("whole_array_float32", "all_threads"),
        "pixel_by_pixel_to_one_thread": ratio("pixel_by_pixel", "one_thread"),
        "largest_error": float(np.abs(variance_map(photo) - expected / expected.max()).max()),
    }
    if "gpu" in runs:
        result["gpu_to_gpu_copy"] = ratio("gpu", "gpu_copy")
    result["process_one_thread_s"], _ = in_a_process(photo, repeats)
    _, result["peak_memory_12_megapixels_mb"] = in_a_process(example_photo(4000, 3000), 1)
    return result


def example_photo(width: int, height: int) -> np.ndarray:
    """A photo that comes with scikit-image, mirrored to the size asked for: uint8 (height, width, 3)."""
    photo = skimage.data.astronaut()
    padding = [(0, max(0, height - photo.shape[0])), (0, max(0, width - photo.shape[1])), (0, 0)]
    return np.ascontiguousarray(np.pad(photo, padding, mode="reflect")[:height, :width])


def whole_array(photo: np.ndarray, dtype: type = np.float64) -> np.ndarray:
    """Algorithm 1 in scikit-image calls on whole arrays, one a neighbour."""
    height, width = photo.shape[:2]
    lab = skimage.color.rgb2lab((photo / 255).astype(dtype))
    total = np.zeros((height, width), dtype)
    count = np.ones((height, width), dtype)
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
    from cvpire.color import srgb_to_lab

    pixels = torch.from_numpy(photo).cuda().movedim(-1, 0)
    bytes_touched = torch.empty(photo.nbytes + 4 * photo[..., 0].size, dtype=torch.uint8, device="cuda")

    def synchronised(run: Callable[[], object]) -> Callable[[], None]:
        def once() -> None:
            run()
            torch.cuda.synchronize()

        once()
        return once

    return {
        "gpu": synchronised(lambda: color_variance(srgb_to_lab(pixels.float() / 255), KERNEL_SIZE, SIGMA)),
        "gpu_copy": synchronised(bytes_touched.clone),
    }


def timed(run: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def in_a_process(photo: np.ndarray, repeats: int) -> tuple[float, float]:
    """Median seconds of `cvpire variance`, start and files included, with one thread; and its peak memory in MB."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "photo.png"
        Image.fromarray(photo).save(file, compress_level=1)
        command = [Path(sys.executable).with_name("cvpire"), "variance", file, Path(folder) / "map.npy"]
        seconds = []
        for _ in range(repeats):
            start = time.perf_counter()
            process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
            _, status, usage = os.wait4(process.pid, 0)
            seconds.append(time.perf_counter() - start)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise subprocess.CalledProcessError(process.returncode, command)
    # Linux counts in KiB, macOS in bytes.
    return statistics.median(seconds), usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    """Print the measurements as a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="1024x768", help="WIDTHxHEIGHT in pixels")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    result = measure(width, height, arguments.repeats)
    print(f"variance map, {width} x {height}, n = {KERNEL_SIZE}, {os.cpu_count()} cores")
    for name, value in result.items():
        print(f"  {name:36} {value:12.4g}")


if __name__ == "__main__":
    main()
