"""The stages of the workflow by hand: `cvpire STAGE INPUT... OUTPUT`.

Every rule of the workflow calls one of these commands, and every option has the name that the configuration gives it:
`cvpire.config` defines them, `options_of` turns them into options. Stages import what they need when they run, so that
`cvpire --help` is quick and saving a photo does not load a neural network library.
"""

import csv as csv_format
import errno
import functools
import inspect
import json
import logging
import math
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer

from cvpire import config, files
from cvpire.errors import InputError, lacks_memory

app = typer.Typer(
    help="Adversarial queries for image retrieval, bounded by colour variance (CV-PIRE), stage by stage.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_DOWNLOADS = Path(__file__).parents[2] / "config" / "downloads.yaml"
_REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "make room"),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), "check the permissions"),
}
"""What to do about a file that cannot be written or read."""
_RUN_OPTIONS = {"device": config.Config.model_fields["device"], "seed": config.Config.model_fields["seed"]}


def main() -> None:
    """Run the command line; bad input ends in one message and exit status 1."""
    logging.basicConfig(format="cvpire: %(levelname)s: %(message)s", level=logging.INFO)
    try:
        app()
    except (InputError, ImportError, MemoryError, OSError, RuntimeError) as error:
        message = str(error) if isinstance(error, InputError) else _shortage(error)
        if message is None:
            raise
        sys.exit("\n".join(f"cvpire: error: {line}" for line in message.splitlines()))


def _shortage(error: BaseException) -> str | None:
    """Say what to do where the machine is at fault: memory, disk or permissions; None for everything else."""
    if lacks_memory(error):
        return "not enough memory; run again with fewer jobs at a time (--cores 1), or smaller photos (longest_side)"
    if not isinstance(error, OSError) or error.errno not in _REMEDIES:
        return None
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror}; {_REMEDIES[error.errno]} and run again, what is finished is kept"


# --- Options from the configuration ----------------------------------------------------------------------------------


def options_of(**sections: type[config.Options] | tuple[type[config.Options], str]) -> Callable:
    """Give a command the options of sections of the configuration, and hand it the validated sections.

    Each section is named by the command's parameter that receives it; a tuple adds the fields to leave out.
    """
    models = {name: section if isinstance(section, tuple) else (section, "") for name, section in sections.items()}

    def decorate(function: Callable) -> Callable:
        own = [p for p in inspect.signature(function).parameters.values() if p.name not in models]
        fields = {
            (name, key): field
            for name, (model, without) in models.items()
            for key, field in model.model_fields.items()
            if key not in without.split()
        }
        added = [_option(key, field) for (_, key), field in fields.items()]
        added.append(
            inspect.Parameter(
                "preset",
                inspect.Parameter.KEYWORD_ONLY,
                default="text",
                annotation=Annotated[config.Preset, typer.Option(help="Where text and released code differ.")],
            )
        )

        @functools.wraps(function)
        def command(**given: Any) -> None:
            preset = given.pop("preset")
            values: dict[str, dict[str, Any]] = {name: {} for name in models}
            for name, key in fields:
                value = given.pop(key)
                if value is not None and value != []:
                    values[name][key] = value
            filled = {
                name: config.validate(model, {**config.preset_values(model, preset), **values[name]}, "command line")
                for name, (model, _) in models.items()
            }
            return function(**given, **filled)

        command.__signature__ = inspect.Signature([*own, *added])
        command.__annotations__ = {p.name: p.annotation for p in (*own, *added)}
        return command

    return decorate


def _option(key: str, field: Any) -> inspect.Parameter:
    annotation, default = _plain(field.annotation), field.get_default(call_default_factory=True)
    is_list = get_origin(annotation) is list
    text = field.description or ""
    if default not in (None, []):
        text += f" [default: {default}]"
    return inspect.Parameter(
        key,
        inspect.Parameter.KEYWORD_ONLY,
        default=[] if is_list else None,
        annotation=Annotated[annotation if is_list else annotation | None, typer.Option(help=text)],
    )


