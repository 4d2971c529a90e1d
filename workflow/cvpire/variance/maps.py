"""The variance map of a photo, of whichever kind."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from cvpire.errors import InputError
from cvpire.files import whole
from cvpire.variance.catalogue import KINDS

if TYPE_CHECKING:
    from cvpire.config import VarianceOptions


def variance_map(
    photo: np.ndarray, options: "VarianceOptions", *, device: str = "cpu", threads: int | None = None
) -> np.ndarray:
    """Compute the normalised variance map of a photo (section 3.2.3).

    Parameters
    ----------
    photo : numpy.ndarray
        uint8, shape (H, W, 3).
    options : cvpire.config.VarianceOptions
        `kind` is a key of `cvpire.variance.catalogue.KINDS`; the others are those of that kind.
    device : {"cpu", "cuda"}
        Where colour variances are computed: by NumPy on the CPU, by torch on a GPU.
    threads : int, optional
        For colour variances on the CPU; the result does not depend on it. Default: the environment's OMP_NUM_THREADS,
        which Snakemake sets to a job's share, or else one a processor.

    Returns
    -------
    numpy.ndarray
        float32, shape (H, W), in [0, 1]. A photo without any variance has a map of zeros, and a warning is logged.

    Raises
    ------
    InputError
        There is no such kind.
    """
    if options.kind not in KINDS:
        raise InputError(f"kind: no variance map is called {options.kind!r}; there are {', '.join(KINDS)}")
    # The module of this kind alone, because a process starts for every photo.
    module = import_module(f"cvpire.variance.{KINDS[options.kind].module}")
    values = module.compute(photo, options, device=device, threads=threads)
    return values if options.power == 1 else values**options.power


def write_variance_map(path: Path, values: np.ndarray) -> None:
    """Write a variance map as .npy, or in 8 bits as a grey .png; `InputError` for another suffix."""
    check_suffix(path)
    with whole(path) as temporary, temporary.open("wb") as file:
        if path.suffix == ".npy":
            np.save(file, values)
        else:
            Image.fromarray(np.rint(values * 255).astype(np.uint8)).save(file, "png")


def check_suffix(path: Path) -> None:
    """Check, before it takes time to compute a map, that it can be written there."""
    if path.suffix not in (".npy", ".png"):
        raise InputError(f"{path}: a variance map is written as .npy or .png")
