"""Photos or maps of one size, whole and magnified."""

import math
from collections.abc import Mapping
from itertools import chain
from string import ascii_lowercase

import numpy as np
from matplotlib.figure import Figure

from cvpire.errors import InputError
from cvpire.figures.panels import BAR, Square, cut, frame, mark_square, panel_rows, variance_bar, whole_pixels
from cvpire.figures.style import style

MOST_COLUMNS = 4
"""Images side by side."""
LONGEST = 1.5
"""Height of a whole photo in widths of its column, at most."""


@style()
def magnified(images: Mapping[str, np.ndarray], square: Square) -> Figure:
    """Draw images whole, with one square marked, and below them that square magnified.

    Parameters
    ----------
    images : mapping of str to array
        By caption, in the order of the panels: photos, uint8 (H, W, 3) RGB, or variance maps, (H, W) in [0, 1].
    square : (left, top, side)
        In pixels of the photo; see `cvpire.figures.choosing.choose_crop`.

    Returns
    -------
    Figure
        One column for each image, at most four side by side. Magnified pixels are repeated, never mixed. Maps come with
        a colour bar.

    Raises
    ------
    InputError
        Where images differ in size, or the square leaves them.
    """
    sizes = [image.shape[:2] for image in images.values()]
    if len(set(sizes)) != 1:
        given = ", ".join(f"{caption.splitlines()[0]} {size}" for caption, size in zip(images, sizes, strict=True))
        raise InputError(f"photos to be magnified differ in size (height, width): {given or 'none given'}")
    (height, width), (_, _, side) = sizes[0], square
    panels = [
        (image, f"({letter}) {caption}")
        for letter, (caption, image) in zip(ascii_lowercase, images.items(), strict=False)
    ]
    columns = math.ceil(len(panels) / math.ceil(len(panels) / MOST_COLUMNS))
    bands = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    # An upright photo longer than 3:2 is shown narrower than its column, and the square is enlarged by that more.
    magnification = width / side * max(1, height / (LONGEST * width))
    rows = []
    for band in bands:
        rows.append(("", [(image, "") for image, _ in band]))
        rows.append((f"{magnification:.2g} times enlarged", [(cut(image, square), text) for image, text in band]))
    page, dpi = whole_pixels(side, columns)
    maps = [image.ndim == 2 for image, _ in panels]
    tallest, footer = LONGEST * page / columns, BAR * any(maps)
    figure, axes = panel_rows(rows, columns, width=page, tallest=tallest, dpi=dpi, footer=footer)
    for above, below in zip(chain(*axes[::2]), chain(*axes[1::2]), strict=True):
        mark_square(above, square)
        frame(below)
    if any(maps):
        variance_bar(figure, list(chain(*axes[::2]))[maps.index(True)])
    return figure
