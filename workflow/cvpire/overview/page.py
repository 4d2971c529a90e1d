"""One page to open after a run: configuration, tables, figures, and every query before and after, in a single file."""

import base64
import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import numpy as np
import yaml
from PIL import Image

from cvpire import layout
from cvpire.figures.catalogue import CATALOGUE as FIGURES
from cvpire.files import write_text
from cvpire.measures import DIFFICULTIES, MEASURES, Measure, shown_in
from cvpire.overview.times import stage_times
from cvpire.provenance import facts
from cvpire.results import Results
from cvpire.tables.catalogue import caption_of, file_of
from cvpire.tables.selection import own_victim

LONGEST_SIDE = 512
"""Photos of the page are reduced to this many pixels; the files under results/ are what was measured."""

_TEMPLATE = Path(__file__).with_name("page.html")


class Shot(NamedTuple):
    """A query under one attack, or under none."""

    label: str
    pixels: np.ndarray
    """uint8, shape (H, W, 3)."""
    measured: Mapping[str, float]
    """Values by column of queries.csv; what was not measured is not there."""
    top: Sequence[str]
    """Names of the best results."""


class Case(NamedTuple):
    """A query under all attacks; the first shot is the unattacked photo."""

    dataset: str
    query: str
    relevant: frozenset[str]
    shots: Sequence[Shot]


def write_overview(output: Path, root: Path, tables: Sequence[str], figures: Sequence[str]) -> None:
    """Lay out a run on one page that needs no other file and no network.

    Parameters
    ----------
    output : Path
        The page, .html.
    root : Path
        Folder of the results, with provenance.json, run.json, tables, figures, listings and queries.
    tables : sequence of str
        Names of the tables that it shows.
    figures : sequence of str
        Numbers of the figures.

    Raises
    ------
    InputError
        run.json, queries.csv, a listing or a photo is missing or damaged.
    """
    results = Results(root)
    record = json.loads(layout.path(layout.PROVENANCE, root).read_text(encoding="utf-8"))
    page = lay_out(
        "Adversarial queries for image retrieval: results",
        facts(record),
        yaml.safe_dump(record["configuration"], sort_keys=False, allow_unicode=True),
        stage_times(Path(".snakemake")),
        {name: (caption_of(name, {}), _cells(root, name)) for name in tables},
        {
            number: (FIGURES[number].title, layout.path(f"{layout.FIGURE}.png", root, number=number).read_bytes())
            for number in figures
        },
        _cases(results),
        results.notes,
    )
    write_text(output, page)


def lay_out(
    title: str,
    facts: Mapping[str, str],
    configuration: str,
    stages: Sequence[tuple[str, int, float]],
    tables: Mapping[str, tuple[str, Sequence[Sequence[str]]]],
    figures: Mapping[str, tuple[str, bytes]],
    cases: Iterable[Case],
    notes: Mapping[str, Sequence[str]],
) -> str:
    """Fill in the template `page.html`.

    Parameters
    ----------
    title : str
    facts : mapping
        Versions, device and the like, by name.
    configuration : str
        As YAML.
    stages : sequence of (rule, jobs, seconds)
        How long the jobs of each rule took together.
    tables : mapping
        By name: caption, and rows of cells, the first of which is the head.
    figures : mapping
        By number: caption, and PNG.
    cases : iterable of Case
    notes : mapping
        By dataset: what was left out of it and why; said once, above all tables and figures.

    Returns
    -------
    str
        HTML.
    """
    templates = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    templates.filters |= {"data": _data, "photo": _reduced, "scores": scores}
    times = [[rule, str(jobs), f"{seconds:.1f}", f"{seconds / jobs:.2f}"] for rule, jobs, seconds in stages]
    return templates.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        title=title,
        facts=facts,
        configuration=configuration,
        stages=[["stage", "jobs", "seconds in all", "seconds a job"], *times],
        tables=tables,
        figures=figures,
        cases=cases,
        notes=notes,
    )


def scores(measured: Mapping[str, float]) -> str:
    """Say what was measured of a query, like `AP 50 (easy 75, hard 12.3), SSIM 0.950`.

    Parameters
    ----------
    measured : mapping
        Values by column of queries.csv. Shown are those whose measure says so (`cvpire.measures`), and beside the
        average precision that of each difficulty.
    """
    said = {m.column: f"{m.name} {_text(m, measured[m.column])}" for m in shown_in("overview") if m.column in measured}
    each = [
        f"{m.name.removesuffix(' AP')} {_text(m, measured[m.column])}" for m in DIFFICULTIES if m.column in measured
    ]
    if each:
        said["ap"] += f" ({', '.join(each)})"
    return ", ".join(said.values())


def _text(measure: Measure, value: float) -> str:
    if measure.unit == "%":  # as the page says of all of them
        return f"{measure.factor * value:.3g}"
    return f"{measure.factor * value:.{measure.decimals}f} {measure.unit}".rstrip()


def _cells(root: Path, name: str) -> list[list[str]]:
    file = layout.path(f"{layout.TABLE}.csv", root, file=file_of(name))
    with file.open(encoding="utf-8", newline="") as rows:
        return list(csv.reader(rows))


def _cases(results: Results) -> Iterator[Case]:
    """Every query: its version without an attack, and those of Table 4.1."""
    rows = own_victim(results.queries)
    rows = rows[rows["headline"].astype(bool)]
    for dataset, of_dataset in rows.groupby("dataset", sort=False):
        queries = results.listing(dataset).queries
        for query, of_query in of_dataset.groupby("query"):
            shots = [_shot(results, row) for row in of_query.drop_duplicates("attack").to_dict("records")]
            yield Case(dataset, query, queries[query].relevant, shots)


def _shot(results: Results, row: Mapping[str, Any]) -> Shot:
    pixels = results.photo(row["dataset"], row["query"], row["attack"])
    # An unattacked photo has no quality: it is its own original.
    shown = [m for m in MEASURES.values() if row["attack"] != layout.ORIGINAL or m.unchanged is None]
    measured = {m.column: row[m.column] for m in shown if not math.isnan(row.get(m.column, math.nan))}
    return Shot(row["label"], pixels, measured, str(row["top"]).split("/"))


def _reduced(pixels: np.ndarray) -> bytes:
    image = Image.fromarray(pixels)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    image.save(data, "jpeg", quality=90, subsampling="4:4:4")
    return data.getvalue()


def _data(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
