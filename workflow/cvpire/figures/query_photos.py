"""Queries of a dataset, at equal distances in the order of their names."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from cvpire.figures.choosing import evenly_spaced, given
from cvpire.figures.panels import balanced, panel_rows
from cvpire.figures.style import Drawn, style
from cvpire.results import Results

if TYPE_CHECKING:
    from cvpire.config import FigureOptions


def draw(results: Results, shown: "FigureOptions") -> Drawn:
    """Some queries of a dataset."""
    names = evenly_spaced(results.listing(shown.dataset).queries, **given(count=shown.count))
    return Drawn(query_photos({name: results.photo(shown.dataset, name) for name in names}))


@style()
def query_photos(photos: Mapping[str, np.ndarray], columns: int = 3) -> Figure:
    """Draw queries uncropped in rows of equal height, each over its name.

    Parameters
    ----------
    photos : mapping of str to (H, W, 3) uint8 array
        RGB photos by the query's name; see `choosing.evenly_spaced`.
    columns : int
        Most photos in a row.
    """
    panels = [(photo, name) for name, photo in photos.items()]
    figure, _ = panel_rows([("", row) for row in balanced(panels, columns)], tallest=2.4)
    return figure
