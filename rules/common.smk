# What the rules share: the validated configuration, the datasets, and how options and source files are named.
import hashlib
import json
import os
import shlex
import sys
import threading
from functools import cache
from pathlib import Path

from snakemake import logging
from snakemake.scheduling.job_scheduler import JobScheduler

from cvpire.archives import CONTENTS
from cvpire.config import AuditOptions, DownloadOptions, as_options, load_config
from cvpire.datasets import Dataset, with_clean_twin, with_queries
from cvpire.datasets.benchmarks import BENCHMARKS, planned_benchmark
from cvpire.datasets.demo import demo_dataset
from cvpire.datasets.folder import photo_tree, read_folder
from cvpire.downloads import load_downloads
from cvpire.errors import InputError
from cvpire.figures.catalogue import CATALOGUE as FIGURES
from cvpire.retrieval.shards import shard_count, shard_members
from cvpire.sources import sources as package_sources
from cvpire.tables.catalogue import CATALOGUE as TABLES

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


def show_each_log(logs, show_logs=logging.show_logs):
    """Show the logs of a failed job.

    Snakemake 9.27 stops at the first empty one. A job that is killed says nothing; what Slurm says of it comes after.
    """
    for log in logs:
        yield from show_logs([log])


logging.show_logs = show_each_log


def checked(function, *arguments):
    """Call a function; bad input ends the run with its message alone."""
    try:
        return function(*arguments)
    except InputError as error:
        raise WorkflowError(str(error))


CONFIG = checked(load_config, config, ", ".join(os.path.relpath(path) for path in workflow.configfiles))


# --- Downloads ---

DOWNLOADS_FILE = CONFIG.downloads or os.path.relpath(f"{workflow.basedir}/config/downloads.yaml")


@cache
def downloads() -> dict[str, DownloadOptions]:
    return checked(load_downloads, DOWNLOADS_FILE)


def downloaded(file: str) -> str:
    """Where a file is: the name of a download stands for what is downloaded, a path for itself."""
    return f"resources/downloads/{file}" if file in downloads() else file


def sha256(file: str) -> str | None:
    if file not in downloads():
        raise WorkflowError(f"{DOWNLOADS_FILE}: knows no file {file!r}; it has {', '.join(downloads())}")
    return downloads()[file].sha256


# --- Datasets ---


def benchmark(name: str):
    """What is known of a public dataset before it is downloaded; None for other datasets."""
    return BENCHMARKS.get(CONFIG.datasets[name].kind)


@cache
def dataset(name: str) -> Dataset:
    """The photos and queries of a dataset; a folder is read once a run, a public dataset is planned."""
    return checked(read_dataset, CONFIG.datasets[name])


def read_dataset(options) -> Dataset:
    if options.kind in BENCHMARKS:
        return planned_benchmark(options.kind, photo_folder(BENCHMARKS[options.kind].photos), options.queries)
    if options.kind == "demo":
        found = demo_dataset(options.part, demo_folder(options.part))
    else:
        found = read_folder(options.folder, options.ground_truth, options.missing)
    return with_clean_twin(with_queries(found, options.queries), options.clean_twin)


def demo_folder(part: str) -> str:
    return f"resources/demo/{part}"


def photo_folder(photo_set: str) -> str:
    """Where the archives of a public dataset are unpacked to."""
    return f"resources/photos/{photo_set}"


def unpacked(photo_set: str) -> str:
    """The list of the photos of a public dataset: it is there when all of them are."""
    return f"{photo_folder(photo_set)}/{CONTENTS}"


def ground_truth(name: str) -> list[str]:
    """The ground-truth file of a dataset, where it has one."""
    options = CONFIG.datasets[name]
    if known := benchmark(name):
        return [downloaded(options.ground_truth or known.ground_truth)]
    return [options.ground_truth] if options.kind == "folder" else []


def photo_source(name: str, photo: str) -> str:
    """What a job that reads one photo depends on: the photo, or the list of those that are unpacked together."""
    known = benchmark(name)
    return unpacked(known.photos) if known else str(dataset(name).photos[photo])


