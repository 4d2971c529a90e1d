"""The whole configuration of a run: its sections, and how it is read."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from cvpire import layout
from cvpire.config.attacks import AttackOptions, SavingOptions
from cvpire.config.evaluation import GateOptions, QualityOptions, RetrievalOptions
from cvpire.config.given import with_given
from cvpire.config.networks import NetworkOptions
from cvpire.config.outputs import FigureNumber, FigureOptions, TableNumber, TableOptions
from cvpire.config.presets import preset_values
from cvpire.config.sources import AnyDataset, AuditOptions, DistractorOptions
from cvpire.config.systems import AnySystem
from cvpire.config.transformations import Steps
from cvpire.config.variance import VarianceOptions
from cvpire.datasets.catalogue import KINDS
from cvpire.datasets.options import DatasetOptions
from cvpire.errors import InputError
from cvpire.measures import QUALITY
from cvpire.options import Name, Options, is_valid, validate
from cvpire.retrieval.systems.catalogue import KINDS as SYSTEMS
from cvpire.untrusted.yaml import read_yaml

Preset = Literal["text", "released"]
Device = Literal["auto", "cpu", "cuda"]


class Config(Options):
    """The whole configuration."""

    preset: Preset = "text"
    """Sets every option on which the thesis's text and its released code differ."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the start perturbations."""
    device: Device = "auto"
    """Where networks run; auto: CUDA where there is a GPU."""
    threads: Annotated[int, Field(ge=0)] = 1
    """Processor threads of a job that runs a network; 0: as many as torch chooses. Another number rounds otherwise, so
    that an attack on a processor ends elsewhere."""
    folder: str | None = None
    """Photos of folder datasets that name none, so that `--config folder=DIR` can."""
    ground_truth: str | None = None
    """Ground truth of folder datasets that name none."""
    datasets: dict[Name, AnyDataset] = Field(min_length=1)
    """Datasets, in the order of the tables' columns."""
    networks: dict[Name, NetworkOptions] = Field(min_length=1)
    """Networks by name."""
    systems: dict[Name, AnySystem] = {}
    """Retrieval systems that are no networks, by name: they rank queries, and cannot be attacked by gradients."""
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
    """Keep the perturbations, most of what a run leaves on the disk: another way of saving then needs no attack. false:
    an attack's job saves its queries at once. Another value runs the attacks again."""
    victims: list[Name] = []
    """Networks and systems that rank the queries; default: each attack's own network. A dataset may name others."""
    transformations: dict[Name, Steps] = {}
    """What happens to saved queries before they are ranked once more, by name: an attack's queries as in Table 4.1,
    and the unattacked ones, saved alike."""
    saving: SavingOptions = SavingOptions()
    """Saving, for all attacks that do not say otherwise."""
    quality: QualityOptions = QualityOptions()
    """Image quality."""
    retrieval: RetrievalOptions = RetrievalOptions()
    """Ranking and average precision."""
    tables: dict[TableNumber, TableOptions] = {}
    """Tables to make beside Table 4.1, by their number in the thesis."""
    figures: dict[FigureNumber, FigureOptions] = {}
    """Figures to draw, by their number in the thesis, or by name where it has none."""
    audit: AuditOptions | None = None
    """Published artefacts to audit."""

    @model_validator(mode="after")
    def _names_exist(self) -> "Config":
        if not self.compared:
            raise ValueError("attacks: expected at least one that stands in Table 4.1 (compared: true)")
        for name in self.systems.keys() & self.networks.keys():
            raise ValueError(f"systems.{name}: a network has this name too; give each its own")
        for name, attack in self.attacks.items():
            for network in attack.attacked:
                place = f"attacks.{name}.network{'s' if attack.networks else ''}"
                if network in self.systems:
                    raise ValueError(
                        f"{place}: {network} is a system without gradients, no attack can follow it; "
                        f"attack a network ({', '.join(self.networks)}) and let it rank the queries (victims)"
                    )
                _known(network, self.networks, place, "networks")
            _known(attack.variance, self.variance, f"attacks.{name}.variance", "variance")
        if layout.AS_SAVED in self.transformations:
            raise ValueError(f"transformations: `{layout.AS_SAVED}` stands for the file as it was saved; rename it")
        ranking = {**self.networks, **self.systems}
        for victim in self.victims:
            _known(victim, ranking, "victims", "networks and systems")
        for name, dataset in self.datasets.items():
            for attack in dataset.attacks or []:
                _known(attack, self.attacks, f"datasets.{name}.attacks", "attacks")
            _known(dataset.distractors, self.distractors, f"datasets.{name}.distractors", "distractors")
            for victim in dataset.victims or []:
                _known(victim, ranking, f"datasets.{name}.victims", "networks and systems")
            for transformation in dataset.transformations or []:
                _known(transformation, self.transformations, f"datasets.{name}.transformations", "transformations")
            for victim in self.victims_on(name) if dataset.distractors else ():
                if self.has_local_features(victim):
                    raise ValueError(
                        f"datasets.{name}.distractors: {victim} has no descriptors of single photos, but "
                        "a vocabulary; leave it out of victims, or the distractors"
                    )
        for number, table in self.tables.items():
            _known(table.attack, self.attacks, f"tables.{number}.attack", "attacks")
            _known(table.other, self.attacks, f"tables.{number}.other", "attacks")
            if len(self.compared) < 2:
                raise ValueError(f"tables.{number}: expected two attacks to compare; section attacks has one")
        for number, figure in self.figures.items():
            for name in (figure.dataset, *(figure.datasets or [])):
                _known(name, self.datasets, f"figures.{number}.dataset", "datasets")
            for attack in (figure.attack, *(figure.attacks or [])):
                _known(attack, self.attacks, f"figures.{number}.attack", "attacks")
            for name in figure.maps or []:
                _known(name, self.variance, f"figures.{number}.maps", "variance")
        taken = {"datasets": layout.FOLDERS, "attacks": layout.FOLDERS_OF_A_DATASET}
        for section, folders in taken.items():
            for name in sorted(folders & getattr(self, section).keys()):
                raise ValueError(f"{section}: the name `{name}` is taken by a folder under results/")
        return self

    @model_validator(mode="after")
    def _tables_are_measured(self) -> "Config":
        for measure in QUALITY:
            if measure.shown - {"colour"} and measure.column not in self.quality.measures:
                raise ValueError(f"quality.measures: {measure.column} is missing, which tables of every run show")
        return self

    def attacks_on(self, dataset: str) -> list[str]:
        """Attacks that run on a dataset, in the order of the configuration."""
        wanted = self.datasets[dataset].attacks
        return [attack for attack in self.attacks if wanted is None or attack in wanted]

    @property
    def compared(self) -> list[str]:
        """Attacks of Table 4.1, in the order of its rows."""
        return [name for name, attack in self.attacks.items() if attack.compared]

    def compared_on(self, dataset: str) -> list[str]:
        """Attacks that a figure of a dataset shows if it names none; all of them where none is compared."""
        attacks = self.attacks_on(dataset)
        return [attack for attack in attacks if self.attacks[attack].compared] or attacks

    def victims_of(self, attack: str, dataset: str) -> list[str]:
        """Networks and systems that rank the queries of an attack on a dataset."""
        return self.datasets[dataset].victims or self.victims or list(self.attacks[attack].attacked)

    def victims_on(self, dataset: str) -> list[str]:
        """Networks and systems that rank anything on a dataset, in the order of the configuration."""
        used = {name for attack in self.attacks_on(dataset) for name in self.victims_of(attack, dataset)}
        used |= {network for attack in self.attacks_on(dataset) for network in self.attacks[attack].attacked}
        return [name for name in (*self.networks, *self.systems) if name in used]

    def transformations_on(self, dataset: str) -> list[str]:
        """Transformations that the saved queries of a dataset go through."""
        wanted = self.datasets[dataset].transformations
        return list(self.transformations) if wanted is None else wanted

    def saves_plainly(self, dataset: str) -> bool:
        """Whether unattacked queries are saved, ranked and measured like attacked ones: to compare with."""
        return bool(self.transformations_on(dataset)) or len(self.victims_on(dataset)) > 1

    def system(self, name: str) -> NetworkOptions | AnySystem:
        """Options of a network or of another system."""
        return self.networks[name] if name in self.networks else self.systems[name]

    def has_local_features(self, name: str) -> bool:
        """Whether a system keeps local features of photos, and not one descriptor of each."""
        return name in self.systems and SYSTEMS[self.systems[name].kind].suffix == ".npz"


