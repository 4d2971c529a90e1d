"""Read pickles of unknown origin: as data, in the memory and time that their bytes take."""

import io
import pickle
import re
import struct
import sys
from collections.abc import Callable, Iterable
from functools import partial
from types import NoneType, SimpleNamespace
from typing import Any, BinaryIO, ClassVar

from cvpire.errors import printable, reason, shown


class DataUnpickler(pickle._Unpickler):
    """Loads plain data and nothing else; whatever names code is refused, unless `find_class` says what stands for it.

    The unpickler that is written in C takes memory for any size or number that a pickle names, before it looks how
    long the pickle is, so this is the one that is written in Python.

    Parameters
    ----------
    file : file
        Where the pickle begins.
    size : int
        Bytes of the file: no text is longer, nor all arrays together.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        bounded = SimpleNamespace(read=lambda length: file.read(min(length, size)), readline=file.readline)
        # Python 2's strings are bytes to Python 3; Latin-1 keeps the bytes of its arrays.
        super().__init__(bounded, encoding="latin-1")
        self.unread = size

    def find_class(self, module: str, name: str) -> Any:
        """Refuse what a pickle names."""
        raise pickle.UnpicklingError(f"refused to load {printable(f'{module}.{name}')}")

    def count(self, size: int) -> None:
        """Count the bytes of arrays: a pickle may name the same ones any number of times, in all they fit into it."""
        self.unread -= size
        if self.unread < 0:
            raise pickle.UnpicklingError("refused to load arrays that are larger than the file")

    def load_dict(self) -> None:
        """Make a dict of what lies above the mark."""
        items = self.pop_mark()
        self.append({})
        self._set(items)

    def load_setitem(self) -> None:
        """Set a key of a dict."""
        value, key = self.stack.pop(), self.stack.pop()
        self._set([key, value])

    def load_setitems(self) -> None:
        """Set keys of a dict."""
        self._set(self.pop_mark())

    def _set(self, items: list) -> None:
        keys = items[::2]
        _check_hashable(keys)
        self.stack[-1].update(zip(keys, items[1::2], strict=True))

    def load_additems(self) -> None:
        """Add members to a set."""
        members = self.pop_mark()
        _check_hashable(members)
        self.stack[-1].update(members)

    def load_frozenset(self) -> None:
        """Make a set of what lies above the mark."""
        members = self.pop_mark()  # first: it changes where `append` appends
        self.append(checked_set(members))

    def load_bytearray8(self) -> None:
        """Read bytes, without taking memory for more than there are."""
        (size,) = struct.unpack("<Q", self.read(8))
        self.append(bytearray(self.read(min(size, sys.maxsize))))

    dispatch: ClassVar = {
        **pickle._Unpickler.dispatch,
        pickle.DICT[0]: load_dict,
        pickle.SETITEM[0]: load_setitem,
        pickle.SETITEMS[0]: load_setitems,
        pickle.ADDITEMS[0]: load_additems,
        pickle.FROZENSET[0]: load_frozenset,
        pickle.BYTEARRAY8[0]: load_bytearray8,
    }


def checked_set(values: Iterable[Any] = ()) -> set:
    """Make a set of values that are plain."""
    values = list(values)
    _check_hashable(values)
    return set(values)


def _check_hashable(values: Iterable[Any]) -> None:
    # A tuple of tuples may hold itself many times over, and to hash it takes as long as to write it out.
    if others := {type(value) for value in values} - {str, bytes, int, float, bool, NoneType}:
        raise pickle.UnpicklingError(f"refused to load a {others.pop().__name__} as a key or in a set")


def unpickle(data: bytes) -> Any:
    """Load dicts, lists, tuples, sets, texts, numbers and numpy's arrays of one dimension, which become lists.

    Parameters
    ----------
    data : bytes
        The whole pickle.

    Raises
    ------
    ValueError
        The pickle is corrupt, asks for anything else, or for more than it has bytes.
    """
    try:
        return _ArrayUnpickler(io.BytesIO(data), len(data)).load()
    except Exception as error:  # corrupt pickles raise anything: EOFError, KeyError, TypeError, MemoryError, ...
        raise ValueError(reason(error)) from None


class _ArrayUnpickler(DataUnpickler):
    """Reads arrays as lists: numpy's own classes are code.

    A pickle can tell a real `numpy.dtype` that its object pointers are plain bytes, and so read and call any address.
    """

    def find_class(self, module: str, name: str) -> Any:
        """Look up what a pickle may name: sets and the stand-ins for numpy."""
        match module.replace("numpy.core.", "numpy._core."), name:
            case "builtins" | "__builtin__", "set" | "frozenset":
                return checked_set
            case "numpy", "dtype":
                return partial(_Elements, self.count)
            case "numpy", "ndarray":
                return _Array
            case "numpy._core.multiarray", "_reconstruct":
                return _Array.empty
            case "numpy._core.multiarray", "scalar":
                return _Array.scalar
            case "numpy._core.numeric", "_frombuffer":  # how arrays are written since protocol 5
                return _Array.from_buffer
        return super().find_class(module, name)


_FORMATS = {
    **{"b1": "?", "i1": "b", "i2": "h", "i4": "i", "i8": "q"},
    **{"u1": "B", "u2": "H", "u4": "I", "u8": "Q", "f2": "e", "f4": "f", "f8": "d"},
}
"""numpy's names of numbers, and the struct module's."""


class _Elements:
    """Stand-in for numpy.dtype: how an array's bytes become values."""

    def __init__(self, count: Callable[[int], None], code: str, *_: Any) -> None:
        known = isinstance(code, str) and (code in _FORMATS or re.fullmatch(r"U[1-9]\d{0,3}|O8?", code))
        if not known:
            raise pickle.UnpicklingError(f"refused to load numpy values of type {shown(code)}")
        self.count, self.code, self.big_endian = count, code, False

    def __setstate__(self, state: tuple) -> None:
        self.big_endian = state[1] == ">"

    def decode(self, data: Any) -> list:
        if isinstance(data, str):  # Python 2's bytes
            data = data.encode("latin-1")
        # `bytes(number)` and the like would let a few bytes ask for any amount of memory.
        if not isinstance(data, list if self.code.startswith("O") else bytes | bytearray):
            raise pickle.UnpicklingError(f"refused to load a numpy array from a {type(data).__name__}")
        self.count(len(data))
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
