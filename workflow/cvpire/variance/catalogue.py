"""The kinds of variance maps, by the name that the configuration gives them."""

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of variance map."""

    module: str
    """Of `cvpire.variance`; its `compute(photo, options, *, device, threads)` returns the map, (H, W) in [0, 1]."""
    method: str
    """The attack that such a map bounds."""
    label: str
    """Name in figures, a format of the options."""
    kernel_size: int = 5
    """n where the options give none."""
    varies: bool = True
    """Whether it depends on the photo."""


KINDS = {
    "colour": Kind("colour", "CV-PIRE", "CV-PIRE (n = {kernel_size}, σ = {sigma:g})"),
    "luminance": Kind("luminance", "SD-PIRE", "SD-PIRE (n = {kernel_size})", kernel_size=3),
    "joined": Kind("joined", "JOINED", "JOINED ({joined_by} of {parts}, n = {kernel_size})"),
    "masking": Kind("masking", "MASKING", "MASKING"),
    "uniform": Kind("uniform", "PIRE", "PIRE", varies=False),
}
