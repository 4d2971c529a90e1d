"""Which descriptor shard a database photo belongs to."""

import math
import zlib
from collections.abc import Sequence


def shard_count(photos: int, shard_size: int) -> int:
    """Number of shards for a database, so that each holds `shard_size` photos on average."""
    return max(1, math.ceil(photos / shard_size))


def shard_members(names: Sequence[str], shard: int, count: int) -> list[str]:
    """Names that belong to a shard, in their order.

    A name alone decides its shard: a new photo changes one shard, and the other descriptors stay as they are.
    """
    return [name for name in names if zlib.crc32(name.encode()) % count == shard]
