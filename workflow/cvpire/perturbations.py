"""The file between attack and saving: a photo's perturbations at every multiplier and checkpoint."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cvpire.errors import InputError
from cvpire.files import whole


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
        return self.values[
            _index(multiplier, self.multipliers, "multiplier"), _index(iteration, self.checkpoints, "iteration")
        ]


def write_perturbations(path: str | Path, perturbations: Perturbations) -> None:
    """Write perturbations as .npz, whole or not at all."""
    with whole(path) as temporary:
        np.savez(
            temporary,
            perturbation=perturbations.values,
            multipliers=np.array(perturbations.multipliers),
            iterations=np.array(perturbations.checkpoints),
            unit=np.array(perturbations.unit),
        )


def read_perturbations(path: str | Path, shape: tuple[int, int]) -> Perturbations:
    """Read perturbations of a photo of shape (H, W); `InputError` where the file is missing, broken or of another."""
    try:
        with np.load(path, allow_pickle=False) as file:
            read = Perturbations(
                file["perturbation"],
                tuple(file["multipliers"].tolist()),
                tuple(file["iterations"].tolist()),
                tuple(file["unit"].tolist()),
            )
    except FileNotFoundError:
        raise InputError(f"{path}: no such perturbation; `cvpire attack` makes it") from None
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not a perturbation of `cvpire attack` ({error})") from None
    expected = (len(read.multipliers), len(read.checkpoints), 3, *shape)
    if read.values.shape != expected:
        raise InputError(f"{path}: shape {read.values.shape} does not fit the photo, which needs {expected}")
    return read


def _index(wanted: float | None, present: tuple[float, ...], what: str) -> int:
    if wanted is None and len(present) == 1:
        return 0
    if wanted not in present:
        choice = ", ".join(f"{value:g}" for value in present)
        raise InputError(f"{what} {'is needed' if wanted is None else f'{wanted:g} is not there'}: one of {choice}")
    return present.index(wanted)
