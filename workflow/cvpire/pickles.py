"""Read pickles of unknown origin: as data, in the memory and time that their bytes take."""

import pickle
import struct
import sys
from collections.abc import Iterable
from types import NoneType, SimpleNamespace
from typing import Any, BinaryIO, ClassVar

from cvpire.errors import printable


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
        self.append(checked_set(self.pop_mark()))

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