def _plain(annotation: Any) -> Any:
    """Strip pydantic's constraints and None from a type: the models check values, the command line only parses."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _plain(arguments[0])
    if origin in (Union, UnionType):
        (inner,) = {_plain(argument) for argument in arguments} - {NoneType}
        return inner
    if origin in (list, tuple):
        return origin[tuple(_plain(argument) for argument in arguments)]
    return annotation


Photo = Annotated[Path, typer.Argument(help="A photo.", show_default=False)]
Output = Annotated[Path, typer.Argument(help="The file to write.", show_default=False)]
DatasetFile = Annotated[Path, typer.Argument(help="dataset.json, see `cvpire dataset`.", show_default=False)]
Device = Annotated[config.Device, typer.Option(help=_RUN_OPTIONS["device"].description)]
Seed = Annotated[int, typer.Option(help=_RUN_OPTIONS["seed"].description, min=0)]
Threads = Annotated[int, typer.Option(help="Processor threads; 0: as many as torch likes.", min=0)]


# --- Photos and datasets ---------------------------------------------------------------------------------------------


@app.command()
def demo_photos(
    part: Annotated[Literal["a", "b"], typer.Argument(help="Which of the two demo datasets.")],
    folder: Annotated[Path, typer.Argument(help="Folder for the photos.")],
) -> None:
    """Make the photos of a demo dataset."""
    from cvpire.datasets.demo import write_photos

    write_photos(part, folder)


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="Name of the file in config/downloads.yaml.")],
    output: Output,
    downloads: Annotated[
        Path, typer.Option(help="Addresses and checksums [default: the project's].", show_default=False)
    ] = _DOWNLOADS,
) -> None:
    """Download a file, check it, and resume where an earlier try broke off."""
    from cvpire.downloads import fetch as fetch_file
    from cvpire.downloads import load_downloads

    known = load_downloads(downloads)
    if name not in known:
        raise InputError(f"{downloads}: knows no file {name!r}; it has {', '.join(known)}")
    fetch_file(name, known[name], output, downloads.with_suffix(".lock"))


@app.command()
def unpack(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")],
    archives: Annotated[list[Path], typer.Argument(help="Archives of photos.")],
    ground_truth: Annotated[Path, typer.Option(help="Ground truth that names the photos.")],
) -> None:
    """Unpack the photos that a ground truth names."""
    from cvpire.archives import unpack_photos
    from cvpire.datasets import some
    from cvpire.datasets.benchmarks import photo_names

    report = unpack_photos(archives, photo_names(ground_truth), folder)
    logging.info(f"{folder}: unpacked {len(report.found)} photos that {ground_truth} names")
    for kind in ("missing", "corrupt", "extra"):
        if names := getattr(report, kind):
            log = logging.info if kind == "extra" else logging.warning
            log(f"{folder}: {len(names)} {kind}: {some(names)}")


@app.command()
def dataset(
    output: Output,
    folder: Annotated[Path, typer.Option(help="Folder of the photos.")],
    ground_truth: Annotated[Path | None, typer.Option(help="Ground truth: our JSON, or a benchmark's file.")] = None,
    demo: Annotated[Literal["a", "b"] | None, typer.Option(help="Ground truth of this demo dataset.")] = None,
    benchmark: Annotated[
        Literal["oxford5k", "paris6k", "roxford5k", "rparis6k"] | None,
        typer.Option(help="Check that the ground truth is this one's."),
    ] = None,
    difficulty: Annotated[
        Literal["easy", "medium", "hard"], typer.Option(help="What is relevant in revisited ground truth.")
    ] = "medium",
    missing: Annotated[Literal["error", "drop"], typer.Option(help="What a missing photo does.")] = "error",
    clean_twin: Annotated[Literal["relevant", "junk"], typer.Option(help="What a query's own photo is.")] = "junk",
    queries: Annotated[list[str], typer.Option("--query", help="Only these queries.")] = [],  # noqa: B006
) -> None:
    """List a dataset's photos, queries and answers as JSON."""
    from cvpire.datasets import with_clean_twin, with_queries
    from cvpire.datasets.listing import write_listing

    if demo is not None:
        from cvpire.datasets.demo import demo_dataset

        found = demo_dataset(demo, folder)
    elif ground_truth is None:
        raise InputError("command line: --ground-truth or --demo is needed")
    elif benchmark is not None:
        from cvpire.datasets.benchmarks import read_benchmark

        found = read_benchmark(benchmark, folder, ground_truth, difficulty, queries or None)
    else:
        from cvpire.datasets.folder import read_folder

        found = read_folder(folder, ground_truth, missing)
    found = with_clean_twin(with_queries(found, queries or None), clean_twin)
    for note in found.notes:
        logging.warning(note)
    write_listing(output, found)


@app.command()
def ground_truth(
    folder: Annotated[Path, typer.Argument(help="Folder of photos.")],
    output: Annotated[Path, typer.Argument(help=".json, for `ground_truth:` of a folder dataset.")],
    pattern: Annotated[
        str | None, typer.Option(help="Regular expression for a name; its first group says what the photo shows.")
    ] = None,
    queries: Annotated[Literal["first", "all"], typer.Option(help="Which photos of a group are queries.")] = "first",
) -> None:
    """Make ground truth from file names: tower-1.jpg and tower-2.jpg show the same thing."""
    from cvpire.datasets.folder import read_photos
    from cvpire.datasets.groups import NUMBERED, group_ground_truth

    made = group_ground_truth(read_photos(folder), pattern or NUMBERED, queries)
    files.write_json(output, made)
    logging.info(f"{output}: {len(made['queries'])} queries, {len(made['database'])} photos")


@app.command()
@options_of(photo_options=config.PhotoOptions)
def prepare(
    photo: Photo,
    output: Output,
    photo_options: config.PhotoOptions,
    box: Annotated[tuple[float, float, float, float] | None, typer.Option(help="Bounding box: x0 y0 x1 y1.")] = None,
) -> None:
    """Read a photo of any kind and write it upright, as 8-bit RGB and at the declared size, without metadata (PNG)."""
    from PIL import Image

    from cvpire.photos import load_photo

    pixels = load_photo(photo, photo_options.decoder, photo_options.longest_side, box)
    with files.whole(output) as temporary:
        Image.fromarray(pixels).save(temporary, "png")


# --- From photo to adversarial query ---------------------------------------------------------------------------------


@app.command()
@options_of(photo_options=config.PhotoOptions, variance_options=config.VarianceOptions)
def variance(
    photo: Photo,
    output: Annotated[Path, typer.Argument(help=".npy: float32 (H, W) in [0, 1]; .png: 8 bits.")],
    photo_options: config.PhotoOptions,
    variance_options: config.VarianceOptions,
    device: Device = "cpu",
) -> None:
    """Compute the variance map of a photo (Algorithm 1, eq. 3.7)."""
    import numpy as np
    from PIL import Image

    from cvpire.photos import load_photo
    from cvpire.variance import variance_map

    if device != "cpu":  # only then torch, which takes longer to import than a map to compute
        from cvpire.networks.device import choose_device

        device = choose_device(device).type
    if output.suffix not in (".npy", ".png"):
        raise InputError(f"{output}: a variance map is written as .npy or .png")
    pixels = load_photo(photo, photo_options.decoder, photo_options.longest_side)
    with _about(photo):
        values = variance_map(pixels, **variance_options.model_dump(), device=device)
    with files.whole(output) as temporary:
        if output.suffix == ".npy":
            np.save(temporary, values)
        else:
            Image.fromarray(np.rint(values * 255).astype(np.uint8)).save(temporary, "png")


