"""Read checkpoints without executing code, and weights from them that fit and are finite."""

import pickle
from collections.abc import Mapping
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cvpire.errors import InputError, printable, reason, shown
from cvpire.untrusted.safetensors_files import is_safetensors, read_safetensors
from cvpire.untrusted.torch_files import Array, read_torch


def read_checkpoint(path: str | Path) -> Mapping[str, Any]:
    """Read a checkpoint: safetensors, or tensors, plain data and NumPy arrays that torch has saved.

    Which of the two it is, its content says, not its name. Anything else in it is refused, not executed.

    Raises
    ------
    InputError
        It is missing, corrupt, truncated, of another kind, or holds more than weights.
    """
    try:
        with Path(path).open("rb") as file:
            start = file.read(9)
        checkpoint = (read_safetensors if is_safetensors(start) else read_torch)(Path(path))
    except FileNotFoundError:
        raise InputError(
            f"weights: {path}: no such checkpoint; download it and set `weights` to where it lies"
        ) from None
    except pickle.UnpicklingError as error:
        fault = reason(error)
        raise InputError(f"weights: {path}: refused, it holds more than weights or is corrupt ({fault})") from None
    except Exception as error:  # corrupt files raise anything: OSError, RuntimeError, IndexError, struct.error, ...
        fault = reason(error).split(". ")[0]
        raise InputError(f"weights: {path}: not a readable checkpoint ({fault})") from None
    if not isinstance(checkpoint, Mapping) or not isinstance(checkpoint.get("state_dict", {}), Mapping):
        raise InputError(f"weights: {path}: expected a state dict, found {type(checkpoint).__name__}")
    if not isinstance(checkpoint.get("meta", {}), Mapping):
        raise InputError(f"weights: {path}: expected `meta` to be a mapping, found {type(checkpoint['meta']).__name__}")
    meta = checkpoint.get("meta", {})
    for key, kind in _DESCRIBED:
        value = meta.get(key)
        if value is not None and not (isinstance(value, kind) and printable(str(value), 60) == str(value)):
            raise InputError(f"weights: {path}: expected `meta.{key}` to be a name or a number, found {shown(value)}")
    return checkpoint


_DESCRIBED = (("architecture", str), ("pooling", str), ("outputdim", Integral))
_DESCRIBED += (("whitening", Integral), ("local_whitening", Integral), ("regional", Integral))
"""What `meta` says of a network, and of which kind that is; True and False were numbers in some."""


def load_state(module: nn.Module, state: Mapping[str, Any], path: str | Path, name: str) -> None:
    """Load exactly the weights that a module has, all finite, or raise `InputError`; `name` says whose they are."""
    try:
        if imaginary := [key for key, value in state.items() if isinstance(value, Tensor) and value.is_complex()]:
            raise TypeError(f"{printable(str(imaginary[0]), 80)} holds complex numbers")
        module.load_state_dict(state)
    except Exception as error:  # torch raises anything on values that are no weights
        raise InputError(f"weights: {path}: not the weights of {name} ({reason(error)})") from None
    if not all(torch.isfinite(value).all() for value in module.state_dict().values()):
        raise InputError(f"weights: {path}: holds values that are not finite")


def owns_its_numbers(state: Mapping[str, Any]) -> bool:
    """Whether tensors have no more values than their file: views may repeat a few bytes any number of times."""
    tensors = [value for value in state.values() if isinstance(value, Tensor)]
    stored = {value.untyped_storage().data_ptr(): value.untyped_storage().nbytes() for value in tensors}
    return sum(value.numel() * value.element_size() for value in tensors) <= sum(stored.values())


def finite(value: Any, place: str) -> Tensor:
    """Turn a checkpoint's numbers, of any type, into a float64 tensor, or raise `InputError`; `place` names them."""
    try:
        # A few bytes may stand for any number of values, each time the same one.
        if isinstance(value, Tensor) and (value.numel() > MOST_NUMBERS or value.is_complex()):
            raise TypeError
        if isinstance(value, Array):
            if value.values is None or np.iscomplexobj(value.values):
                raise TypeError
            value = value.values.astype(np.float64)
        numbers = torch.as_tensor(value, dtype=torch.float64)
    except Exception:
        raise InputError(f"{place}: expected numbers, found {type(value).__name__}") from None
    if not numbers.isfinite().all():
        raise InputError(f"{place}: holds values that are not finite")
    return numbers


MOST_NUMBERS = 2**24
"""Of a whitening, which has 2048 x 2048."""
