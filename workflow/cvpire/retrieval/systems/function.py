"""Somebody's own system: a Python function that maps pixels to a vector."""

import importlib
import re
import sys
import traceback
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cvpire.errors import InputError, printable, reason, shown

if TYPE_CHECKING:
    from cvpire.config.systems import FunctionOptions

_FORM = "expected package.module:function, like mine.colours:describe"


class Function:
    """A `cvpire.retrieval.describing.Describer` that calls a function."""

    def __init__(self, name: str, function: Callable[[np.ndarray], Any]):
        self.name, self.function = name, function

    def describe(self, pixels: np.ndarray) -> np.ndarray:
        """Describe a photo.

        Parameters
        ----------
        pixels : numpy.ndarray
            uint8, (H, W, 3), RGB.

        Returns
        -------
        numpy.ndarray
            float32, (D,), of length 1: what the function returned, by its length.

        Raises
        ------
        InputError
            The function raised something, or returned no vector, a value that is not finite, or only zeros.
        """
        try:
            vector = np.asarray(self.function(pixels))
        except Exception as error:
            raise InputError(f"{self.name} raised {_told(error)}") from None
        if vector.dtype.kind not in "biuf" or vector.ndim != 1 or not vector.size:
            raise InputError(f"{self.name} returned {_form(vector)}, expected a vector of numbers, of one dimension")
        vector = vector.astype(np.float64)
        largest = np.abs(vector).max()
        if not np.isfinite(largest):
            raise InputError(f"{self.name} returned a value that is not finite ({vector[~np.isfinite(vector)][0]})")
        if not largest:
            raise InputError(f"{self.name} returned only zeros, which have no direction")
        vector /= largest  # squares of very large values overflow
        return (vector / np.linalg.norm(vector)).astype(np.float32)


def load(options: "FunctionOptions") -> Function:
    """Find the function that the options name, see `resolve`."""
    return Function(options.function, resolve(options.function))


def resolve(name: str) -> Callable[[np.ndarray], Any]:
    """Import a function.

    Parameters
    ----------
    name : str
        `package.module:function`, of the current folder or installed; after the colon, dots lead into classes.

    Returns
    -------
    callable

    Raises
    ------
    InputError
        A name of another form, no such module or function, something that cannot be called, or a module that fails
        while it is imported: the message says where and why.
    """
    if not re.fullmatch(r"\w+(\.\w+)*:\w+(\.\w+)*", name):
        raise InputError(f"function: {shown(name)}: {_FORM}")
    module_name, _, attributes = name.partition(":")
    module = _imported(module_name)
    try:
        function = reduce(getattr, attributes.split("."), module)
    except AttributeError:
        offered = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
        raise InputError(
            f"function: {module_name} has no {attributes}"
            + (f"; it has {printable(', '.join(sorted(offered)))}" if offered else "")
        ) from None
    if not callable(function):
        raise InputError(f"function: {name} is a {type(function).__name__} and cannot be called; {_FORM}")
    return function


def _imported(name: str) -> Any:
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(
            0, folder
        )  # as for a script there; it stays, since functions import things when they are called
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
            raise InputError(f"function: no module {error.name} in {folder} nor installed; {_FORM}") from None
        raise InputError(f"function: importing {name} raised {_told(error)}") from None


def _told(error: BaseException) -> str:
    """Say what was raised, and where in somebody's code."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename != __file__ and "importlib" not in frame.filename]
    where = f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""
    said = reason(error) if isinstance(error, Exception) else shown(error)
    return f"{type(error).__name__}: {said}{where}"


def _form(value: np.ndarray) -> str:
    return f"{value.dtype.name} of shape {value.shape}"
