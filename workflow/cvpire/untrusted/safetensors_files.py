"""Read safetensors files of unknown origin: a JSON header that says where each tensor lies, and the numbers."""

from pathlib import Path

from torch import Tensor

MOST_OF_A_HEADER = 2**24
"""Bytes; the header of the largest networks has a tenth of that."""


def is_safetensors(start: bytes) -> bool:
    """Whether a file that begins so is meant as safetensors: the header's length in 8 bytes, and its first brace."""
    return start[8:9] == b"{" and start[5:8] == bytes(3)


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file, by name; what its header says beside them is left out.

    Raises
    ------
    ValueError
        The header is longer than the file or than `MOST_OF_A_HEADER`.
    Exception
        Of any kind, where the library finds that header and numbers do not fit each other byte for byte.
    """
    from safetensors.torch import load_file

    size = path.stat().st_size
    with path.open("rb") as file:
        header = int.from_bytes(file.read(8), "little")
    if 8 + header > size:
        raise ValueError(f"a safetensors file that ends within its header, {size} of {8 + header} bytes or more")
    if header > MOST_OF_A_HEADER:
        raise ValueError(f"a safetensors file with a header of {header} bytes, more than {MOST_OF_A_HEADER}")
    return load_file(path)
