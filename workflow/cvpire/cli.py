"""The stages of the workflow by hand: `cvpire STAGE INPUT... OUTPUT`.

Every rule of the workflow calls one of these commands, and every option has the name that the configuration gives it:
`cvpire.config` defines them, `options_of` turns them into options. Stages import what they need when they run, so that
`cvpire --help` is quick and saving a photo does not load a neural network library.
"""

import csv as csv_format
import functools
import inspect
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer

from cvpire import config, files
from cvpire.errors import InputError

app = typer.Typer(
    help="Adversarial queries for image retrieval, bounded by colour variance (CV-PIRE), stage by stage.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_RUN_OPTIONS = {"device": config.Config.model_fields["device"], "seed": config.Config.model_fields["seed"]}


def main() -> None:
    """Run the command line; bad input ends in one message and exit status 1."""
    logging.basicConfig(format="cvpire: %(levelname)s: %(message)s", level=logging.INFO)
    try:
        app()
    except InputError as error:
        sys.exit("\n".join(f"cvpire: error: {line}" for line in str(error).splitlines()))


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
def dataset(
    output: Output,
    folder: Annotated[Path, typer.Option(help="Folder of the photos.")],
    ground_truth: Annotated[Path | None, typer.Option(help="Ground truth: our JSON, or the Oxford pickle.")] = None,
    demo: Annotated[Literal["a", "b"] | None, typer.Option(help="Ground truth of this demo dataset.")] = None,
    missing: Annotated[Literal["error", "drop"], typer.Option(help="What a missing photo does.")] = "error",
    clean_twin: Annotated[Literal["relevant", "junk"], typer.Option(help="What a query's own photo is.")] = "junk",
) -> None:
    """List a dataset's photos, queries and answers as JSON."""
    from cvpire.datasets import with_clean_twin
    from cvpire.datasets.listing import write_listing

    if demo is not None:
        from cvpire.datasets.demo import demo_dataset

        found = demo_dataset(demo, folder)
    elif ground_truth is not None:
        from cvpire.datasets.folder import read_folder

        found = read_folder(folder, ground_truth, missing)
    else:
        raise InputError("command line: --ground-truth or --demo is needed")
    found = with_clean_twin(found, clean_twin)
    for note in found.notes:
        logging.warning(note)
    write_listing(output, found)


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
    with _about(photo), _progress(f"attack {photo.name}", checkpoints[-1]) as progress:
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
    photos: Annotated[list[Path], typer.Argument(help="Database photos.")],
    photo_options: config.PhotoOptions,
    network_options: config.NetworkOptions,
    device: Device = "auto",
    threads: Threads = 0,
) -> None:
    """Compute the descriptors of database photos: one shard."""
    import numpy as np

    from cvpire.datasets.names import photo_name
    from cvpire.networks.network import load_network
    from cvpire.photos import load_photo

    _use_threads(threads)
    network = load_network(**network_options.model_dump(), device=device)
    rows = []
    with _progress(f"describe {output.stem}", len(photos)) as progress:
        for done, photo in enumerate(photos, start=1):
            pixels = load_photo(photo, photo_options.decoder, photo_options.longest_side)
            with _about(photo):
                rows.append(network.describe(pixels))
            progress(done)
    with files.whole(output) as temporary:
        np.save(temporary, np.stack(rows))
    files.write_text(output.with_suffix(".txt"), "".join(f"{photo_name(photo.stem)}\n" for photo in photos))


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
    variants: Annotated[list[str], typer.Option("--variant", help="Sub-folders like m50_T100.")] = [],  # noqa: B006
    suffix: Annotated[str, typer.Option(help="Suffix of the queries.")] = ".jpg",
    device: Device = "auto",
    threads: Threads = 0,
) -> None:
    """Rank the database for each query and measure average precision (eq. 4.1)."""
    from cvpire.datasets.listing import read_listing
    from cvpire.networks.network import load_network
    from cvpire.photos import load_photo
    from cvpire.retrieval.average_precision import FORMS, average_precision
    from cvpire.retrieval.ranking import rank as rank_database
    from cvpire.retrieval.ranking import read_descriptors, relevant_ranks, without_junk

    _use_threads(threads)
    listed = read_listing(dataset)
    names, database = read_descriptors(descriptors, listed.database)
    network = load_network(**network_options.model_dump(), device=device)
    rows = []
    with _progress(f"rank {queries}", len(listed.queries) * max(1, len(variants))) as progress:
        for name, query in listed.queries.items():
            for variant in variants or [""]:
                path = queries / variant / f"{name}{suffix}"
                multiplier, iteration = _variant_of(path) or (None, None)
                pixels = load_photo(path, photo_options.decoder)
                with _about(path):
                    ranking = rank_database(database, network.describe(pixels))
                ranked = without_junk(ranking, names, query.junk)
                ranks = relevant_ranks(ranked, query.relevant)
                values = {f"ap_{form}": average_precision(ranks, form) for form in FORMS}
                rows.append(
                    {"query": name, "multiplier": multiplier, "iteration": iteration}
                    | {"ap": values[f"ap_{retrieval_options.average_precision}"], **values}
                    | {"top": "/".join(ranked[:3])}
                )
                progress(len(rows))
    _write_rows(output, rows)


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
Random = Annotated[Path, typer.Option(help="The table of `cvpire collect-random`.")]
Stem = Annotated[Path, typer.Argument(help="Output without suffix, like results/figures/figure-4.3.")]
InDataset = Annotated[str, typer.Option("--dataset", help="Dataset.")]


