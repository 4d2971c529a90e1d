"""Read ground truth: our JSON, or the files in which Oxford-5k and Paris-6k are distributed, original and revisited."""

import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from cvpire.datasets import Difficulty, Query, revisited_answers, some
from cvpire.datasets.names import photo_name
from cvpire.errors import InputError, reason
from cvpire.options import Options, validate
from cvpire.untrusted.matlab import read_matlab
from cvpire.untrusted.pickles import unpickle

MAX_BYTES = 64 * 2**20
"""Larger files are refused: the ground truth of Paris-6k has 0.25 MB."""


@dataclass(frozen=True)
class GroundTruth:
    """What is ranked, and what is right for each query. Names are photo names (file stems, in Unicode's NFC)."""

    database: tuple[str, ...] | None
    """Names that are ranked, sorted; None: all photos of the folder."""
    queries: Mapping[str, Query]
    """Queries by name, sorted."""

    @property
    def names(self) -> frozenset[str]:
        """Every photo that is ranked, a query, relevant or junk."""
        judged = (query.relevant | query.junk for query in self.queries.values())
        return frozenset(self.database or ()).union(self.queries, *judged)


def read_ground_truth(path: str | Path, difficulty: Difficulty = "medium") -> GroundTruth:
    """Read ground truth, in the format that the file's suffix says.

    Parameters
    ----------
    path : str or Path
        `.json`, our format: ``{"database": [name, ...], "queries": {name: {"relevant": [name, ...], "junk": [...],
        "easy": [...], "box": [x0, y0, x1, y1]}}}``. All but `queries` and `relevant` may be missing; `easy`, where it
        is given, tells the easy ones of the relevant photos from the hard ones.
        `.pkl`, the Oxford/Paris pickle: a dict of `imlist`, `qimlist` and `gnd`, where `gnd[i]` is a dict of `ok`,
        `junk` (original) or `easy`, `hard`, `junk` (revisited), all 0-based indices into `imlist`, and `bbx`. `qidx`
        may stand beside or in place of `qimlist`. It is read without executing anything.
        `.mat`, the same as a MATLAB file (version 5 to 7.2), with 1-based indices.
    difficulty : {"easy", "medium", "hard"}
        Which answers the queries carry where the file tells easy from hard (`cvpire.datasets.revisited_answers`).

    Returns
    -------
    GroundTruth

    Raises
    ------
    InputError
        Missing, unreadable or too large file, a file in another format, a pickle that asks for anything but data,
        names that no photo can have, a photo that is both relevant and junk, or neither ranked nor a query.
    """
    path = Path(path)
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise InputError(f"{path}: unknown kind of ground truth; expected a .json file or an Oxford/Paris .pkl or .mat")
    content = validate(_Content, read(_bytes(path), path), str(path))
    queries = {name: _query(entry, difficulty) for name, entry in sorted(content.queries.items())}
    return GroundTruth(None if content.database is None else tuple(sorted(content.database)), queries)


def _query(entry: "_Entry", difficulty: Difficulty) -> Query:
    relevant, junk = frozenset(entry.relevant), frozenset(entry.junk)
    if entry.easy is None:
        return Query(relevant, junk, entry.box)
    easy = frozenset(entry.easy)
    difficulties = revisited_answers(easy, relevant - easy, junk)
    return Query(*difficulties[difficulty], entry.box, difficulties)


PhotoName = Annotated[str, AfterValidator(photo_name)]
Coordinate = Annotated[float, Field(strict=True)]


def _four(box: Any) -> Any:
    if not isinstance(box, list | tuple) or len(box) != 4:
        raise ValueError("expected four numbers [x0, y0, x1, y1]")
    return box


def _box(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = box
    if not (x0 < x1 and y0 < y1):
        raise ValueError("expected a box [x0, y0, x1, y1] with x0 < x1 and y0 < y1")
    return box


Box = Annotated[tuple[Coordinate, Coordinate, Coordinate, Coordinate], BeforeValidator(_four), AfterValidator(_box)]


class _Entry(Options):
    """A query of the file."""

    relevant: tuple[PhotoName, ...]
    junk: tuple[PhotoName, ...] = ()
    easy: tuple[PhotoName, ...] | None = None
    box: Box | None = None

    @model_validator(mode="after")
    def _disjoint(self) -> "_Entry":
        if both := set(self.relevant) & set(self.junk):
            raise ValueError(f"both relevant and junk: {some(both)}")
        if others := set(self.easy or ()) - set(self.relevant):
            raise ValueError(f"easy, but not relevant: {some(others)}")
        return self


class _Content(Options):
    """The whole file."""

    database: Annotated[tuple[PhotoName, ...], Field(min_length=1)] | None = None
    queries: dict[PhotoName, _Entry] = Field(min_length=1)

    @model_validator(mode="after")
    def _database_complete(self) -> "_Content":
        if self.database is None:
            return self
        if twice := _twice(self.database):
            raise ValueError(f"database: named twice: {some(twice)}")
        database = set(self.database)
        for name, entry in self.queries.items():
            # What is not ranked can never be found: the average precision would be too low without a word.
            if unranked := {*entry.relevant, *entry.junk} - database:
                raise ValueError(f"queries.{name}: relevant or junk, but not in the database: {some(unranked)}")
        return self


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"{path}: no such ground-truth file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if len(data) > MAX_BYTES:
        raise InputError(f"{path}: too large for ground truth; expected at most {MAX_BYTES // 2**20} MB")
    return data


def _read_json(data: bytes, path: Path) -> dict[str, Any]:
    try:
        content = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON ({reason(error)})") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected an object with the key queries, found {_JSON[type(content)]}")
    return content


