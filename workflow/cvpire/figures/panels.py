"""Photos and maps in rows on a page, placed so that their pixels stay what they are."""

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from cvpire.errors import InputError
from cvpire.figures.style import MARK, VECTOR_DPI, fitted

PAGE = 7.0
"""Width of the page's text, in inches."""
LEAST_DPI, MOST_DPI = 200, 400
"""Resolution of PNG files: between these, where pixels shall be whole; else the lower one."""

_GAP, _EDGE = 0.06, 0.04  # inches, between panels and around all of them

BAR = 0.5
"""Footer that `variance_bar` needs, in inches."""

Square = tuple[int, int, int]
"""Left, top and side of a part of a photo, in pixels."""


def panel_rows(
    rows: Sequence[tuple[str, Sequence[tuple[np.ndarray, str]]]],
    columns: int | None = None,
    *,
    width: float = PAGE,
    tallest: float = math.inf,
    dpi: int = LEAST_DPI,
    footer: float = 0,
) -> tuple[Figure, list[list[Axes]]]:
    """Place photos and maps in rows, each over its caption.

    A photo is shown whole, in its own shape. Where a panel is a whole number of times as wide as its photo, the photo's
    pixels are repeated and never mixed; else a larger photo is reduced by averaging, and a smaller one has its pixels
    repeated before that, so that they stay sharp squares.

    Parameters
    ----------
    rows : sequence of (heading, panels)
        From the top; a panel is an image and its caption. Images are uint8 (H, W, 3) photos in RGB, or (H, W) maps in
        [0, 1], 0 drawn black and 1 white. No heading or caption: an empty string.
    columns : int, optional
        Panels of one row have equal widths, `columns` of them the whole. Default: those of one row have equal heights.
    width : float
        In inches, of the longest row.
    tallest : float
        In inches; higher photos become smaller. Photos stand in the middle of their places, at the bottom of
        their row.
    dpi : int
        Resolution at which pixels are counted, and that of the PNG file.
    footer : float
        Room below, in inches.

    Returns
    -------
    figure : Figure
    axes : list of list of Axes
        Of each row; coordinates are the photo's pixels.
    """
    rows = [(heading, list(panels)) for heading, panels in rows]
    if not rows or not all(panels for _, panels in rows):
        raise InputError("a figure without photos")
    gap, edge, whole = (round(dpi * inches) for inches in (_GAP, _EDGE, width))
    size = rcParams["axes.labelsize"]
    line = math.ceil(1.4 * size * dpi / 72)
    placed, texts, y = [], [], edge
    for number, (heading, panels) in enumerate(rows):
        widths, height = _places([image.shape for image, _ in panels], whole, gap, columns, tallest * dpi)
        heading = fitted(heading, whole / dpi, size)
        texts.append((heading, y))
        y += line * _lines(heading)
        captions = [fitted(caption, place / dpi, size) for (_, caption), place in zip(panels, widths, strict=True)]
        lefts = accumulate((place + gap for place in widths), initial=edge)
        for (image, _), caption, left, place in zip(panels, captions, lefts, widths, strict=False):
            placed.append((image, caption, _within(image.shape, left, y, place, height)))
        lines = max(map(_lines, captions))
        y += height + line * lines + (gap if lines else 0)
        if number < len(rows) - 1:
            y += 2 * gap if lines else gap
    total = whole + 2 * edge, y + edge + round(dpi * footer)
    figure = Figure(figsize=(total[0] / dpi, total[1] / dpi), dpi=dpi)
    figure.set_layout_engine("none")  # not `layout="none"`: saving would turn the style's engine on again
    axes = iter([_draw(figure, total, *panel) for panel in placed])
    for heading, top in texts:
        figure.text(edge / total[0], 1 - top / total[1], heading, size=size, va="top", weight="bold", parse_math=False)
    return figure, [[next(axes) for _ in panels] for _, panels in rows]


def balanced(panels: Sequence, most: int) -> list[Sequence]:
    """Part panels into rows of at most so many, of nearly equal lengths, longer ones first."""
    rows = math.ceil(len(panels) / most) or 1
    cuts = [math.ceil(len(panels) * row / rows) for row in range(rows + 1)]
    return [panels[start:stop] for start, stop in pairwise(cuts)]


def whole_pixels(pixels: int, columns: int) -> tuple[float, int]:
    """Choose a page on which images of so many pixels, side by side, have whole pixels.

    Parameters
    ----------
    pixels : int
        Width of each image.
    columns : int
        How many stand side by side.

    Returns
    -------
    width : float
        Of the row, in inches: as wide as the page, within one in a hundred.
    dpi : int
        Resolution at which a pixel of an image is a whole number of pixels on the page. An image of more pixels than
        `MOST_DPI` shows is not magnified at all, and gets `LEAST_DPI`.
    """
    panel = (PAGE - _GAP * (columns - 1)) / columns
    if pixels > MOST_DPI * panel:
        return PAGE, LEAST_DPI
    shown = math.ceil(LEAST_DPI * panel / pixels) * pixels
    dpi = math.ceil(shown / panel)
    return (columns * shown + (columns - 1) * round(dpi * _GAP)) / dpi, dpi


