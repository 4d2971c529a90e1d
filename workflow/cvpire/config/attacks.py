"""Options of attacks, and of how their results are saved."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BeforeValidator, Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from cvpire.attack.catalogue import OBJECTIVES, OPTIMISERS, PENALTIES, RENDERINGS, SAMPLED
from cvpire.config.networks import NetworkOptions, Precision
from cvpire.config.transformations import Step
from cvpire.errors import InputError
from cvpire.measures import QUALITY
from cvpire.options import Name, Options, is_valid, validate
from cvpire.untrusted.yaml import read_words


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


class MemberOptions(NetworkOptions):
    """A network among several that are attacked together, as the command line takes it."""

    weight: PositiveFloat = 1.0
    """Of its objective."""
    learnt_file: str | None = None
    """What `cvpire learn` has learnt from its database; without it, the similarity of unrelated photos counts as 0."""

    def __str__(self) -> str:
        return _flow(self.model_dump(exclude_defaults=True, mode="json"))


def read_members(words: Sequence[str], alone: NetworkOptions, method: "AttackOptions") -> list[MemberOptions]:
    """Read what the command line says of the attacked networks.

    Parameters
    ----------
    words : sequence of str
        One `MemberOptions` each, as they are written; none where one network is attacked.
    alone : NetworkOptions
        That one.
    method : AttackOptions

    Raises
    ------
    InputError
        Words that are no member, members beside the options of one network, or in a space that they do not share.
    """
    if not words:
        return [MemberOptions(**alone.model_dump())]
    if given := sorted(alone.model_fields_set):
        option = given[0].replace("_", "-")
        raise InputError(f"--member, --{option}: give what is said of a network among several in its --member")
    if len(words) > 1 and method.bound_space == "normalised":
        raise InputError(f"--bound-space: {_NOT_SHARED}")
    return [validate(MemberOptions, read_words(each, "--member"), "--member") for each in words]


_NOT_SHARED = "several networks do not share a normalised space; set `bound_space: pixel`"


class SampledStep(Options):
    """A transformation that an attack samples in its steps."""

    kind: Literal[*SAMPLED]
    """What happens, by the name that the section `transformations` gives it."""
    range: tuple[float, float]
    """Smallest and largest value; between them each is as likely."""
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the samples in which it happens."""

    @model_validator(mode="after")
    def _as_in_evaluation(self) -> Self:
        low, high = self.range
        if low > high:
            raise ValueError(f"range: {low:g} is above {high:g}; expected the smaller value first")
        values = [int(end) if end.is_integer() else end for end in self.range]
        for value in values:
            if not is_valid(Step, {self.kind: value}):
                raise ValueError(f"range: {value} is no value of `{self.kind}` (see transformations)")
        return self

    def __str__(self) -> str:
        return _flow(self.model_dump(mode="json"))


def _flow(values: dict[str, Any]) -> str:
    return yaml.safe_dump(values, default_flow_style=True, width=float("inf"), sort_keys=False).strip()


def _words(option: str) -> Callable[[Any], Any]:
    """Read what the command line writes as words."""
    return lambda given: read_words(given, option) if isinstance(given, str) else given


Sampled = Annotated[SampledStep, BeforeValidator(_words("sampled"), json_schema_input_type=SampledStep)]


