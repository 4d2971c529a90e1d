"""Tables as files: CSV for machines, Markdown and LaTeX for readers, with the same digits in each."""

from pathlib import Path

import pandas as pd

from cvpire.files import write_text

DECIMALS = {"mAP": 2, "mSSIM": 3}
"""Decimals of a column by the last word of its name; other numbers have as many as they need."""

_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{character: "\\" + character for character in "&%$#_{}"},
    }
)
_MARKDOWN = str.maketrans({character: "\\" + character for character in "\\|*_`<"})


def write_table(table: pd.DataFrame, stem: str | Path, caption: str) -> list[Path]:
    """Write a table as `stem`.csv, `stem`.md and `stem`.tex.

    Parameters
    ----------
    table : DataFrame
        One column a quantity; the index is not written. Missing values become empty cells.
    stem : str or Path
        Path without suffix, such as results/tables/table-4.1.
    caption : str
        Plain text, above the table in Markdown and LaTeX; escaped as both need it.

    Returns
    -------
    list of Path
        The files written. LaTeX needs the package booktabs; its label is `tab:` and the file's name.
    """
    cells = pd.DataFrame({name: _digits(table[name]) for name in table.columns})
    right = [pd.api.types.is_numeric_dtype(table[name]) for name in table.columns]
    texts = {
        ".csv": cells.to_csv(index=False, lineterminator="\n"),
        ".md": _markdown(cells, right, caption),
        ".tex": _latex(cells, right, caption, label=f"tab:{Path(stem).name}"),
    }
    # Not with_suffix: it would take the `.1` of table-4.1 for a suffix.
    paths = {suffix: Path(f"{stem}{suffix}") for suffix in texts}
    for suffix, text in texts.items():
        write_text(paths[suffix], text)
    return list(paths.values())


def _digits(column: pd.Series) -> list[str]:
    decimals = DECIMALS.get(str(column.name).split()[-1])
    pattern = (
        "{}" if not pd.api.types.is_float_dtype(column) else "{:.10g}" if decimals is None else f"{{:.{decimals}f}}"
    )
    return ["" if pd.isna(value) else pattern.format(value) for value in column]


def _markdown(cells: pd.DataFrame, right: list[bool], caption: str) -> str:
    escaped = cells.map(lambda cell: cell.translate(_MARKDOWN)).rename(columns=lambda name: name.translate(_MARKDOWN))
    align = ["right" if number else "left" for number in right]
    # disable_numparse: or tabulate would read 5.10 as a number and print 5.1.
    body = escaped.to_markdown(index=False, colalign=align, disable_numparse=True)
    return f"{caption.translate(_MARKDOWN)}\n\n{body}\n"


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