@app.command()
@options_of(
    photo_options=config.PhotoOptions,
    network_options=config.NetworkOptions,
    attack_options=(config.AttackOptions, "label network variance saving"),
)
def attack(
    photo: Photo,
    variance_map: Annotated[Path, typer.Argument(metavar="MAP", help="Its variance map (.npy or 8-bit .png).")],
    output: Annotated[Path, typer.Argument(help=".npz with the perturbations at each multiplier and checkpoint.")],
    photo_options: config.PhotoOptions,
    network_options: config.NetworkOptions,
    attack_options: config.AttackOptions,
    attack: Annotated[str, typer.Option(help="The attack's name, one of the seeds.")] = "cv-pire",
    seed: Seed = 0,
    device: Device = "auto",
    threads: Threads = 0,
) -> None:
    """Optimise the perturbation of a photo (Algorithm 2)."""
    import torch

    from cvpire.attack import attack as run_attack
    from cvpire.attack import start_noise
    from cvpire.networks.network import as_tensor, load_network
    from cvpire.perturbations import Perturbations, write_perturbations
    from cvpire.photos import load_photo, load_variance_map

    _use_threads(threads)
    pixels = load_photo(photo, photo_options.decoder, photo_options.longest_side)
    bound = load_variance_map(variance_map, pixels.shape[:2])
    network = load_network(**network_options.model_dump(), device=device)
    place = next(network.parameters()).device
    multipliers, checkpoints = attack_options.multipliers, attack_options.checkpoints
    with _about(photo), _progress(f"attack {photo.name}") as progress:
        values = run_attack(
            as_tensor(pixels).to(place),
            torch.from_numpy(bound).to(place),
            network,
            mean=network.mean,
            std=network.std,
            multipliers=multipliers,
            checkpoints=checkpoints,
            start=start_noise(seed, photo.stem, attack, multipliers, bound.shape).to(place),
            **attack_options.model_dump(include={"learning_rate", "objective", "bound_space", "projection"}),
            progress=progress,
        )
    unit = (1.0, 1.0, 1.0) if attack_options.bound_space == "pixel" else network.std
    write_perturbations(output, Perturbations(values.cpu().numpy(), tuple(multipliers), tuple(checkpoints), unit))


@app.command()
@options_of(photo_options=config.PhotoOptions, saving_options=config.SavingOptions)
def save(
    photo: Photo,
    perturbation: Annotated[Path, typer.Argument(help=".npz of `cvpire attack`.")],
    outputs: Annotated[
        list[Path], typer.Argument(help="Files; a folder m50_T100 says which multiplier and iteration go there.")
    ],
    photo_options: config.PhotoOptions,
    saving_options: config.SavingOptions,
    multiplier: Annotated[float | None, typer.Option(help="Multiplier, where no folder says it.")] = None,
    iteration: Annotated[int | None, typer.Option(help="Iteration, where no folder says it.")] = None,
) -> None:
    """Save the adversarial queries of a photo as files (section 3.3.1)."""
    from cvpire.perturbations import read_perturbations
    from cvpire.photos import load_photo
    from cvpire.saving import adversarial_pixels, encode

    pixels = load_photo(photo, photo_options.decoder, photo_options.longest_side)
    perturbations = read_perturbations(perturbation, pixels.shape[:2])
    for output in outputs:
        wanted = _variant_of(output) or (multiplier, iteration)
        altered = adversarial_pixels(
            pixels,
            perturbations.at(*wanted),
            perturbations.unit,
            **saving_options.model_dump(include={"enlargement", "rounding"}),
        )
        data = encode(altered, **saving_options.model_dump(include={"format", "quality", "subsampling"}))
        with files.whole(output) as temporary:
            temporary.write_bytes(data)


@app.command()
@options_of(photo_options=config.PhotoOptions, quality_options=config.QualityOptions)
def quality(
    original: Photo,
    altered: Annotated[list[Path], typer.Argument(help="Altered photos.")],
    photo_options: config.PhotoOptions,
    quality_options: config.QualityOptions,
    csv: Annotated[Path | None, typer.Option(help="Write a table, with multiplier and iteration by folder.")] = None,
) -> None:
    """Measure altered photos against their original (SSIM, MSE, NRMSE, PSNR, CIEDE2000): JSON, or a CSV file."""
    from cvpire.photos import load_photo
    from cvpire.quality import quality as measure

    pixels = load_photo(original, photo_options.decoder, photo_options.longest_side)
    rows = []
    for path in altered:
        multiplier, iteration = _variant_of(path) or (None, None)
        other = load_photo(path, photo_options.decoder)
        with _about(path):
            values = measure(pixels, other, **quality_options.model_dump())
        rows.append({"query": original.stem, "multiplier": multiplier, "iteration": iteration, **values})
    if csv is not None:
        _write_rows(csv, rows)
    else:
        measured = [{key: value for key, value in row.items() if value is not None} for row in rows]
        typer.echo(json.dumps(measured[0] if len(measured) == 1 else measured, indent=1))


# --- Retrieval -------------------------------------------------------------------------------------------------------