def listing_options(name: str) -> str:
    """Options of `cvpire dataset`."""
    options = CONFIG.datasets[name]
    words = ["--clean-twin", options.clean_twin]
    if options.kind == "demo":
        words += ["--demo", options.part, "--folder", demo_folder(options.part)]
    elif options.kind == "folder":
        words += ["--folder", options.folder, "--ground-truth", options.ground_truth, "--missing", options.missing]
    else:
        words += ["--benchmark", options.kind, "--difficulty", options.difficulty]
        words += ["--folder", photo_folder(benchmark(name).photos), "--ground-truth", *ground_truth(name)]
    return shlex.join([*words, *(word for query in options.queries or [] for word in ("--query", query))])


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
    options = CONFIG.networks[name]
    return as_options(options.model_copy(update={"weights": downloaded(options.weights)}))


def attack_options(name: str) -> str:
    """Options of `cvpire attack`: what its result depends on, and nothing else."""
    options = CONFIG.attacks[name]
    without = {"label", "network", "variance", "saving"}
    words = as_options(options, *(key for key in type(options).model_fields if key not in without))
    return f"{words} {network_options(options.network)} --attack {name} --seed {CONFIG.seed}"


def weights(network: str) -> list[str]:
    """The checkpoint file of a network, where it has one."""
    file = CONFIG.networks[network].weights
    return [] if file == "package" else [downloaded(file)]


def sources(*modules: str) -> list[str]:
    """Package files that a stage is made of, relative to where the run is."""
    return [os.path.relpath(path) for path in checked(package_sources, *modules)]


def kept(path: str):
    """A perturbation, which lives until it is saved as photos, or longer."""
    return path if CONFIG.keep_perturbations else temp(path)


def gate(name: str, network: str) -> list[str]:
    """The check of the clean mAP that comes before an attack."""
    return [f"results/{name}/original/gate/{network}.json"] if CONFIG.gate.enabled else []


def gate_options(name: str, network: str) -> str:
    """Options of `cvpire gate`: the protocol by which the published mAP is found."""
    options = CONFIG.datasets[name]
    keys = [key for key in ("query", "longest_side", "clean_twin", "difficulty") if hasattr(options, key)]
    kind = shlex.join(["--dataset", options.kind])
    if options.queries or options.distractors:
        kind += " --part"
    return " ".join([kind, as_options(options, *keys), network_options(network), as_options(CONFIG.gate, "tolerance")])


def gates() -> list[str]:
    """All checks of clean mAP."""
    attacked = {
        (name, CONFIG.attacks[attack].network) for name in CONFIG.datasets for attack in CONFIG.attacks_on(name)
    }
    return [file for name, network in sorted(attacked) for file in gate(name, network)]


def variants(attack: str) -> list[str]:
    """Folders of an attack's queries, like m50_T100: one a multiplier and iteration."""
    options = CONFIG.attacks[attack]
    return [f"m{multiplier:g}_T{step}" for multiplier in options.multipliers for step in options.checkpoints]


def adversarial_queries(name: str, attack: str, photos) -> list[str]:
    """Files of an attack's saved queries."""
    options = CONFIG.attacks[attack]
    folder = f"results/{name}/{options.network}/{attack}/queries"
    return [f"{folder}/{variant}/{photo}{options.saving.suffix}" for photo in photos for variant in variants(attack)]


def headline_queries(name: str, attack: str, photos) -> list[str]:
    """Files of an attack's saved queries at the bound and iterations of Table 4.1."""
    options = CONFIG.attacks[attack]
    folder = f"results/{name}/{options.network}/{attack}/queries/m{options.multiplier:g}_T{options.iterations}"
    return [f"{folder}/{photo}{options.saving.suffix}" for photo in photos]


def shards(name: str) -> int:
    """Number of descriptor shards of a database."""
    known = benchmark(name)
    return shard_count(known.database if known else len(dataset(name).database), CONFIG.retrieval.shard_size)


def shard_photos(name: str, shard: int) -> list[str]:
    """Photos of a descriptor shard, of a dataset whose photos are there already."""
    found = dataset(name)
    return [str(found.photos[photo]) for photo in shard_members(found.database, shard, shards(name))]


def shard_source(name: str, shard: int) -> list[str]:
    """What a descriptor shard depends on."""
    if benchmark(name):
        return [f"results/{name}/dataset.json", unpacked(benchmark(name).photos)]
    return shard_photos(name, shard)


def shard_words(name: str, shard: int) -> str:
    """Which photos `cvpire describe` takes."""
    if benchmark(name):
        return shlex.join(
            ["--dataset", f"results/{name}/dataset.json", "--shard", str(shard), "--of", str(shards(name))]
        )
    return shlex.join(shard_photos(name, shard))


