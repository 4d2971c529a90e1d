"""Commands that bring data: downloads, archives, photos that are made here, and what a dataset holds."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from cvpire.cli import outputs as written
from cvpire.cli.frame import DATA, Downloads, Output, app
from cvpire.cli.outputs import writes
from cvpire.cli.sections import options_of
from cvpire.config.sources import Thesis
from cvpire.datasets.catalogue import KINDS
from cvpire.datasets.kinds.demo import Part
from cvpire.datasets.options import BESIDE_THE_LISTING, DatasetOptions
from cvpire.errors import counted


@app.command(rich_help_panel=DATA)
def fetch(
    name: Annotated[str, typer.Argument(help="Name of the file in config/downloads.yaml.")],
    output: Output,
    downloads: Downloads = None,
) -> None:
    """Download a file, check it, and resume where an earlier try broke off."""
    from cvpire.downloads import fetch_listed

    fetch_listed(name, output, downloads)


@app.command(rich_help_panel=DATA)
def unpack(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")],
    archives: Annotated[list[Path], typer.Argument(help="Archives of photos.")],
    ground_truth: Annotated[Path, typer.Option(help="Ground truth that names the photos.")],
) -> None:
    """Unpack the photos that a ground truth names."""
    from cvpire.datasets import some
    from cvpire.datasets.benchmarks import photo_names
    from cvpire.untrusted.archives import unpack_photos

    report = unpack_photos(archives, photo_names(ground_truth), folder)
    logging.info(f"{folder}: unpacked {counted(len(report.found), 'photo')} that {ground_truth} names")
    for kind in ("missing", "corrupt", "extra"):
        if names := getattr(report, kind):
            log = logging.info if kind == "extra" else logging.warning
            log(f"{folder}: {len(names)} {kind}: {some(names)}")


@app.command(rich_help_panel=DATA)
def unpack_published(
    archive: Annotated[Path, typer.Argument(help="The author's repository at commit d857167, a .zip.")],
    dataset: Annotated[Thesis, typer.Argument(help="Whose artefacts.")],
    folder: Annotated[Path, typer.Argument(help="Folder to make: photos/ and published/.")],
) -> None:
    """Take the published artefacts of a dataset out of the author's repository, for `cvpire audit`."""
    from cvpire.published import unpack_published as unpack

    counts = unpack(archive, dataset, folder)
    logging.info(f"{folder}: " + ", ".join(f"{count} {kind}" for kind, count in counts.items()))


@app.command(rich_help_panel=DATA)
def demo_photos(
    part: Annotated[Part, typer.Argument(help="Which of the two demo datasets.")],
    folder: Annotated[Path, typer.Argument(help="Folder for the photos.")],
) -> None:
    """Make the photos of a demo dataset."""
    from cvpire.datasets.demo_photos import write_photos

    write_photos(part, folder)


@app.command(rich_help_panel=DATA)
def logo_photos(folder: Annotated[Path, typer.Argument(help="Folder for the photos.")]) -> None:
    """Make the photos of the dataset of logos."""
    from cvpire.datasets.logo_photos import write_photos

    write_photos(folder)


@app.command(rich_help_panel=DATA)
@writes(output=written.LISTING)
@options_of(options=({name: kind.options for name, kind in KINDS.items()}, BESIDE_THE_LISTING))
def dataset(output: Output, options: DatasetOptions) -> None:
    """List a dataset's photos, queries and answers as JSON."""
    from cvpire.datasets.listing import write_listing

    found = KINDS[options.kind].read(options)
    for note in found.notes:
        logging.warning(f"{output}: {note}")
    write_listing(output, found)