@app.command()
@options_of(photo_options=config.PhotoOptions, network_options=config.NetworkOptions)
def describe(
    output: Annotated[Path, typer.Argument(help=".npy: float32 (N, D); the names go into a .txt beside it.")],
    photo_options: config.PhotoOptions,
    network_options: config.NetworkOptions,
    photos: Annotated[list[Path] | None, typer.Argument(help="Database photos.", show_default=False)] = None,
    dataset: Annotated[Path | None, typer.Option(help="dataset.json: a shard of its database.")] = None,
    folder: Annotated[Path | None, typer.Option(help="A shard of the photos below this folder.")] = None,
    shard: Annotated[int, typer.Option(help="Which shard of them.", min=0)] = 0,
    shards: Annotated[int, typer.Option("--of", help="Number of shards.", min=1)] = 1,
    device: Device = "auto",
    threads: Threads = 0,
) -> None:
    """Compute the descriptors of database photos: one shard."""
    import numpy as np

    from cvpire.datasets.folder import photo_tree
    from cvpire.datasets.listing import read_listing
    from cvpire.datasets.names import photo_name
    from cvpire.photos import load_photo
    from cvpire.retrieval.describing import describe_photos
    from cvpire.retrieval.shards import shard_members

    if dataset is not None:
        listed = read_listing(dataset)
        found = {name: listed.photos[name] for name in shard_members(listed.database, shard, shards)}
    elif folder is not None:
        tree = photo_tree(folder)
        found = {name: tree[name] for name in shard_members(list(tree), shard, shards)}
    else:
        found = {photo_name(photo.stem): photo for photo in photos or []}
    descriptors = np.empty((0, 0), np.float32)
    if found:  # names alone decide the shards, so that one of a small database may be empty
        from cvpire.networks.network import load_network

        _use_threads(threads)
        network = load_network(**network_options.model_dump(), device=device)
        read = functools.partial(load_photo, decoder=photo_options.decoder, longest_side=photo_options.longest_side)
        with _progress(f"describe {output.stem}", len(found)) as progress:
            descriptors = describe_photos(list(found.values()), network, read, progress=progress)
    with files.whole(output) as temporary:
        np.save(temporary, descriptors)
    files.write_text(output.with_suffix(".txt"), "".join(f"{name}\n" for name in found))


@app.command()
@options_of(
    photo_options=(config.PhotoOptions, "longest_side"),
    network_options=config.NetworkOptions,
    retrieval_options=(config.RetrievalOptions, "shard_size"),
)
def rank(
    dataset: DatasetFile,
    output: Annotated[Path, typer.Argument(help=".csv, one row a query, multiplier and iteration.")],
    photo_options: config.PhotoOptions,
    network_options: config.NetworkOptions,
    retrieval_options: config.RetrievalOptions,
    descriptors: Annotated[list[Path], typer.Option(help="Shards of `cvpire describe`.")],
    queries: Annotated[Path, typer.Option(help="Folder of the queries.")],
    distractors: Annotated[Path | None, typer.Option(help="Folder of shards of wrong answers.")] = None,
    variants: Annotated[list[str], typer.Option("--variant", help="Sub-folders like m50_T100.")] = [],  # noqa: B006
    suffix: Annotated[str, typer.Option(help="Suffix of the queries.")] = ".jpg",
    device: Device = "auto",
    threads: Threads = 0,
) -> None:
    """Rank the database for each query and measure average precision (eq. 4.1)."""
    from cvpire.datasets.listing import read_listing
    from cvpire.networks.network import load_network
    from cvpire.photos import load_photo
    from cvpire.retrieval.describing import describe_photos
    from cvpire.retrieval.ranking import measure

    _use_threads(threads)
    listed = read_listing(dataset)
    versions = [
        (name, queries / variant / f"{name}{suffix}") for name in listed.queries for variant in variants or [""]
    ]
    names, paths = zip(*versions, strict=True)
    form = retrieval_options.average_precision
    wrong = sorted(distractors.glob("shard-*.npy")) if distractors else []
    network = load_network(**network_options.model_dump(), device=device)
    read = functools.partial(load_photo, decoder=photo_options.decoder)
    with _progress(f"describe {queries}", len(paths)) as progress:
        described = describe_photos(paths, network, read, progress=progress)
    with _progress(f"rank {queries}", len(paths)) as progress:
        measured = measure(listed, descriptors, wrong, names, described, form, progress)
    rows = []
    for (name, path), values in zip(versions, measured, strict=True):
        if values is not None:
            multiplier, iteration = _variant_of(path) or (None, None)
            values = {"ap": values[f"ap_{form}"], **values, "top": "/".join(values["top"])}
            rows.append({"query": name, "multiplier": multiplier, "iteration": iteration, **values})
    if not rows:
        raise InputError(f"{dataset}: no query has a relevant photo; nothing can be measured")
    _write_rows(output, rows)


@app.command()
@options_of(network_options=config.NetworkOptions, gate_options=(config.GateOptions, "enabled"))
def gate(
    ranking: Annotated[Path, typer.Argument(help="The unattacked queries' .csv of `cvpire rank`.")],
    output: Annotated[Path, typer.Argument(help=".json: what was compared, and the verdict.")],
    network_options: config.NetworkOptions,
    gate_options: config.GateOptions,
    dataset: Annotated[str, typer.Option(help="oxford5k, paris6k, roxford5k, rparis6k, or another, which passes.")],
    query: Annotated[Literal["whole", "box"], typer.Option(help="What of a query was described.")] = "whole",
    longest_side: Annotated[int | None, typer.Option(help="Longest side in pixels.")] = None,
    clean_twin: Annotated[Literal["relevant", "junk"], typer.Option(help="What a query's own photo was.")] = "junk",
    difficulty: Annotated[
        Literal["easy", "medium", "hard"], typer.Option(help="Of revisited ground truth.")
    ] = "medium",
    part: Annotated[bool, typer.Option(help="Not all queries were measured, or distractors were added.")] = False,
) -> None:
    """Compare the clean mAP with the published one, and stop where they differ."""
    from statistics import fmean

    from cvpire.retrieval.gate import Protocol, check_clean_map, published_maps

    try:
        with ranking.open(encoding="utf-8", newline="") as file:
            measured = 100 * fmean(float(row["ap_trapezoid"]) for row in csv_format.DictReader(file))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{ranking}: not a ranking of `cvpire rank` ({error!r})") from None
    published = published_maps(network_options.weights, dataset, difficulty)
    whitening = network_options.whitening or ("layer" if "-gem-w-" in network_options.weights else "none")
    protocol = Protocol(query, longest_side, tuple(network_options.scales), whitening)
    about = f"{Path(network_options.weights).name} on {dataset}"
    twin = "relevant" if dataset.startswith("r") else clean_twin  # revisited queries have none
    departures = [name for name in ("gem_power", "mean", "std") if getattr(network_options, name) is not None]
    departures += ["another pooling"] if network_options.pooling != "gem" else []
    departures += ["some of the queries only, or distractors"] if part else []
    record = check_clean_map(measured, protocol, published, gate_options.tolerance, twin, about, departures)
    logging.info(f"{about}: {record['verdict']}")
    files.write_json(output, record)


