"""Commands of retrieval: from photos of a database to rankings and what is measured of them."""

import functools
import logging
from pathlib import Path
from typing import Annotated

import typer

from cvpire import config, files
from cvpire.cli import outputs as written
from cvpire.cli.frame import STAGES, DatasetFile, Device, Output, Seed, Threads, app
from cvpire.cli.outputs import once, writes
from cvpire.cli.sections import options_of
from cvpire.config.systems import BESIDE_THE_DESCRIPTOR, ONLY_RANKING, SYSTEMS
from cvpire.config.transformations import parse
from cvpire.datasets import CleanTwin, Difficulty, QueryPart
from cvpire.errors import about

LearntFile = Annotated[Path | None, typer.Option(help=".npz of `cvpire learn`.")]
Distractors = Annotated[Path | None, typer.Option(help="Folder of shards of wrong answers.")]

_options_of_ranking = options_of(
    photo_options=(config.PhotoOptions, ["longest_side"]),
    system_options=SYSTEMS,
    retrieval_options=(config.RetrievalOptions, ["shard_size"]),
)


@app.command(rich_help_panel=STAGES)
@writes(output=written.DESCRIPTORS)
@options_of(photo_options=config.PhotoOptions, system_options=(SYSTEMS, BESIDE_THE_DESCRIPTOR))
def describe(
    output: Annotated[
        Path,
        typer.Argument(
            help=".npy: float32 (N, D), or .npz: local features of a bag of words; the names go into a .txt beside it."
        ),
    ],
    photo_options: config.PhotoOptions,
    system_options: config.NetworkOptions,
    photos: Annotated[list[Path] | None, typer.Argument(help="Database photos.", show_default=False)] = None,
    dataset: Annotated[Path | None, typer.Option(help="dataset.json: a shard of its database.")] = None,
    folder: Annotated[Path | None, typer.Option(help="A shard of the photos below this folder.")] = None,
    shard: Annotated[int, typer.Option(help="Which shard of them.", min=0)] = 0,
    shards: Annotated[int, typer.Option("--of", help="Number of shards.", min=1)] = 1,
    device: Device = "auto",
    threads: Threads = 1,
) -> None:
    """Describe database photos, by a network or by a system of another kind: one shard."""
    from cvpire.retrieval.describing import describe_shard
    from cvpire.retrieval.shards import shard_photos
    from cvpire.retrieval.systems.loading import load_describer, write_described

    found = shard_photos(shard, shards, listing=dataset, folder=folder, photos=photos or [])
    load = functools.partial(load_describer, system_options, device, threads)
    write_described(output, list(found), describe_shard(found, load, photo_options, f"describe {output.stem}"))


@app.command(rich_help_panel=STAGES)
@writes(output=written.LEARNT)
@options_of(system_options=(SYSTEMS, ONLY_RANKING))
def learn(
    output: Annotated[Path, typer.Argument(help=".npz: words of a vocabulary, or the mean and a whitening.")],
    system_options: config.NetworkOptions,
    descriptors: Annotated[list[Path], typer.Option(help="Shards of `cvpire describe`.")],
    seed: Seed = 0,
) -> None:
    """Learn from a database what a system knows of it: a vocabulary (section 2.2.2), a mean, a whitening."""
    from cvpire.retrieval.systems.loading import learn as learn_from

    learn_from(output, system_options, descriptors, seed)


@app.command(rich_help_panel=STAGES)
@writes(output=written.RANKING)
@_options_of_ranking
def rank(
    dataset: DatasetFile,
    output: Annotated[Path, typer.Argument(help=".csv, one row a query, multiplier and iteration.")],
    photo_options: config.PhotoOptions,
    system_options: config.NetworkOptions,
    retrieval_options: config.RetrievalOptions,
    descriptors: Annotated[list[Path], typer.Option(help="Shards of `cvpire describe`.")],
    queries: Annotated[Path, typer.Option(help="Folder of the queries.")],
    learnt_file: LearntFile = None,
    distractors: Distractors = None,
    variants: Annotated[list[str], typer.Option("--variant", help="Sub-folders like m50_T100.")] = [],  # noqa: B006
    suffix: Annotated[str, typer.Option(help="Suffix of the queries.")] = ".jpg",
    seed: Seed = 0,
    device: Device = "auto",
    threads: Threads = 1,
) -> None:
    """Rank the database for each query and measure average precision (eq. 4.1)."""
    from cvpire.retrieval.describing import reader
    from cvpire.retrieval.ranking import rank_versions
    from cvpire.retrieval.systems.loading import load_system

    system = load_system(system_options, learnt_file, device=device, threads=threads, seed=seed)
    versions = {"variants": variants, "suffix": suffix, "distractors": distractors}
    form = retrieval_options.average_precision
    rows = rank_versions(dataset, queries, system, reader(photo_options), descriptors, **versions, form=form)
    files.write_rows(output, rows)


