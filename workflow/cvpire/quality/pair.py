"""Two photos that are compared, and what several measures need of both."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from cvpire.errors import InputError

Value = TypeVar("Value")


class Pair:
    """An original and an altered photo.

    Parameters
    ----------
    original, altered : numpy.ndarray
        uint8, shape (H, W, 3).

    Attributes
    ----------
    original, altered : numpy.ndarray
        The same as values in [0, 1], float64.

    Raises
    ------
    InputError
        Photos of different size.
    """

    def __init__(self, original: np.ndarray, altered: np.ndarray):
        if original.shape != altered.shape:
            raise InputError(different_size(original, altered))
        self.original, self.altered = original / 255, altered / 255
        self._known: dict[Any, Any] = {}

    def once(self, function: Callable[..., Value], *arguments: float) -> Value:
        """Return `function(self, *arguments)`, which is computed at the first call; let it be small, for it is kept."""
        key = (function, arguments)
        if key not in self._known:
            self._known[key] = function(self, *arguments)
        return self._known[key]


def needs_side(pair: Pair, side: int, column: str) -> None:
    """Raise `InputError` where photos have a side of fewer pixels than a measure can do with."""
    if min(pair.original.shape[:2]) < side:
        raise InputError(
            f"a photo of {size(pair.original)} is too small for {column}, which needs {side} pixels a side; "
            f"leave {column} out of the measures (quality.measures, --measures)"
        )


def different_size(original: np.ndarray, altered: np.ndarray) -> str:
    """Say that two photos cannot be compared."""
    return f"photos of different size cannot be compared: {size(original)} and {size(altered)} (width x height)"


def size(photo: np.ndarray) -> str:
    """Width and height of a photo (H, W, ...), for messages."""
    return f"{photo.shape[1]} x {photo.shape[0]}"
