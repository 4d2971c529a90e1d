"""Tables as pictures: ruled as in books, as wide as a column or a page, with the digits of the Markdown table."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Affine2D

from cvpire.figures.style import save, style, width_of
from cvpire.tables.formats import is_right, key_count, shown_cells, write_table

COLUMN, PAGE, TALLEST = 252, 504, 684
"""Width of a text column and of a page, and height of a page: 3.5, 7 and 9.5 in, in points as all lengths here."""

_SIZES = ((COLUMN, 8), (COLUMN, 7), (PAGE, 8), (PAGE, 7.5), (PAGE, 7), (PAGE, 6.5), (PAGE, 6))
"""Widths of the picture and sizes of its letters; the first that holds the table is taken."""
_CAPS = (144, 108, 72, 54)
"""Widths at which texts are broken where the smallest letters are too large."""
_NARROWEST_NUMBER = 100
"""No number is broken below this width."""
_MARGIN = 4
_HEAVY, _LIGHT = 0.8, 0.5
"""Rules above and below the table, and below its head."""
_MOST_PIXELS = 2**16 - 1
"""Height of a PNG that Matplotlib can draw."""


class _Shown(NamedTuple):
    """A table as readers see it."""

    cells: pd.DataFrame
    right: list[bool]
    """Which columns hold numbers, and stand at the right."""
    keys: int
    """How many columns at the left say what a row is about."""


class _Column(NamedTuple):
    head: list[str]
    """Lines."""
    cells: list[list[str]]
    """Lines of each row's cell."""
    width: float
    right: bool


class _Piece(NamedTuple):
    """Rows of columns that stand beside each other, below one head."""

    columns: list[_Column]
    rows: range


class _Table(NamedTuple):
    """A table that has been fitted to a width."""

    width: float
    size: float
    blocks: list[list[_Column]]
    """Columns that stand beside each other; where not all can, the others come below."""
    gap: float
    """Between columns."""
    groups: frozenset[int]
    """Rows above which there is some space."""
    caption: list[str]

    @property
    def pitch(self) -> float:
        """From line to line."""
        return 1.35 * self.size

    @property
    def pad(self) -> float:
        """Between a rule and what it separates."""
        return 0.3 * self.size

    def heading(self, number: int, of: int) -> list[str]:
        """Lines above the rules of a page."""
        return self.caption if number == 1 else [f"(continued, page {number} of {of})"]

    def heading_height(self, lines: Sequence[str]) -> float:
        return self.pitch * (len(lines) + 0.5)

    def head_height(self, columns: Sequence[_Column]) -> float:
        return self.pitch * max(len(column.head) for column in columns)

    def row_height(self, columns: Sequence[_Column], row: int) -> float:
        return self.pitch * max(len(column.cells[row]) for column in columns)

    def space_above(self, row: int, rows: range) -> float:
        return 0.5 * self.size if row in self.groups and row != rows.start else 0

    def height(self, piece: _Piece) -> float:
        columns, rows = piece
        body = sum(self.row_height(columns, row) + self.space_above(row, rows) for row in rows)
        return self.head_height(columns) + body + 4 * self.pad


def write(table: pd.DataFrame, stem: str | Path, caption: str) -> list[Path]:
    """Write a table in all its forms: `stem`.csv, .md and .tex, and as a picture `stem`.svg, .png and .pdf.

    Parameters
    ----------
    table : DataFrame
        One column a quantity; see `cvpire.tables.formats.write_table`.
    stem : str or Path
        Path without suffix, such as results/tables/table-4.1.
    caption : str
        Plain text, above the table.

    Returns
    -------
    list of Path
        The files written. A picture is 3.5 or 7 in wide, and as high as the table; the PDF has pages of at most 9.5 in,
        with the head repeated on each.
    """
    figure, pages = draw_table(table, caption)
    return [*write_table(table, stem, caption), *save(figure, stem, pages)]


