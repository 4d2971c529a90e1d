"""What a run consists of: pure functions of the configuration that name its files and the options of its commands.

The rules ask here which files there are, what each is made from, and which options its command gets; `cvpire estimate`
counts by the same plan. What a kind of dataset, a table or a figure needs, its own entry says.
"""

import hashlib
import json
import os
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from cvpire import layout
from cvpire.checksums import remembered_checksums
from cvpire.config import Config, DownloadOptions, SavingOptions, as_options, load_config, read_config
from cvpire.config.systems import BESIDE_THE_DESCRIPTOR
from cvpire.datasets.catalogue import KINDS
from cvpire.datasets.options import BESIDE_THE_LISTING
from cvpire.datasets.planned import Planned
from cvpire.downloads import DOWNLOADS, load_downloads
from cvpire.errors import InputError
from cvpire.results import Attack, Run
from cvpire.retrieval.shards import shard_fingerprints


@dataclass(frozen=True)
class Plan:
    """The plan of a run."""

    config: Config
    downloads: Mapping[str, DownloadOptions]
    """Files that can be downloaded, by name."""

    @classmethod
    def of(cls, raw: Mapping[str, Any], source: str, given: Sequence[str] = ()) -> Self:
        """Plan a run of a raw configuration and what the command line gives beside it (`--config`, as it was written).

        `InputError` where it or the list of downloads is at fault.
        """
        return cls._with_downloads(load_config(raw, source, given))

    @classmethod
    def read(cls, configuration: Path, downloads: Path | None = None, given: Sequence[str] = ()) -> Self:
        """Plan a run of a configuration file, with another list of downloads or `--config` where one is given."""
        return cls._with_downloads(read_config(configuration, given), downloads)

    @classmethod
    def _with_downloads(cls, config: Config, downloads: Path | None = None) -> Self:
        return cls(config, load_downloads(Path(config.downloads or downloads or DOWNLOADS)))

    # --- Downloads and networks ---

    def find(self, file: str) -> str:
        """Where a file is: the name of a download stands for what is downloaded, a path for itself."""
        return layout.DOWNLOAD.format(file=file) if file in self.downloads else file

    def sha256(self, file: str) -> str | None:
        """Known SHA-256 of a download, or its beginning."""
        if file not in self.downloads:
            listed = self.config.downloads or os.path.relpath(DOWNLOADS)
            raise InputError(f"{listed}: knows no file {file!r}; it has {', '.join(self.downloads)}")
        return self.downloads[file].sha256

    def weights(self, system: str) -> list[str]:
        """The file that a system is loaded from, if any: a checkpoint, or a function's module in the current folder."""
        options = self.config.system(system)
        if system in self.config.networks:
            return [] if options.weights == "package" else [self.find(options.weights)]
        if options.kind != "function":
            return []
        module = options.function.partition(":")[0].replace(".", "/")
        return [file for file in (f"{module}/__init__.py", f"{module}.py") if Path(file).is_file()][:1]

    @cached_property
    def checksums(self) -> dict[str, str]:
        """SHA-256 of the files that are given to the run, by path; downloads and what rules make have others to check.

        A file that cannot be read is left out.
        """
        files = [str(path) for planned in self.datasets.values() for path in planned.given.values()]
        others = [planned.ground_truth for planned in self.datasets.values() if planned.ground_truth]
        others += [file for name in (*self.config.networks, *self.config.systems) for file in self.weights(name)]
        others += [options.target for options in self.config.attacks.values() if options.target]
        downloads = {layout.DOWNLOAD.format(file=file) for file in self.downloads}
        return remembered_checksums([*files, *(file for file in others if file not in downloads)])

    def system_options(self, network: str, beside: Collection[str] = BESIDE_THE_DESCRIPTOR, **changed: Any) -> str:
        """Options that load a network or another system, but those `beside`: descriptors and attacks need no others.

        Those that are `changed` have other values than in the configuration.
        """
        options = self.config.system(network).model_copy(update=changed)
        if network in self.config.networks:
            options = options.model_copy(update={"weights": self.find(options.weights)})
        return as_options(options, *(type(options).model_fields.keys() - set(beside)))

    @cached_property
    def victims(self) -> list[str]:
        """Networks and systems that rank anything, in the order of the configuration."""
        used = {victim for dataset in self.config.datasets for victim in self.config.victims_on(dataset)}
        return [name for name in (*self.config.networks, *self.config.systems) if name in used]

    # --- Datasets ---

    @cached_property
    def datasets(self) -> dict[str, Planned]:
        """What is known of each dataset; folders are read once a run, public datasets are planned."""
        return {name: KINDS[options.kind].plan(options, self.find) for name, options in self.config.datasets.items()}

    @cached_property
    def notes(self) -> dict[str, tuple[str, ...]]:
        """What is left out of each dataset and why, as far as it is known before the run."""
        return {name: planned.notes for name, planned in self.datasets.items() if planned.notes}

    def listing_options(self, dataset: str) -> str:
        """Options of `cvpire dataset`: those that say what is listed, and not how it is read or attacked."""
        options, planned = self.config.datasets[dataset], self.datasets[dataset]
        if planned.ground_truth:
            options = options.model_copy(update={"ground_truth": planned.ground_truth})
        return as_options(options, *(type(options).model_fields.keys() - set(BESIDE_THE_LISTING)))

    def names_digest(self, dataset: str) -> str:
        """A fingerprint of which photos there are: a new photo changes it, a new content does not."""
        names = json.dumps(sorted(self.datasets[dataset].photos))
        return hashlib.sha256(names.encode()).hexdigest()[:16]

    def prepare_options(self, dataset: str, photo: str) -> str:
        """Options of `cvpire prepare`: size, decoder, profile and, where the dataset asks for it, the bounding box."""
        options, box = self.config.datasets[dataset], self.datasets[dataset].queries[photo].box
        words = as_options(options, "decoder", "profile", "longest_side")
        return f"{words} --box {shlex.join(map(str, box))}" if options.query == "box" and box else words

    # --- Attacks ---

    def attack_rules(self) -> list[tuple[str, list[str], list[str]]]:
        """Rules of `cvpire attack`: name, attacks, and what a job writes, with wildcards.

        Perturbations where they are kept: of all attacks alike, but for those that also say what they have found.
        Otherwise the queries themselves, because nothing else
        reads perturbations, which are thirty times as large; every attack has its own.
        """
        found = [layout.CALIBRATION]
        if self.config.keep_perturbations:
            calibrated = [name for name, options in self.config.attacks.items() if options.calibrates]
            others = [name for name in self.config.attacks if name not in calibrated]
            rules = [("attack_query", others, []), ("attack_query_calibrated", calibrated, found)]
            return [(rule, names, [layout.PERTURBATION, *more]) for rule, names, more in rules if names]

        def files(name: str) -> list[str]:
            suffix, more = (
                self.config.attacks[name].saving.suffix,
                found if self.config.attacks[name].calibrates else [],
            )
            queries = [layout.QUERY.replace("{variant}", each) for each in self.variants(name)]
            return [*(query.replace("{suffix}", suffix) for query in queries), *more]

        return [(f"attack_query_{name}", [name], files(name)) for name in self.config.attacks]

    def variants(self, attack: str) -> list[str]:
        """Folders of an attack's queries: one a multiplier and iteration."""
        if attack == layout.PLAIN:
            return [layout.PLAIN]
        options = self.config.attacks[attack]
        return [layout.variant(multiplier, step) for multiplier in options.multipliers for step in options.checkpoints]

    def saved(self, dataset: str, attack: str, photos: Iterable[str]) -> list[str]:
        """Files of an attack's saved queries, or of those that are saved without one."""
        return self._saved(dataset, attack, photos, self.variants(attack))

    def saving(self, attack: str) -> SavingOptions:
        """How an attack's queries are saved, or those without one."""
        return self.config.saving if attack == layout.PLAIN else self.config.attacks[attack].saving

    def headline(self, dataset: str, attack: str, photos: Iterable[str]) -> list[str]:
        """Files of an attack's saved queries at the bound and iterations of Table 4.1."""
        return self._saved(dataset, attack, photos, [self.headline_variant(attack)])

    def headline_variant(self, attack: str) -> str:
        """Folder of an attack's queries as in Table 4.1."""
        if attack == layout.PLAIN:
            return layout.PLAIN
        options = self.config.attacks[attack]
        return layout.variant(options.multiplier, options.iterations)

    def _saved(self, dataset: str, attack: str, photos: Iterable[str], variants: list[str]) -> list[str]:
        suffix = self.saving(attack).suffix
        return [
            layout.QUERY.format(dataset=dataset, attack=attack, variant=variant, photo=photo, suffix=suffix)
            for photo in photos
            for variant in variants
        ]

    @property
    def attacked(self) -> list[tuple[str, str]]:
        """Every dataset and attack on it."""
        return [(name, attack) for name in self.config.datasets for attack in self.config.attacks_on(name)]

    def all_maps(self) -> list[str]:
        """Files of all variance maps that bound an attack."""
        used = dict.fromkeys((name, self.config.attacks[attack].variance) for name, attack in self.attacked)
        return [
            layout.VARIANCE.format(dataset=name, map=map, photo=photo)
            for name, map in used
            for photo in self.datasets[name].queries
        ]

    @property
    def measured(self) -> list[tuple[str, str]]:
        """Every dataset and attack on it, and the queries that are saved without one."""
        plain = [(name, layout.PLAIN) for name in self.config.datasets if self.config.saves_plainly(name)]
        return plain + self.attacked

    def all_queries(self) -> list[str]:
        """Files of all saved queries."""
        return [
            file for name, attack in self.attacked for file in self.saved(name, attack, self.datasets[name].queries)
        ]

    def shown_photos(self) -> list[str]:
        """Files of all queries before and after, as in Table 4.1."""
        files = [
            layout.PREPARED.format(dataset=name, photo=photo)
            for name, planned in self.datasets.items()
            for photo in planned.queries
        ]
        return files + [
            file for name, attack in self.attacked for file in self.headline(name, attack, self.datasets[name].queries)
        ]

    # --- The check of clean mAP ---

    def gate(self, dataset: str, attack: str) -> list[str]:
        """The check that comes before an attack, where there is one."""
        victims = self.config.attacks[attack].attacked if self.config.gate.enabled else ()
        return [layout.GATE.format(dataset=dataset, victim=victim) for victim in victims]

    def gates(self) -> list[str]:
        """All checks of clean mAP."""
        return sorted({file for name, attack in self.attacked for file in self.gate(name, attack)})

    def gate_options(self, dataset: str, victim: str) -> str:
        """Options of `cvpire gate`: the protocol by which the published mAP is found."""
        options = self.config.datasets[dataset]
        keys = [key for key in ("query", "longest_side", "clean_twin", "difficulty") if hasattr(options, key)]
        words = ["--dataset", options.kind, *(["--part"] if options.queries or options.distractors else [])]
        return " ".join(
            [
                shlex.join(words),
                as_options(options, *keys),
                self.system_options(victim),
                as_options(self.config.gate, "tolerance"),
            ]
        )

    @cached_property
    def distractor_shards(self) -> dict[str, list[str]]:
        """Descriptor shards of each folder of wrong answers, each as a fingerprint of its photos' names."""
        from cvpire.datasets.folder import photo_tree

        size = self.config.retrieval.shard_size
        return {
            name: shard_fingerprints(photo_tree(Path(options.folder)), size)
            for name, options in self.config.distractors.items()
        }

    # --- What was measured ---

    def rankings(self) -> list[str]:
        """Files of all rankings, those of the unattacked queries first."""
        config = self.config
        found = [(name, layout.ORIGINAL, victim) for name in config.datasets for victim in config.victims_on(name)]
        for name, attack in self.measured:
            victims = config.victims_on(name) if attack == layout.PLAIN else config.victims_of(attack, name)
            found += [(name, attack, victim) for victim in victims]
        return [layout.RETRIEVAL.format(dataset=name, attack=attack, victim=victim) for name, attack, victim in found]

    def transformed(self) -> list[str]:
        """Files of the rankings of transformed queries: one a dataset, system and transformation."""
        return [
            layout.TRANSFORMED.format(dataset=name, victim=victim, transformation=transformation)
            for name in self.config.datasets
            for victim in self.config.victims_on(name)
            for transformation in self.config.transformations_on(name)
        ]

    def transformed_attacks(self, dataset: str, victim: str) -> list[str]:
        """What a system ranks of a dataset after a transformation: plainly saved queries, then attacks."""
        attacks = self.config.attacks_on(dataset)
        return [layout.PLAIN, *(name for name in attacks if victim in self.config.victims_of(name, dataset))]

    def calibrations(self) -> list[str]:
        """Files of the multipliers that attacks have found for each query."""
        return [
            layout.CALIBRATION.format(dataset=name, attack=attack, photo=photo)
            for name, attack in self.attacked
            if self.config.attacks[attack].calibrates
            for photo in self.datasets[name].queries
        ]

    def qualities(self) -> list[str]:
        """Files of the image quality of all queries."""
        return [
            layout.QUALITY.format(dataset=name, attack=attack, photo=photo)
            for name, attack in self.measured
            for photo in self.datasets[name].queries
        ]

    def listings(self) -> list[str]:
        """Files that list the datasets."""
        return [layout.LISTING.format(dataset=name) for name in self.config.datasets]

    def run(self) -> Run:
        """What tables and figures need to know of the run."""
        return Run(
            datasets={name: options.kind for name, options in self.config.datasets.items()},
            attacks={name: self._attack(name) for name in self.config.attacks},
            victims={name: tuple(self.config.victims_on(name)) for name in self.config.datasets},
            transformations={name: tuple(self.config.transformations_on(name)) for name in self.config.datasets},
            plain=tuple(name for name, attack in self.measured if attack == layout.PLAIN),
            maps={name: options.label for name, options in self.config.variance.items()},
        )

    def _attack(self, name: str) -> Attack:
        options = self.config.attacks[name]
        datasets = [dataset for dataset, attack in self.attacked if attack == name]
        return Attack(
            label=options.label or name.upper(),
            networks=options.attacked,
            victims={dataset: tuple(self.config.victims_of(name, dataset)) for dataset in datasets},
            multiplier=options.multiplier,
            iterations=options.iterations,
            map=options.variance,
            suffix=options.saving.suffix,
            compared=options.compared,
            calibrated=options.calibrates,
        )


def argument(path: str | Path) -> str:
    """Write a path as a command takes it for one: `./-x.jpg`, since `-x.jpg` would be an option."""
    return f"./{path}" if str(path).startswith("-") else str(path)