def descriptors(name: str, victim: str) -> list[str]:
    """Descriptor shards of a database; of small databases the empty ones are left out."""
    return [
        f"results/{name}/descriptors/{victim}/shard-{shard:03d}.npy"
        for shard in range(shards(name))
        if benchmark(name) or shard_photos(name, shard)
    ]


@cache
def distractor_shards(name: str) -> int:
    """Number of descriptor shards of a folder of wrong answers."""
    return shard_count(len(checked(photo_tree, Path(CONFIG.distractors[name].folder))), CONFIG.retrieval.shard_size)


def distractors(name: str, victim: str) -> list[str]:
    """Descriptor shards of a dataset's wrong answers, where it has any."""
    added = CONFIG.datasets[name].distractors
    return [
        f"results/distractors/{added}/descriptors/{victim}/shard-{shard:04d}.npy"
        for shard in (range(distractor_shards(added)) if added else ())
    ]


def shard_names(shards: list[str]) -> list[str]:
    """Files that name the photos of descriptor shards, beside them."""
    return [str(Path(shard).with_suffix(".txt")) for shard in shards]


def shard_options(name: str, victim: str) -> str:
    """Options of `cvpire rank`: what the queries are ranked against."""
    words = [word for file in descriptors(name, victim) for word in ("--descriptors", file)]
    if added := CONFIG.datasets[name].distractors:
        words += ["--distractors", f"results/distractors/{added}/descriptors/{victim}"]
    return shlex.join(words)


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


def attack_summary() -> str:
    """What tables and figures need to know of the attacks, as JSON."""
    return json.dumps(
        {
            name: {
                "label": options.label or name.upper(),
                "network": options.network,
                "victims": CONFIG.victims_of(name),
                "multiplier": options.multiplier,
                "iterations": options.iterations,
                "map": options.variance,
                "suffix": options.saving.suffix,
                "datasets": [dataset for dataset in CONFIG.datasets if name in CONFIG.attacks_on(dataset)],
            }
            for name, options in CONFIG.attacks.items()
        }
    )


def made_tables() -> list[str]:
    """The tables of a run."""
    tables = ["4.1", "4.1-confidence"]
    tables += ["comparisons"] if len(CONFIG.attacks) > 1 else []
    tables += ["4.2", "4.2-confidence", "4.2-comparisons"] if "4.2" in CONFIG.tables else []
    revisited = any(known and known.revisited for known in map(benchmark, CONFIG.datasets))
    return tables + (["difficulties"] if revisited else [])


def compared(table: str) -> list[str]:
    """Attacks that a table shows: all of them, or the two of Table 4.2."""
    attacks = list(CONFIG.attacks)
    if not table.startswith("4.2"):
        return attacks
    options = CONFIG.tables["4.2"]
    return [options.attack or attacks[0], options.other or attacks[1]]


def table_labels(table: str) -> dict[str, str]:
    """What the report says of a table beside its number."""
    return {"dataset": ", ".join(CONFIG.datasets), "attack": ", ".join(compared(table))}


def table_options(table: str) -> str:
    """Options of `cvpire table`."""
    words = []
    if table.startswith("4.2"):
        first, second = compared(table)
        words += ["--attack", first, "--other", second]
    if table == "4.2":
        words += ["--random", "results/tables/random.csv"]
    if table.endswith("confidence"):
        words += [
            word
            for name, options in CONFIG.datasets.items()
            if options.kind in ("oxford5k", "paris6k")
            for word in ("--thesis", f"{name}={options.kind}")
        ]
    return shlex.join(words)


def provenance_files() -> dict[str, str]:
    """Input files beside photos; those of the archives of a public dataset stand for the archives."""
    files = {f"datasets.{name}.ground_truth": file for name in CONFIG.datasets for file in ground_truth(name)}
    return files | {f"networks.{name}.weights": file for name in all_victims() for file in weights(name)}


def provenance_options() -> str:
    """Options of `cvpire provenance`: where the inputs are."""
    words = [word for name in CONFIG.datasets for word in ("--dataset", f"{name}=results/{name}/dataset.json")]
    added = sorted({options.distractors for options in CONFIG.datasets.values() if options.distractors})
    words += [word for name in added for word in ("--distractors", f"{name}={CONFIG.distractors[name].folder}")]
    return shlex.join(words + [word for item in provenance_files().items() for word in ("--input", "=".join(item))])


