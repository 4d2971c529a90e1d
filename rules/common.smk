# What the rules share: the validated configuration, the datasets, and how options and source files are named.
import hashlib
import json
import os
import shlex
import sys
import threading
from functools import cache
from pathlib import Path

from snakemake.scheduling.job_scheduler import JobScheduler

from cvpire.config import AuditOptions, as_options, load_config
from cvpire.datasets import Dataset, with_clean_twin
from cvpire.datasets.demo import demo_dataset
from cvpire.datasets.folder import read_folder
from cvpire.errors import InputError
from cvpire.retrieval.shards import shard_count, shard_members
from cvpire.sources import sources as package_sources

# Jobs find `cvpire` beside the Python that runs Snakemake, whether or not its environment is activated.
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))


def one_timer_at_a_time(scheduler, delay: float) -> None:
    """Ask Snakemake's scheduler for another round after a delay, unless one is asked for already.

    Snakemake 9.27 sets a timer in every round, to keep a limit on job submissions, and every timer starts a round: the
    rounds multiply, and after some hundred jobs they eat a core.
    """

    def wake():
        scheduler.waits_for_timer = False
        scheduler._open_jobs.release()

    if not getattr(scheduler, "waits_for_timer", False):
        scheduler.waits_for_timer = True
        threading.Timer(delay, wake).start()


JobScheduler._schedule_reevalutation = one_timer_at_a_time


def checked(function, *arguments):
    """Call a function; bad input ends the run with its message alone."""
    try:
        return function(*arguments)
    except InputError as error:
        raise WorkflowError(str(error))


CONFIG = checked(load_config, config, ", ".join(os.path.relpath(path) for path in workflow.configfiles))


@cache
def dataset(name: str) -> Dataset:
    """The photos and queries of a dataset; a folder is read once a run."""
    return checked(read_dataset, CONFIG.datasets[name])


def read_dataset(options) -> Dataset:
    if options.kind == "demo":
        found = demo_dataset(options.part, demo_folder(options.part))
    else:
        found = read_folder(options.folder, options.ground_truth, options.missing)
    return with_clean_twin(found, options.clean_twin)


def demo_folder(part: str) -> str:
    return f"resources/demo/{part}"


def listing_options(name: str) -> str:
    """Options of `cvpire dataset`."""
    options = CONFIG.datasets[name]
    if options.kind == "demo":
        words = ["--demo", options.part, "--folder", demo_folder(options.part)]
    else:
        words = ["--folder", options.folder, "--ground-truth", options.ground_truth, "--missing", options.missing]
    return shlex.join([*words, "--clean-twin", options.clean_twin])


def digest(names) -> str:
    """A fingerprint of which photos there are: a new photo changes it, a new content does not."""
    return hashlib.sha256(json.dumps(sorted(names)).encode()).hexdigest()[:16]


def prepare_options(name: str, photo: str) -> str:
    """Options of `cvpire prepare`: size, decoder and, where the dataset asks for it, the bounding box."""
    options, box = CONFIG.datasets[name], dataset(name).queries[photo].box
    words = as_options(options, "decoder", "longest_side")
    return f"{words} --box {shlex.join(map(str, box))}" if options.query == "box" and box else words


def decoder(name: str) -> str:
    return as_options(CONFIG.datasets[name], "decoder")


def network_options(name: str) -> str:
    return as_options(CONFIG.networks[name])


def attack_options(name: str) -> str:
    """Options of `cvpire attack`: what its result depends on, and nothing else."""
    options = CONFIG.attacks[name]
    without = {"label", "network", "variance", "saving"}
    words = as_options(options, *(key for key in type(options).model_fields if key not in without))
    return f"{words} {network_options(options.network)} --attack {name} --seed {CONFIG.seed}"


def weights(network: str) -> list[str]:
    """The checkpoint file of a network, where it has one."""
    file = CONFIG.networks[network].weights
    return [] if file == "package" else [file]


