"""What tables, figures and the overview are made from: the files of a run, read when they are asked for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cvpire import layout
from cvpire.errors import InputError, reason

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from cvpire.datasets import Dataset


class Attack(NamedTuple):
    """What tables and figures need to know of an attack."""

    label: str
    """Name in tables and figures."""
    networks: tuple[str, ...]
    """The attacked ones; the first stands in tables as the network."""
    victims: Mapping[str, tuple[str, ...]]
    """Networks and systems that rank its queries, by dataset."""
    multiplier: float
    """That of Table 4.1, as is the number of iterations."""
    iterations: int
    map: str
    """The variance map that bounds it."""
    suffix: str
    """Of its saved queries."""
    compared: bool = True
    """Whether it stands in Table 4.1 and the comparisons."""
    calibrated: bool = False
    """Whether it has found a multiplier for each query."""

    @property
    def network(self) -> str:
        """The first attacked network."""
        return self.networks[0]

    @property
    def datasets(self) -> tuple[str, ...]:
        """Those that it runs on."""
        return tuple(self.victims)


class Run(NamedTuple):
    """What tables and figures need to know of a run beside its measurements (`results/run.json`)."""

    datasets: Mapping[str, str]
    """Kind of each, in the order of the tables' columns."""
    attacks: Mapping[str, Attack]
    """In the order of the tables' rows."""
    victims: Mapping[str, tuple[str, ...]]
    """Networks and systems that rank anything, by dataset."""
    maps: Mapping[str, str]
    """Label of each variance map."""
    transformations: Mapping[str, tuple[str, ...]] = {}
    """What saved queries go through before they are ranked once more, by dataset."""
    plain: tuple[str, ...] = ()
    """Datasets whose queries are also saved without an attack."""


def read_run(path: str | Path) -> Run:
    """Read run.json; `InputError` where it is another file."""
    try:
        read = json.loads(Path(path).read_text(encoding="utf-8"))
        attacks = {
            name: Attack(**{key: _tuples(value) for key, value in about.items()})
            for name, about in read["attacks"].items()
        }
        return Run(**{key: _tuples(value) for key, value in read.items()} | {"attacks": attacks})
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; the workflow writes it before tables and figures") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: not the record of a run ({reason(error)}); delete it and run again") from None


def _tuples(value: Any) -> Any:
    """What JSON made lists of, as the tuples that they were."""
    if isinstance(value, dict):
        return {key: _tuples(each) for key, each in value.items()}
    return tuple(value) if isinstance(value, list) else value


def as_json(run: Run) -> dict[str, Any]:
    """A run as plain values, as `read_run` reads them."""
    return run._asdict() | {"attacks": {name: attack._asdict() for name, attack in run.attacks.items()}}


@dataclass(frozen=True)
class Results:
    """A finished run, or a part of one."""

    root: Path
    """Folder of the results."""

    @cached_property
    def run(self) -> Run:
        """What the run was to do."""
        return read_run(layout.path(layout.RUN, self.root))

    @cached_property
    def measured(self) -> "pd.DataFrame":
        """Everything that was measured (queries.csv)."""
        from cvpire.tables.collection import read_results

        return read_results(layout.path(layout.ALL_QUERIES, self.root))

    @cached_property
    def queries(self) -> "pd.DataFrame":
        """What the thesis is about: queries before and after attacks, as they were saved."""
        rows = self.measured
        return rows[(rows["transformation"] == layout.AS_SAVED) & (rows["attack"] != layout.PLAIN)]

    @cached_property
    def random(self) -> "pd.Series":
        """Expected mAP of a random ranking in [0, 1], by dataset."""
        from cvpire.tables.collection import read_random

        return read_random(layout.path(layout.ALL_RANDOM, self.root))

    def random_in(self, column: str) -> "pd.Series":
        """The same of another column, like `ap_sum` or `among_last`."""
        from cvpire.tables.collection import read_random

        return read_random(layout.path(layout.ALL_RANDOM, self.root), column)

    def listing(self, dataset: str) -> "Dataset":
        """Photos, queries and answers of a dataset."""
        from cvpire.datasets.listing import read_listing

        return read_listing(layout.path(layout.LISTING, self.root, dataset=dataset))

    @cached_property
    def notes(self) -> dict[str, tuple[str, ...]]:
        """What was left out of each dataset and why; a dataset of which nothing was is not there."""
        notes = {dataset: self.listing(dataset).notes for dataset in self.run.datasets}
        return {dataset: told for dataset, told in notes.items() if told}

    def photo_file(self, dataset: str, query: str, attack: str = layout.ORIGINAL) -> Path:
        """File of a query: unattacked, or under an attack as in Table 4.1."""
        if attack == layout.ORIGINAL:
            return layout.path(layout.PREPARED, self.root, dataset=dataset, photo=query)
        about = self.run.attacks[attack]
        variant = layout.variant(about.multiplier, about.iterations)
        names = {"dataset": dataset, "attack": attack, "variant": variant, "photo": query, "suffix": about.suffix}
        return layout.path(layout.QUERY, self.root, **names)

    def photo(self, dataset: str, query: str, attack: str = layout.ORIGINAL) -> "np.ndarray":
        """Pixels of a query, uint8 of shape (H, W, 3)."""
        from cvpire.photos import load_photo

        return load_photo(self.photo_file(dataset, query, attack))

    def variance(self, dataset: str, map: str, query: str, shape: tuple[int, ...]) -> "np.ndarray":
        """Variance map of a query of that shape (H, W, ...), float32 of shape (H, W) in [0, 1]."""
        from cvpire.photos import load_variance_map

        file = layout.path(layout.VARIANCE, self.root, dataset=dataset, map=map, photo=query)
        return load_variance_map(file, shape[:2])
