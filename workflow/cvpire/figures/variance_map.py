"""Figure 3.3: a photo and its variance map."""

import numpy as np
from matplotlib.figure import Figure

from cvpire.errors import InputError
from cvpire.figures.style import style


@style()
def variance_map(photo: np.ndarray, variance: np.ndarray) -> Figure:
    """Draw a photo, and its variance map side by side, over the map's colour bar (Figure 3.3).

    Parameters
    ----------
    photo : (H, W, 3) uint8 array
        RGB.
    variance : (H, W) float array
        Values in [0, 1]; 0 is drawn black and 1 white.

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        Where photo and map differ in size.
    """
    if photo.shape[:2] != variance.shape:
        raise InputError(f"photo {photo.shape[:2]} and variance map {variance.shape} differ in size (height, width)")
    height, width = variance.shape
    figure = Figure(figsize=(7.0, 3.45 * height / width + 0.8), layout="compressed")
    left, right = figure.subplots(1, 2)
    # `none` keeps the very pixels: a vector file holds them all, and none is mixed with its neighbours.
    left.imshow(photo, interpolation="none")
    image = right.imshow(variance, cmap="gray", vmin=0, vmax=1, interpolation="none")
    for axes, title in ((left, "Photo"), (right, "Variance map")):
        axes.set_title(title)
        axes.set_axis_off()
    # Below, where its label has room whatever the photo's shape.
    bar = figure.colorbar(image, ax=[left, right], location="bottom", shrink=0.5, aspect=40, pad=0.02)
    bar.set_label("Pixel variance (fraction of the map's maximum)")
    return figure
