"""Ground truth from file names: photos whose names begin alike show the same thing."""

import re
from collections.abc import Collection
from typing import Any, Literal

from cvpire.errors import InputError

Asked = Literal["first", "all"]
"""Which photos of a group are queries."""

NUMBERED = r"(.*?)[-_ ]*\d+"
"""keble_000028 and keble_000055 show `keble`, "tower 1" and "tower 2" the `tower`."""


def group_ground_truth(names: Collection[str], pattern: str = NUMBERED, queries: Asked = "first") -> dict[str, Any]:
    r"""Make ground truth of groups of photos.

    Parameters
    ----------
    names : collection of str
        Photo names.
    pattern : str
        Regular expression for a whole name; its first group says what the photo shows. INRIA's Holidays, where the
        first four digits number a scene, is ``(\d{4})\d\d``. Photos that do not fit show nothing else: they are in the
        database, wrong for every query.
    queries : {"first", "all"}
        Which photos of a group are queries: the first by name (Holidays), or each.

    Returns
    -------
    dict
        Our ground-truth JSON (`cvpire.datasets.ground_truth.read_ground_truth`).

    Raises
    ------
    InputError
        A pattern that is no regular expression or has no group, or no two photos of one group.

    Examples
    --------
    >>> group_ground_truth(["eiffel-1", "eiffel-2", "cat"])
    {'database': ['cat', 'eiffel-1', 'eiffel-2'], 'queries': {'eiffel-1': {'relevant': ['eiffel-2']}}}
    """
    try:
        fits = re.compile(pattern)
    except re.error as error:
        raise InputError(f"pattern {pattern!r}: not a regular expression ({error})") from None
    if not fits.groups:
        raise InputError(f"pattern {pattern!r}: expected brackets around the part that says what a photo shows")
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        if found := fits.fullmatch(name):
            groups.setdefault(found[1], []).append(name)
    entries = {}
    for members in groups.values():
        for query in members[:1] if queries == "first" else members:
            if others := [name for name in members if name != query]:
                entries[query] = {"relevant": others}
    if not entries:
        raise InputError(f"pattern {pattern!r}: no two of the {len(names)} photos show the same thing by their names")
    return {"database": sorted(names), "queries": dict(sorted(entries.items()))}
