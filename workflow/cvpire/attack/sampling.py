"""What an attack samples in a step: transformations of the saved photo, with values drawn at random.

Expectation over transformation [1]_: a perturbation that is to hold after a photo was changed is optimised on what
changes make of it.

References
----------
.. [1] Athalye et al., "Synthesizing robust adversarial examples", ICML 2018.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from cvpire.attack import differentiable
from cvpire.attack.catalogue import SAMPLED

if TYPE_CHECKING:
    from cvpire.config.attacks import AttackOptions, SampledStep


class Drawn(NamedTuple):
    """A step that was drawn."""

    kind: str
    value: float


class Sampler:
    """The sampled transformations of an attack."""

    def __init__(self, method: "AttackOptions"):
        self.steps = method.sampled

    def draw(self, generator: torch.Generator) -> list[Drawn]:
        """Draw which steps a sample goes through, in the order of the options, and their values, uniformly."""
        return [Drawn(step.kind, value) for step in self.steps if (value := _value(step, generator)) is not None]

    def __call__(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """Transform pixels (B, 3, H, W) in [0, 1], all photos of a batch alike, to (B, 3, H', W')."""
        for kind, value in self.draw(generator):
            function: Callable = getattr(differentiable, SAMPLED[kind])
            pixels = function(pixels, value, generator)
        return pixels


def _value(step: "SampledStep", generator: torch.Generator) -> float | None:
    """A value, or None where the step is left out; two numbers are drawn either way."""
    chance, place = torch.rand(2, generator=generator, dtype=torch.float64).tolist()
    low, high = step.range
    value = low + place * (high - low)
    if chance >= step.share:
        return None
    return round(value) if step.kind in differentiable.WHOLE else value
