"""Read numpy's files: what their header promises is known before memory is taken for it."""

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np


class Header(NamedTuple):
    """What a .npy file says of its array."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(file: BinaryIO) -> Header:
    """Read the header of a .npy file of numbers, and stop behind it; ValueError where there is none."""
    try:
        version = np.lib.format.read_magic(file)
        known = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        header = Header(*known[version](file))
    except OSError:
        raise
    except Exception:  # the header is Python, and its parser raises SyntaxError, TokenError, MemoryError, ...
        raise ValueError("no header of a numpy array") from None
    if header.dtype.kind not in "biuf":
        raise ValueError(f"an array of {header.dtype.name}, not of numbers")
    if any(length < 0 for length in header.shape):
        raise ValueError(f"an array of shape {header.shape}")
    return header


def read_values(file: BinaryIO, header: Header) -> np.ndarray:
    """Read the values behind a header whose shape is what the caller expects; ValueError where they are too few."""
    data = file.read(header.size)
    if len(data) != header.size:
        raise ValueError(f"truncated: {len(data)} of {header.size} bytes")
    values = np.frombuffer(bytearray(data), header.dtype)
    return values.reshape(header.shape, order="F" if header.fortran_order else "C")


def map_values(path: Path) -> np.ndarray:
    """Map the values of a .npy file into memory, read-only; ValueError where there are too few."""
    with path.open("rb") as file:
        header, offset = read_header(file), file.tell()
    if header.size != path.stat().st_size - offset:
        raise ValueError(f"truncated: {path.stat().st_size - offset} of {header.size} bytes")
    if header.size == 0:
        return np.empty(header.shape, header.dtype)
    order = "F" if header.fortran_order else "C"
    return np.memmap(path, header.dtype, "r", offset, header.shape, order)


def read_arrays(path: Path, forms: Mapping[str, tuple[str, int]]) -> dict[str, np.ndarray]:
    """Read arrays of a .npz file as `numpy.savez` writes it: nothing is packed, so none is larger than the file.

    Parameters
    ----------
    path : Path
        The file; it may hold other arrays, too.
    forms : mapping
        Type and number of dimensions of each array by its name, like ("float32", 2).

    Returns
    -------
    dict
        The arrays, finite, by their names.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is damaged, or an array is missing, of another form, or not finite.
    """
    try:
        with zipfile.ZipFile(path) as file:
            return {name: _read_member(file, name, *form) for name, form in forms.items()}
    except (OSError, ValueError):
        raise
    except KeyError as error:
        raise ValueError(str(error.args[0])) from None
    except Exception as error:  # zipfile raises anything on corrupt data
        raise ValueError(f"{type(error).__name__}: {error}") from None


def _read_member(file: zipfile.ZipFile, name: str, kind: str, dimensions: int) -> np.ndarray:
    member = file.getinfo(f"{name}.npy")
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is packed")
    with file.open(member) as values:
        header = read_header(values)
        if header.dtype != kind or len(header.shape) != dimensions:
            raise ValueError(f"{name}: expected {kind} of {dimensions} dimensions")
        if header.size > member.file_size:
            raise ValueError(f"{name} is truncated")
        array = read_values(values, header)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} is not finite")
    return array
