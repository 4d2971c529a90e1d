"""Tables as pictures, for pages where a picture is what fits: the cells and the caption of the Markdown table."""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cvpire.figures.style import fitted, save, style, width_of
from cvpire.tables.formats import is_right, shown_cells, write_table

COLUMN, PAGE = 3.5, 7.0
"""Inches: a picture is as wide as one column of a paper, or as its page."""

TALLEST, _LINES_BESIDE = 9.5, 7
"""Inches; lines that caption, head and rules may need."""

_SIZES = (8, 7.5, 7, 6.5, 6)
"""Points; the largest at which a table fits the page."""

_MARGIN, _GAP = 0.05, 0.1
"""Around the picture and between columns, in inches."""

_LEADING, _BASE, _HALF_LINE, _AIR = 1.35, 0.75, 0.5, 0.2
"""Distance of lines, in letters; where in a line its letters stand, and what is beside rules, in lines."""

_WIDER = 1.06
"""How much wider drawn letters may be than their outlines, whole pixels as they are."""

_BOLDER = 1.14
"""The same of bold letters."""

_THIN, _THICK, _GREY = 0.4, 0.8, "0.75"


def write(table: pd.DataFrame, stem: str | Path, caption: str) -> list[Path]:
    """Write a table as `cvpire.tables.formats.write_table` does, and as `stem`.svg, `stem`.png and `stem`.pdf."""
    shown = shown_cells(table)
    return [*write_table(table, stem, caption), *save(draw_table(shown, is_right(table, shown), caption), stem)]


@style()
def draw_table(cells: pd.DataFrame, right: Sequence[bool], caption: str) -> Figure:
    """Draw a table between rules, with its caption above.

    Parameters
    ----------
    cells : DataFrame
        Texts, one column a quantity.
    right : sequence of bool
        Whether a column is of numbers, which stand at the right.
    caption : str

    Returns
    -------
    Figure
        One column of a paper wide (3.5 in) where that does, else a page (7 in), on which long texts are broken. Letters
        have 8 points, or as few as 6 where more would not fit. It is as high as it has rows: 75 of them fill a page.
        A grey rule stands where the first column changes.
    """
    laid_out = _fitting(cells)
    if laid_out is None:
        cells, right, told = _without_constants(cells, right)
        caption += told
        laid_out = _fitting(cells) or _breaking(cells, right)
    width, size, heads, body = laid_out
    columns = range(len(heads))
    sizes = _wide(heads, body, size)
    spare = (width - 2 * _MARGIN - sum(sizes)) / max(1, len(sizes) - 1)
    lefts = [_MARGIN + sum(sizes[:column]) + column * spare for column in columns]
    said = fitted(caption, (width - 2 * _MARGIN) / _WIDER, size)
    rows = [heads, *body]
    lines = [max(_lines(text) for text in row) for row in rows]
    line = _LEADING * size / 72
    height = 2 * _MARGIN + line * (_lines(said) + sum(lines) + _HALF_LINE + 3 * _AIR)

    figure = Figure(figsize=(width, height), layout="none")
    y = _MARGIN  # inches from the top

    def put(x: float, text: str, align: str, weight: str = "normal") -> None:
        for number, part in enumerate(text.splitlines()):
            base = y + line * (number + _BASE)
            about = {"ha": align, "va": "baseline", "size": size, "weight": weight, "parse_math": False}
            figure.text(x / width, 1 - base / height, part, **about)

    def rule(thickness: float, colour: str = "black") -> None:
        at, ends = [1 - y / height] * 2, [_MARGIN / width, 1 - _MARGIN / width]
        figure.add_artist(Line2D(ends, at, color=colour, linewidth=thickness, marker="", linestyle="-"))

    put(_MARGIN, said, "left")
    y += line * (_lines(said) + _HALF_LINE)
    rule(_THICK)
    y += _AIR * line
    for number, (row, count) in enumerate(zip(rows, lines, strict=True)):
        if number > 1 and _is_grouped(cells) and cells.iat[number - 1, 0] != cells.iat[number - 2, 0]:
            rule(_THIN, _GREY)
        for column in columns:
            at = lefts[column] + (sizes[column] if right[column] else 0)
            put(at, row[column], "right" if right[column] else "left", "normal" if number else "bold")
        y += line * count
        if number == 0:
            y += _AIR * line
            rule(_THIN)
            y += _AIR * line
    rule(_THICK)
    return figure


