"""The same perturbation where a photo is flat and where it is busy."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from cvpire.errors import InputError
from cvpire.figures.choosing import choose_crop, crop_side, given, window_sums
from cvpire.figures.panels import Square, cut, frame, mark_square, panel_rows, whole_pixels
from cvpire.figures.style import Drawn, style
from cvpire.results import Results
from cvpire.variance.luminance import grey_values

if TYPE_CHECKING:
    from cvpire.config import FigureOptions


def draw(results: Results, shown: "FigureOptions") -> Drawn:
    """A photo, with squares chosen by the variance map of it that bounds an attack."""
    photo = results.photo(shown.dataset, shown.query)
    variance = results.variance(shown.dataset, shown.maps[0], shown.query, photo.shape)
    return Drawn(flat_and_busy(photo, variance, **given(magnification=shown.magnification)))


@style()
def flat_and_busy(
    photo: np.ndarray,
    variance: np.ndarray,
    *,
    flat: Square | None = None,
    busy: Square | None = None,
    magnification: int = 8,
    amplitude: int = 20,
    seed: int = 0,
) -> Figure:
    """Draw a photo with the same noise in two squares, and the squares before and after, magnified.

    Parameters
    ----------
    photo : (H, W, 3) uint8 array
        RGB.
    variance : (H, W) float array
        Its variance map, in [0, 1].
    flat, busy : (left, top, side), optional
        Squares of one size, in pixels. Default: those of lowest and of highest mean variance whose mean grey value is
        neither so dark nor so light that noise would fit in one direction only (where there are such squares).
    magnification : int
        The side of the default squares is the photo's width divided by it; see `crop_side`.
    amplitude : int
        Largest noise, in grey levels.
    seed : int
        Seed of the noise.

    Raises
    ------
    InputError
        Where photo and map, or the squares, differ in size, a square leaves the photo, or the amplitude is above 127.
    """
    if photo.shape[:2] != variance.shape:
        raise InputError(f"photo {photo.shape[:2]} and variance map {variance.shape} differ in size (height, width)")
    side = crop_side(photo.shape, magnification)
    grey = window_sums(np.rint(grey_values(photo, "bt709")).astype(int), side) / side**2
    room = (grey >= amplitude) & (grey <= 255 - amplitude)
    squares = [flat or choose_crop(variance, side, "flat", room), busy or choose_crop(variance, side, "busy", room)]
    if squares[0][2] != squares[1][2]:
        raise InputError(f"the squares {squares[0]} and {squares[1]} (left, top, side) differ in size")
    perturbed = perturb(photo, squares, amplitude, seed)
    width, dpi = whole_pixels(squares[0][2], columns=4)
    wholes = [(photo, "(a) Photo"), (perturbed, "(b) The same noise in both squares")]
    captions = iter(("(c) Flat, before", "(d) Flat, after", "(e) Busy, before", "(f) Busy, after"))
    parts = [(cut(image, square), next(captions)) for square in squares for image in (photo, perturbed)]
    figure, (above, below) = panel_rows([("", wholes), ("", parts)], width=width, tallest=2.8, dpi=dpi)
    for panel in above:
        for square, name in zip(squares, ("flat", "busy"), strict=True):
            mark_square(panel, square, name)
    for panel in below:
        frame(panel)
    return figure


def perturb(photo: np.ndarray, squares: list[Square], amplitude: int, seed: int) -> np.ndarray:
    """Add the same noise to each of some squares of a photo.

    Parameters
    ----------
    photo : (H, W, 3) uint8 array
    squares : list of (left, top, side)
        Of one size.
    amplitude : int
        Noise is uniform from -amplitude to amplitude grey levels, at most 127.
    seed : int
        Seed of the noise.

    Returns
    -------
    (H, W, 3) uint8 array
        Every value in the squares changes by the noise's amount: where it would leave 0 to 255, in the other direction.

    Raises
    ------
    InputError
        Where the amplitude is out of range.
    """
    if not 0 <= amplitude <= 127:
        raise InputError(f"amplitude {amplitude}: expected 0 to 127 grey levels")
    side = squares[0][2]
    noise = np.random.default_rng(seed).integers(-amplitude, amplitude, (side, side, 3), endpoint=True)
    perturbed = photo.copy()
    for square in squares:
        part = cut(photo, square).astype(int)
        fits = (part + noise >= 0) & (part + noise <= 255)
        cut(perturbed, square)[:] = np.where(fits, part + noise, part - noise)
    return perturbed