def sources(*modules: str) -> list[str]:
    """Package files that a stage is made of, relative to where the run is."""
    return [os.path.relpath(path) for path in checked(package_sources, *modules)]


def variants(attack: str) -> list[str]:
    """Folders of an attack's queries, like m50_T100: one a multiplier and iteration."""
    options = CONFIG.attacks[attack]
    return [f"m{multiplier:g}_T{step}" for multiplier in options.multipliers for step in options.checkpoints]


def adversarial_queries(name: str, attack: str, photos) -> list[str]:
    """Files of an attack's saved queries."""
    options = CONFIG.attacks[attack]
    folder = f"results/{name}/{options.network}/{attack}/queries"
    return [f"{folder}/{variant}/{photo}{options.saving.suffix}" for photo in photos for variant in variants(attack)]


def shard_photos(name: str, shard: str) -> list[str]:
    """Photos of a descriptor shard."""
    found = dataset(name)
    count = shard_count(len(found.database), CONFIG.retrieval.shard_size)
    return [str(found.photos[photo]) for photo in shard_members(found.database, int(shard), count)]


def descriptors(name: str, victim: str) -> list[str]:
    """Descriptor shards of a database; small databases may leave some shards without a photo."""
    count = shard_count(len(dataset(name).database), CONFIG.retrieval.shard_size)
    return [
        f"results/{name}/descriptors/{victim}/shard-{shard:03d}.npy"
        for shard in range(count)
        if shard_photos(name, shard)
    ]


def audit_options():
    """The section `audit` of the configuration; the default is the author's repository."""
    return CONFIG.audit or AuditOptions(dataset="oxford5k")


def published_artefacts() -> list[str]:
    """Files of an audit: of the two folders, or what the author's repository is unpacked to."""
    options = audit_options()
    if options.published is None:
        return [f"resources/published/{options.dataset}"]
    folders = [Path(options.photos), Path(options.published)]
    for folder in folders:
        if not folder.is_dir():
            raise WorkflowError(f"audit: {folder}: no such folder")
    return [str(file) for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]


def audited() -> str:
    """Options of `cvpire audit`."""
    options = audit_options()
    if options.published is None:
        folder = f"resources/published/{options.dataset}"
        options = options.model_copy(update={"photos": f"{folder}/photos", "published": f"{folder}/published"})
    return as_options(options)


def all_victims() -> list[str]:
    """Networks that rank anything, in the order of the configuration."""
    used = {victim for attack in CONFIG.attacks for victim in CONFIG.victims_of(attack)}
    used |= {options.network for options in CONFIG.attacks.values()}
    return [name for name in CONFIG.networks if name in used]


def attack_summary(*names: str) -> str:
    """What tables and figures need to know of some attacks (none given: of all), as JSON."""
    return json.dumps(
        {
            name: {
                "label": options.label or name.upper(),
                "network": options.network,
                "victims": CONFIG.victims_of(name),
                "multiplier": options.multiplier,
                "iterations": options.iterations,
                "suffix": options.saving.suffix,
                "datasets": [dataset for dataset in CONFIG.datasets if name in CONFIG.attacks_on(dataset)],
            }
            for name, options in CONFIG.attacks.items()
            if not names or name in names
        }
    )


def figure(number: str):
    """What a figure shows: the configuration's section, with dataset, attack and query filled in."""
    options = CONFIG.figures[number]
    name = options.dataset or next(iter(CONFIG.datasets))
    filled = {"dataset": name, "attack": options.attack or CONFIG.attacks_on(name)[0]}
    if number == "3.3":  # the others choose their query by the results
        filled["query"] = options.query or next(iter(dataset(name).queries))
    return options.model_copy(update=filled)


def map_of(number: str) -> str:
    """Name of the variance map that bounds the attack of a figure."""
    return CONFIG.attacks[figure(number).attack].variance


wildcard_constraints:
    dataset="[^/]+",
    network="[^/]+",
    attack="[^/]+",
    victim="[^/]+",
    map="[^/]+",
    photo="[^/]+",
    shard=r"\d+",
