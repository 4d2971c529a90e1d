"""Ground truth from file names: photos whose names begin alike show the same thing."""

import re
from collections.abc import Collection
from typing import Any, Literal

from cvpire.datasets import some
from cvpire.errors import InputError, counted

Asked = Literal["first", "all"]
"""Which photos of a group are queries."""

NUMBERED = r"(.*?)(?:[-_ ]*\d+)?(?:[-_ ]*\(\d+\))?"
"""keble_000028 and keble_000055 show `keble`; "tower", "tower 1", "tower (2)" and "tower-1 (1)" the `tower`."""

_OF_CAMERAS = re.compile(
    "img|image|e|dsc|dscn|dscf|dcim|p|pict|pic|picture|pxl|mvimg|vid|photo|foto|whatsapp|screenshot|signal|fb|received|"
    "gopr|dji|burst|scan|untitled|at|am|pm"
)
"""Words of the names that cameras, phones and messengers give: IMG_1231, WhatsApp Image 2024-05-01 at 12.30.41."""


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
    entries = {}
    for members in _groups(names, pattern).values():
        for query in members[:1] if queries == "first" else members:
            if others := [name for name in members if name != query]:
                entries[query] = {"relevant": others}
    if not entries:
        raise InputError(
            f"--pattern {pattern!r}: by their names, no two of {counted(len(names), 'photo')} ({some(names)}) show the "
            "same thing; name them by what they show (tower-1, tower-2), or give another --pattern"
        )
    return {"database": sorted(names), "queries": dict(sorted(entries.items()))}


def doubts(names: Collection[str], pattern: str = NUMBERED) -> list[str]:
    """Say why groups of photos are hardly what a person means, where they are not.

    Parameters
    ----------
    names : collection of str
        Photo names.
    pattern : str
        As for `group_ground_truth`.

    Returns
    -------
    list of str
        One sentence for each doubt: a group has more than half of the photos, so that nearly every answer is right
        whatever is attacked; or names that are grouped come from a camera or phone, and say nothing of what they show.

    Examples
    --------
    >>> doubts(["eiffel-1", "eiffel-2", "tower-1", "tower-2"])
    []
    """
    groups = {what: members for what, members in _groups(names, pattern).items() if len(members) > 1}
    remedy = "name photos by what they show (tower-1, tower-2), or give --pattern"
    said = []
    for members in groups.values():
        if 2 * len(members) > len(names):
            share = "all" if len(members) == len(names) else f"{len(members)} of"
            said.append(
                f"{share} {counted(len(names), 'photo')} ({some(members)}) show the same thing by their names, so that "
                f"nearly every answer is right, before and after an attack; if they do not, {remedy}"
            )
    given = [name for what, members in groups.items() if _says_nothing(what) for name in members]
    if given and pattern == NUMBERED:  # who gives a pattern knows what its first group says
        said.append(
            f"{counted(len(given), 'name')} ({some(given)}) may be those that a camera or phone gave, and do not say "
            f"what a photo shows: {remedy}"
        )
    return said


def _says_nothing(what: str) -> bool:
    return all(_OF_CAMERAS.fullmatch(word) for word in re.findall(r"[^\W\d_]+", what.lower()))


def _groups(names: Collection[str], pattern: str) -> dict[str, list[str]]:
    try:
        fits = re.compile(pattern)
    except re.error as error:
        raise InputError(f"--pattern {pattern!r}: not a regular expression ({error})") from None
    if not fits.groups:
        raise InputError(f"--pattern {pattern!r}: expected brackets around the part that says what a photo shows")
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        if (found := fits.fullmatch(name)) and found[1] is not None:
            groups.setdefault(found[1], []).append(name)
    return groups
