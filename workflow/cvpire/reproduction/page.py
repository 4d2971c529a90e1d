"""The comparison as a page that needs no other file and no network, and as Markdown."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from cvpire import layout
from cvpire.errors import InputError, reason
from cvpire.files import write_text
from cvpire.layout import number
from cvpire.measures import MEASURES
from cvpire.overview.times import job_times
from cvpire.provenance import facts
from cvpire.reproduction.arithmetic import derived
from cvpire.reproduction.comparison import Line, compare, reasons
from cvpire.reproduction.settings import NAMES
from cvpire.reproduction.verdicts import RULE, Verdict
from cvpire.results import Results
from cvpire.tables.formats import MARKDOWN

_TEMPLATES = {".html": Path(__file__).with_name("page.html"), ".md": Path(__file__).with_name("page.md")}

_SECTIONS = {
    "Table 4.1": "Unattacked queries and the methods at the thesis's settings.",
    "Table 4.2": "CV-PIRE, and SD-PIRE at several multipliers.",
    "Scores below the photos of figures": "Of a single photo each. The thesis does not name its photos; two can be "
    "told by their scores. Of figures A.2 and A.3 no scores could be read; figures 1.2 and 4.5 have none.",
    "Random rankings": "The thesis shuffled rankings; ours is the expectation, exactly.",
    "Arithmetic": "What follows from numbers or formulas that are printed, whatever the photos.",
    "Times": "Of one photo of the run's datasets, on other hardware, so there is no verdict.",
}
_TIMES = "Times"
_HEAD = ("where", "dataset", "method", "m", "T", "photo", "measure")
_OURS = ("printed", "ours", "verdict", "difference", "95 % interval", "by the text")
_MEASURED = {
    "random_ap": "random mAP (%)",
    "variance_minutes": "variance map (minutes)",
    "attack_minutes": "attack (minutes)",
    "attack_seconds": "attack (seconds)",
}


def write_reproduction(stem: Path, root: Path) -> list[Path]:
    """Write a run's comparison with the thesis as `stem`.html and `stem`.md.

    Parameters
    ----------
    stem : Path
        Path without suffix, such as results/reproduction.
    root : Path
        Folder of the results, with provenance.json, run.json, tables/queries.csv and tables/random.csv.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        One of these files is missing or damaged.
    """
    results = Results(root)
    record = _read_record(layout.path(layout.PROVENANCE, root))
    lines = compare(results, record["configuration"], job_times(Path(".snakemake")))
    written = []
    for suffix in layout.PAGE_SUFFIXES:
        file = Path(f"{stem}{suffix}")
        write_text(file, lay_out(suffix, lines, results.run.datasets, facts(record)))
        written.append(file)
    return written


def lay_out(suffix: str, lines: Sequence[Line], datasets: Mapping[str, str], facts: Mapping[str, str]) -> str:
    """Fill in the template `page.html` or `page.md`.

    Parameters
    ----------
    suffix : {".html", ".md"}
    lines : sequence of Line
    datasets : mapping
        Of the run: kind by name.
    facts : mapping
        Of the run, by name; `device` and `processor` are shown beside the times.

    Returns
    -------
    str
        The page.
    """
    templates = jinja2.Environment(autoescape=suffix == ".html", undefined=jinja2.StrictUndefined, trim_blocks=True)
    templates.filters["cell"] = lambda text: str(text).translate(MARKDOWN)
    sections = {title: [line for line in lines if _section(line) == title] for title in _SECTIONS}
    others = reasons(lines)
    return templates.from_string(_TEMPLATES[suffix].read_text(encoding="utf-8")).render(
        foreign=[] if set(datasets.values()) & set(NAMES) else [f"{name} ({kind})" for name, kind in datasets.items()],
        total=len(lines),
        summary=[["", *Verdict], *([title, *map(str, _counts(each))] for title, each in sections.items())],
        rule=RULE,
        sections=[
            (title, _SECTIONS[title], rows) for title, each in sections.items() if (rows := list(_rows(title, each)))
        ],
        others=[
            ["reason", "numbers", "where"],
            *([why, str(len(each)), _places(each)] for why, each in others.items()),
        ],
        hardware=f"Ours, device: {facts['device']}; processor: {facts['processor']}. "
        "The thesis's: Nvidia Tesla T4 for attacks, 8 cores and 16 threads of a processor for variance maps.",
    )


def _read_record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        facts(record), record["configuration"]["datasets"]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; `cvpire provenance` makes it") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: not a record of `cvpire provenance` ({reason(error)})") from None
    return record


def _section(line: Line) -> str:
    """Title of the section that shows a line."""
    printed = line.printed
    if printed.measure == "random_ap":
        return "Random rankings"
    if printed.measure in derived():
        return "Arithmetic"
    if printed.measure not in MEASURES:
        return _TIMES
    return "Scores below the photos of figures" if printed.of_one_query else printed.place


def _counts(lines: Sequence[Line]) -> list[int]:
    counted = Counter(line.verdict for line in lines)
    return [counted[each] for each in Verdict]


def _places(lines: Sequence[Line]) -> str:
    return ", ".join(dict.fromkeys(line.printed.place for line in lines))


def _rows(title: str, lines: Sequence[Line]) -> Iterator[list[str]]:
    """Head and rows of a section's table, of what there is a number of ours of; nothing where there is none.

    A column that says nothing is left out.
    """
    shown = [line for line in lines if line.ours]
    if not shown:
        return
    table = [[*_HEAD, *_OURS, "what ours is"], *(_cells(line) for line in shown)]
    kept = [place for place in range(len(table[0])) if any(row[place] for row in table[1:])]
    dropped = {"verdict", "difference"} if title == _TIMES else {"where"} if title in table[1] else set()
    yield from ([row[place] for place in kept if table[0][place] not in dropped] for row in table)


def _cells(line: Line) -> list[str]:
    printed = line.printed
    measure = MEASURES.get(printed.measure)
    name = _MEASURED.get(printed.measure, "")
    if measure:
        label = measure.name if printed.of_one_query else measure.label
        # The forms are those of the thesis's numbers throughout; the rule says so.
        name = f"{label.partition(' (')[0]} ({measure.unit})" if measure.unit else label.partition(" (")[0]
    return [
        printed.place,
        line.dataset,
        printed.method,
        "" if printed.multiplier is None else number(printed.multiplier),
        "" if printed.iterations is None else str(printed.iterations),
        printed.query,
        name,
        printed.text,
        line.ours,
        line.verdict,
        line.difference,
        " to ".join(line.interval or ()),
        line.text_form,
        line.reason,
    ]
