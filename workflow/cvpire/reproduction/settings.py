"""What a run must have in common with the thesis, that its numbers may be compared: read from its configuration."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cvpire.config.attacks import AttackOptions, SavingOptions
from cvpire.config.presets import preset_values
from cvpire.config.variance import VarianceOptions
from cvpire.datasets.benchmarks import BENCHMARKS
from cvpire.datasets.options import DatasetOptions

NAMES = {"oxford5k": "Oxford-5k", "paris6k": "Paris-6k"}
"""What the thesis calls its datasets."""

_WEIGHTS = "retrievalSfM120k-resnet101-gem"

_NETWORK = {"pooling": "gem", "scales": [1.0], "gem_power": None, "mean": None, "std": None}
_DATASET = {**preset_values(DatasetOptions, "released"), "query": "whole", "longest_side": None, "distractors": None}
_RANKED = ("clean_twin", "distractors")
_SAVING = {
    **preset_values(SavingOptions, "released"),
    **{"range": "clip", "format": "jpeg", "quality": 75, "subsampling": "4:2:0"},
}
_COMPARED_OTHERWISE = {
    *("label", "compared", "network", "variance", "saving"),
    *("multiplier", "other_multipliers", "iterations", "other_iterations"),
}
# An option that the thesis does not have is off by default.
_ATTACK = {
    **AttackOptions().model_dump(exclude=_COMPARED_OTHERWISE),
    **preset_values(AttackOptions, "released"),
}
_RELEASED_MAP = preset_values(VarianceOptions, "released")
_MAPS = {
    "CV-PIRE": {**_RELEASED_MAP, "kind": "colour", "kernel_size": 5, "sigma": 1.0, "difference": "ciede2000"},
    "SD-PIRE": {**_RELEASED_MAP, "kind": "luminance", "kernel_size": 3},
    "PIRE": {"kind": "uniform"},
}
_ATTACKS = {
    "CV-PIRE": _ATTACK,
    "SD-PIRE": _ATTACK,
    # In PIRE, the released code follows the text.
    "PIRE": {**_ATTACK, "objective": "descriptor-distance", "learning_rate": 2.5e-4},
}


def other_dataset(configuration: Mapping[str, Any], dataset: str, queries: int | None, photos: bool = True) -> str:
    """Say what sets a dataset apart from the thesis's of its kind; empty where nothing does.

    Parameters
    ----------
    configuration : mapping
        Whole, as `results/configuration.json` holds it.
    dataset : str
        Name, of a kind in `NAMES`.
    queries : int or None
        How many were measured; None where that does not matter.
    photos : bool
        Whether it matters how photos are read, and not only which are ranked.
    """
    options = configuration["datasets"][dataset]
    wanted = BENCHMARKS[options["kind"]].queries
    found = [f"{queries} of {wanted} queries"] if queries not in (None, wanted) else []
    asked = _DATASET if photos else {key: _DATASET[key] for key in _RANKED}
    return "; ".join([*found, *_differences(options, asked)])


def thesis_networks(configuration: Mapping[str, Any]) -> list[str]:
    """Names of the networks that are the thesis's."""
    return [
        name
        for name, options in configuration["networks"].items()
        if re.sub(r"-[0-9a-f]{7,64}$", "", Path(options["weights"]).stem) == _WEIGHTS
        and not list(_differences(options, _NETWORK))
        and options.get("whitening") in (None, "none")
    ]


def other_attack(configuration: Mapping[str, Any], attack: str, method: str) -> str:
    """Say what sets an attack apart from the thesis's method of a label; empty where nothing does."""
    options = configuration["attacks"][attack]
    map = configuration["variance"][options["variance"]]
    return "; ".join(
        [
            *_differences(options, _ATTACKS[method]),
            *_differences(options["saving"], _SAVING),
            *_differences(map, _MAPS[method]),
        ]
    )


def _differences(options: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    for key, value in wanted.items():
        if options.get(key) != value:
            yield f"{key.replace('_', ' ')} {_word(options.get(key))} instead of {_word(value)}"


def _word(value: Any) -> str:
    return "none" if value is None or value == [] else f"{value:g}" if isinstance(value, float) else str(value)