@app.command()
def collect_gate(
    output: Annotated[Path, typer.Argument(help="Table without suffix.")],
    records: Annotated[list[Path], typer.Argument(help="Files .../DATASET/original/gate/NETWORK.json.")],
) -> None:
    """Gather the comparisons of clean mAP with the published one in one table."""
    import pandas as pd

    from cvpire.tables.formats import write_table

    rows = [
        {"dataset": path.parts[-4], "network": path.stem, **json.loads(path.read_text(encoding="utf-8"))}
        for path in records
    ]
    write_table(pd.DataFrame(rows), output, "Clean mAP in percent (trapezoid) beside the published one.")


@app.command()
@options_of(retrieval_options=(config.RetrievalOptions, "shard_size"))
def random(dataset: DatasetFile, output: Output, retrieval_options: config.RetrievalOptions) -> None:
    """Compute the expected average precision of a random ranking for each query (section 4.2.3)."""
    from cvpire.datasets.listing import read_listing
    from cvpire.retrieval.average_precision import FORMS, expected_random_average_precision

    listed = read_listing(dataset)
    rows = []
    for name, query in listed.queries.items():
        ranked = len(set(listed.database) - query.junk)
        values = {f"ap_{form}": expected_random_average_precision(len(query.relevant), ranked, form) for form in FORMS}
        rows.append({"query": name, "ap": values[f"ap_{retrieval_options.average_precision}"], **values})
    _write_rows(output, rows)


@app.command()
def random_map(
    ground_truths: Annotated[list[Path], typer.Argument(help="Ground-truth files, like gnd_oxford5k.pkl.")],
    standard_error: Annotated[float, typer.Option(help="Where shuffling stops, in percent of mAP.")] = 0.005,
    out: Annotated[Path | None, typer.Option(help="Two tables as CSV, Markdown and LaTeX, without suffix.")] = None,
) -> None:
    """Compute the mAP of random rankings, exactly and by shuffling, and what chapter 4 derives (section 4.2.3)."""
    from cvpire.datasets.ground_truth import read_ground_truth
    from cvpire.retrieval.random_ranking import derived_numbers, random_map_table
    from cvpire.tables.formats import write_table

    truths = {path.stem: read_ground_truth(path) for path in ground_truths}
    measured, derived = random_map_table(truths, standard_error), derived_numbers()
    if out is None:
        typer.echo(f"{measured.to_markdown(index=False)}\n\n{derived.to_markdown(index=False)}")
    else:
        write_table(measured, out, "mAP of random rankings in percent, exactly and by shuffling.")
        write_table(derived, f"{out}-derived", "Numbers of chapter 4 that follow from others by arithmetic.")


# --- Tables and figures ----------------------------------------------------------------------------------------------


@app.command()
def collect(
    output: Output,
    results: Annotated[Path, typer.Argument(help="Folder of the results.")],
    datasets: Annotated[list[str], typer.Option("--dataset", help="Names, in the order of the tables.")],
    attacks: Annotated[str, typer.Option(help="JSON: by name, label, network, victims, multiplier, iterations.")],
    victims: Annotated[list[str], typer.Option("--victim", help="Networks that ranked the unattacked queries.")],
) -> None:
    """Gather the results of all queries in one table, from which all tables and figures are made."""
    from cvpire.tables.collection import collect_results

    _write_csv(output, collect_results(results, datasets, json.loads(attacks), victims))


@app.command()
def collect_random(
    output: Output,
    results: Annotated[list[Path], typer.Argument(help="Files .../DATASET/random.csv.")],
) -> None:
    """Gather the random-ranking mAP of the datasets in one table."""
    from cvpire.tables.collection import collect_random_results

    _write_csv(output, collect_random_results(results))


Results = Annotated[Path, typer.Option(help="The table of `cvpire collect`.")]
Stem = Annotated[Path, typer.Argument(help="Output without suffix, like results/figures/figure-4.3.")]


@app.command()
def table(
    name: Annotated[str, typer.Argument(help="The thesis's number, like 4.1, or a name of ours.")],
    stem: Stem,
    results: Results,
    random: Annotated[Path | None, typer.Option(help="The table of `cvpire collect-random` (4.2).")] = None,
    attack: Annotated[str | None, typer.Option(help="Attack at its headline multiplier (4.2).")] = None,
    other: Annotated[str | None, typer.Option(help="Attack at all its multipliers (4.2).")] = None,
    thesis: Annotated[
        list[str], typer.Option(help="NAME=oxford5k or NAME=paris6k: a dataset that the thesis has numbers of.")
    ] = [],  # noqa: B006
) -> None:
    """Make a table of the thesis, or of ours, as CSV, Markdown and LaTeX."""
    from cvpire.tables.catalogue import CATALOGUE
    from cvpire.tables.collection import read_random, read_results
    from cvpire.tables.comparisons import comparisons_table
    from cvpire.tables.differences import differences_table
    from cvpire.tables.difficulties import difficulties_table
    from cvpire.tables.formats import write_table
    from cvpire.tables.performance import performance_confidence, performance_table
    from cvpire.tables.thresholds import thresholds_comparisons, thresholds_confidence, thresholds_table

    if name not in CATALOGUE:
        raise InputError(f"table {name!r}: there are {', '.join(CATALOGUE)}")
    if name == "4.2" and random is None:
        raise InputError("command line: table 4.2 needs --random")
    rows, kinds = read_results(results), dict(item.split("=", 1) for item in thesis)
    match name:
        case "4.1":
            made = performance_table(rows)
        case "4.1-confidence":
            made = performance_confidence(rows, kinds)
        case "4.2":
            made = thresholds_table(rows, read_random(random), attack, other)
        case "4.2-confidence":
            made = thresholds_confidence(rows, kinds, attack, other)
        case "4.2-comparisons":
            made = thresholds_comparisons(rows, attack, other)
        case "comparisons":
            made = comparisons_table(rows)
        case "difficulties":
            made = difficulties_table(rows)
        case "differences":
            made = differences_table(rows)
    write_table(made, stem, CATALOGUE[name].caption)


