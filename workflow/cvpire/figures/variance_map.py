"""A photo and its variance map."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from cvpire.errors import InputError
from cvpire.figures.panels import BAR, panel_rows, variance_bar, whole_pixels
from cvpire.figures.style import Drawn, style
from cvpire.results import Results

if TYPE_CHECKING:
    from cvpire.config import FigureOptions


def draw(results: Results, shown: "FigureOptions") -> Drawn:
    """A photo, and the variance map of it that bounds an attack."""
    photo = results.photo(shown.dataset, shown.query)
    variance = results.variance(shown.dataset, shown.maps[0], shown.query, photo.shape)
    return Drawn(variance_map(photo, variance))


@style()
def variance_map(photo: np.ndarray, variance: np.ndarray) -> Figure:
    """Draw a photo, and its variance map side by side, over the map's colour bar.

    Parameters
    ----------
    photo : (H, W, 3) uint8 array
        RGB.
    variance : (H, W) float array
        Values in [0, 1]; 0 is drawn black and 1 white.

    Returns
    -------
    Figure
        Pixels of photo and map are repeated, never mixed, unless there are too many for the page.

    Raises
    ------
    InputError
        Where photo and map differ in size.
    """
    if photo.shape[:2] != variance.shape:
        raise InputError(f"photo {photo.shape[:2]} and variance map {variance.shape} differ in size (height, width)")
    width, dpi = whole_pixels(variance.shape[1], columns=2)
    panels = [(photo, "(a) Photo"), (variance, "(b) Variance map")]
    figure, ((_, drawn),) = panel_rows([("", panels)], columns=2, width=width, dpi=dpi, footer=BAR)
    variance_bar(figure, drawn)
    return figure