def figure(number: str):
    """What a figure shows: the configuration's section; what it leaves open is chosen here."""
    options, chosen = CONFIG.figures[number], dict(FIGURES[number].chosen)
    name = options.dataset or list(CONFIG.datasets)[chosen.pop("dataset", 0)]
    attacks = CONFIG.attacks_on(name)
    chosen |= {"dataset": name, "attack": attacks[0]}
    if "photos" in FIGURES[number].needs:
        # Two methods where the thesis compares CV-PIRE and SD-PIRE, else all.
        chosen["attacks"] = attacks[:2] if chosen.get("rule") else attacks
    if "photo" in FIGURES[number].needs:  # the others choose their query by the results
        chosen["query"] = next(iter(dataset(name).queries))
    if number == "4.7":
        chosen["maps"] = [name for name, map in CONFIG.variance.items() if map.kind != "uniform"]
    return options.model_copy(update={key: value for key, value in chosen.items() if getattr(options, key) is None})


def figure_datasets(number: str) -> list[str]:
    """Datasets whose photos a figure shows: one, or for a sample of all of them each that has the attacks."""
    shown = figure(number)
    if shown.count is None or CONFIG.figures[number].dataset or number in ("4.1", "4.2"):
        return [shown.dataset]
    return [name for name in CONFIG.datasets if set(shown.attacks) <= set(CONFIG.attacks_on(name))]


def figure_maps(number: str) -> list[str]:
    """Variance maps that a figure is drawn from: those it shows, and the one by which its square is chosen."""
    shown = figure(number)
    first = shown.attack if "map" in FIGURES[number].needs else (shown.attacks or [shown.attack])[0]
    return list(dict.fromkeys([CONFIG.attacks[first].variance, *(shown.maps or [])]))


def figure_labels(number: str) -> dict[str, str]:
    """What the report says of a figure beside its number."""
    shown, needs = figure(number), FIGURES[number].needs
    names = figure_datasets(number) if needs else []
    if number == "4.4":
        names = [name for name in CONFIG.datasets if shown.attack in CONFIG.attacks_on(name)]
    attacks = (shown.attacks or [shown.attack]) if needs & {"results", "map"} else []
    return {"dataset": ", ".join(names), "attack": ", ".join(attacks)}


def figure_inputs(number: str) -> list[str]:
    """Files that a figure is drawn from."""
    needs, shown = FIGURES[number].needs, figure(number)
    files = [f"results/tables/queries.csv"] if "results" in needs else []
    files += ["results/tables/random.csv"] if "random" in needs else []
    files += [f"results/{shown.dataset}/dataset.json"] if "listing" in needs else []
    for name in figure_datasets(number):
        queries = [shown.query] if "photo" in needs else list(dataset(name).queries)
        if needs & {"photo", "photos"}:
            files += [f"results/{name}/original/{query}.png" for query in queries]
        if needs & {"map", "maps"}:
            files += [f"results/{name}/variance/{map}/{query}.npy" for map in figure_maps(number) for query in queries]
        if needs >= {"results", "photos"}:
            files += [file for attack in shown.attacks for file in headline_queries(name, attack, queries)]
    return files


def figure_options(number: str) -> str:
    """Options of `cvpire figure`."""
    words, needs = [as_options(figure(number))], FIGURES[number].needs
    if "photos" in needs and number not in ("4.1", "4.2"):
        words += [shlex.join(["--run", attack_summary()])]
        words += [shlex.join(["--sample", name]) for name in figure_datasets(number)] if figure(number).count else []
    if needs & {"map", "maps"}:
        words += [shlex.join(["--map", f"{map}={map_label(map)}"]) for map in figure_maps(number)]
    return " ".join(words)


def chapter(number: str) -> str:
    """Where the report shows a figure or table; tables of ours are about chapter 4's experiments too."""
    first = number.split(".")[0]
    titles = {"1": "Introduction", "2": "Background", "3": "CV-PIRE", "A": "Appendix"}
    return f"{first} {titles[first]}" if first in titles else "4 Experiments"


def map_label(name: str) -> str:
    """A variance map's name in figures."""
    options = CONFIG.variance[name]
    method = {"colour": "CV-PIRE", "luminance": "SD-PIRE", "uniform": "PIRE"}[options.kind]
    return (
        method
        + {
            "colour": f" (n = {options.kernel_size}, σ = {options.sigma:g})",
            "luminance": f" (n = {options.kernel_size})",
            "uniform": "",
        }[options.kind]
    )


wildcard_constraints:
    dataset="[^/]+",
    network="[^/]+",
    attack="[^/]+",
    victim="[^/]+",
    map="[^/]+",
    photo="[^/]+",
    shard=r"\d+",
