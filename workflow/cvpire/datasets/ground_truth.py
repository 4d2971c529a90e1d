"""Read ground truth: our JSON, or the pickle in which Oxford-5k and Paris-6k are distributed."""

import io
import json
import pickle
import re
import struct
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from cvpire.config import Options, validate
from cvpire.datasets import Query
from cvpire.datasets.names import photo_name
from cvpire.errors import InputError

MAX_BYTES = 64 * 2**20
"""Larger files are refused: the ground truth of Paris-6k has 0.25 MB."""


@dataclass(frozen=True)
class GroundTruth:
    """What is ranked, and what is right for each query. Names are photo names (file stems, in Unicode's NFC)."""

    database: tuple[str, ...] | None
    """Names that are ranked, sorted; None: all photos of the folder."""
    queries: Mapping[str, Query]
    """Queries by name, sorted."""


def read_ground_truth(path: str | Path) -> GroundTruth:
    """Read ground truth, in the format that the file's suffix says.

    Parameters
    ----------
    path : str or Path
        `.json`, our format: ``{"database": [name, ...], "queries": {name: {"relevant": [name, ...],
        "junk": [name, ...], "box": [x0, y0, x1, y1]}}}``; `database`, `junk` and `box` may be missing.
        `.pkl`, the Oxford/Paris pickle: a dict of `imlist`, `qimlist`, `gnd` and perhaps `qidx`, where `gnd[i]` is
        a dict of `ok`, `junk` (0-based indices into `imlist`) and `bbx`. It is read without executing anything.

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
    read = {".json": _read_json, ".pkl": _read_pickle}.get(path.suffix.lower())
    if read is None:
        raise InputError(f"{path}: unknown kind of ground truth; expected a .json file or an Oxford/Paris .pkl file")
    content = validate(_Content, read(_bytes(path), path), str(path))
    queries = {
        name: Query(frozenset(entry.relevant), frozenset(entry.junk), entry.box)
        for name, entry in sorted(content.queries.items())
    }
    return GroundTruth(None if content.database is None else tuple(sorted(content.database)), queries)


PhotoName = Annotated[str, AfterValidator(photo_name)]
Coordinate = Annotated[float, Field(strict=True)]


def _box(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = box
    if not (x0 < x1 and y0 < y1):
        raise ValueError("expected a box [x0, y0, x1, y1] with x0 < x1 and y0 < y1")
    return box


class _Entry(Options):
    """A query of the file."""

    relevant: tuple[PhotoName, ...]
    junk: tuple[PhotoName, ...] = ()
    box: Annotated[tuple[Coordinate, Coordinate, Coordinate, Coordinate], AfterValidator(_box)] | None = None

    @model_validator(mode="after")
    def _disjoint(self) -> "_Entry":
        if both := set(self.relevant) & set(self.junk):
            raise ValueError(f"both relevant and junk: {_some(both)}")
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
            raise ValueError(f"database: named twice: {_some(twice)}")
        database = set(self.database)
        for name, entry in self.queries.items():
            # What is not ranked can never be found: the average precision would be too low without a word.
            if unranked := {*entry.relevant, *entry.junk} - database:
                raise ValueError(f"queries.{name}: relevant or junk, but not in the database: {_some(unranked)}")
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
        raise InputError(f"{path}: not valid JSON ({error})") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected an object with the keys database and queries, found {_kind(content)}")
    return content


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Without this the last of two queries of one name would win, silently.
    if twice := _twice(key for key, _ in pairs):
        raise ValueError(f"key given twice: {_some(twice)}")
    return dict(pairs)


def _read_pickle(data: bytes, path: Path) -> dict[str, Any]:
    try:
        # Python 2's strings are bytes to Python 3; Latin-1 keeps the bytes of its arrays.
        raw = _Unpickler(io.BytesIO(data), encoding="latin-1").load()
    except Exception as error:  # corrupt pickles raise anything: EOFError, KeyError, TypeError, ...
        reason = " ".join(str(error).split())[:200] or _kind(error)
        raise InputError(
            f"{path}: not the Oxford/Paris ground truth ({reason}); "
            "expected a pickle of dicts, lists, strings, numbers and one-dimensional numpy arrays"
        ) from None
    try:
        return _as_json(raw)
    except _Unexpected as error:
        raise InputError(f"{path}: {error}") from None


class _Unexpected(Exception):
    """The pickle's data have another shape. Values are not shown: the repr of a hostile one may never end."""


def _as_json(raw: Any) -> dict[str, Any]:
    """Bring the Oxford/Paris dict into the shape of our JSON."""
    names, queries = _strings(raw, "imlist"), _strings(raw, "qimlist")
    truths = _get(raw, "gnd", list, tuple)
    if len(truths) != len(queries):
        raise _Unexpected(f"expected one entry of gnd for each of qimlist, found {len(truths)} and {len(queries)}")
    if "qidx" in raw and _photos(raw, "qidx", names) != queries:
        raise _Unexpected("qidx and qimlist name different queries; expected 0-based indices into imlist")
    entries = {}
    for number, (query, truth) in enumerate(zip(queries, truths, strict=True)):
        place = f"gnd[{number}]"
        box = list(_get(truth, "bbx", list, tuple, place=place))
        if len(box) != 4 or not all(type(value) in (int, float) and abs(value) < 1e9 for value in box):
            raise _Unexpected(f"{place}.bbx: expected four numbers x0, y0, x1, y1")
        relevant, junk = (_photos(truth, key, names, place=place) for key in ("ok", "junk"))
        entries[query] = {"relevant": relevant, "junk": junk, "box": box}
    return {"database": names, "queries": entries}


