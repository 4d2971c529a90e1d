"""Commands that make tables, figures, the overview and records of what was measured."""

from pathlib import Path
from typing import Annotated

import typer

from cvpire import config, files, layout
from cvpire.cli import outputs as written
from cvpire.cli.frame import RESULTS, Output, Root, Stem, app
from cvpire.cli.outputs import once, writes
from cvpire.cli.sections import options_of
from cvpire.config.sources import Thesis
from cvpire.results import Results

HERE = Path(layout.RESULTS)


@app.command(rich_help_panel=RESULTS)
@writes(output=written.ALL_QUERIES)
def collect(output: Output, root: Root = HERE) -> None:
    """Gather the results of all queries in one table, from which all tables and figures are made."""
    from cvpire.tables.collection import collect_results

    files.write_csv(output, collect_results(Results(root)))


@app.command(rich_help_panel=RESULTS)
@writes(output=written.ALL_RANDOM)
def collect_random(
    output: Output,
    results: Annotated[list[Path], typer.Argument(help="Files .../DATASET/random.csv.")],
) -> None:
    """Gather the random-ranking mAP of the datasets in one table."""
    from cvpire.tables.collection import collect_random_results

    files.write_csv(output, collect_random_results(results))


@app.command(rich_help_panel=RESULTS)
@writes(stem=written.TABLE)
def collect_gate(
    stem: Stem,
    records: Annotated[list[Path], typer.Argument(help="Files .../DATASET/original/gate/NETWORK.json.")],
) -> None:
    """Gather the comparisons of clean mAP with the published one in one table."""
    from cvpire.figures import tabular
    from cvpire.tables.gate import CAPTION, gate_table

    tabular.write(gate_table(records), stem, CAPTION)


@app.command(rich_help_panel=RESULTS)
@writes(stem=written.TABLE)
@options_of(options=config.TableOptions)
def table(
    name: Annotated[str, typer.Argument(help="The thesis's number, like 4.1, or a name of ours.")],
    stem: Stem,
    options: config.TableOptions,
    root: Root = HERE,
) -> None:
    """Make a table of the thesis, or of ours, as CSV, Markdown, LaTeX and pictures."""
    from cvpire.figures import tabular
    from cvpire.tables.making import make_table

    made, caption = make_table(name, Results(root), options)
    tabular.write(made, stem, caption)


@app.command(rich_help_panel=RESULTS)
@writes(stem=written.FIGURE_WITH_DATA)
@options_of(shown=config.FigureOptions)
def figure(
    number: Annotated[str, typer.Argument(help="The thesis's number, like 4.6, or a name of ours.")],
    stem: Stem,
    shown: config.FigureOptions,
    root: Root = HERE,
) -> None:
    """Draw a figure as SVG, PNG and PDF; data figures come with the table that they show (CSV)."""
    from cvpire.figures.drawing import draw_figure

    draw_figure(number, stem, Results(root), shown)


@app.command(rich_help_panel=RESULTS)
@writes(output=written.OVERVIEW)
def overview(
    output: Annotated[Path, typer.Argument(help="The page, .html.")],
    tables: Annotated[list[str], typer.Option("--table", help="Tables, by name.")] = [],  # noqa: B006
    figures: Annotated[list[str], typer.Option("--figure", help="Figures, by number.")] = [],  # noqa: B006
    root: Root = HERE,
) -> None:
    """Lay out a run on one page: configuration, tables, figures, each query before and after."""
    from cvpire.overview.page import write_overview

    write_overview(output, root, tables, figures)


@app.command(rich_help_panel=RESULTS)
@writes(stem=written.REPRODUCTION)
def reproduction(stem: Stem, root: Root = HERE) -> None:
    """Set each number that the thesis prints beside the run's, with a verdict, as a page and as Markdown."""
    from cvpire.reproduction.page import write_reproduction

    write_reproduction(stem, root)


@app.command(rich_help_panel=RESULTS)
@writes(output=written.PROVENANCE)
def provenance(
    output: Annotated[Path, typer.Argument(help="The record, .json.")],
    configuration: Annotated[Path, typer.Argument(help="The whole configuration, .json.")],
    tables: Annotated[list[Path], typer.Argument(help="The run's tables, .csv.")],
    datasets: Annotated[list[str], typer.Option("--dataset", help="NAME=dataset.json, whose photos count.")],
    distractors: Annotated[list[str], typer.Option(help="NAME=FOLDER, whose photos count.")] = [],  # noqa: B006
    inputs: Annotated[list[str], typer.Option("--input", help="NAME=FILE: ground truth, checkpoints.")] = [],  # noqa: B006
    planned: Annotated[list[str], typer.Option(help="NAME=SHA-256: what an input was at first, or stop.")] = [],  # noqa: B006
) -> None:
    """Record what a run was made from: configuration, code, packages, device, seeds, checksums of inputs and tables."""
    from cvpire.provenance import write_provenance

    named = [
        once((name, Path(file)) for name, _, file in (item.partition("=") for item in items))
        for items in (datasets, distractors, inputs)
    ]
    write_provenance(output, configuration, tables, *named, dict(item.split("=", 1) for item in planned))


@app.command(rich_help_panel=RESULTS)
@writes(out=written.AUDIT, summary=written.TABLE, figure=written.FIGURE, colour=written.TABLE)
def audit(
    photos: Annotated[Path, typer.Option(help="Folder of the original photos.")],
    published: Annotated[
        Path, typer.Option(help="Folder of the published artefacts: CV-PIRE, SD-PIRE, PIRE, variance.")
    ],
    out: Annotated[Path, typer.Option(help="CSV, one row a photo and metric.")],
    dataset: Annotated[Thesis | None, typer.Option(help="Whose numbers of Table 4.1 the summary shows.")] = None,
    summary: Annotated[Path | None, typer.Option(help="Summary table, without suffix.")] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Figure of published and recomputed SSIM, without suffix.")
    ] = None,
    colour: Annotated[
        Path | None, typer.Option(help="Table of what measures that see colour say, without suffix; takes longer.")
    ] = None,
) -> None:
    """Measure the thesis's published artefacts again and compare with the published values."""
    from cvpire.audit.report import write_audit

    write_audit(photos, published, out, dataset=dataset, summary=summary, figure=figure, colour=colour)


@app.command(rich_help_panel=RESULTS)
@writes(out=written.TABLES)
def random_map(
    ground_truths: Annotated[list[Path], typer.Argument(help="Ground-truth files, like gnd_oxford5k.pkl.")],
    standard_error: Annotated[float, typer.Option(help="Where shuffling stops, in percent of mAP.")] = 0.005,
    out: Annotated[Path | None, typer.Option(help="Two tables as CSV, Markdown and LaTeX, without suffix.")] = None,
) -> None:
    """Compute the mAP of random rankings, exactly and by shuffling, and what chapter 4 derives (section 4.2.3)."""
    from cvpire.datasets.ground_truth import read_ground_truth
    from cvpire.figures import tabular
    from cvpire.retrieval.random_ranking import derived_numbers, random_map_table

    truths = {stem: read_ground_truth(path) for stem, path in once((path.stem, path) for path in ground_truths).items()}
    measured, derived = random_map_table(truths, standard_error), derived_numbers()
    if out is None:
        typer.echo(f"{measured.to_markdown(index=False)}\n\n{derived.to_markdown(index=False)}")
    else:
        tabular.write(measured, out, "mAP of random rankings in percent, exactly and by shuffling.")
        tabular.write(derived, f"{out}-derived", "Numbers of chapter 4 that follow from others by arithmetic.")