@app.command()
@options_of(shown=config.FigureOptions)
def figure(
    number: Annotated[str, typer.Argument(help="The thesis's number, like 4.6.")],
    stem: Stem,
    shown: config.FigureOptions,
    root: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("results"),
    run: Annotated[str, typer.Option(help="JSON: attacks by name, as for `cvpire collect`.")] = "{}",
    sample: Annotated[list[str], typer.Option(help="Datasets of a random sample.")] = [],  # noqa: B006
    labels: Annotated[list[str], typer.Option("--map", help="NAME=LABEL of variance maps.")] = [],  # noqa: B006
) -> None:
    """Draw a figure of the thesis as SVG, PNG and PDF; data figures come with the table that they show (CSV)."""
    from cvpire.figures import comparison, iterations, magnified, queries, retrieval_results, style
    from cvpire.figures.catalogue import CATALOGUE
    from cvpire.photos import load_photo, load_variance_map
    from cvpire.tables.collection import read_random, read_results

    if number not in CATALOGUE:
        raise InputError(f"figure {number!r}: there are {', '.join(CATALOGUE)}")
    needs, attacks, maps = CATALOGUE[number].needs, json.loads(run), dict(item.split("=", 1) for item in labels)
    results = read_results(root / "tables" / "queries.csv") if "results" in needs else None
    random = read_random(root / "tables" / "random.csv") if "random" in needs else None

    def photo(dataset: str, query: str, attack: str = "original") -> Any:
        if attack == "original":
            return load_photo(root / dataset / "original" / f"{query}.png")
        about = attacks[attack]
        variant = f"m{about['multiplier']:g}_T{about['iterations']}"
        return load_photo(root / dataset / about["network"] / attack / "queries" / variant / (query + about["suffix"]))

    def variance(name: str, query: str, shape: tuple[int, ...]) -> Any:
        return load_variance_map(root / str(shown.dataset) / "variance" / name / f"{query}.npy", shape[:2])

    def chosen() -> str:
        rule = {"quantile": shown.quantile, "rule": shown.rule, "attacks": shown.attacks}
        return shown.query or comparison.choose_query(results, shown.dataset, **_given(rule))

    def crop(query: str, shape: tuple[int, ...]) -> tuple[int, int, int]:
        first = attacks[shown.attacks[0]]["map"]
        side = comparison.crop_side(shape, shown.magnification or 5)
        return shown.crop or comparison.choose_crop(variance(first, query, shape), side)

    data = None
    match CATALOGUE[number].module:
        case "retrieval_results":
            from cvpire.datasets.listing import read_listing

            query, listed = chosen(), read_listing(root / shown.dataset / "dataset.json")
            versions = {attack: photo(shown.dataset, query, attack) for attack in ("original", *shown.attacks)}
            top = retrieval_results.top_results(results, shown.dataset, query, list(versions))
            found = {name: load_photo(listed.photos[name]) for names in top.values() for name in names}
            relevant = listed.queries[query].relevant
            drawn = retrieval_results.retrieval_results(results, versions, found, relevant, shown.dataset, query)
        case "colour_pairs":
            from cvpire.figures.colour_pairs import colour_pairs

            drawn = colour_pairs()
        case "gaussian_kernel":
            from cvpire.figures.gaussian_kernel import gaussian_kernel

            drawn = gaussian_kernel()
        case "flat_and_busy":
            from cvpire.figures.flat_and_busy import flat_and_busy

            pixels = photo(shown.dataset, shown.query)
            bound = variance(next(iter(maps)), shown.query, pixels.shape)
            drawn = flat_and_busy(pixels, bound, **_given({"magnification": shown.magnification}))
        case "variance_map":
            from cvpire.figures.variance_map import variance_map

            pixels = photo(shown.dataset, shown.query)
            drawn = variance_map(pixels, variance(next(iter(maps)), shown.query, pixels.shape))
        case "queries" if "results" not in needs:
            names = sorted(path.stem for path in (root / shown.dataset / "original").glob("*.png"))
            picked = queries.evenly_spaced(names, shown.count or 6)
            drawn = queries.query_photos({name: photo(shown.dataset, name) for name in picked})
        case "queries" if shown.count is None:
            query = chosen()
            versions = {attack: photo(shown.dataset, query, attack) for attack in shown.attacks}
            drawn = queries.adversarial_queries(results, {(shown.dataset, query): versions})
        case "queries":
            names = {name: results.loc[results["dataset"] == name, "query"].unique() for name in sample}
            single = len(shown.attacks) == 1  # without the originals, as in figure A.4
            panels = {
                (name, query): {
                    attack: photo(name, query, attack) for attack in (*([] if single else ["original"]), *shown.attacks)
                }
                for name, query in queries.sample(names, shown.count, shown.seed or 0)
            }
            drawn = queries.adversarial_queries(results, panels, columns=4 if single else None)
        case "magnified":
            query = chosen()
            pixels = photo(shown.dataset, query)
            images = {"Photo": pixels}
            images |= {maps[name]: variance(name, query, pixels.shape) for name in shown.maps}
            drawn = magnified.magnified(images, crop(query, pixels.shape))
        case "comparison":
            query = chosen()
            versions = {attack: photo(shown.dataset, query, attack) for attack in ("original", *shown.attacks)}
            square = crop(query, versions["original"].shape)
            drawn = comparison.comparison(results, versions, shown.dataset, query, square)
        case "threshold":
            from cvpire.figures.threshold import threshold, threshold_data

            asked = (results, random, shown.attack, shown.iterations)
            drawn, data = threshold(*asked), threshold_data(*asked)
        case "iterations" if number == "4.12":
            rows = results[results["attack"].isin(["original", *shown.attacks])] if shown.attacks else results
            drawn = iterations.convergence(rows, random, shown.dataset)
            data = iterations.convergence_data(rows, random, shown.dataset)
        case "iterations":
            asked = (results, random, shown.dataset, shown.attack)
            drawn, data = iterations.map_against_iterations(*asked), iterations.map_against_iterations_data(*asked)
    style.save(drawn, stem)
    if data is not None:
        _write_csv(Path(f"{stem}.csv"), data)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value is not None}


