"""Options of attacks, and of how their results are saved."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from cvpire.attack.catalogue import OBJECTIVES, RENDERINGS
from cvpire.options import Name, Options


class SavingOptions(Options):
    """How an adversarial query becomes a file (section 3.3.1)."""

    enlargement: Literal["none", "minimal", "released"] = "minimal"
    """minimal (text): one grey level where rounding would lose the perturbation; released (code): about 8 times."""
    rounding: Literal["nearest", "truncate"] = "nearest"
    """How values become 8 bits; torchvision truncated up to 0.2.1."""
    range: Literal["clip", "stretch"] = "clip"
    """clip: what leaves 0..255 is cut (text, code); stretch: each image from minimum to maximum (PIRE's repository)."""
    format: Literal["jpeg", "png"] = "jpeg"
    """File format; PNG loses nothing, JPEG is the thesis's. By hand, the file's suffix decides."""
    quality: Annotated[int, Field(ge=1, le=100)] = 75
    """JPEG quality (all published files: 75)."""
    subsampling: Literal["4:4:4", "4:2:2", "4:2:0"] = "4:2:0"
    """JPEG chroma subsampling (all published files: 4:2:0)."""

    @property
    def suffix(self) -> str:
        """Suffix of a saved file."""
        return ".jpg" if self.format == "jpeg" else ".png"


class AttackOptions(Options):
    """An attack: which network, which bound, how long (Algorithm 2)."""

    label: str | None = None
    """Name in tables and figures; default: the attack's name in capitals."""
    compared: bool = True
    """Whether it stands beside the others: in Table 4.1 and the comparisons, and in figures that name no attack."""
    network: Name = "efficientnet-lite0"
    """The attacked network."""
    variance: Name = "cv"
    """The variance map that bounds the perturbation."""
    multiplier: PositiveFloat = 50.0
    """m, threshold multiplier: bound = map * m / 255. This one goes into Table 4.1."""
    other_multipliers: list[PositiveFloat] = []
    """Further multipliers, computed in the same batch (figures 4.3, 4.4, Table 4.2)."""
    iterations: PositiveInt = 100
    """T, optimisation steps. The result after T steps goes into Table 4.1."""
    other_iterations: list[PositiveInt] = []
    """Further steps at which the perturbation is handed out (figures 4.3, 4.4, 4.12); the attack runs to the last."""
    learning_rate: PositiveFloat = 0.05
    """Adam's step, in units of the bound's space."""
    objective: Literal[*OBJECTIVES] = "descriptor-distance"
    """Maximised: squared distance of the descriptors (text, eq. 3.1) or the descriptor's sum (code)."""
    bound_space: Literal["pixel", "normalised"] = "pixel"
    """Where the perturbation lives and is bounded: values in [0, 1] (text), or mean and std removed (code)."""
    projection: Literal["after-step", "before-step"] = "after-step"
    """When the perturbation is clipped to the bound: after each step (text) or before it (code)."""
    through: list[Literal[*RENDERINGS]] = []
    """What lies between the perturbed photo and the network while it is attacked, in this order (thesis: nothing);
    eight-bit: rounding to whole grey levels."""
    saving: SavingOptions = SavingOptions()
    """How the result is saved; options that are not given come from the section `saving`."""

    @property
    def multipliers(self) -> list[float]:
        """All multipliers, ascending."""
        return sorted({self.multiplier, *self.other_multipliers})

    @property
    def checkpoints(self) -> list[int]:
        """All steps at which the perturbation is handed out, ascending."""
        return sorted({self.iterations, *self.other_iterations})


BESIDE_THE_ATTACK = ("label", "compared", "network", "variance", "saving")
"""Fields that say what is attacked, and what becomes of the result: not options of `cvpire attack`."""
