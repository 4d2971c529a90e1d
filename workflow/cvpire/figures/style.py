"""What all figures share: their look, how means are drawn, and how a figure becomes files."""

import textwrap
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path

from cvpire.figures import fonts
from cvpire.files import whole, write_csv

if TYPE_CHECKING:
    import pandas as pd

STYLE = Path(__file__).with_name("cvpire.mplstyle")

VECTOR_DPI = 300
"""Resolution of photos inside vector files, for those who zoom in."""

MARK = "#D55E00"
"""Colour of what is marked on a photo: Okabe and Ito's vermilion."""

# Metadata is what would otherwise hold the date.
_FORMATS = {
    ".svg": {"metadata": {"Date": None}, "dpi": VECTOR_DPI},
    ".png": {"dpi": "figure"},
    ".pdf": {"metadata": {"CreationDate": None}, "dpi": VECTOR_DPI},
}


class Drawn(NamedTuple):
    """What a figure's module hands out."""

    figure: Figure
    data: "pd.DataFrame | None" = None
    """What is drawn, where it is numbers; written beside the figure."""


def style() -> AbstractContextManager[None]:
    """Matplotlib's settings of this project, as a context or as a decorator; a user's own settings do not count."""
    return matplotlib.style.context(STYLE, after_reset=True)


def save(figure: Figure, stem: str | Path, pages: Sequence[Figure] = ()) -> list[Path]:
    """Write a figure as `stem`.svg, `stem`.png and `stem`.pdf; the same figure always gives the same bytes.

    Parameters
    ----------
    figure : Figure
        Made by a function of this package; its own resolution (200 dpi by the style) is that of the PNG.
    stem : str or Path
        Path without suffix, such as results/figures/figure-4.3.
    pages : sequence of Figure
        What the PDF has instead, one a page, where the figure is too high for one.

    Returns
    -------
    list of Path
        The files written.
    """
    paths = []
    with style(), fonts.quiet():
        for each in (figure, *pages):
            _settle(each)
        for suffix, options in _FORMATS.items():
            paths.append(Path(f"{stem}{suffix}"))
            with whole(paths[-1]) as temporary:
                if suffix == ".pdf" and pages:
                    _save_pages(pages, temporary, **options)
                else:
                    figure.savefig(temporary, **options)
    return paths


def _settle(figure: Figure) -> None:
    """Find the layout once and keep it: finding it again would move things by rounding errors."""
    figure.draw_without_rendering()
    if fonts.complete(figure):  # labels of ticks are there only now
        figure.draw_without_rendering()
    figure.set_layout_engine("none")


def _save_pages(pages: Sequence[Figure], path: Path, metadata: Mapping[str, None], dpi: float) -> None:
    with PdfPages(path, metadata=metadata) as file:
        for page in pages:
            file.savefig(page, dpi=dpi)


def write(drawn: Drawn, stem: str | Path) -> list[Path]:
    """Write a figure as `save` does, and its data, where it has any, as `stem`.csv."""
    paths = save(drawn.figure, stem)
    if drawn.data is not None:
        paths.append(Path(f"{stem}.csv"))
        write_csv(paths[-1], drawn.data)
    return paths


def plot_reference(axes: Axes, height: float, label: str | None = None, colour: str = "black") -> Line2D:
    """Draw a dashed horizontal line without markers; only references look so."""
    return axes.axhline(height, label=label, color=colour, linestyle="--", linewidth=0.8, marker="")


def start_at_zero(axes: Axes) -> None:
    """Let the y axis begin at zero, and leave room for a marker there."""
    axes.set_ylim(bottom=-0.02 * axes.get_ylim()[1])


def set_title(axes: Axes, title: str) -> None:
    """Set a title that stays within the column."""
    axes.set_title(wrapped(title, 50))


def legend_below(figure: Figure, handles: list[Line2D]) -> None:
    """Put one legend below the axes and make the figure higher by it, so that the axes keep their size."""
    labels = [wrapped(str(handle.get_label()), 44) for handle in handles]
    size = matplotlib.rcParams["legend.fontsize"]  # points
    # A column holds a handle, its text and the gaps.
    gaps = size * sum(
        matplotlib.rcParams[f"legend.{gap}"] for gap in ("handlelength", "handletextpad", "columnspacing")
    )
    widths = [gaps + max(width_of(line, size) for line in label.splitlines()) for label in labels]
    room = 72 * figure.get_figwidth() - size
    for rows in range(1, len(labels) + 1):
        columns = [slice(start, start + rows) for start in range(0, len(labels), rows)]
        if sum(max(widths[column]) for column in columns) <= room:
            break
    lines = max(sum(1 + label.count("\n") for label in labels[column]) for column in columns)
    figure.set_figheight(figure.get_figheight() + 0.16 * lines)
    figure.legend(handles, labels, loc="outside lower center", ncols=len(columns))


def wrapped(text: str, width: int) -> str:
    """Break a text into lines of at most `width` letters."""
    return textwrap.fill(text, width)


def fitted(text: str, width: float, size: float) -> str:
    """Break each line of a text of `size` points where it would be wider than `width` inches."""
    return "\n".join(_fitted_line(line, 72 * width, size) for line in text.splitlines())


def _fitted_line(line: str, room: float, size: float) -> str:
    def too_wide(letters: int) -> bool:
        return any(width_of(part, size) > room for part in textwrap.wrap(line, letters))

    letters = bisect_left(range(1, len(line) + 1), True, key=too_wide)
    return textwrap.fill(line, max(1, letters))


def width_of(text: str, size: float) -> float:
    """Width of a line of text in points, at a size in points."""
    font = FontProperties(family=["sans-serif", *fonts.families(text)], size=size)
    with fonts.quiet():
        return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]