def cut(image: np.ndarray, square: Square) -> np.ndarray:
    """Cut a square out of a photo or map.

    Raises
    ------
    InputError
        Where the square leaves the photo.
    """
    (height, width), (left, top, side) = image.shape[:2], square
    if min(left, top) < 0 or side < 1 or left + side > width or top + side > height:
        raise InputError(f"crop {square} (left, top, side) leaves the photo of {width} x {height} pixels")
    return image[top : top + side, left : left + side]


def mark_square(axes: Axes, square: Square, label: str = "") -> None:
    """Mark a square on a photo; a white rim parts the line from whatever is below, in colour and in grey."""
    left, top, side = square
    rim = [withStroke(linewidth=2.4, foreground="white")]
    line = {"edgecolor": MARK, "linewidth": 1.2, "path_effects": rim}
    axes.add_patch(Rectangle((left - 0.5, top - 0.5), side, side, fill=False, clip_on=False, **line))
    if label:
        # Above the square, or below one at the photo's top.
        above = top > 0.1 * axes.get_ylim()[0]
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        place = {"xy": (left, top if above else top + side), "xytext": (1, 3 if above else -4)}
        axes.annotate(label, **place, textcoords="offset points", va="bottom" if above else "top", bbox=box)


def frame(axes: Axes, colour: str = MARK, linestyle: str = "-", linewidth: float = 1.2) -> None:
    """Draw a frame around a panel."""
    axes.spines[:].set(visible=True, color=colour, linestyle=linestyle, linewidth=linewidth, capstyle="butt")


def variance_bar(figure: Figure, axes: Axes) -> None:
    """Explain the grey levels of the map in `axes` by a colour bar in the footer."""
    height = figure.get_figheight()
    bar = figure.add_axes((0.25, 0.37 / height, 0.5, 0.08 / height))
    figure.colorbar(axes.images[0], cax=bar, orientation="horizontal")
    bar.set_xlabel("Pixel variance (fraction of the map's maximum)", labelpad=1)


def _places(
    shapes: Sequence[tuple[int, ...]], whole: int, gap: int, columns: int | None, tallest: float
) -> tuple[list[int], int]:
    # Widths of the places of one row, and its height.
    if columns:
        share = (whole - gap * (columns - 1)) // columns
        height = max(share * height / width for height, width, *_ in shapes)
        return [share] * len(shapes), round(min(height, tallest))
    aspects = [width / height for height, width, *_ in shapes]
    height = (whole - gap * (len(shapes) - 1)) / sum(aspects)
    edges = [round(height * aspect) for aspect in accumulate(aspects, initial=0)]
    return [right - left for left, right in pairwise(edges)], round(min(height, tallest))


def _within(shape: tuple[int, ...], left: int, top: int, width: int, height: int) -> tuple[int, int, int, int]:
    # left, top, width, height of the photo within its place
    scale = min(width / shape[1], height / shape[0])
    shown_width, shown_height = max(1, round(scale * shape[1])), max(1, round(scale * shape[0]))
    return left + (width - shown_width) // 2, top + height - shown_height, shown_width, shown_height


def _draw(
    figure: Figure, total: tuple[int, int], image: np.ndarray, caption: str, box: tuple[int, int, int, int]
) -> Axes:
    left, top, width, height = box
    place = left / total[0], 1 - (top + height) / total[1], width / total[0], height / total[1]
    axes = figure.add_axes(place, xticks=[], yticks=[])
    frame(axes, "0.75", linewidth=0.4)  # white sky ends somewhere too
    rows, columns = image.shape[:2]
    exact = width % columns == 0 and height * columns == width * rows
    # Pixels are repeated here, since viewers of vector files may smooth an image that they enlarge; and before some are
    # averaged, so that there are no fewer than are shown.
    repeat = width // columns if exact else math.ceil(VECTOR_DPI * width / figure.dpi / columns)
    shown = image.repeat(repeat, axis=0).repeat(repeat, axis=1)
    extent = (-0.5, columns - 0.5, rows - 0.5, -0.5)
    interpolation = "none" if exact else "antialiased"
    axes.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation=interpolation, extent=extent, aspect="auto")
    axes.set_xlabel(caption, labelpad=2, parse_math=False)
    return axes


def _lines(text: str) -> int:
    return text.count("\n") + 1 if text else 0
