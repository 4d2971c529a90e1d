"""Is ranking a large database limited by the disk? `measure` beside plain reading, and its memory."""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from cvpire.datasets import Dataset, Query
from cvpire.retrieval.ranking import measure

from benchmarks.timing import Line

SHARD = 4096  # photos
RELEVANT = 50  # photos of a query; Oxford-5k has about as many


def lines(photos: int = 1_000_000) -> list[Line | tuple[str, float, float]]:
    """Rank a random database of a million photos (8 GB, in a temporary folder) for 70 queries."""
    found = run(photos)
    what = f"rank {photos:,} photos for 70 queries"
    return [
        Line(what, found["measure_s"], "reading them", found["read_s"], found["measure_by_read"]),
        (what, found["measure_peak_mb"], found["measure_s"]),
    ]


def run(
    photos: int = 1_000_000, queries: int = 70, dimensions: int = 2048, rounds: int = 3, folder: Path | None = None
) -> dict[str, float]:
    """Measure how long reading and ranking a database take.

    Parameters
    ----------
    photos, queries, dimensions : int
        Size of the database, of the queries and of their descriptors.
    rounds : int
        Reading and ranking take turns this many times, each in a new process, on files that were dropped from memory.
        (The host of a virtual machine may hold them all the same.)
    folder : Path or None
        Where the database is written; None: where the system has its temporary files.

    Returns
    -------
    dict
        `gigabytes` of descriptors; `read_s` and `measure_s`, medians in seconds, and their quotient `measure_by_read`;
        `measure_cpu_s`, seconds that all cores together spent; `read_peak_mb` and `measure_peak_mb`, the largest
        resident memory of a process, imports included.
    """
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        shards = _in_new_process(_write, Path(temporary), photos, dimensions)["result"]
        turns = [
            (_in_new_process(_read, shards), _in_new_process(_measure, shards, queries, dimensions))
            for _ in range(rounds)
        ]
    reads, measures = zip(*turns, strict=True)
    read = median(turn["result"] for turn in reads)
    measured, cpu = (median(seconds) for seconds in zip(*(turn["result"] for turn in measures), strict=True))
    return {
        "gigabytes": photos * dimensions * 4 / 1e9,
        "read_s": read,
        "measure_s": measured,
        "measure_cpu_s": cpu,
        "measure_by_read": measured / read,
        "read_peak_mb": max(turn["peak_mb"] for turn in reads),
        "measure_peak_mb": max(turn["peak_mb"] for turn in measures),
    }


def _in_new_process(function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """Result of a function, and the peak resident memory of a process that did nothing else."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_with_peak, (function, *arguments))


def _with_peak(function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    result = function(*arguments)
    # Of this program alone; getrusage would count the memory of the process that started it, too.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {"result": result, "peak_mb": int(status["VmHWM"].split()[0]) * 1024 / 1e6}


def _write(folder: Path, photos: int, dimensions: int) -> list[Path]:
    random, shards = np.random.default_rng(0), []
    for start in range(0, photos, SHARD):
        names = _names(start, min(start + SHARD, photos))
        shards.append(folder / f"{start:08}.npy")
        with shards[-1].open("wb") as file:
            np.save(file, _unit_vectors(random, len(names), dimensions))
            file.flush()
            os.fsync(file.fileno())  # only pages that were written can be dropped
        shards[-1].with_suffix(".txt").write_text("".join(f"{name}\n" for name in names))
    return shards


def _read(shards: list[Path]) -> float:
    _drop(shards)
    buffer = bytearray(2**24)
    start = time.perf_counter()
    for shard in shards:
        with shard.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass
    return time.perf_counter() - start


def _measure(shards: list[Path], queries: int, dimensions: int) -> tuple[float, float]:
    random = np.random.default_rng(1)
    names = _names(0, sum(len(np.load(shard, mmap_mode="r")) for shard in shards))
    answers = (random.choice(names, min(RELEVANT, len(names)), replace=False).tolist() for _ in range(queries))
    asked = {f"query {number}": Query(frozenset(relevant), frozenset()) for number, relevant in enumerate(answers)}
    vectors = _unit_vectors(random, queries, dimensions)
    _drop(shards)
    start, cpu = time.perf_counter(), time.process_time()
    measure(Dataset({}, tuple(names), asked), shards, [], list(asked), vectors)
    return time.perf_counter() - start, time.process_time() - cpu


def _drop(shards: list[Path]) -> None:
    """Drop files from the system's memory."""
    for shard in shards:
        with shard.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _names(start: int, stop: int) -> list[str]:
    return [f"photo {number:08}" for number in range(start, stop)]


def _unit_vectors(random: np.random.Generator, count: int, dimensions: int) -> np.ndarray:
    vectors = random.standard_normal((count, dimensions), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
