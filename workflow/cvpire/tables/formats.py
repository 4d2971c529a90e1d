"""Tables as files: CSV for machines, Markdown and LaTeX for readers, with the same digits in each."""

from pathlib import Path

import pandas as pd

from cvpire.files import write_text
from cvpire.measures import MEASURES

_OTHERS = {"p": "{:.2g}", "multiplier": "{:.10g}", "share": "{:.1f}"}

_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{character: "\\" + character for character in "&%$#_{}"},
    }
)
MARKDOWN = str.maketrans({character: "\\" + character for character in "\\|*_`<"})
"""Characters that Markdown would read as its own."""


def write_table(table: pd.DataFrame, stem: str | Path, caption: str) -> list[Path]:
    """Write a table as `stem`.csv, `stem`.md and `stem`.tex.

    Parameters
    ----------
    table : DataFrame
        One column a quantity; the index is not written. Missing values become empty cells. Markdown and LaTeX show two
        neighbours `low (of what)` and `high (of what)` as one column, the interval.
    stem : str or Path
        Path without suffix, such as results/tables/table-4.1.
    caption : str
        Plain text, above the table in Markdown and LaTeX; escaped as both need it.

    Returns
    -------
    list of Path
        The files written. LaTeX needs the package booktabs; its label is `tab:` and the file's name.
    """
    cells, shown = _cells(table), shown_cells(table)
    aligned = is_right(table, shown)
    texts = {
        ".csv": cells.to_csv(index=False, lineterminator="\n"),
        ".md": _markdown(shown, aligned, caption),
        ".tex": _latex(shown, aligned, caption, label=f"tab:{Path(stem).name}"),
    }
    # Not with_suffix: it would take the `.1` of table-4.1 for a suffix.
    paths = {suffix: Path(f"{stem}{suffix}") for suffix in texts}
    for suffix, text in texts.items():
        write_text(paths[suffix], text)
    return list(paths.values())


def shown_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return the texts that readers see: numbers with their digits, `low` and `high` as one interval."""
    return _intervals(_cells(table))


def is_right(table: pd.DataFrame, shown: pd.DataFrame) -> list[bool]:
    """Say of each column that is shown whether it is of numbers, which stand at the right."""
    return [name not in table or pd.api.types.is_numeric_dtype(table[name]) for name in shown.columns]


def key_count(table: pd.DataFrame, shown: pd.DataFrame) -> int:
    """Count the columns at the left that say what a row is about; the others hold what was measured of it."""
    about = [name in table and (name == "multiplier" or not _is_float(table[name])) for name in shown.columns]
    return [*about, False].index(False)


def _is_float(column: pd.Series) -> bool:
    return pd.api.types.is_float_dtype(column)


def _cells(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({name: _digits(table, name) for name in table.columns})


def _digits(table: pd.DataFrame, name: str) -> list[str]:
    if not _is_float(table[name]):
        return ["" if pd.isna(value) else str(value) for value in table[name]]
    measures = table["measure"] if "measure" in table else [""] * len(table)
    patterns = [_pattern(name) or _pattern(measure) or "{:.10g}" for measure in measures]
    return ["" if pd.isna(value) else form.format(value) for form, value in zip(patterns, table[name], strict=True)]


def _pattern(text: str) -> str | None:
    """How a number is written: by what its column's name, or else its row's `measure`, names last."""
    forms = _OTHERS | {measure.label: f"{{:z.{measure.decimals}f}}" for measure in MEASURES.values()}
    ends = {name: f" {text} ".rfind(f" {name} ") + len(name) for name in forms if f" {name} " in f" {text} "}
    # Of two that end there the longer one is meant: `mAP` and `hard mAP`.
    return forms[max(ends, key=lambda name: (ends[name], len(name)))] if ends else None


def _intervals(cells: pd.DataFrame) -> pd.DataFrame:
    """Join `low ...` and `high ...` to `95 % interval ...`."""
    columns = {}
    for name in cells.columns:
        if name.startswith("low"):
            pairs = zip(cells[name], cells[name.replace("low", "high", 1)], strict=True)
            columns[name.replace("low", "95 % interval", 1)] = [
                f"{low} to {high}" if low else "" for low, high in pairs
            ]
        elif not name.startswith("high"):
            columns[name] = cells[name]
    return pd.DataFrame(columns)


def _markdown(cells: pd.DataFrame, right: list[bool], caption: str) -> str:
    escaped = cells.map(lambda cell: cell.translate(MARKDOWN)).rename(columns=lambda name: name.translate(MARKDOWN))
    align = ["right" if number else "left" for number in right]
    # disable_numparse: or tabulate would read 5.10 as a number and print 5.1.
    body = escaped.to_markdown(index=False, colalign=align, disable_numparse=True)
    return f"{caption.translate(MARKDOWN)}\n\n{body}\n"


def _latex(cells: pd.DataFrame, right: list[bool], caption: str, label: str) -> str:
    escaped = cells.map(lambda cell: cell.translate(_LATEX)).rename(columns=lambda name: name.translate(_LATEX))
    text = escaped.to_latex(
        index=False,
        escape=False,
        caption=caption.translate(_LATEX),
        label=label,
        column_format="".join("r" if number else "l" for number in right),
    )
    return text.replace("\\begin{table}\n", "\\begin{table}\n\\centering\n", 1)