@app.command()
def table(
    name: Annotated[Literal["4.1", "differences"], typer.Argument(help="The thesis's number, or a name of ours.")],
    stem: Stem,
    results: Results,
) -> None:
    """Make a table of the thesis, or of ours, as CSV, Markdown and LaTeX."""
    from cvpire.tables.collection import read_results
    from cvpire.tables.formats import write_table

    rows = read_results(results)
    if name == "4.1":
        from cvpire.tables.performance import performance_table

        caption = (
            "Retrieval performance (mAP in percent) and image quality (mSSIM) of unchanged and adversarial queries."
        )
        made = performance_table(rows)
    else:
        from cvpire.tables.differences import differences_table

        caption = (
            "The effect of each difference between text and code: mAP in percent, image quality, colour difference."
        )
        made = differences_table(rows)
    write_table(made, stem, caption)


@app.command("figure-variance")
def figure_variance(
    stem: Stem,
    photo: Annotated[Path, typer.Option(help="A photo.")],
    variance_map: Annotated[Path, typer.Option("--map", help="Its variance map.")],
) -> None:
    """Draw a photo and its variance map (figure 3.3)."""
    from cvpire.figures import style
    from cvpire.figures.variance_map import variance_map as draw
    from cvpire.photos import load_photo, load_variance_map

    pixels = load_photo(photo)
    style.save(draw(pixels, load_variance_map(variance_map, pixels.shape[:2])), stem)


@app.command("figure-iterations")
def figure_iterations(
    stem: Stem,
    results: Results,
    random: Random,
    dataset: InDataset,
    attack: Annotated[str | None, typer.Option(help="One attack at all its bounds; default: all attacks.")] = None,
) -> None:
    """Draw mAP against iterations, of an attack at several bounds (figure 4.3) or of all attacks (figure 4.12)."""
    from cvpire.figures import style
    from cvpire.figures.iterations import convergence, map_against_iterations
    from cvpire.tables.collection import read_random, read_results

    tables = read_results(results), read_random(random), dataset
    style.save(map_against_iterations(*tables, attack) if attack else convergence(*tables), stem)


@app.command("figure-threshold")
def figure_threshold(
    stem: Stem, results: Results, random: Random, attack: Annotated[str, typer.Option(help="The attack.")]
) -> None:
    """Draw mAP and mSSIM against the threshold multiplier (figure 4.4)."""
    from cvpire.figures import style
    from cvpire.figures.threshold import threshold
    from cvpire.tables.collection import read_random, read_results

    style.save(threshold(read_results(results), read_random(random), attack), stem)


@app.command("figure-comparison")
def figure_comparison(
    stem: Stem,
    results: Results,
    root: Annotated[Path, typer.Option(help="Folder of the results.")],
    dataset: InDataset,
    attacks: Annotated[str, typer.Option(help="JSON: by name, network, multiplier, iterations, suffix.")],
    variance_map: Annotated[str, typer.Option("--map", help="Variance map by which the crop is chosen.")],
    query: Annotated[str | None, typer.Option(help="Query; default: the one with the median drop of AP.")] = None,
    crop: Annotated[tuple[int, int, int] | None, typer.Option(help="Magnified square: left top side.")] = None,
    magnification: Annotated[int, typer.Option(help="Magnification of the crop.", min=2, max=32)] = 5,
) -> None:
    """Draw a query and its adversarial versions, whole and magnified (figure 4.6)."""
    from cvpire.figures import style
    from cvpire.figures.comparison import choose_crop, choose_query, comparison, crop_side
    from cvpire.photos import load_photo, load_variance_map
    from cvpire.tables.collection import read_results

    table = read_results(results)
    query = query or choose_query(table, dataset)
    photos = {"original": load_photo(root / dataset / "original" / f"{query}.png")}
    for name, about in json.loads(attacks).items():
        variant = f"m{about['multiplier']:g}_T{about['iterations']}"
        folder = root / dataset / about["network"] / name / "queries" / variant
        photos[name] = load_photo(folder / f"{query}{about['suffix']}")
    shape = photos["original"].shape[:2]
    bound = load_variance_map(root / dataset / "variance" / variance_map / f"{query}.npy", shape)
    crop = crop or choose_crop(bound, crop_side(shape, magnification))
    style.save(comparison(table, photos, dataset, query, crop), stem)


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
