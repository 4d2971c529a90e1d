"""Read MATLAB files of unknown origin, in the memory that the caller allows.

scipy.io.loadmat is not for them: a few changed bytes crash the whole process.
"""

import struct
import zlib
from collections.abc import Collection, Iterator
from itertools import islice
from math import prod
from typing import Any

from cvpire.errors import reason


def read_matlab(data: bytes, names: Collection[str], most: int) -> dict[str, Any]:
    """Read variables of a MATLAB file of level 5 ("MAT-File Format", The MathWorks).

    Parameters
    ----------
    data : bytes
        The whole file.
    names : collection of str
        Which variables; the others are passed over.
    most : int
        Bytes that all variables together may have when they are decompressed.

    Returns
    -------
    dict
        Those that there are, by name: structs and cells as lists of dicts and of values, texts as strings, numbers as
        flat lists.

    Raises
    ------
    ValueError
        The file is corrupt, of another version, holds other kinds of values, or more than `most`.
    """
    try:
        return _variables(data, names, most)
    except Exception as error:  # corrupt files raise anything: struct.error, zlib.error, KeyError, MemoryError, ...
        raise ValueError(reason(error)) from None


def _variables(data: bytes, names: Collection[str], most: int) -> dict[str, Any]:
    if data[124:128] != b"\x00\x01IM":  # version 1, little-endian
        raise ValueError("another version, or no MATLAB file")
    variables, size = {}, 0
    for kind, content in _elements(memoryview(data)[128:]):
        if kind == _COMPRESSED:
            # A few compressed bytes can ask for any amount of memory.
            content = memoryview(zlib.decompressobj().decompress(content, most - size + 1))
            size += len(content)
            if size > most:
                raise ValueError(f"more than {most // 2**20} MB when decompressed")
            ((kind, content),) = _elements(content)
        _, _, (_, name) = islice(_elements(content), 3)
        name = bytes(name).decode("ascii")
        if name in variables:
            raise ValueError(f"two variables {name}")
        if name in names:
            variables[name] = _value(content)
    return variables


_COMPRESSED = 15
_NUMBERS = {1: "b", 2: "B", 3: "h", 4: "H", 5: "i", 6: "I", 7: "f", 9: "d", 12: "q", 13: "Q"}
_TEXTS = {1: "ascii", 2: "ascii", 4: "utf-16-le", 16: "utf-8", 17: "utf-16-le", 18: "utf-32-le"}
"""Numbers of MATLAB's data types, and the struct module's letters or Python's encodings."""


def _elements(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Type and content of each data element."""
    position = 0
    while position < len(data):
        kind, size = struct.unpack_from("<II", data, position)
        position += 8
        if kind >> 16:  # a small element: type and size share four bytes, and the content is the next four
            kind, size, content = kind & 0xFFFF, kind >> 16, data[position - 4 : position]
        else:
            content = data[position : position + size]
            position += size if kind == _COMPRESSED else size + -size % 8
        if len(content) < size:
            raise ValueError("truncated")
        yield kind, content[:size]


def _value(data: memoryview) -> Any:
    """MATLAB's structs, cells, texts and numbers as lists of dicts, lists, strings and lists of numbers."""
    elements = _elements(data)
    (_, flags), (_, shape), _ = islice(elements, 3)
    match flags[0]:
        case 1:  # cell
            value = [_value(content) for _, content in elements]
        case 2:  # struct
            (_, width), (_, text) = islice(elements, 2)
            (width,) = struct.unpack("<i", width)
            keys = [key.rstrip(b"\0").decode("ascii") for (key,) in struct.iter_unpack(f"{width}s", text)]
            values = [_value(content) for _, content in elements]
            value = [dict(zip(keys, values[i : i + len(keys)], strict=True)) for i in range(0, len(values), len(keys))]
        case 4:  # char
            ((kind, content),) = elements
            return bytes(content).decode(_TEXTS[kind])
        case _:  # numbers; other kinds have other elements
            ((kind, content),) = elements
            numbers = [number for (number,) in struct.iter_unpack("<" + _NUMBERS[kind], content)]
            # MATLAB's numbers are doubles unless said otherwise.
            value = [int(number) if number == number // 1 else number for number in numbers]
    if len(value) != prod(number for (number,) in struct.iter_unpack("<i", shape)):
        raise ValueError("another number of values than the shape says")
    return value
