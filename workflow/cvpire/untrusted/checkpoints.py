"""Read checkpoints without executing code, and weights from them that fit and are finite."""

import pickle
import zipfile
from collections.abc import Mapping
from numbers import Integral
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor, nn

from cvpire.errors import InputError, printable, reason, shown
from cvpire.untrusted.pickles import DataUnpickler, checked_set


def read_checkpoint(path: str | Path) -> Mapping[str, Any]:
    """Read a checkpoint of tensors, numbers, strings and NumPy arrays; anything else in it is refused, not executed."""
    from numpy._core.multiarray import _reconstruct, scalar

    renamed = [(known, f"numpy.core.multiarray.{known.__name__}") for known in (_reconstruct, scalar)]  # NumPy 1
    numpy_types = [
        *renamed,
        _reconstruct,
        scalar,
        np.ndarray,
        np.dtype,
        *(type(np.dtype(kind)) for kind in ("f4", "f8", "i8")),
    ]
    try:
        _look_through(Path(path))
        with torch.serialization.safe_globals(numpy_types):
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(
            f"weights: {path}: no such checkpoint; download it and set `weights` to where it lies"
        ) from None
    except pickle.UnpicklingError as error:
        fault = reason(error).split(". ")[0]
        raise InputError(f"weights: {path}: refused, it holds more than weights or is corrupt ({fault})") from None
    except Exception as error:  # corrupt files raise anything: OSError, RuntimeError, IndexError, struct.error, ...
        fault = reason(error).split(". ")[0]
        raise InputError(f"weights: {path}: not a readable checkpoint ({fault})") from None
    if not isinstance(checkpoint, Mapping) or not isinstance(checkpoint.get("state_dict", {}), Mapping):
        raise InputError(f"weights: {path}: expected a state dict, found {type(checkpoint).__name__}")
    if not isinstance(checkpoint.get("meta", {}), Mapping):
        raise InputError(f"weights: {path}: expected `meta` to be a mapping, found {type(checkpoint['meta']).__name__}")
    meta = checkpoint.get("meta", {})
    for key, kind in (("architecture", str), ("pooling", str), ("outputdim", Integral)):
        value = meta.get(key)
        if value is not None and not (isinstance(value, kind) and printable(str(value), 60) == str(value)):
            raise InputError(f"weights: {path}: expected `meta.{key}` to be a name or a number, found {shown(value)}")
    return checkpoint


def _look_through(path: Path) -> None:
    """Read what a checkpoint pickles without making any of it; whatever would take more than it has is an error.

    torch executes no code of a pickle, but it makes what the pickle asks for: sets that take ages to hash, arrays and
    storages of any size, and numpy's own types, which a pickle can tell that pointers are numbers.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        is_zip = file.read(4) == b"PK\3\4"  # as torch tells them apart
        file.seek(0)
        if not is_zip:
            if _Look(file, size).load() != _MAGIC:
                raise ValueError("no checkpoint of torch")
            for _ in ("protocol", "system", "content", "storages"):
                _Look(file, size).load()
            return
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if len({entry.filename for entry in entries}) < len(entries):
                raise pickle.UnpicklingError("two entries of one name")
            if any(entry.compress_type != zipfile.ZIP_STORED or entry.file_size > size for entry in entries):
                raise pickle.UnpicklingError("compressed entries, which torch does not write")
            for entry in entries:
                if PurePosixPath(entry.filename).name == "data.pkl":
                    with archive.open(entry) as content:
                        _Look(content, size).load()


_MAGIC = 0x1950A86A20F9469CFC6C


class _Stand:
    """Stand-in for what torch makes."""

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


class _Dict(dict):
    """Stand-in for a state dict, which has attributes."""

    def __init__(self) -> None:
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        pass


class _Kind(_Stand):
    """Stand-in for numpy.dtype."""

    def __init__(self, code: Any, *_: Any) -> None:
        if code not in ("f4", "f8", "i8"):
            raise pickle.UnpicklingError("numpy values of an unknown type")

    def __setstate__(self, state: Any) -> None:
        version, order, *within = state
        if version != 3 or order not in ("<", ">", "=", "|") or within[:3] != [None] * 3 or within[3:] != [-1, -1, 0]:
            raise pickle.UnpicklingError("numpy values of an unknown type")


class _Look(DataUnpickler):
    """Reads a pickle of torch, with stand-ins for whatever it names; torch itself decides what of that it takes."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        super().__init__(file, size)
        self.seen: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        """Look up a stand-in."""
        match module.replace("numpy.core.", "numpy._core."), name:
            case "builtins" | "__builtin__", "set":
                return checked_set
            case "collections", "OrderedDict":
                return _Dict
            case "numpy", "dtype":
                return _Kind
            case "numpy", "ndarray":
                return _Stand
            case "numpy._core.multiarray", "_reconstruct":
                return _empty
            case ("numpy._core.multiarray", "scalar") | ("_codecs", "encode"):
                return _Stand
            case "torch" | "torch.cuda", "Size" | "device":
                return _Stand
        is_kind = module == "torch" and isinstance(getattr(torch, name, None), torch.dtype)
        if is_kind or (module in ("torch", "torch.cuda") and name.endswith("Storage")) or (module, name) in _TENSORS:
            return _Stand
        return super().find_class(module, name)

    def persistent_load(self, pid: Any) -> Any:
        """Count a storage's bytes, of one byte a number at least."""
        kind, _, key, _, numbers, *_ = pid
        if kind != "storage" or not isinstance(key, str) or type(numbers) is not int or numbers < 0:
            raise pickle.UnpicklingError("an unknown kind of storage")
        if key not in self.seen:
            self.count(numbers)
        self.seen.add(key)
        return _Stand()


_TENSORS = {("torch._utils", name) for name in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter")}
_TENSORS |= {("torch.nn.parameter", "Parameter")}
"""Names of plain tensors; sparse and quantised ones, and those of other classes, are no weights."""


def _empty(kind: Any, shape: Any, *_: Any) -> _Stand:
    if shape != (0,):
        raise pickle.UnpicklingError("an array that is not empty before it is filled")
    return _Stand()


def load_state(module: nn.Module, state: Mapping[str, Any], path: str | Path, name: str) -> None:
    """Load exactly the weights that a module has, all finite, or raise `InputError`; `name` says whose they are."""
    try:
        module.load_state_dict(state)
    except Exception as error:  # torch raises anything on values that are no weights
        raise InputError(f"weights: {path}: not the weights of {name} ({reason(error)})") from None
    if not all(torch.isfinite(value).all() for value in module.state_dict().values()):
        raise InputError(f"weights: {path}: holds values that are not finite")


def finite(value: Any, place: str) -> Tensor:
    """Turn a checkpoint's numbers, of any type, into a float64 tensor, or raise `InputError`; `place` names them."""
    try:
        # A few bytes may stand for any number of values, each time the same one.
        if isinstance(value, Tensor) and (value.numel() > MOST_NUMBERS or value.is_complex()):
            raise TypeError
        numbers = torch.as_tensor(value, dtype=torch.float64)
    except Exception:
        raise InputError(f"{place}: expected numbers, found {type(value).__name__}") from None
    if not numbers.isfinite().all():
        raise InputError(f"{place}: holds values that are not finite")
    return numbers


MOST_NUMBERS = 2**24
"""Of a whitening, which has 2048 x 2048."""
