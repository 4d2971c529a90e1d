"""Files of descriptor shards: the descriptors of some photos, and the photos' names beside them."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from cvpire import files
from cvpire.errors import InputError, counted, reason
from cvpire.untrusted.arrays import map_values


def write_shard(shard: Path, names: Iterable[str], descriptors: np.ndarray) -> None:
    """Write the descriptors of a shard, float32 of shape (N, D), as .npy, and the photos' names into a .txt beside."""
    with files.whole(shard) as temporary, temporary.open("wb") as file:  # of a name without .npy, NumPy writes another
        np.save(file, descriptors)
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


def shard_names(shard: Path) -> list[str]:
    """Names of a shard's photos, one for each descriptor, from the .txt beside it; `InputError` if they are not."""
    try:
        # Not `splitlines`, which also splits at separators that may stand in a name.
        names = shard.with_suffix(".txt").read_text(encoding="utf-8").split("\n")[:-1]
    except (OSError, ValueError) as error:
        raise InputError(f"{shard}: not a descriptor shard ({reason(error)}); delete it and run again") from None
    if len(names) != len(open_shard(shard)):
        raise InputError(
            f"{shard}: {counted(len(open_shard(shard)), 'descriptor')} but {counted(len(names), 'name')}; "
            "delete it and run again"
        )
    return names
