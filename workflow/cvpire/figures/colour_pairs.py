"""Two pairs of colours, equally far apart in RGB but not to the eye."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from cvpire.colour import ciede2000, srgb_to_lab
from cvpire.figures.style import Drawn, style

if TYPE_CHECKING:
    from cvpire.config import FigureOptions
    from cvpire.results import Results

Colour = tuple[int, int, int]

PAIRS = (((230, 30, 30), (230, 140, 30)), ((30, 230, 30), (140, 230, 30)))
"""Red and orange, and two greens, as in the thesis; in each pair, one channel differs by 110."""


def draw(results: "Results", shown: "FigureOptions") -> Drawn:
    """The thesis's pairs."""
    return Drawn(colour_pairs())


@style()
def colour_pairs(pairs: Sequence[tuple[Colour, Colour]] = PAIRS) -> Figure:
    """Draw pairs of colours side by side over their two distances.

    Parameters
    ----------
    pairs : sequence of (colour, colour)
        sRGB, each channel in 0 to 255.
    """
    figure = Figure(figsize=(3.5, 1.6), layout="compressed")
    for panel, pair in zip(figure.subplots(1, len(pairs), squeeze=False).flat, pairs, strict=True):
        panel.imshow(np.array([pair], dtype=np.uint8), interpolation="none", aspect=1.2)
        rgb, perceived = distances(*pair)
        panel.set_xticks([0, 1], [", ".join(map(str, colour)) for colour in pair])
        panel.tick_params(length=0)
        panel.set(yticks=[], xlabel=f"RGB distance {rgb:.1f}\nCIEDE2000 {perceived:.1f}")
        panel.grid(visible=False)
        panel.spines[:].set_visible(False)
    return figure


def distances(one: Colour, other: Colour) -> tuple[float, float]:
    """Distances of two colours: Euclidean in RGB (eq. 2.12), scaled so that 100 is the largest, and CIEDE2000."""
    values = np.array([one, other]) / 255
    return 100 * math.dist(*values) / math.sqrt(3), float(ciede2000(*map(srgb_to_lab, values)))
