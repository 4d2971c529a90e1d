"""Commands that people call: before a run, and after it."""

import logging
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cvpire import config, files, layout
from cvpire.cli import outputs as written
from cvpire.cli.frame import EVERYDAY, Downloads, app
from cvpire.cli.outputs import writes
from cvpire.datasets.groups import NUMBERED, Asked, doubts, group_ground_truth
from cvpire.errors import InputError, counted
from cvpire.layout import number

DAY = "%Y-%m-%d"


@app.command(rich_help_panel=EVERYDAY)
@writes(output=written.GROUND_TRUTH)
def ground_truth(
    folder: Annotated[Path, typer.Argument(help="Folder of photos.")],
    output: Annotated[Path, typer.Argument(help=".json, for `ground_truth:` of a folder dataset.")],
    pattern: Annotated[
        str | None, typer.Option(help="Regular expression for a name; its first group says what the photo shows.")
    ] = None,
    queries: Annotated[Asked, typer.Option(help="Which photos of a group are queries.")] = "first",
) -> None:
    """Make ground truth from file names: tower-1.jpg and tower-2.jpg show the same thing."""
    from cvpire.datasets.folder import read_photos, unread_photos

    photos = read_photos(folder)
    if note := unread_photos(folder):
        logging.warning(f"{folder}: {note}")
    made = group_ground_truth(photos, pattern or NUMBERED, queries)
    for doubt in doubts(photos, pattern or NUMBERED):
        logging.warning(f"{folder}: {doubt}")
    files.write_json(output, made)
    found = counted(len(made["queries"]), "query"), counted(len(made["database"]), "photo")
    logging.info(f"{output}: {', '.join(found)}")


@app.command(rich_help_panel=EVERYDAY)
def estimate(
    configuration: Annotated[Path, typer.Argument(help="Configuration, like config/thesis.yaml.")],
    downloads: Downloads = None,
) -> None:
    """Estimate the downloads, attack iterations and disk of a configuration before anything starts."""
    from cvpire.estimate import estimate as estimate_run
    from cvpire.estimate import summary
    from cvpire.plan.run import Plan

    plan = Plan.read(configuration, downloads)
    for dataset, told in plan.notes.items():
        for note in told:
            logging.warning(f"datasets.{dataset}: {note}")
    typer.echo(summary(estimate_run(plan)))


@app.command(rich_help_panel=EVERYDAY)
def calibrate(
    configuration: Annotated[Path, typer.Argument(help="Configuration, like config/thesis.yaml.")],
    attack: Annotated[str, typer.Option(help="Name of the attack.")],
    dataset: Annotated[str, typer.Option(help="Name of the dataset.")],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="-- WORDS", help="Further words for snakemake, like -- --cores 4.")
    ] = None,
    tolerance: Annotated[float, typer.Option(help="How closely m is found, in grey levels.", min=1e-6)] = 1.0,
    given: Annotated[
        list[str] | None, typer.Option("--config", help="As of snakemake --config, like folder=photos; repeat it.")
    ] = None,
) -> None:
    """Find the smallest multiplier at which an attack's queries do no better than a random ranking (section 4.2.3).

    Runs the workflow, in this folder, for each multiplier that it tries; what was made is kept, also where it was
    interrupted.
    """
    from cvpire.calibration import as_json, calibrate_dataset, in_words

    found = calibrate_dataset(
        configuration,
        attack,
        dataset,
        tolerance=tolerance,
        given=given or (),
        words=words or (),
        told=lambda multiplier, value: typer.echo(f"m = {number(multiplier)}: mAP {100 * value:.2f} %"),
    )
    output = Path(layout.CALIBRATED.format(dataset=dataset, attack=attack))
    files.write_json(output, as_json(found, dataset=dataset, attack=attack))
    typer.echo(f"{in_words(found)} ({output})")


@app.command(rich_help_panel=EVERYDAY)
def compare(
    one: Annotated[Path, typer.Argument(help="Folder of the results of a run, or its provenance.json.")],
    other: Annotated[Path, typer.Argument(help="The same of another run.")],
) -> None:
    """Say whether two runs should be equal and whether they are, one line a difference; exit status 1 where any is."""
    from cvpire.same_runs import compare_runs

    differences, verdict = compare_runs(one, other)
    typer.echo("\n".join([*differences, verdict]))
    raise typer.Exit(1 if differences else 0)


@app.command(rich_help_panel=EVERYDAY)
@writes(output=written.ARCHIVE)
def archive(
    results: Annotated[Path | None, typer.Argument(help="Folder of the results of a finished run.")] = None,
    output: Annotated[Path | None, typer.Argument(help="The archive to write, .zip.")] = None,
    queries: Annotated[bool, typer.Option("--queries", help="Add the saved adversarial queries.")] = False,
    report: Annotated[bool, typer.Option("--report", help="Add report.zip, see `make report`.")] = False,
    configuration: Annotated[Path | None, typer.Option(help="The run's configuration as it was written.")] = None,
    date: Annotated[
        datetime | None, typer.Option(help="Its date [default: the run's].", formats=[DAY], metavar="YYYY-MM-DD")
    ] = None,
    check: Annotated[Path | None, typer.Option(help="Compare an archive with its checksums instead.")] = None,
) -> None:
    """Keep a finished run in one file (RO-Crate): results, workflow, configuration, environment, checksums."""
    if check is None and results is not None and output is not None:
        from cvpire.archive.writing import write_archive

        given = {"with_queries": queries, "with_report": report, "given": configuration, "day": date and date.date()}
        logging.info(f"{output}: {counted(write_archive(output, results, **given), 'file')}")
    elif check is not None and results is None:
        _check(check)
    else:
        raise InputError("archive: expected RESULTS OUT.zip, or --check OUT.zip")


def _check(archive: Path) -> None:
    from cvpire.untrusted.crates import check_crate

    number, faults = check_crate(archive)
    typer.echo("\n".join(faults) if faults else f"{archive}: {counted(number, 'file')}, all as recorded")
    raise typer.Exit(1 if faults else 0)


@app.command(rich_help_panel=EVERYDAY)
@writes(output=written.SCHEMA)
def schema(
    output: Annotated[Path | None, typer.Argument(help="The file to write; default: standard output.")] = None,
) -> None:
    """Write the JSON schema of the configuration, for editors."""
    if output is None:
        typer.echo(config.schema(), nl=False)
    else:
        files.write_text(output, config.schema())