@app.command(rich_help_panel=STAGES)
@writes(output=written.RANKING)
@_options_of_ranking
def rank_transformed(
    dataset: DatasetFile,
    output: Annotated[Path, typer.Argument(help=".csv, one row an attack and query.")],
    photo_options: config.PhotoOptions,
    system_options: config.NetworkOptions,
    retrieval_options: config.RetrievalOptions,
    descriptors: Annotated[list[Path], typer.Option(help="Shards of `cvpire describe`.")],
    queries: Annotated[list[str], typer.Option(help="ATTACK=FOLDER of its saved queries.")],
    transformation: Annotated[str, typer.Option(help="Name of the transformation; noise is drawn by it.")],
    steps: Annotated[str, typer.Option(help="Its steps, like '[{longest_side: 1600}, {jpeg: 70}]'.")],
    learnt_file: LearntFile = None,
    distractors: Distractors = None,
    seed: Seed = 0,
    device: Device = "auto",
    threads: Threads = 1,
) -> None:
    """Rank the database for transformed queries: what an attack is worth after a platform had the photo (5.2.1)."""
    from cvpire.retrieval.describing import reader
    from cvpire.retrieval.ranking import rank_transformed as ranked
    from cvpire.retrieval.systems.loading import load_system
    from cvpire.transformations.transform import transform

    system = load_system(system_options, learnt_file, device=device, threads=threads, seed=seed)
    folders = once((attack, Path(folder)) for attack, _, folder in (item.partition("=") for item in queries))
    load, how = reader(photo_options), parse(steps, f"--steps {steps}")

    def read(path: Path):
        with about(path):
            return transform(load(path), how, name=transformation, photo=path.stem, seed=seed)

    def described(pixels):
        with about(f"after transformation {transformation}, {steps}"):
            return system.describe(pixels)

    form = retrieval_options.average_precision
    system_after = system._replace(describe=described)
    rows = ranked(dataset, folders, system_after, read, descriptors, distractors=distractors, form=form)
    files.write_rows(output, rows)


@app.command(rich_help_panel=STAGES)
@writes(output=written.RANDOM)
@options_of(retrieval_options=(config.RetrievalOptions, ["shard_size"]))
def random(dataset: DatasetFile, output: Output, retrieval_options: config.RetrievalOptions) -> None:
    """Compute the expected average precision of a random ranking for each query (section 4.2.3)."""
    from cvpire.datasets.listing import read_listing
    from cvpire.retrieval.random_ranking import random_table

    files.write_rows(output, random_table(read_listing(dataset), retrieval_options.average_precision))


@app.command(rich_help_panel=STAGES)
@writes(output=written.GATE)
@options_of(
    network_options=(config.NetworkOptions, BESIDE_THE_DESCRIPTOR), gate_options=(config.GateOptions, ["enabled"])
)
def gate(
    ranking: Annotated[Path, typer.Argument(help="The unattacked queries' .csv of `cvpire rank`.")],
    output: Annotated[Path, typer.Argument(help=".json: what was compared, and the verdict.")],
    network_options: config.NetworkOptions,
    gate_options: config.GateOptions,
    dataset: Annotated[str, typer.Option(help="Kind of the dataset; only of the benchmarks anything is published.")],
    query: Annotated[QueryPart, typer.Option(help="What of a query was described.")] = "whole",
    longest_side: Annotated[int | None, typer.Option(help="Longest side in pixels.")] = None,
    clean_twin: Annotated[CleanTwin, typer.Option(help="What a query's own photo was.")] = "junk",
    difficulty: Annotated[Difficulty, typer.Option(help="Of revisited ground truth.")] = "medium",
    part: Annotated[bool, typer.Option(help="Not all queries were measured, or distractors were added.")] = False,
) -> None:
    """Compare the clean mAP with the published one, and stop where they differ."""
    from cvpire.retrieval.gate import check_ranking

    protocol = {"query": query, "longest_side": longest_side, "clean_twin": clean_twin, "difficulty": difficulty}
    record = check_ranking(ranking, dataset, network_options, gate_options.tolerance, **protocol, part=part)
    logging.info(f"{Path(network_options.weights).name} on {dataset}: {record['verdict']}")
    files.write_json(output, record)