@style()
def draw_table(table: pd.DataFrame, caption: str) -> tuple[Figure, list[Figure]]:
    """Draw a table.

    Parameters
    ----------
    table, caption
        See `write`.

    Returns
    -------
    figure : Figure
        All of it.
    pages : list of Figure
        The same on several pages, where it is higher than one; else none.
    """
    shown = shown_cells(table)
    fit = _fit(_Shown(shown, is_right(table, shown), key_count(table, shown)), caption)
    (everything,) = _pages(fit, inf)
    pages = list(_pages(fit, TALLEST))
    drawn = [_draw(fit, page, fit.heading(number, len(pages))) for number, page in enumerate(pages, 1)]
    if len(pages) == 1:
        return drawn[0], []
    return _draw(fit, everything, fit.caption), drawn


# --- What goes where --------------------------------------------------------------------------------------------------


def _fit(table: _Shown, caption: str) -> _Table:
    """Find the width, the size of the letters and the line breaks at which a table can be read best."""
    for width, size in _SIZES:
        for wrap in (False, True):
            columns = _columns(table, size, inf, wrap)
            if _natural(columns, size) <= width - 2 * _MARGIN:
                return _spread(table, caption, width, size, [columns])
    if constants := _constants(table):
        told = "; ".join(f"{table.cells.columns[number]}: {table.cells.iat[0, number]}" for number in constants)
        return _fit(_without(table, constants), f"{caption} In all rows, {told}.")
    for cap in _CAPS:
        columns = _columns(table, size, cap, True)
        if _natural(columns, size) <= width - 2 * _MARGIN:
            return _spread(table, caption, width, size, [columns])
    return _spread(table, caption, width, size, _below_each_other(columns, table.keys, size, width - 2 * _MARGIN))


def _constants(table: _Shown) -> list[int]:
    """Columns that say the same in each row, which the caption may say as well."""
    firsts = table.cells.iloc[0] if len(table.cells) > 1 else []
    return [n for n, first in enumerate(firsts) if first and (table.cells.iloc[:, n] == first).all()]


def _without(table: _Shown, columns: Sequence[int]) -> _Shown:
    kept = [number for number in range(len(table.right)) if number not in columns]
    keys = sum(number < table.keys for number in kept)
    return _Shown(table.cells.iloc[:, kept], [table.right[number] for number in kept], keys)


def _spread(table: _Shown, caption: str, width: float, size: float, blocks: list[list[_Column]]) -> _Table:
    room = width - 2 * _MARGIN
    gaps = [(room - sum(column.width for column in block)) / max(1, len(block) - 1) for block in blocks]
    return _Table(width, size, blocks, min(gaps), _groups(table), _lines(caption, room, size))


def _columns(table: _Shown, size: float, cap: float, wrap: bool) -> list[_Column]:
    columns = []
    for name, right in zip(table.cells.columns, table.right, strict=True):
        most = max(cap, _NARROWEST_NUMBER) if right else cap
        cells = [_lines(cell, most, size) for cell in table.cells[name]]
        width = max((_width(line, size) for cell in cells for line in cell), default=0)
        longest = max((_width(word, size) for word in name.split()), default=0)
        width = max(width, min(longest, cap) if wrap else _width(name, size))
        columns.append(_Column(_lines(name, width, size), cells, width, right))
    return columns


def _natural(columns: Sequence[_Column], size: float) -> float:
    """Width of columns beside each other, with the least gap."""
    return sum(column.width for column in columns) + 1.1 * size * (len(columns) - 1)


def _below_each_other(columns: list[_Column], keys: int, size: float, room: float) -> list[list[_Column]]:
    """Break columns into blocks that are narrow enough; each begins with those that say what a row is about."""
    while _natural(columns[:keys], size) > 0.6 * room:
        keys -= 1
    lead = columns[:keys]
    blocks = [list(lead)]
    for column in columns[keys:]:
        if len(blocks[-1]) > keys and _natural([*blocks[-1], column], size) > room:
            blocks.append(list(lead))
        blocks[-1].append(column)
    return blocks


def _groups(table: _Shown) -> frozenset[int]:
    """Rows where a new group begins: of the columns that say what a row is about, most are as in the row above."""
    for number in range(table.keys - 1, 0, -1):
        about = list(table.cells.iloc[:, :number].itertuples(index=False))
        starts = [row for row, (before, here) in enumerate(pairwise(about), 1) if before != here]
        if 3 * (len(starts) + 1) <= len(about):
            return frozenset(starts)
    return frozenset()


