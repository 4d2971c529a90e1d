"""The kinds of steps that a transformation consists of, by the name that the configuration gives them."""

from typing import Literal, NamedTuple


class Kind(NamedTuple):
    """A kind of step."""

    function: str
    """`module:function` of `cvpire.transformations`; it takes pixels, uint8 (H, W, 3), the step's value, and what the
    kind needs, by name, and returns pixels of the same form."""
    needs: tuple[Literal["size", "generator"], ...] = ()
    """size: (H, W) before the first step; generator: numpy.random.Generator of this transformation and photo."""


KINDS = {
    "jpeg": Kind("codecs:jpeg"),
    "webp": Kind("codecs:webp"),
    "resize": Kind("geometry:resize"),
    "longest_side": Kind("geometry:longest_side"),
    "back": Kind("geometry:back", needs=("size",)),
    "screenshot": Kind("geometry:screenshot"),
    "crop": Kind("geometry:crop"),
    "rotation": Kind("geometry:rotation"),
    "blur": Kind("filters:blur"),
    "median": Kind("filters:median"),
    "noise": Kind("pixelwise:noise", needs=("generator",)),
    "brightness": Kind("pixelwise:brightness"),
    "contrast": Kind("pixelwise:contrast"),
    "gamma": Kind("pixelwise:gamma"),
}
