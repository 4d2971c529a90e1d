"""Describe many photos with a network that never waits for the disk."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Protocol

import numpy as np

from cvpire.errors import InputError

_WINDOW = 4  # batches' worth of photos that may wait for others of their size


class Describer(Protocol):
    """What `cvpire.networks.network.Network` does for this module."""

    def describe_batch(self, pixels: np.ndarray) -> np.ndarray:
        """Describe photos of one size, uint8 (B, H, W, 3), by float32 vectors (B, D)."""


def describe_photos(
    paths: Sequence[Path],
    network: Describer,
    read: Callable[[Path], np.ndarray],
    batch_size: int = 1,
    threads: int = 2,
    progress: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Describe photos in batches of equal size, while threads read the next ones.

    Parameters
    ----------
    paths : sequence of Path
        Photos of any sizes.
    network : Describer
        Runs in the calling thread.
    read : callable
        Photo to uint8 pixels (H, W, 3), or an `InputError` that names the photo; runs in several threads at a time.
    batch_size : int
        Most photos in a batch. Which photos share a batch depends on the others, and rounding on the batch: on a
        processor, descriptors of EfficientNet-Lite0 in batches of 2 to 8 differ from those of single photos by up to
        8e-8, and are not found sooner. So 1, with which each photo's descriptor is its own, is the default; more may
        pay on a GPU with small photos.
    threads : int
        Threads that read.
    progress : callable
        Told after each batch how many photos are described.

    Returns
    -------
    numpy.ndarray
        float32, shape (N, D), in the order of the paths; (0, 0) for no photos. At most `threads + 5 * batch_size`
        photos are in memory at a time.

    Raises
    ------
    InputError
        A photo that cannot be read or described. The message names it, and no thread is left behind.
    """
    descriptors: dict[int, np.ndarray] = {}
    waiting: defaultdict[tuple[int, ...], list[tuple[int, np.ndarray]]] = defaultdict(list)

    def describe(batch: list[tuple[int, np.ndarray]]) -> None:
        numbers, pixels = zip(*batch, strict=True)
        try:
            descriptors.update(zip(numbers, network.describe_batch(np.stack(pixels)), strict=True))
        except InputError as error:  # of the photos' size, which is the same for all
            raise InputError(f"{paths[numbers[0]]}: {error}") from None
        progress(len(descriptors))

    with closing(_read_ahead(read, paths, threads, ahead=threads + batch_size - 1)) as photos:
        for number, pixels in enumerate(photos):
            waiting[pixels.shape].append((number, pixels))
            if len(waiting[pixels.shape]) == batch_size:
                describe(waiting.pop(pixels.shape))
            elif number - len(descriptors) >= _WINDOW * batch_size:
                describe(waiting.pop(max(waiting, key=lambda shape: len(waiting[shape]))))
    for batch in waiting.values():
        describe(batch)
    return np.stack([descriptors[number] for number in range(len(paths))]) if paths else np.empty((0, 0), np.float32)


def _read_ahead(
    read: Callable[[Path], np.ndarray], paths: Sequence[Path], threads: int, ahead: int
) -> Iterator[np.ndarray]:
    """Read photos in their order, at most `ahead` before they are asked for."""
    reading: deque[Future[np.ndarray]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for path in paths:
            reading.append(pool.submit(read, path))
            if len(reading) > ahead:
                yield reading.popleft().result()
        while reading:
            yield reading.popleft().result()
