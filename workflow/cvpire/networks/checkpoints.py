"""Read checkpoints without executing code, and weights from them that fit and are finite."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cvpire.errors import InputError


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
        with torch.serialization.safe_globals(numpy_types):
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(
            f"weights: {path}: no such checkpoint; download it and set `weights` to where it lies"
        ) from None
    except pickle.UnpicklingError as error:
        reason = (str(error) or "it ends too early").split(". ")[0].splitlines()[0]
        raise InputError(f"weights: {path}: refused, it holds more than weights or is corrupt ({reason})") from None
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        reason = (str(error) or "it ends too early").splitlines()[0]
        raise InputError(f"weights: {path}: not a readable checkpoint ({reason})") from None
    if not isinstance(checkpoint, Mapping) or not isinstance(checkpoint.get("state_dict", {}), Mapping):
        raise InputError(f"weights: {path}: expected a state dict, found {type(checkpoint).__name__}")
    if not isinstance(checkpoint.get("meta", {}), Mapping):
        raise InputError(f"weights: {path}: expected `meta` to be a mapping, found {type(checkpoint['meta']).__name__}")
    return checkpoint


def load_state(module: nn.Module, state: Mapping[str, Any], path: str | Path, name: str) -> None:
    """Load exactly the weights that a module has, all finite, or raise `InputError`; `name` says whose they are."""
    try:
        module.load_state_dict(state)
    except (RuntimeError, AttributeError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"weights: {path}: not the weights of {name} ({reason})") from None
    if not all(torch.isfinite(value).all() for value in module.state_dict().values()):
        raise InputError(f"weights: {path}: holds values that are not finite")


def finite(value: Any, place: str) -> Tensor:
    """Turn a checkpoint's numbers, of any type, into a float64 tensor, or raise `InputError`; `place` names them."""
    try:
        numbers = torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"{place}: expected numbers, found {type(value).__name__}") from None
    if not numbers.isfinite().all():
        raise InputError(f"{place}: holds values that are not finite")
    return numbers
