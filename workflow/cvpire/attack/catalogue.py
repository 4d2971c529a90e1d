"""What an attack can choose from, by name, for whoever reads a configuration: nothing here imports torch."""

from typing import Literal, NamedTuple

OBJECTIVES = ("descriptor-distance", "descriptor-sum", "similarity", "target")
"""What can be maximised; the functions are in `cvpire.attack.objectives`."""


class Rendering(NamedTuple):
    """What a perturbed photo can go through before the network sees it."""

    function: str
    """`module:function` of `cvpire.attack`."""
    saves: bool = False
    """Whether it makes pixels of a photo and a perturbation, as saving does; others take pixels and come after it."""


RENDERINGS = {
    "saving": Rendering("saved_files:saved", saves=True),
    "eight-bit": Rendering("renderings:eight_bit"),
}

SAMPLED = {
    "crop": "crop",
    "resize": "resize",
    "rotation": "rotation",
    "blur": "blur",
    "jpeg": "jpeg",
    "webp": "webp",
    "noise": "noise",
    "brightness": "brightness",
    "contrast": "contrast",
    "gamma": "gamma",
}
"""Kinds of transformations that an attack can sample, by the names that evaluation gives them: name to function of
`cvpire.attack.differentiable`."""


class Optimiser(NamedTuple):
    """How a perturbation moves in a step."""

    function: str
    """`module:function` of `cvpire.attack`: see `cvpire.attack.steps`."""
    needs: tuple[Literal["bound", "photo", "pixels", "excess"], ...] = ()
    """What it is given by name beside the slope.

    bound: (B, 1, H, W), in the space of the perturbation; photo: (3, H, W) in [0, 1]; pixels: a function from
    perturbations (B, 3, H, W) to the pixels that networks see, (B, 3, H, W) in [0, 1]; excess: a function from such
    pixels to how far their similarity to the original is above that of unrelated photos, (B,), the network that finds
    them most similar deciding."""


OPTIMISERS = {
    "adam": Optimiser("steps:adam"),
    "sign": Optimiser("steps:sign"),
    "alternating": Optimiser("alternating:alternating", needs=("bound", "photo", "pixels", "excess")),
    "priority": Optimiser("priority:priority", needs=("bound", "pixels", "excess")),
}
"""How a step follows the slope."""

PENALTIES = ("mse", "ssim", "ciede2000")
"""What can be subtracted from the objective; the functions are in `cvpire.attack.penalties`."""
