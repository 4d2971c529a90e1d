"""A query and variance maps of it, whole and magnified."""

from typing import TYPE_CHECKING

from cvpire.figures.choosing import shown_query, shown_square
from cvpire.figures.magnified import magnified
from cvpire.figures.style import Drawn
from cvpire.results import Results

if TYPE_CHECKING:
    from cvpire.config import FigureOptions


def draw(results: Results, shown: "FigureOptions") -> Drawn:
    """A query and its variance maps."""
    query = shown_query(results, shown)
    photo = results.photo(shown.dataset, query)
    labels = results.run.maps
    maps = {labels[name]: results.variance(shown.dataset, name, query, photo.shape) for name in shown.maps}
    return Drawn(magnified({"Photo": photo} | maps, shown_square(results, shown, query, photo.shape)))
