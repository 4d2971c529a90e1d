"""One query under some attacks, whole and magnified."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cvpire.figures.captions import measured, scores
from cvpire.figures.choosing import shown_query, shown_square
from cvpire.figures.magnified import magnified
from cvpire.figures.panels import Square
from cvpire.figures.style import Drawn
from cvpire.layout import ORIGINAL
from cvpire.results import Results
from cvpire.tables.selection import own_victim

if TYPE_CHECKING:
    from cvpire.config import FigureOptions


def draw(results: Results, shown: "FigureOptions") -> Drawn:
    """A query, unattacked and under some attacks."""
    query = shown_query(results, shown)
    photos = {attack: results.photo(shown.dataset, query, attack) for attack in (ORIGINAL, *shown.attacks)}
    square = shown_square(results, shown, query, photos[ORIGINAL].shape)
    return Drawn(side_by_side(results.queries, photos, shown.dataset, query, square))


def side_by_side(
    rows: pd.DataFrame, photos: Mapping[str, np.ndarray], dataset: str, query: str, square: Square
) -> Figure:
    """Draw a query and its adversarial versions, above whole, below magnified.

    Parameters
    ----------
    rows : DataFrame
        Rows of queries.csv; the captions' AP and SSIM are the headline ones of the whole photo.
    photos : mapping of str to (H, W, 3) uint8 array
        RGB photos by attack, in the order of the panels; the unattacked one by the name `original`.
    dataset, query : str
        Which query it is.
    square : (left, top, side)
        What is magnified, in pixels of the photo; see `cvpire.figures.choosing.choose_crop`.

    Returns
    -------
    Figure
        As `cvpire.figures.magnified.magnified`.

    Raises
    ------
    InputError
        Where photos differ in size, the square leaves them, or the rows lack an attack, the dataset or the query.
    """
    found = measured(own_victim(rows), dataset, query, list(photos))
    captions = [f"{row['label']}\n{scores(row)}" for row in found]
    return magnified(dict(zip(captions, photos.values(), strict=True)), square)