@app.command()
def provenance(
    output: Annotated[Path, typer.Argument(help="The record, .json.")],
    tables: Annotated[list[Path], typer.Argument(help="The run's tables, .csv.")],
    configuration: Annotated[str, typer.Option(help="Configuration as JSON.")],
    datasets: Annotated[list[str], typer.Option("--dataset", help="NAME=dataset.json, whose photos count.")],
    distractors: Annotated[list[str], typer.Option(help="NAME=FOLDER, whose photos count.")] = [],  # noqa: B006
    inputs: Annotated[list[str], typer.Option("--input", help="NAME=FILE: ground truth, checkpoints.")] = [],  # noqa: B006
) -> None:
    """Record what a run was made from: configuration, code, packages, device, seeds, checksums of inputs and tables."""
    from cvpire.datasets.folder import photo_tree
    from cvpire.datasets.listing import read_listing
    from cvpire.provenance import provenance as gather

    named = {
        kind: {name: Path(file) for name, _, file in (item.partition("=") for item in items)}
        for kind, items in (("datasets", datasets), ("distractors", distractors), ("inputs", inputs))
    }
    photos = {f"datasets.{name}": read_listing(file).photos for name, file in named["datasets"].items()}
    photos |= {f"distractors.{name}": photo_tree(folder) for name, folder in named["distractors"].items()}
    try:
        record = gather(json.loads(configuration), photos, named["inputs"], {file.name: file for file in tables})
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read ({error.strerror})") from None
    files.write_json(output, record)


@app.command()
def compare(
    one: Annotated[Path, typer.Argument(help="Folder of the results of a run, or its provenance.json.")],
    other: Annotated[Path, typer.Argument(help="The same of another run.")],
) -> None:
    """Say whether two runs should be equal and whether they are, one line a difference; exit status 1 where any is."""
    from cvpire.comparing import compare_runs

    differences, verdict = compare_runs(one, other)
    typer.echo("\n".join([*differences, verdict]))
    raise typer.Exit(1 if differences else 0)


@app.command()
def overview(
    output: Annotated[Path, typer.Argument(help="The page, .html.")],
    run: Annotated[str, typer.Option(help="JSON: attacks by name, as for `cvpire collect`.")],
    tables: Annotated[list[str], typer.Option("--table", help="Tables, by name.")] = [],  # noqa: B006
    figures: Annotated[list[str], typer.Option("--figure", help="Figures, by number.")] = [],  # noqa: B006
    root: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("results"),
) -> None:
    """Lay out a run on one page: configuration, tables, figures, each query before and after."""
    import yaml

    from cvpire.datasets.listing import read_listing
    from cvpire.figures.catalogue import CATALOGUE as FIGURES
    from cvpire.overview import Case, Shot
    from cvpire.overview import overview as lay_out
    from cvpire.photos import load_photo
    from cvpire.provenance import facts, stage_times
    from cvpire.tables.catalogue import CATALOGUE as TABLES
    from cvpire.tables.collection import read_results
    from cvpire.tables.difficulties import DIFFICULTIES
    from cvpire.tables.selection import own_victim

    attacks, results = json.loads(run), read_results(root / "tables" / "queries.csv")
    record = json.loads((root / "provenance.json").read_text(encoding="utf-8"))
    rows = own_victim(results)
    rows = rows[rows["headline"].astype(bool)]

    def shot(row: Any) -> Shot:
        path = root / row.dataset / "original" / f"{row.query}.png"
        if row.attack != "original":
            about = attacks[row.attack]
            variant = f"m{about['multiplier']:g}_T{about['iterations']}"
            folder = root / row.dataset / about["network"] / row.attack / "queries" / variant
            path = folder / (row.query + about["suffix"])
        found = {name: getattr(row, f"ap_{name}", math.nan) for name in DIFFICULTIES}
        known = {name: value for name, value in found.items() if not math.isnan(value)}
        return Shot(row.label, load_photo(path), row.ap, row.ssim, str(row.top).split("/"), known)

    def cases() -> Iterator[Case]:
        for dataset, of_dataset in rows.groupby("dataset", sort=False):
            listed = read_listing(root / dataset / "dataset.json")
            for query, of_query in of_dataset.groupby("query"):
                shots = [shot(row) for row in of_query.drop_duplicates("attack").itertuples()]
                yield Case(dataset, query, listed.queries[query].relevant, shots)

    def cells(name: str) -> tuple[str, list[list[str]]]:
        with (root / "tables" / f"table-{name}.csv").open(encoding="utf-8", newline="") as file:
            return TABLES[name].caption, list(csv_format.reader(file))

    page = lay_out(
        "Adversarial queries for image retrieval: results",
        facts(record),
        yaml.safe_dump(record["configuration"], sort_keys=False, allow_unicode=True),
        stage_times(Path(".snakemake")),
        {name: cells(name) for name in tables},
        {
            number: (FIGURES[number].title, (root / "figures" / f"figure-{number}.png").read_bytes())
            for number in figures
        },
        cases(),
    )
    files.write_text(output, page)