_TEXTS = {name for name, field in Config.model_fields.items() if field.annotation == str | None}


def _known(name: str | None, section: Mapping[str, Any], place: str, title: str) -> None:
    if name is not None and name not in section:
        raise ValueError(f"{place}: unknown name {name!r}; section {title} has {', '.join(section)}")


def load_config(raw: Mapping[str, Any], source: str = "configuration", given: Sequence[str] = ()) -> Config:
    """Validate a configuration and fill in its preset.

    Parameters
    ----------
    raw : mapping
        As read from YAML.
    source : str
        Name of the file, for messages.
    given : sequence of str
        What the command line gives beside it, as it was written (`cvpire.config.given`).

    Returns
    -------
    Config

    Raises
    ------
    InputError
        One line for each fault: file, key, value, what was expected.
    """
    if given:
        raw, source = with_given(raw, given, _TEXTS), f"{source} and --config"
    preset = raw.get("preset", "text")

    def filled(section: type[Options], given: Any) -> Any:
        return {**preset_values(section, preset), **given} if isinstance(given, Mapping) else given

    def each(section: type[Options], given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return {name: filled(section, {} if value is None else value) for name, value in given.items()}

    raw = dict(raw)
    for key, section in (("saving", SavingOptions), ("quality", QualityOptions), ("retrieval", RetrievalOptions)):
        raw[key] = filled(section, raw.get(key, {}))
    for key, section in (("datasets", DatasetOptions), ("variance", VarianceOptions), ("attacks", AttackOptions)):
        if key in raw:
            raw[key] = each(section, raw[key])
    if isinstance(raw.get("datasets"), Mapping):
        for dataset in raw["datasets"].values():
            kind = KINDS.get(str(dataset.get("kind"))) if isinstance(dataset, dict) else None
            for key in ("folder", "ground_truth"):
                if kind and "folder" in kind.options.model_fields and raw.get(key) is not None:
                    dataset.setdefault(key, raw[key])
    # A fault of the common section is reported there, and not once more for every attack.
    if isinstance(raw.get("attacks"), Mapping) and is_valid(SavingOptions, raw["saving"]):
        for attack in raw["attacks"].values():
            if isinstance(attack, dict) and isinstance(attack.get("saving", {}), Mapping):
                attack["saving"] = {**raw["saving"], **attack.get("saving", {})}
    return validate(Config, raw, source, tags={*KINDS, *SYSTEMS})


def read_config(path: str | Path, given: Sequence[str] = ()) -> Config:
    """Read and validate a configuration file (YAML), with what the command line gives beside it."""
    raw = read_yaml(path, "configuration")
    if not isinstance(raw, Mapping):
        raise InputError(f"{path}: expected a mapping of options, found {type(raw).__name__}")
    return load_config(raw, str(path), given)


def schema() -> str:
    """The JSON schema of the configuration, for editors; `config/schema.json` holds it."""
    return json.dumps(Config.model_json_schema(), indent=1, ensure_ascii=False) + "\n"
