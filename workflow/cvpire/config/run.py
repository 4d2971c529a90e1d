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
from cvpire.config.variance import VarianceOptions
from cvpire.datasets.catalogue import KINDS
from cvpire.datasets.options import DatasetOptions
from cvpire.errors import InputError
from cvpire.options import Name, Options, is_valid, validate
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
        if not self.compared:
            raise ValueError("attacks: expected at least one that stands in Table 4.1 (compared: true)")
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

    def victims_of(self, attack: str) -> list[str]:
        """Networks that rank the queries of an attack."""
        return self.victims or [self.attacks[attack].network]


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
    return validate(Config, raw, source, tags=KINDS)


def read_config(path: str | Path) -> Config:
    """Read and validate a configuration file (YAML)."""
    raw = read_yaml(path, "configuration")
    if not isinstance(raw, Mapping):
        raise InputError(f"{path}: expected a mapping of options, found {type(raw).__name__}")
    return load_config(raw, str(path))


def schema() -> str:
    """The JSON schema of the configuration, for editors; `config/schema.json` holds it."""
    return json.dumps(Config.model_json_schema(), indent=1, ensure_ascii=False) + "\n"