@app.command()
def unpack_published(
    archive: Annotated[Path, typer.Argument(help="The author's repository at commit d857167, a .zip.")],
    dataset: Annotated[Literal["oxford5k", "paris6k"], typer.Argument(help="Whose artefacts.")],
    folder: Annotated[Path, typer.Argument(help="Folder to make: photos/ and published/.")],
) -> None:
    """Take the published artefacts of a dataset out of the author's repository, for `cvpire audit`."""
    from cvpire.published import unpack_published as unpack

    counts = unpack(archive, dataset, folder)
    logging.info(f"{folder}: " + ", ".join(f"{count} {kind}" for kind, count in counts.items()))


@app.command()
def audit(
    photos: Annotated[Path, typer.Option(help="Folder of the original photos.")],
    published: Annotated[
        Path, typer.Option(help="Folder of the published artefacts: CV-PIRE, SD-PIRE, PIRE, variance.")
    ],
    out: Annotated[Path, typer.Option(help="CSV, one row a photo and metric.")],
    dataset: Annotated[
        Literal["oxford5k", "paris6k"] | None, typer.Option(help="Whose numbers of Table 4.1 the summary shows.")
    ] = None,
    summary: Annotated[Path | None, typer.Option(help="Summary table, without suffix.")] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Figure of published and recomputed SSIM, without suffix.")
    ] = None,
) -> None:
    """Measure the thesis's published artefacts again and compare with the published values."""
    from cvpire.audit import run_audit, summarise

    with _progress("audit") as progress:
        audited = run_audit(photos, published, progress)
    _write_csv(out, audited)
    if summary is not None:
        from cvpire.tables.formats import write_table

        write_table(
            summarise(audited, dataset), summary, "Published artefacts, recomputed, and with the corrected SSIM."
        )
    if figure is not None:
        from cvpire.figures import style
        from cvpire.figures.audit import audit_figure

        style.save(audit_figure(audited), figure)


@app.command()
def estimate(
    configuration: Annotated[Path, typer.Argument(help="Configuration, like config/thesis.yaml.")],
    downloads: Annotated[
        Path, typer.Option(help="Addresses and sizes [default: the project's].", show_default=False)
    ] = _DOWNLOADS,
) -> None:
    """Estimate the downloads, attack iterations and disk of a configuration before anything starts."""
    from cvpire.datasets.benchmarks import BENCHMARKS
    from cvpire.datasets.demo import demo_dataset
    from cvpire.datasets.folder import read_folder
    from cvpire.downloads import load_downloads
    from cvpire.estimate import Size
    from cvpire.estimate import estimate as estimate_run

    read = config.read_config(configuration)
    known = load_downloads(Path(read.downloads or downloads))
    sizes, needed = {}, {network.weights for network in read.networks.values()}
    for name, options in read.datasets.items():
        if options.kind in BENCHMARKS:
            benchmark = BENCHMARKS[options.kind]
            sizes[name] = Size(len(options.queries or []) or benchmark.queries, benchmark.database)
            names_file = BENCHMARKS[benchmark.photos].ground_truth
            needed |= {*benchmark.archives, options.ground_truth or benchmark.ground_truth, names_file}
        else:
            found = (
                demo_dataset(options.part, ".")
                if options.kind == "demo"
                else read_folder(options.folder, options.ground_truth, options.missing)
            )
            sizes[name] = Size(len(options.queries or found.queries), len(found.database))
    table = estimate_run(read, sizes, {name: known[name].megabytes for name in sorted(needed & known.keys())})
    typer.echo(table.to_markdown(index=False, floatfmt=",.0f", intfmt=","))
    iterations = int(table.loc[table["unit"] == "iterations", "count"].sum())
    typer.echo(f"\n{iterations:,} attack iterations; {table['megabytes'].sum() / 1000:,.1f} GB on the disk at the end.")


@app.command()
def schema(
    output: Annotated[Path | None, typer.Argument(help="The file to write; default: standard output.")] = None,
) -> None:
    """Write the JSON schema of the configuration, for editors."""
    if output is None:
        typer.echo(config.schema(), nl=False)
    else:
        files.write_text(output, config.schema())


# --- What several commands need --------------------------------------------------------------------------------------

_VARIANT = re.compile(r"^m([0-9.e+-]+)_T([0-9]+)$")


def _variant_of(path: Path) -> tuple[float, int] | None:
    """Multiplier and iteration from the name of the folder, like m50_T100."""
    match = _VARIANT.match(path.parent.name)
    return (float(match[1]), int(match[2])) if match else None


def _use_threads(threads: int) -> None:
    if threads:
        import torch

        torch.set_num_threads(threads)


def _write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write a small table without pandas, which takes longer to import than many a stage to run."""
    with files.whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv_format.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_csv(path: Path, table: Any) -> None:
    with files.whole(path) as temporary:
        table.to_csv(temporary, index=False)


@contextmanager
def _about(path: Path) -> Iterator[None]:
    """Name the photo in messages that come from functions that know no files."""
    name_it = functools.partial(_prefix, str(path))
    handlers = logging.getLogger().handlers
    for each in handlers:
        each.addFilter(name_it)
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    finally:
        for each in handlers:
            each.removeFilter(name_it)


def _prefix(path: str, record: logging.LogRecord) -> bool:
    record.msg = f"{path}: {record.msg}"
    return True


@contextmanager
def _progress(title: str, steps: int | None = None) -> Iterator[Callable[..., None]]:
    """Show progress on a terminal, of `steps` or of as many as each call says; in a log only the end."""
    terminal = sys.stderr.isatty()

    def show(done: int, of: int | None = steps) -> None:
        if terminal:
            print(f"\r{title}: {done}/{of}", end="", file=sys.stderr, flush=True)

    yield show
    print(f"{chr(13) if terminal else ''}{title}: done", file=sys.stderr)


if __name__ == "__main__":
    main()
