"""Read torch's files of unknown origin: tensors and plain data, made of no more bytes than there are.

torch.load executes no code of a file either, if told so, but it makes what a pickle asks for: sets that take ages to
hash, arrays and storages of any size, and numpy's own types, which a pickle can tell that pointers are numbers. And it
knows protocol 2 only. So here pickles are read as data, and torch gets nothing but bytes, shapes and strides.
"""

import pickle
import re
import zipfile
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, ClassVar

import numpy as np
import torch
from torch import Tensor

from cvpire.untrusted.pickles import DataUnpickler, checked_set

_MAGIC = 0x1950A86A20F9469CFC6C
_STORAGES = {f"{name}Storage": getattr(torch, name.lower()) for name in ("Float", "Double", "Half", "BFloat16")}
_STORAGES |= {f"{name}Storage": getattr(torch, name.lower()) for name in ("Long", "Int", "Short", "Bool")}
_STORAGES |= {"CharStorage": torch.int8, "ByteStorage": torch.uint8}
_STORAGES |= {"ComplexFloatStorage": torch.complex64, "ComplexDoubleStorage": torch.complex128}
_KINDS = {name: value for name, value in vars(torch).items() if isinstance(value, torch.dtype)}
_NUMBERS = re.compile("b1|[iu][1248]|f[248]|c8|c16")
"""numpy's names of types whose values are numbers."""
_PAGE = rb"(?:\xef\xbb\xbf)?\s*<(?:!|html|head|\?xml)"
_OTHER_FILES = (
    (_PAGE, "a web page (HTML), that of an error, of a login or about the file; download the file itself"),
    (rb"version https://git-lfs", "a pointer of Git LFS, not the file; get the file by `git lfs pull`"),
    (rb"\x89HDF", "an HDF5 file, as Keras writes them"),
    (rb"\x1f\x8b|BZh|\xfd7zXZ", "compressed; unpack it"),
    (rb"\s*[\[{]", "a JSON text"),
    (rb"\Z", "empty"),
)
"""What people take for a checkpoint, by how it begins."""


class Array:
    """Stand-in for numpy.ndarray; `values` is None where they are no numbers."""

    values: np.ndarray | None = None


class _Dict(dict):
    """Stand-in for collections.OrderedDict."""

    def __init__(self) -> None:
        super().__init__()


class _Kind:
    """Stand-in for numpy.dtype."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.code, self.order = (code if isinstance(code, str) else ""), "<"


class _Storage:
    """Where tensors have their numbers: those of a storage from `start` on."""

    def __init__(self, values: Tensor, start: int = 0) -> None:
        self.values, self.start = values, start


def read_torch(path: Path) -> Any:
    """Read what torch.save wrote, in its zip container or the old one, whatever the protocol of its pickle.

    Returns
    -------
    Any
        Plain data, tensors, and `Array` for numpy's arrays.

    Raises
    ------
    pickle.UnpicklingError
        It asks for what is no plain data, or for more than it has bytes.
    Exception
        Of any kind, where the file is missing, corrupt or of another kind; a `ValueError` says of which.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(64)
        file.seek(0)
        for pattern, kind in _OTHER_FILES:
            if re.match(pattern, start, re.IGNORECASE):
                raise ValueError(f"it is {kind}")
        return _from_zip(file, size) if start.startswith(b"PK\3\4") else _from_old_container(file, size)


def _from_zip(file: BinaryIO, size: int) -> Any:
    with zipfile.ZipFile(file) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        if len(entries) < len(archive.infolist()):
            raise pickle.UnpicklingError("two entries of one name")
        if any(entry.compress_type != zipfile.ZIP_STORED or entry.file_size > size for entry in entries.values()):
            raise pickle.UnpicklingError("compressed entries, which torch does not write")
        codes = [name for name in entries if PurePosixPath(name).name == "data.pkl"]
        if len(codes) != 1:
            raise ValueError("it is a zip archive of something else")
        folder = codes[0].removesuffix("data.pkl")
        if f"{folder}byteorder" in entries and archive.read(f"{folder}byteorder") != b"little":
            raise ValueError("it holds big-endian numbers")

        def fill(key: str, content: memoryview) -> None:
            with archive.open(f"{folder}data/{key}") as numbers:
                _read_whole(numbers, content)

        with archive.open(codes[0]) as code:
            return _TorchUnpickler(code, size, fill).load()


def _from_old_container(file: BinaryIO, size: int) -> Any:
    if DataUnpickler(file, size).load() != _MAGIC:
        raise ValueError("it is not what torch.save writes")
    _, system = (DataUnpickler(file, size).load() for _ in range(2))
    if isinstance(system, dict) and not system.get("little_endian", True):
        raise ValueError("it holds big-endian numbers")
    contents: dict[str, memoryview] = {}
    content = _TorchUnpickler(file, size, contents.setdefault).load()
    for key in DataUnpickler(file, size).load():  # the numbers follow, each storage's by their count
        count, whole = int.from_bytes(file.read(8), "little"), contents.pop(key)
        if len(whole) % count if count else whole:
            raise ValueError("a storage of another size")
        _read_whole(file, whole)
    if contents:
        raise ValueError("it lacks numbers")
    return content


def _read_whole(file: BinaryIO, content: memoryview) -> None:
    while content:
        if not (count := file.readinto(content)):
            raise ValueError("it ends too early")
        content = content[count:]