def _get(section: Any, key: str, *types: type, place: str = "") -> Any:
    if not isinstance(section, dict):
        raise _Unexpected(f"expected {place or 'the pickle'} to be a dict, found {_kind(section)}")
    place = f"{place}.{key}".lstrip(".")
    if key not in section:
        raise _Unexpected(f"{place} is missing; expected imlist, qimlist, and gnd[i] with ok, junk, bbx")
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
        raise _Unexpected(f"{key}: named twice: {_some(twice)}")
    return names


def _photos(section: Any, key: str, names: list[str], place: str = "") -> list[str]:
    photos = []
    for index in _get(section, key, list, tuple, set, frozenset, place=place):
        if type(index) is not int or not 0 <= index < len(names):
            shown = index if type(index) is int and abs(index) < 1e9 else _kind(index)
            place = f"{place}.{key}".lstrip(".")
            raise _Unexpected(f"{place}: expected 0-based indices into imlist, below {len(names)}, found {shown}")
        photos.append(names[index])
    return photos


class _Unpickler(pickle.Unpickler):
    """Loads data and nothing else; whatever names code is refused.

    numpy's own classes are code too: a pickle can tell a real `numpy.dtype` that its object pointers are plain bytes,
    and so read and call any address. Arrays are therefore decoded here, into lists.
    """

    def find_class(self, module: str, name: str) -> Any:
        """Look up what a pickle may name: sets and the stand-ins for numpy."""
        match module.replace("numpy.core.", "numpy._core."), name:
            case "builtins" | "__builtin__", "set":
                return set
            case "builtins" | "__builtin__", "frozenset":
                return frozenset
            case "numpy", "dtype":
                return _Elements
            case "numpy", "ndarray":
                return _Array
            case "numpy._core.multiarray", "_reconstruct":
                return _Array.empty
            case "numpy._core.multiarray", "scalar":
                return _Array.scalar
            case "numpy._core.numeric", "_frombuffer":  # how arrays are written since protocol 5
                return _Array.from_buffer
        raise pickle.UnpicklingError(f"refused to load {module}.{name}")


_FORMATS = {
    **{"b1": "?", "i1": "b", "i2": "h", "i4": "i", "i8": "q"},
    **{"u1": "B", "u2": "H", "u4": "I", "u8": "Q", "f2": "e", "f4": "f", "f8": "d"},
}
"""numpy's names of numbers, and the struct module's."""


class _Elements:
    """Stand-in for numpy.dtype: how an array's bytes become values."""

    def __init__(self, code: str, *_: Any) -> None:
        if code not in _FORMATS and not re.fullmatch(r"U[1-9]\d{0,3}|O8?", code):
            raise pickle.UnpicklingError(f"refused to load numpy values of type {code[:20]!r}")
        self.code, self.big_endian = code, False

    def __setstate__(self, state: tuple) -> None:
        self.big_endian = state[1] == ">"

    def decode(self, data: Any) -> list:
        if isinstance(data, str):  # Python 2's bytes
            data = data.encode("latin-1")
        # `bytes(number)` and the like would let a few bytes ask for any amount of memory.
        if not isinstance(data, list if self.code.startswith("O") else bytes | bytearray):
            raise pickle.UnpicklingError(f"refused to load a numpy array from a {_kind(data)}")
        if self.code.startswith("O"):
            return data
        if self.code.startswith("U"):
            width, encoding = 4 * int(self.code[1:]), "utf-32-be" if self.big_endian else "utf-32-le"
            return [data[i : i + width].decode(encoding).rstrip("\0") for i in range(0, len(data), width)]
        order = ">" if self.big_endian else "<"
        return [value for (value,) in struct.iter_unpack(order + _FORMATS[self.code], data)]


class _Array(list):
    """Stand-in for numpy.ndarray: a list that is filled as numpy fills an array."""

    def __setstate__(self, state: tuple) -> None:
        _, shape, elements, _, data = state
        self[:] = self.from_buffer(data, elements, shape)

    @classmethod
    def empty(cls, *_: Any) -> "_Array":
        return cls()

    @classmethod
    def scalar(cls, elements: _Elements, data: Any) -> Any:
        (value,) = elements.decode(data)
        return value

    @classmethod
    def from_buffer(cls, data: Any, elements: _Elements, shape: tuple, *_: Any) -> "_Array":
        values = cls(elements.decode(data))
        if tuple(shape) != (len(values),):
            raise pickle.UnpicklingError(f"{len(values)} values in an array that should have one dimension")
        return values


def _twice(names: Iterable[str]) -> set[str]:
    counts = Counter(unicodedata.normalize("NFC", name) for name in names)
    return {name for name, count in counts.items() if count > 1}


def _some(names: Iterable[str]) -> str:
    names = sorted(names)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _kind(value: Any) -> str:
    return type(value).__name__
