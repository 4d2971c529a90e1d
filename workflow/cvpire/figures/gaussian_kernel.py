"""The Gaussian kernel."""

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cvpire.figures.style import Drawn, style
from cvpire.variance.colour import gaussian

if TYPE_CHECKING:
    from cvpire.config import FigureOptions
    from cvpire.results import Results


def draw(results: "Results", shown: "FigureOptions") -> Drawn:
    """The thesis's kernel."""
    return Drawn(gaussian_kernel())


@style()
def gaussian_kernel(kernel_size: int = 3, sigma: float = 1.0) -> Figure:
    """Draw the kernel that the thesis's figure shows beside the one that weighs colour differences.

    They differ: the former is `pixel_means`, the latter `centre_values`.

    Parameters
    ----------
    kernel_size : int
        n, odd; up to 7 the weights are written into the cells.
    sigma : float
        Standard deviation in pixels.
    """
    kernels = {
        "(a) Pixel means, sum 1": pixel_means(kernel_size, sigma),
        "(b) Pixel centres": centre_values(kernel_size, sigma),
    }
    highest = max(kernel.max() for kernel in kernels.values())
    figure = Figure(figsize=(3.5, 2.55) if kernel_size <= 3 else (7.0, 4.3), layout="compressed")
    panels = figure.subplots(1, 2)
    reach = kernel_size // 2
    for panel, (title, kernel) in zip(panels, kernels.items(), strict=True):
        edge = reach + 0.5
        image = panel.imshow(
            kernel, cmap="cividis", vmin=0, vmax=highest, interpolation="none", extent=(-edge, edge, edge, -edge)
        )
        panel.set(title=title, xlabel="x (pixels)", xticks=range(-reach, reach + 1), yticks=range(-reach, reach + 1))
        panel.tick_params(length=0)
        panel.grid(visible=False)
        panel.spines[:].set_visible(False)
        for (row, column), weight in np.ndenumerate(kernel) if kernel_size <= 7 else ():
            colour = "black" if weight > 0.5 * highest else "white"
            panel.text(column - reach, row - reach, f"{weight:.4f}", color=colour, size=7, ha="center", va="center")
    panels[0].set_ylabel("y (pixels)")
    figure.colorbar(image, ax=panels, location="bottom", label="Weight", ticks=MaxNLocator(5), aspect=40, shrink=0.8)
    return figure


def centre_values(kernel_size: int, sigma: float) -> np.ndarray:
    """Equation 2.13 at the pixels' centres, shape (n, n): the weights of Algorithm 1; they do not sum to 1."""
    distances = range(-(kernel_size // 2), kernel_size // 2 + 1)
    return np.array([[gaussian(x, y, sigma) for x in distances] for y in distances])


def pixel_means(kernel_size: int, sigma: float) -> np.ndarray:
    """Equation 2.13 averaged over each pixel's area and divided by the sum, shape (n, n): the thesis's Figure 2.14."""
    reach = kernel_size // 2
    below = [NormalDist(0, sigma).cdf(edge - reach - 0.5) for edge in range(kernel_size + 1)]
    line = np.diff(below)
    return np.outer(line, line) / line.sum() ** 2