class _TorchUnpickler(DataUnpickler):
    """Reads a pickle of torch.

    Parameters
    ----------
    file : file
        Where the pickle begins.
    size : int
        Bytes of the file: all storages and arrays together have no more.
    fill : callable
        Told a storage's key and where its bytes belong.
    """

    def __init__(self, file: BinaryIO, size: int, fill: Callable[[str, memoryview], Any]) -> None:
        super().__init__(file, size)
        self.fill, self.storages = fill, {}

    def find_class(self, module: str, name: str) -> Any:
        """Look up what stands for what a pickle may name."""
        match module.replace("numpy.core.", "numpy._core."), name:
            case "builtins" | "__builtin__", "set" | "frozenset":
                return checked_set
            case "builtins" | "__builtin__", "complex":
                return _complex
            case "builtins" | "__builtin__", "bytes":
                return _no_bytes
            case "collections", "OrderedDict":
                return _Dict
            case "_codecs", "encode":  # of numpy's bytes; they stay a text until they become numbers
                return _first
            case "numpy", "dtype":
                return _Kind
            case "numpy", "ndarray":
                return Array
            case "numpy._core.multiarray", "_reconstruct":
                return _empty_array
            case "numpy._core.multiarray", "scalar":
                return self.scalar
            case "numpy._core.numeric", "_frombuffer":  # how arrays are written since protocol 5
                return self.array
            case ("torch", "Size" | "device") | ("torch._utils", "_rebuild_parameter"):
                return _first
            case "torch" | "torch.cuda", _ if name in _STORAGES:
                return _STORAGES[name]
            case "torch", _ if name in _KINDS:
                return _KINDS[name]
            case "torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2":  # no sparse, quantised or other tensors
                return _tensor
        return super().find_class(module, name)

    def persistent_load(self, pid: Any) -> _Storage:
        """Make a storage, once; a view of another one has its own key and is a part of it."""
        word, kind, key, _, numbers, *view = pid
        known = word == "storage" and isinstance(kind, torch.dtype) and isinstance(key, str)
        if not known or type(numbers) is not int or numbers < 0:
            raise pickle.UnpicklingError("an unknown kind of storage")
        if key not in self.storages:
            self.count(numbers * kind.itemsize)
            content = bytearray(numbers * kind.itemsize)
            self.storages[key] = torch.frombuffer(content, dtype=kind) if numbers else torch.empty(0, dtype=kind)
            self.fill(key, memoryview(content))
        if self.storages[key].dtype != kind:
            raise pickle.UnpicklingError("a storage of two kinds")
        return _Storage(self.storages[key], _whole([view[0][1]])[0] if view and view[0] else 0)

    def array(self, data: Any, kind: _Kind, shape: Any, order: Any = "C", *_: Any) -> Array:
        """Make an array of bytes."""
        made = Array()
        self._fill_array(made, data, kind, shape, order == "F")
        return made

    def scalar(self, kind: _Kind, data: Any = None) -> Any:
        """Make a number of bytes; anything else stays a stand-in."""
        made = self.array(data, kind, ())
        return made if made.values is None else made.values.item()

    def _fill_array(self, made: Array, data: Any, kind: _Kind, shape: Any, by_column: Any) -> None:
        if not isinstance(kind, _Kind) or not _NUMBERS.fullmatch(kind.code):
            return
        if not isinstance(data, str | bytes | bytearray):
            raise pickle.UnpicklingError(f"an array of numbers from a {type(data).__name__}")
        self.count(len(data))
        data = data.encode("latin-1") if isinstance(data, str) else data
        values = np.frombuffer(data, kind.order + kind.code).astype(kind.code)
        made.values = values.reshape(_whole(shape), order="F" if by_column else "C")

    def load_build(self) -> None:
        """Fill a stand-in, and nothing else: tensors would obey."""
        state, made = self.stack.pop(), self.stack[-1]
        match made:
            case Array():
                _, shape, kind, by_column, data = state
                self._fill_array(made, data, kind, shape, by_column)
            case _Kind():
                version, order, *within = state
                if version not in (3, 4) or order not in ("<", ">", "=", "|") or within[:3] != [None] * 3:
                    raise pickle.UnpicklingError("numpy values of an unknown type")
                made.order = ">" if order == ">" else "<"
            case _Dict():
                pass  # attributes of a state dict: versions of its modules
            case _:
                raise pickle.UnpicklingError(f"refused to fill a {type(made).__name__}")

    dispatch: ClassVar = {**DataUnpickler.dispatch, pickle.BUILD[0]: load_build}


def _first(value: Any = None, *_: Any) -> Any:
    return value


def _empty_array(kind: Any, shape: Any, *_: Any) -> Array:
    if kind is not Array or shape != (0,):
        raise pickle.UnpicklingError("an array that is not empty before it is filled")
    return Array()


def _complex(real: Any, imaginary: Any) -> complex:
    if type(real) is not float or type(imaginary) is not float:
        raise pickle.UnpicklingError("a complex number of other things")
    return complex(real, imaginary)


def _no_bytes() -> bytes:
    return b""


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Tensor:
    """Part of a storage; torch refuses what is not within."""
    if not isinstance(storage, _Storage):
        raise pickle.UnpicklingError("a tensor without a storage")
    size, stride, (offset,) = _whole(size), _whole(stride), _whole([offset])
    if prod(size) >= 2**63:
        raise pickle.UnpicklingError("a tensor of more numbers than can be counted")
    return storage.values.as_strided(size, stride, storage.start + offset)


def _whole(numbers: Sequence[Any]) -> tuple[int, ...]:
    """Sizes and places: some whole numbers, none negative."""
    if not isinstance(numbers, list | tuple) or len(numbers) > 32:
        raise pickle.UnpicklingError("a shape that is none")
    if not all(type(number) is int and 0 <= number < 2**63 for number in numbers):
        raise pickle.UnpicklingError("a shape that is none")
    return tuple(numbers)
