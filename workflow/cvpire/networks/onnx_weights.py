"""Weights that come as ONNX files, inside of packages or beside them."""

from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cvpire.errors import InputError, reason
from cvpire.networks.catalogue import ARCHITECTURES
from cvpire.untrusted.onnx_files import Weights, read_onnx

SUFFIX = ".onnx"


def onnx_file(architecture: str, weights: str) -> Path:
    """Find the ONNX file that `weights` names, a path or `package`; the package is not imported.

    Raises
    ------
    InputError
        The architecture's package is not installed, or has no ONNX file.
    """
    if weights != "package":
        return Path(weights)
    package = ARCHITECTURES[architecture].package
    try:
        found = [file for file in files(package) or () if file.suffix == SUFFIX]
    except PackageNotFoundError:
        raise InputError(
            f"weights: those of {architecture} come with the package {package}, which is not installed; install it, "
            "or set `weights` to a file"
        ) from None
    if not found:
        raise InputError(f"weights: the package {package} has no ONNX file; install it again")
    return Path(found[0].locate())


def onnx_state(
    architecture: str, path: Path, rename: Callable[[Weights], Mapping[str, np.ndarray]]
) -> dict[str, Tensor]:
    """Read a state dict from an ONNX file.

    Parameters
    ----------
    architecture : str
        For messages.
    path : Path
    rename : callable
        Picks weights and names them as their network has them.

    Raises
    ------
    InputError
        The file is missing, corrupt or no ONNX file, or lacks a weight.
    """
    stored = read_onnx(path)
    try:
        return {name: torch.tensor(np.ascontiguousarray(values)) for name, values in rename(stored).items()}
    except KeyError as error:
        raise InputError(f"weights: {path}: not the weights of {architecture} (it lacks {reason(error)})") from None
    except (IndexError, ValueError) as error:
        raise InputError(f"weights: {path}: not the weights of {architecture} ({reason(error)})") from None