class BudgetOptions(Options):
    """What the quality of a saved photo may be at worst."""

    measure: Literal[*(measure.column for measure in QUALITY)] = "ssimulacra2"
    """A measure of quality, with its defaults of the section `quality`."""
    limit: float | None = None
    """The worst value of the saved photo against its original, in the unit of queries.csv."""
    loss: Annotated[float, Field(ge=0)] | None = None
    """Or how much worse it may be than the photo saved without an attack."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.limit is None) == (self.loss is None):
            raise ValueError("limit, loss: give one of them")
        return self

    def __str__(self) -> str:
        return _flow(self.model_dump(exclude_none=True, mode="json"))


Budget = Annotated[BudgetOptions, BeforeValidator(_words("budget"), json_schema_input_type=BudgetOptions)]


_OF_ONE_OPTIMISER = {
    "momentum": "sign",
    "colour_step": "alternating",
    "priority_share": "priority",
    "priority_budget": "priority",
}
"""Options that one optimiser alone has."""


class AttackOptions(Options):
    """An attack: which network, which bound, how long (Algorithm 2)."""

    label: str | None = None
    """Name in tables and figures; default: the attack's name in capitals."""
    compared: bool = True
    """Whether it stands beside the others: in Table 4.1 and the comparisons, and in figures that name no attack."""
    network: Name = "efficientnet-lite0"
    """The attacked network."""
    networks: list[Name] = []
    """Several networks that are attacked together, instead of `network`; the first stands in tables as the network."""
    network_weights: list[PositiveFloat] = []
    """Weight of each of `networks` in the objective; default: all alike."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the steps in which one of several networks is left out; one is always there."""
    precision: Precision | None = None
    """Numbers that attacked networks compute with, whatever they rank with; default: each network's."""
    centre: bool = False
    """Whether what all photos of the database share is left out of the attack's descriptors: their mean is subtracted,
    also of a network that ranks without."""
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
    start: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of the bound that the start noise fills (thesis: all of it)."""
    objective: Literal[*OBJECTIVES] = "descriptor-distance"
    """Maximised: squared distance of the descriptors (text, eq. 3.1) or the descriptor's sum (code); similarity: minus
    the cosine, until it is that of unrelated photos (section 3.3.2); target: cosine with the photo `target`."""
    target: str | None = None
    """File of the photo that the objective `target` goes for; it is read as large as the attacked one, or smaller."""
    bound_space: Literal["pixel", "normalised"] = "pixel"
    """Where the perturbation lives and is bounded: values in [0, 1] (text), or mean and std removed (code)."""
    projection: Literal["after-step", "before-step"] = "after-step"
    """When the perturbation is clipped to the bound: after each step (text) or before it (code)."""
    optimiser: Literal[*OPTIMISERS] = "adam"
    """How a step follows the slope: Adam (thesis); its sign alone; alternating: along it until the photo is as unlike
    its original as others are, then down the colour difference (PerC-AL); priority: few values at a time, those of most
    effect for their bound (Luo et al., 2018). The last two start at the photo itself."""
    momentum: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Of optimiser sign: share of the slopes so far that each step keeps."""
    colour_step: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Of optimiser alternating: length of a step down the colour difference, as a share of the others; the learning
    rate is these others' root mean square."""
    priority_share: Annotated[float, Field(gt=0, le=1)] = 0.01
    """Of optimiser priority: share of the photo's values (pixels times channels) that a step changes, each by the
    learning rate."""
    priority_budget: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Of optimiser priority: mean change of all values, in units of their bounds, that it never exceeds."""
    decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Factor of the learning rate in the last 40 % of the steps (thesis: 1)."""
    chroma: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of the perturbation's chroma that is kept (thesis: 1); 0: luminance only, all channels change alike."""
    penalty: Literal["none", *PENALTIES] = "none"
    """Subtracted from the objective (thesis: nothing): how far the pixels that come out of `through`, before any are
    sampled, are from the photo's; mean squared error in grey levels, 1 - SSIM, or mean CIEDE2000."""
    penalty_weight: NonNegativeFloat = 0.0
    """Factor of the penalty, in units of the objective (a cosine, say) per unit of the penalty."""
    through: list[Literal[*RENDERINGS]] = []
    """What lies between the perturbed photo and the network while it is attacked, in this order (thesis: nothing);
    saving: the file as `saving` makes it, read again; eight-bit: rounding to whole grey levels."""
    samples: PositiveInt = 1
    """Versions of the photo that the networks see in a step: the first as it is, the others transformed as `sampled`
    says (thesis: 1)."""
    split: bool = False
    """Whether each version is seen by one network, drawn anew in each step, and not by all of several networks."""
    sampled: list[Sampled] = []
    """Transformations of the other versions, in this order, like {kind: crop, range: [0.05, 0.3], share: 0.5}."""
    calibrate: Literal["none", "unrelated", "quality"] = "none"
    """For each photo, find m between 0 and `multiplier` (thesis: none): unrelated, the smallest at which the saved
    photo is as unlike its original as an unrelated photo (section 3.3.2); quality, the largest that keeps `budget`."""
    budget: Budget | None = None
    """Of calibrate quality, like {measure: ssimulacra2, loss: 7} or {measure: ciede2000, limit: 3.5}."""
    calibrate_by: Literal["attacks", "scaling"] = "attacks"
    """How calibration finds the perturbation at a smaller m: by an attack for each, or as that of `multiplier` times a
    factor, which takes no time and needs a larger m (docs/robust.md)."""
    bisections: Annotated[int, Field(ge=1, le=20)] = 5
    """How often calibration halves the interval of m, which is `multiplier` / 2^bisections wide in the end."""
    saving: SavingOptions = SavingOptions()
    """How the result is saved; options that are not given come from the section `saving`."""

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.networks and "network" in self.model_fields_set:
            raise ValueError("network, networks: give one of them")
        if len(set(self.networks)) < len(self.networks):
            raise ValueError("networks: a name stands there twice; give a network more weight by network_weights")
        if self.network_weights and len(self.network_weights) != len(self.networks):
            raise ValueError(f"network_weights: expected {len(self.networks)}, one for each of networks")
        if len(self.attacked) > 1 and self.bound_space == "normalised":
            raise ValueError(f"bound_space: {_NOT_SHARED}")
        if (self.samples > 1) != bool(self.sampled):
            raise ValueError(
                "samples, sampled: versions beyond the first need transformations, and these need versions"
            )
        if (self.objective == "target") != (self.target is not None):
            raise ValueError("objective, target: the objective `target` and a photo go together")
        for option, optimiser in _OF_ONE_OPTIMISER.items():
            if self.optimiser != optimiser and getattr(self, option) != type(self).model_fields[option].default:
                raise ValueError(f"{option}: of optimiser {optimiser} only, and it is {self.optimiser}")
        if (self.calibrate == "quality") != (self.budget is not None):
            raise ValueError("calibrate, budget: calibrate quality and a budget go together")
        if self.calibrates and (self.other_multipliers or self.other_iterations):
            raise ValueError("calibrate: finds one multiplier; leave out other_multipliers and other_iterations")
        if (self.penalty == "none") != (self.penalty_weight == 0):
            raise ValueError("penalty, penalty_weight: a penalty and a weight above 0 go together")
        if any(RENDERINGS[name].saves for name in self.through[1:]):
            raise ValueError("through: saving comes first, since it takes the perturbation itself")
        return self

    @property
    def attacked(self) -> tuple[str, ...]:
        """All attacked networks."""
        return tuple(self.networks) or (self.network,)

    @property
    def needs_unrelated(self) -> bool:
        """Whether it needs to know how similar unrelated photos are."""
        by_optimiser = "excess" in OPTIMISERS[self.optimiser].needs
        return self.objective == "similarity" or self.calibrate == "unrelated" or by_optimiser

    @property
    def calibrates(self) -> bool:
        """Whether it finds a multiplier for each photo."""
        return self.calibrate != "none"

    @property
    def runs(self) -> int:
        """At how many multipliers a photo is attacked, at most."""
        by_attacks = self.calibrates and self.calibrate_by == "attacks"
        return len(self.multipliers) + (self.bisections if by_attacks else 0)

    @property
    def seen(self) -> int:
        """How often networks look at a photo in a step, at most."""
        return self.samples * (1 if self.split else len(self.attacked))

    @property
    def sees_files(self) -> bool:
        """Whether it depends on how queries are saved."""
        return self.calibrates or any(RENDERINGS[name].saves for name in self.through)

    @property
    def multipliers(self) -> list[float]:
        """All multipliers, ascending."""
        return sorted({self.multiplier, *self.other_multipliers})

    @property
    def checkpoints(self) -> list[int]:
        """All steps at which the perturbation is handed out, ascending."""
        return sorted({self.iterations, *self.other_iterations})


BESIDE_THE_ATTACK = (
    "label",
    "compared",
    "network",
    "networks",
    "network_weights",
    "precision",
    "centre",
    "variance",
    "saving",
)
"""Fields that say what is attacked, and what becomes of the result: not options of `cvpire attack`."""
