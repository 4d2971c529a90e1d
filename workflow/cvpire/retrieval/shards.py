"""Descriptor shards: which photo belongs to which."""

import hashlib
import logging
import math
import zlib
from collections.abc import Iterable
from pathlib import Path

from cvpire.errors import InputError


def shard_count(photos: int, shard_size: int) -> int:
    """Number of shards for a database, so that each holds `shard_size` photos on average."""
    return max(1, math.ceil(photos / shard_size))


def shard_of(name: str, count: int) -> int:
    """Find the shard of a photo by linear hashing [1]_.

    A name alone decides its shard, so that a new photo changes one shard, and the other descriptors stay as they are.
    When the database has grown so far that there is one shard more, it takes half of the photos of one shard, and
    again the others stay. Until all are split, those that are not have twice as many photos as those that are.

    Parameters
    ----------
    name : str
        Of the photo.
    count : int
        Number of shards, >= 1.

    Returns
    -------
    int
        In [0, count).

    References
    ----------
    .. [1] Litwin, "Linear hashing: a new tool for file and table addressing", VLDB 1980.
    """
    level = 1 << (count.bit_length() - 1)  # the largest power of two that is not above the count
    shard = zlib.crc32(name.encode()) % (2 * level)
    return shard if shard < count else shard - level


def shard_members(names: Iterable[str], shard: int, count: int) -> list[str]:
    """Names that belong to a shard, in their order."""
    return [name for name in names if shard_of(name, count) == shard]


def shard_fingerprints(names: Iterable[str], shard_size: int) -> list[str]:
    """Short fingerprints of which names belong to each shard of a database; the order of the names counts."""
    names = list(names)
    count = shard_count(len(names), shard_size)
    digests = [hashlib.sha256() for _ in range(count)]
    for name in names:
        digests[shard_of(name, count)].update(f"{name}\n".encode())
    return [digest.hexdigest()[:16] for digest in digests]


def shard_photos(
    shard: int,
    count: int,
    *,
    listing: Path | None = None,
    folder: Path | None = None,
    photos: Iterable[Path] = (),
) -> dict[str, Path]:
    """List the photos of a shard by name.

    Parameters
    ----------
    shard, count : int
        Which shard of how many.
    listing : Path, optional
        dataset.json: a shard of its database.
    folder : Path, optional
        A shard of the photos in this folder and below it.
    photos : iterable of Path
        Where neither is given: all of these.

    Returns
    -------
    dict
        Path by name; empty where no name belongs to the shard, as in a small database.

    Raises
    ------
    InputError
        A broken listing, a folder without photos, or two photos of one name.
    """
    if listing is not None:
        from cvpire.datasets.listing import read_listing

        listed = read_listing(listing)
        return {name: listed.photos[name] for name in shard_members(listed.database, shard, count)}
    if folder is not None:
        from cvpire.datasets.folder import photo_tree, unread_below

        tree = photo_tree(folder)
        if shard == 0 and (note := unread_below(folder)):
            logging.warning(f"{folder}: {note}")
        return {name: tree[name] for name in shard_members(tree, shard, count)}
    return _by_name(photos)


def _by_name(photos: Iterable[Path]) -> dict[str, Path]:
    from cvpire.datasets.names import photo_name

    found: dict[str, Path] = {}
    for photo in photos:
        try:
            name = photo_name(photo.stem)
        except ValueError as error:
            raise InputError(f"{str(photo)!r}: {error}; rename the file") from None
        if name in found:
            raise InputError(
                f"{found[name]} and {photo} have one name, {name!r}; rename one of them, or give --folder, where names"
                " tell the folders below it apart"
            )
        found[name] = photo
    return found