def _pages(table: _Table, tallest: float) -> Iterator[list[_Piece]]:
    """Break a table into pages that are at most so high."""

    def room() -> float:
        return tallest - 2 * _MARGIN - table.heading_height(table.heading(number, number))

    number, page = 1, []
    left = room()
    for block in table.blocks:
        rows = range(len(block[0].cells))
        while True:
            fitting = _fitting(table, block, rows, left)
            if page and rows and not fitting:
                yield page
                number, page = number + 1, []
                left = room()
                continue
            page.append(_Piece(block, rows[: max(1, fitting)]))
            left -= table.height(page[-1]) + table.size
            rows = rows[max(1, fitting) :]
            if not rows:
                break
            left = 0  # what is left of a table begins a page
    yield page


def _fitting(table: _Table, block: list[_Column], rows: range, room: float) -> int:
    """How many rows there is room for; if not for all, then up to a new group of rows where there is one near."""
    count = 0
    room -= table.height(_Piece(block, rows[:0]))
    for row in rows:
        room -= table.row_height(block, row) + table.space_above(row, rows)
        if room < 0:
            groups = (first - rows.start for first in table.groups if first - rows.start <= count)
            return max((group for group in groups if group > count / 2), default=count)
        count += 1
    return count


def _lines(text: str, room: float, size: float) -> list[str]:
    """Break a text into lines that are no wider than there is room: between words, or in a word that is too long."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if _width(longer, size) <= room:
            lines[-1] = longer
            continue
        lines += [word] if lines[-1] else []
        lines[-1] = word
        while len(lines[-1]) > 1 and _width(lines[-1], size) > room:
            word = lines.pop()
            fitting = max(1, bisect_right(range(1, len(word)), room, key=lambda count: _width(word[:count], size)))
            lines += [word[:fitting], word[fitting:]]
    return lines


def _width(text: str, size: float) -> float:
    return size * _relative_width(text)


@cache
def _relative_width(text: str) -> float:
    return 1.04 * width_of(text, 100) / 100  # in a PNG, small letters stand at whole dots


# --- Drawing ----------------------------------------------------------------------------------------------------------


def _draw(table: _Table, page: list[_Piece], heading: list[str]) -> Figure:
    inside = sum(table.height(piece) for piece in page) + table.size * (len(page) - 1)
    height = 2 * _MARGIN + table.heading_height(heading) + inside
    figure = Figure(figsize=(table.width / 72, height / 72), layout="none")
    figure.set_dpi(min(figure.dpi, _MOST_PIXELS * 72 / height))
    # Points, from the upper left corner to the right and down.
    place = Affine2D().scale(1, -1).translate(0, height).scale(1 / 72) + figure.dpi_scale_trans

    def write(x: float, top: float, lines: Sequence[str], align: str = "left") -> None:
        for number, line in enumerate(lines):
            base = top + number * table.pitch + table.size
            look = {"ha": align, "va": "baseline", "size": table.size}
            figure.text(x, base, line, transform=place, parse_math=False, **look)  # dollars are no formulas

    def rule(y: float, thickness: float) -> None:
        ends = (_MARGIN, table.width - _MARGIN)
        look = {"color": "black", "marker": "", "linestyle": "-", "linewidth": thickness}
        figure.add_artist(Line2D(ends, (y, y), transform=place, **look))

    write(_MARGIN, _MARGIN, heading)
    y = _MARGIN + table.heading_height(heading)
    for columns, rows in page:
        edges = list(_edges(columns, table.gap))
        rule(y, _HEAVY)
        y += table.pad + table.head_height(columns)
        for (x, align), column in zip(edges, columns, strict=True):
            write(x, y - table.pitch * len(column.head), column.head, align)
        y += table.pad
        rule(y, _LIGHT)
        y += table.pad
        for row in rows:
            y += table.space_above(row, rows)
            for (x, align), column in zip(edges, columns, strict=True):
                write(x, y, column.cells[row], align)
            y += table.row_height(columns, row)
        y += table.pad
        rule(y, _HEAVY)
        y += table.size
    return figure


def _edges(columns: Sequence[_Column], gap: float) -> Iterator[tuple[float, str]]:
    """Where the texts of each column begin, or end."""
    left = float(_MARGIN)
    for column in columns:
        yield (left + column.width, "right") if column.right else (left, "left")
        left += column.width + gap