_JSON = {
    list: "a list",
    str: "text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Without this the last of two queries of one name would win, silently.
    if twice := _twice(key for key, _ in pairs):
        raise ValueError(f"key given twice: {some(twice)}")
    return dict(pairs)


def _read_distributed(
    data: bytes, path: Path, load: Callable[[bytes], Any], first: int, expected: str
) -> dict[str, Any]:
    try:
        raw = load(data)
    except ValueError as error:
        raise InputError(f"{path}: not the Oxford/Paris ground truth ({error}); expected {expected}") from None
    try:
        return _as_json(raw, first)
    except _Unexpected as error:
        raise InputError(f"{path}: {error}") from None


class _Unexpected(Exception):
    """The file's data have another shape. Values are not shown: the repr of a hostile one may never end."""


def _as_json(raw: Any, first: int) -> dict[str, Any]:
    """Bring the Oxford/Paris dict, whose indices count from `first`, into the shape of our JSON."""
    names = _strings(raw, "imlist")
    if "qidx" in raw:
        indexed = _photos(raw, "qidx", names, first)
        raw = {"qimlist": indexed, **raw}
    queries = _strings(raw, "qimlist")
    truths = _get(raw, "gnd", list, tuple)
    if len(truths) != len(queries):
        raise _Unexpected(f"expected one entry of gnd for each of qimlist, found {len(truths)} and {len(queries)}")
    if "qidx" in raw and indexed != queries:
        raise _Unexpected(f"qidx and qimlist name different queries; expected {first}-based indices into imlist")
    entries = {}
    for number, (query, truth) in enumerate(zip(queries, truths, strict=True)):
        place = f"gnd[{number}]"
        box = list(_get(truth, "bbx", list, tuple, place=place))
        if len(box) != 4 or not all(type(value) in (int, float) and abs(value) < 1e9 for value in box):
            raise _Unexpected(f"{place}.bbx: expected four numbers x0, y0, x1, y1")
        listed = partial(_photos, truth, names=names, first=first, place=place)
        entries[query] = entry = {"junk": listed("junk"), "box": box}
        if "easy" in truth or "hard" in truth:
            easy, hard = listed("easy"), listed("hard")
            if both := set(easy) & set(hard):
                raise _Unexpected(f"{place}: both easy and hard: {some(both)}")
            entry |= {"relevant": easy + hard, "easy": easy}
        else:
            entry["relevant"] = listed("ok")
    return {"database": names, "queries": entries}


def _get(section: Any, key: str, *types: type, place: str = "") -> Any:
    if not isinstance(section, dict):
        raise _Unexpected(f"expected {place or 'the content'} to be a dict, found {_kind(section)}")
    place = f"{place}.{key}".lstrip(".")
    if key not in section:
        raise _Unexpected(
            f"{place} is missing; expected imlist, qimlist, and gnd[i] with ok (or easy, hard), junk, bbx"
        )
    if not isinstance(section[key], types):
        raise _Unexpected(f"{place}: expected a {types[0].__name__}, found {_kind(section[key])}")
    return section[key]


def _strings(section: Any, key: str) -> list[str]:
    names = list(_get(section, key, list, tuple))
    for number, name in enumerate(names):
        if not isinstance(name, str):
            raise _Unexpected(f"{key}[{number}]: expected a photo's name, found {_kind(name)}")
        try:
            photo_name(name)
        except ValueError as error:
            raise _Unexpected(f"{key}[{number}]: {error}") from None
    if twice := _twice(names):
        raise _Unexpected(f"{key}: named twice: {some(twice)}")
    return names


def _photos(section: Any, key: str, names: list[str], first: int, place: str = "") -> list[str]:
    photos = []
    for index in _get(section, key, list, tuple, set, frozenset, place=place):
        if type(index) is not int or not first <= index < first + len(names):
            shown = index if type(index) is int and abs(index) < 1e9 else _kind(index)
            place = f"{place}.{key}".lstrip(".")
            raise _Unexpected(
                f"{place}: expected {first}-based indices into imlist, below {first + len(names)}, found {shown}"
            )
        photos.append(names[index - first])
    return photos


def _twice(names: Iterable[str]) -> set[str]:
    counts = Counter(unicodedata.normalize("NFC", name) for name in names)
    return {name for name, count in counts.items() if count > 1}


def _kind(value: Any) -> str:
    return type(value).__name__


_READERS = {
    ".json": _read_json,
    ".pkl": partial(
        _read_distributed,
        load=unpickle,
        first=0,
        expected="a pickle of dicts, lists, strings, numbers and one-dimensional numpy arrays",
    ),
    ".mat": partial(
        _read_distributed,
        load=partial(read_matlab, names=("imlist", "qimlist", "qidx", "gnd"), most=MAX_BYTES),
        first=1,
        expected="a MATLAB file of version 5 to 7.2 (`save -v7`)",
    ),
}
"""By suffix: from a file's content and path to the shape of our JSON."""