_LaidOut = tuple[float, float, list[str], list[list[str]]]
"""Width of the picture, size of the letters, heads and rows."""


def _fitting(cells: pd.DataFrame) -> _LaidOut | None:
    """The smallest width and the largest letters that have room for each row in one line, if there are any."""
    rows = cells.to_numpy().tolist()
    for width, size in ((COLUMN, _SIZES[0]), *((PAGE, size) for size in _SIZES)):
        heads = [_broken_head(str(name), cells[name], size) for name in cells.columns]
        is_low = (len(rows) + _LINES_BESIDE) * _LEADING * size / 72 <= TALLEST or size == _SIZES[-1]
        if is_low and sum(_wide(heads, rows, size)) <= _room(width, heads):
            return width, size, heads, rows
    return None


def _without_constants(cells: pd.DataFrame, right: Sequence[bool]) -> tuple[pd.DataFrame, list[bool], str]:
    """Take out columns that say the same in each row, and return what they say, for the caption."""
    constant = [len(cells) > 1 and cells[name].nunique() == 1 and cells[name].iat[0] != "" for name in cells.columns]
    named = [f"{name}: {cells[name].iat[0]}" for name, same in zip(cells.columns, constant, strict=True) if same]
    kept = [number for number, same in enumerate(constant) if not same]
    told = f" In all rows, {'; '.join(named)}." if named else ""
    return cells.iloc[:, kept], [right[number] for number in kept], told


def _breaking(cells: pd.DataFrame, right: Sequence[bool]) -> _LaidOut:
    """Break texts that would not fit: the widest columns share what the others leave. Numbers stay whole."""
    size, rows = _SIZES[-1], cells.to_numpy().tolist()
    heads = [_broken_head(str(name), cells[name], size) for name in cells.columns]
    wide = _wide(heads, rows, size)
    widest = max((each for each, number in zip(wide, right, strict=True) if not number), default=0.0)
    for limit in (widest * (1 - step / 100) for step in range(100)):
        limits = [each if number else min(each, limit) for each, number in zip(wide, right, strict=True)]
        if sum(limits) <= _room(PAGE, heads):
            break
    return PAGE, size, heads, [_broken(row, limits, size) for row in rows]


def _room(width: float, heads: Sequence[str]) -> float:
    return width - 2 * _MARGIN - _GAP * (len(heads) - 1)


def _wide(heads: Sequence[str], rows: Iterable[Sequence[str]], size: float) -> list[float]:
    """Widths of columns, in inches."""
    head = [_BOLDER * _width(head, size) for head in heads]
    return [
        max(each) for each in zip(head, *([_WIDER * _width(text, size) for text in row] for row in rows), strict=True)
    ]


def _broken(row: Sequence[str], limits: Sequence[float], size: float) -> list[str]:
    return [fitted(text, limit / _WIDER, size) for text, limit in zip(row, limits, strict=True)]


def _broken_head(head: str, texts: Iterable[str], size: float) -> str:
    """A head of as many lines as its column's texts, or its longest word, leave it."""
    body = max((_WIDER * _width(text, size) for text in texts), default=0.0)
    return fitted(head, max(body / _BOLDER, *(_width(word, size) for word in head.split() or [""])) + 0.001, size)


def _width(text: str, size: float) -> float:
    """Of the widest line of a text, in inches."""
    return max((_width_of(line, size) for line in text.splitlines()), default=0.0)


@cache
def _width_of(line: str, size: float) -> float:
    return width_of(line, size) / 72


def _lines(text: str) -> int:
    return text.count("\n") + 1


def _is_grouped(cells: pd.DataFrame) -> bool:
    """Whether rows of one first cell stand together, so that a rule between groups helps."""
    return cells.iloc[:, 0].nunique() < len(cells)
