"""Descriptor shards: which photo belongs to which, and how they are read."""

import math
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cvpire.arrays import map_values
from cvpire.errors import InputError, reason


def shard_count(photos: int, shard_size: int) -> int:
    """Number of shards for a database, so that each holds `shard_size` photos on average."""
    return max(1, math.ceil(photos / shard_size))


def shard_members(names: Sequence[str], shard: int, count: int) -> list[str]:
    """Names that belong to a shard, in their order.

    A name alone decides its shard: a new photo changes one shard, and the other descriptors stay as they are.
    """
    return [name for name in names if zlib.crc32(name.encode()) % count == shard]


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
            f"{shard}: {len(open_shard(shard))} descriptors but {len(names)} names; delete it and run again"
        )
    return names
