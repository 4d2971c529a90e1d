"""The file between attack and saving: a photo's perturbations at every multiplier and checkpoint."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cvpire.errors import InputError, other_size, reason
from cvpire.files import whole
from cvpire.untrusted.arrays import read_header, read_values


@dataclass(frozen=True)
class Perturbations:
    """Perturbations of one photo by one attack."""

    values: np.ndarray
    """float32, shape (M, K, 3, H, W): multiplier, checkpoint, channel; in the space of the bound."""
    multipliers: tuple[float, ...]
    checkpoints: tuple[int, ...]
    unit: tuple[float, float, float]
    """One unit of `values` as a share of the range 0..255, per channel."""

    def at(self, multiplier: float | None, iteration: int | None) -> np.ndarray:
        """Perturbation (3, H, W) at a multiplier and an iteration; None where there is only one."""
        return self.values[position(multiplier, iteration, self.multipliers, self.checkpoints)]


def position(
    multiplier: float | None, iteration: int | None, multipliers: Sequence[float], checkpoints: Sequence[int]
) -> tuple[int, int]:
    """Where the perturbation at a multiplier and an iteration is; `InputError` where an attack does not make it.

    None where there is only one.
    """
    return _index(multiplier, multipliers, "multiplier"), _index(iteration, checkpoints, "iteration")


def write_perturbations(path: str | Path, perturbations: Perturbations) -> None:
    """Write perturbations as .npz, whole or not at all."""
    # Into an open file: of a name without the suffix .npz, NumPy writes another file.
    with whole(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            perturbation=perturbations.values,
            multipliers=np.array(perturbations.multipliers),
            iterations=np.array(perturbations.checkpoints),
            unit=np.array(perturbations.unit),
        )


def read_perturbations(path: str | Path, shape: tuple[int, int]) -> Perturbations:
    """Read perturbations of a photo of shape (H, W); `InputError` where the file is missing, broken or of another."""
    try:
        with zipfile.ZipFile(path) as file:
            multipliers, iterations = _numbers(file, "multipliers", "f"), _numbers(file, "iterations", "iu")
            unit = _numbers(file, "unit", "f", 3)
            with file.open("perturbation.npy") as values:
                header = read_header(values)
                expected = (len(multipliers), len(iterations), 3, *shape)
                if header.shape[:3] != expected[:3] or len(header.shape) != len(expected):
                    raise ValueError(f"shape {header.shape}, expected {expected}")
                if header.shape != expected:
                    raise InputError(
                        f"{path}: this perturbation does not fit the photo: {other_size(header.shape[3:], shape)}"
                    )
                perturbation = read_values(values, header)
    except FileNotFoundError:
        raise InputError(f"{path}: no such perturbation; `cvpire attack` makes it") from None
    except InputError:
        raise
    except Exception as error:  # zipfile raises anything on corrupt data
        raise InputError(
            f"{path}: not a perturbation of `cvpire attack` ({reason(error)}); delete it and run again"
        ) from None
    if header.dtype != np.float32 or not np.isfinite(perturbation).all():
        raise InputError(
            f"{path}: not a perturbation of `cvpire attack` (expected finite values, float32); delete it and run again"
        )
    return Perturbations(perturbation, multipliers, iterations, unit)


def _numbers(file: zipfile.ZipFile, name: str, kinds: str, count: int | None = None) -> tuple:
    """A short list of finite numbers, of some kinds and, where it is given, count."""
    with file.open(f"{name}.npy") as values:
        header = read_header(values)
        if len(header.shape) != 1 or header.shape[0] not in ([count] if count else range(1, _MOST + 1)):
            raise ValueError(f"{name} of shape {header.shape}")
        numbers = read_values(values, header)
    if header.dtype.kind not in kinds or not np.isfinite(numbers).all():
        raise ValueError(f"{name}: expected finite numbers")
    return tuple(numbers.tolist())


_MOST = 1000
"""Multipliers or checkpoints of a file."""


def _index(wanted: float | None, present: Sequence[float], what: str) -> int:
    if wanted is None and len(present) == 1:
        return 0
    if wanted not in present:
        # Not `:g`, which rounds: 42.8571 would be there, and 42.857142 not.
        said, *choice = (str(value).removesuffix(".0") for value in (wanted, *present))
        missing = "is needed" if wanted is None else f"{said} is not there"
        raise InputError(f"{what} {missing}: one of {', '.join(choice)}")
    return present.index(wanted)
