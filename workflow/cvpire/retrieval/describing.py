"""Describe many photos with a network that never waits for the disk."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from cvpire.errors import InputError, counted
from cvpire.photos import load_photo
from cvpire.progress import progress

if TYPE_CHECKING:
    from cvpire.config import PhotoOptions


class Describer(Protocol):
    """What a retrieval system does with a photo, as `cvpire.networks.network.Network`."""

    def describe(self, pixels: np.ndarray) -> Any:
        """Describe a photo, uint8 (H, W, 3), by a float32 vector (D,), or by local features."""


def describe_shard(
    found: Mapping[str, Path], load: Callable[[], Describer], photo_options: "PhotoOptions", title: str = "describe"
) -> Any:
    """Describe the photos of a shard.

    Parameters
    ----------
    found : mapping
        Photos by name, see `cvpire.retrieval.shards.shard_photos`.
    load : callable
        Returns the network; not called for an empty shard.
    photo_options : cvpire.config.PhotoOptions
        How photos are read.
    title : str
        Of the progress that is shown.

    Returns
    -------
    numpy.ndarray or list
        See `describe_photos`.
    """
    if not found:
        return np.empty((0, 0), np.float32)
    read, network = reader(photo_options), load()
    with progress(title, len(found)) as show:
        return describe_photos(list(found.values()), network, read, progress=show)


def reader(photo_options: "PhotoOptions") -> Callable[[Path], np.ndarray]:
    """Return a function that reads a photo as the options say."""
    return partial(load_photo, **photo_options.model_dump())


def describe_photos(
    paths: Sequence[Path],
    network: Describer,
    read: Callable[[Path], np.ndarray],
    threads: int = 2,
    progress: Callable[[int], None] = lambda done: None,
) -> Any:
    """Describe photos one by one, while threads read the next ones.

    Parameters
    ----------
    paths : sequence of Path
        Photos of any sizes.
    network : Describer
        Runs in the calling thread, on one photo at a time: in batches, rounding would depend on what shares one.
    read : callable
        Photo to uint8 pixels (H, W, 3), or an `InputError` that names the photo; runs in several threads at a time.
    threads : int
        Threads that read.
    progress : callable
        Told after each photo how many are described.

    Returns
    -------
    numpy.ndarray or list
        float32, shape (N, D), in the order of the paths; (0, 0) for no photos; a list of what are no vectors. At most
        `threads + 1` photos that have been asked for are not described yet.

    Raises
    ------
    InputError
        A photo that cannot be read or described, or has a vector of another length than the first. The message names
        it, and no thread is left behind.
    """
    descriptors: list[Any] = []
    with closing(_read_ahead(read, paths, threads)) as photos:
        for path, pixels in zip(paths, photos, strict=True):
            try:
                described = network.describe(pixels)
                _check_length(described, *descriptors[:1])
            except InputError as error:
                raise InputError(f"{path}: {error}") from None
            descriptors.append(described)
            progress(len(descriptors))
    if not descriptors:
        return np.empty((0, 0), np.float32)
    return np.stack(descriptors) if isinstance(descriptors[0], np.ndarray) else descriptors


def _check_length(described: Any, first: Any = None) -> None:
    if isinstance(described, np.ndarray) and first is not None and described.shape != first.shape:
        raise InputError(
            f"a descriptor of {counted(described.size, 'value')}, and {first.size} for the photos before it; "
            "descriptors must have one length"
        )


def _read_ahead(read: Callable[[Path], np.ndarray], paths: Sequence[Path], threads: int) -> Iterator[np.ndarray]:
    """Read photos in their order, at most as many before they are asked for as there are threads."""
    reading: deque[Future[np.ndarray]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for path in paths:
            reading.append(pool.submit(read, path))
            if len(reading) > threads:
                yield reading.popleft().result()
        while reading:
            yield reading.popleft().result()
