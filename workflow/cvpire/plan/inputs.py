"""What is given to a run: paths that a rule can name, and fingerprints of what is in them.

Snakemake compares dates, and looks into a file where the date is newer. A photo that `mv`, `cp -p`, `rsync` or `unzip`
has put in the place of another brings its own, older date. So the rules have fingerprints of what their jobs read among
their params: content alone decides what runs again.
"""

import re
import shlex
from collections.abc import Iterable

from cvpire import layout
from cvpire.checksums import fingerprint, remembered_checksums
from cvpire.errors import InputError, printable
from cvpire.plan.databases import shard_photos
from cvpire.plan.run import Plan

_PATTERN = re.compile(r"\{\s*\w+\s*(,[^{}]*)?\}|<[a-z][a-z0-9_]*>")
"""What Snakemake takes for a wildcard (`{name}`) or a variable (`<name>`) wherever it stands in a path."""

_MOST_NAMED = 10


def check_paths(plan: Plan) -> None:
    """Raise `InputError` where a path is given that the rules cannot name, before any job runs."""
    photos = [str(path) for planned in plan.datasets.values() for path in planned.photos.values()]
    refuse_patterns([*photos, *input_files(plan).values()])


def refuse_patterns(paths: Iterable[str]) -> None:
    """Raise `InputError` that names the paths in which Snakemake would see a pattern."""
    refused = [path for path in paths if _PATTERN.search(path)]
    if refused:
        named = "\n".join(f"  {printable(path)}" for path in refused[:_MOST_NAMED])
        more = f"\n  and {len(refused) - _MOST_NAMED} more" if len(refused) > _MOST_NAMED else ""
        raise InputError(
            "rename these files or folders: a word in {} or <> in a path is a pattern to Snakemake, which runs the "
            f"jobs\n{named}{more}"
        )


# --- Fingerprints, for params ---


def photo(plan: Plan, dataset: str, name: str) -> str:
    """Of a photo that is given."""
    return _short(plan.checksums.get(str(plan.datasets[dataset].given.get(name)), ""))


def shard(plan: Plan, dataset: str, number: int) -> str:
    """Of the photos of a descriptor shard that are given."""
    files = shard_photos(plan, dataset, number) if plan.datasets[dataset].given else None
    return _short(fingerprint({file: plan.checksums.get(file, "") for file in files})) if files else ""


def ground_truth(plan: Plan, dataset: str) -> str:
    """Of the file of the ground truth; a download's checksum is known."""
    return _short(plan.checksums.get(str(plan.datasets[dataset].ground_truth), ""))


def weights(plan: Plan, system: str) -> str:
    """Of the file that a system is loaded from; a download's checksum is known."""
    return _short("".join(plan.checksums.get(file, "") for file in plan.weights(system)))


def attacked(plan: Plan, attack: str) -> str:
    """Of the files that an attack is given: networks, and the target of one that has a target."""
    options = plan.config.attacks[attack]
    target = [plan.checksums.get(options.target, "")] if options.target else []
    return "".join([*(weights(plan, network) for network in options.attacked), *map(_short, target)])


def artefacts(plan: Plan, files: Iterable[str]) -> str:
    """Of the files of an audit, where their folders are given."""
    is_given = plan.config.audit is not None and plan.config.audit.published is not None
    return _short(fingerprint(remembered_checksums(files))) if is_given else ""


def _short(value: str) -> str:
    return value[:16]


# --- Provenance ---


def input_files(plan: Plan) -> dict[str, str]:
    """Input files beside photos; those of the archives of a public dataset stand for the archives."""
    files = {
        f"datasets.{name}.ground_truth": planned.ground_truth
        for name, planned in plan.datasets.items()
        if planned.ground_truth
    }
    for name in plan.victims:
        option = f"networks.{name}.weights" if name in plan.config.networks else f"systems.{name}.function"
        for file in plan.weights(name):
            files[option] = file
    for name, attack in plan.config.attacks.items():
        if attack.target:
            files[f"attacks.{name}.target"] = attack.target
    return files


def provenance_options(plan: Plan) -> str:
    """Options of `cvpire provenance`: where the inputs are, and what they were when the run was planned."""
    folders, files = plan.config.distractors, input_files(plan)
    added = sorted({options.distractors for options in plan.config.datasets.values() if options.distractors})
    planned = {
        f"datasets.{name}": fingerprint({title: plan.checksums[str(path)] for title, path in known.given.items()})
        for name, known in plan.datasets.items()
        if known.given and all(str(path) in plan.checksums for path in known.given.values())
    }
    named = {
        "--dataset": {name: layout.LISTING.format(dataset=name) for name in plan.config.datasets},
        "--distractors": {name: folders[name].folder for name in added},
        "--input": files,
        "--planned": planned | {name: plan.checksums[file] for name, file in files.items() if file in plan.checksums},
    }
    return shlex.join(
        word for flag, given in named.items() for item in given.items() for word in (flag, "=".join(item))
    )
