"""Options of variance maps."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, model_validator

from cvpire.options import Odd, Options
from cvpire.variance.catalogue import KINDS


class VarianceOptions(Options):
    """A variance map: how strongly each pixel may be perturbed (section 3.2, 3.4.1)."""

    kind: Literal[*KINDS] = "colour"
    """colour: Algorithm 1 (CV-PIRE); luminance: eq. 3.7 (SD-PIRE); uniform: 1 everywhere (PIRE);
    masking: what the blocks of a JPEG hide (Watson's model); joined: several maps as one."""
    kernel_size: Odd | None = None
    """n, side of the neighbourhood in pixels, odd (thesis: 5 for colour, 3 for luminance)."""
    sigma: PositiveFloat = 1.0
    """Standard deviation of the Gaussian kernel in pixels (eq. 2.13; colour only)."""
    difference: Literal["cie76", "cie94", "ciede2000"] = "ciede2000"
    """Colour difference (colour only)."""
    mean_over: Literal["window", "neighbours"] = "window"
    """Count of the mean: pixels of the window (text: n^2), or without the centre (code; colour only)."""
    luma: Literal["bt709", "bt601-truncated"] = "bt709"
    """Grey value: eq. 3.6 (text) or ITU-R 601 cut to an integer (code; luminance only)."""
    deviation_divisor: Literal["count", "count-squared"] = "count"
    """Divisor under the root of eq. 3.7: the pixel count (text) or its square (code; luminance only)."""
    normalisation: Literal["maximum", "stretched-8-bit"] = "maximum"
    """Divide by the maximum (text), or stretch minimum to maximum and keep 8 bits (code)."""

    power: PositiveFloat = 1.0
    """Exponent of the map (thesis: 1): above 1, what varies little is perturbed less still; below 1, more evenly."""
    parts: Annotated[list[Literal["colour", "luminance", "masking"]], Field(min_length=2)] = ["colour", "masking"]
    """Maps that kind joined is made of, all with these options."""
    joined_by: Literal["geometric-mean", "minimum"] = "geometric-mean"
    """How kind joined takes its maps together, pixel by pixel."""

    @property
    def label(self) -> str:
        """Name in figures."""
        label = KINDS[self.kind].label.format(**self.model_dump() | {"parts": " and ".join(self.parts)})
        return label if self.power == 1 else f"{label} to the power {self.power:g}"

    @model_validator(mode="before")
    @classmethod
    def _kernel_size_of_the_kind(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or values.get("kernel_size") is not None:
            return values
        kind = values.get("kind", "colour")
        # An unknown kind is a fault of its own.
        return {**values, "kernel_size": KINDS[kind].kernel_size} if kind in list(KINDS) else values
