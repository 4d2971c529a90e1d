"""Files of descriptor shards: the descriptors of some photos, and the photos' names beside them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from cvpire import files
from cvpire.errors import InputError, counted, reason
from cvpire.untrusted.arrays import map_values

_SAME = 1e-5  # difference of unit vectors whose similarities to a third are equal in float32
_BLOCK = 512  # descriptors at a time


def write_shard(shard: Path, names: Iterable[str], descriptors: np.ndarray) -> None:
    """Write the descriptors of a shard, float32 of shape (N, D), as .npy, and the photos' names into a .txt beside."""
    with files.whole(shard) as temporary, temporary.open("wb") as file:  # of a name without .npy, NumPy writes another
        np.save(file, descriptors)
    write_names(shard, names)


def write_names(shard: Path, names: Iterable[str]) -> None:
    """Write the names of a shard's photos into a .txt beside it."""
    files.write_text(shard.with_suffix(".txt"), "".join(f"{name}\n" for name in names))


def open_shard(shard: Path) -> np.ndarray:
    """Map the descriptors of a shard, float32 of shape (N, D), into memory; `InputError` where there are none."""
    try:
        values = map_values(shard)
    except (OSError, ValueError) as error:
        raise InputError(f"{shard}: not a descriptor shard ({reason(error)}); delete it and run again") from None
    if values.dtype != np.float32 or values.ndim != 2:
        raise InputError(
            f"{shard}: not a descriptor shard (expected a float32 array of two dimensions); delete it and run again"
        )
    return values


def check_distinct(shards: Sequence[Path]) -> None:
    """Raise `InputError` where a system describes all photos of some shards alike, and these are several."""
    first, count = None, 0
    for shard in shards:
        rows = open_shard(shard)
        count += len(rows)
        for start in range(0, len(rows), _BLOCK):
            first = rows[0].copy() if first is None else first
            block = rows[start : start + _BLOCK]
            if block.shape[1] != len(first) or not (np.abs(block - first) <= _SAME).all():
                return  # nearly always after the first block
    if count > 1:
        raise InputError(
            f"{shards[0].parent}: the descriptors of all {count} photos are equal, and their ranking would only be the "
            "order of their names; does this system describe every photo alike? Mend it, or leave it out of `victims`"
        )


def shard_names(shard: Path) -> list[str]:
    """Names of a shard's photos, one for each descriptor, from the .txt beside it; `InputError` if they are not."""
    return read_names(shard, len(open_shard(shard)))


def read_names(shard: Path, count: int) -> list[str]:
    """Read the .txt beside a shard that describes so many photos; `InputError` where it names another number."""
    try:
        # Not `splitlines`, which also splits at separators that may stand in a name.
        names = shard.with_suffix(".txt").read_text(encoding="utf-8").split("\n")[:-1]
    except (OSError, ValueError) as error:
        raise InputError(f"{shard}: not a descriptor shard ({reason(error)}); delete it and run again") from None
    if len(names) != count:
        raise InputError(
            f"{shard}: {counted(count, 'descriptor')} but {counted(len(names), 'name')}; delete it and run again"
        )
    return names
