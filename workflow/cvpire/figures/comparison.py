"""Figure 4.6: one query under each attack, whole and magnified."""

from collections.abc import Mapping
from string import ascii_lowercase

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cvpire.errors import InputError
from cvpire.figures.style import style, wrapped
from cvpire.tables.selection import ORIGINAL, attacks_of, method_labels, own_victim, select


@style()
def comparison(
    results: pd.DataFrame, photos: Mapping[str, np.ndarray], dataset: str, query: str, crop: tuple[int, int, int]
) -> Figure:
    """Draw a query and its adversarial versions, above whole, below magnified (Figure 4.6).

    Parameters
    ----------
    results : DataFrame
        Rows of queries.csv; the captions' AP and SSIM are the headline ones of the whole photo.
    photos : mapping of str to (H, W, 3) uint8 array
        RGB photos by attack, in the order of the panels; the unattacked one by the name `original`.
    dataset, query : str
        Which query it is.
    crop : (left, top, side)
        Magnified square, in pixels of the photo; see `choose_crop`.

    Returns
    -------
    Figure
        One column for each photo. Magnified pixels are repeated, never mixed.

    Raises
    ------
    InputError
        Where photos differ in size, the crop leaves them, or the results lack an attack, the dataset or the query.
    """
    shapes = {photo.shape for photo in photos.values()}
    if len(shapes) != 1:
        sizes = ", ".join(f"{attack} {photo.shape[:2]}" for attack, photo in photos.items()) or "none given"
        raise InputError(f"photos of query {query!r} differ in size (height, width): {sizes}")
    height, width, _ = shapes.pop()
    left, top, side = crop
    if min(left, top) < 0 or side < 1 or left + side > width or top + side > height:
        raise InputError(f"crop {crop} (left, top, side) leaves the photo of {width} x {height} pixels")

    panel = 1.75 if len(photos) > 2 else 2.4  # inches
    captions = _captions(own_victim(results), dataset, query, list(photos), letters=round(13 * panel))
    lines = 1 + max(caption.count("\n") for caption in captions)
    size = panel * len(photos) + 0.2, panel * (height / width + 1) + 0.15 * lines + 0.1
    figure = Figure(figsize=size, layout="compressed")
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0, hspace=0)
    uppers, lowers = figure.subplots(2, len(photos), squeeze=False, height_ratios=[height / width, 1])
    for upper, lower, photo, caption in zip(uppers, lowers, photos.values(), captions, strict=True):
        upper.imshow(photo)
        upper.add_patch(Rectangle((left - 0.5, top - 0.5), side, side, fill=False, color="red", linewidth=1))
        # Repeated here, since viewers of vector files may smooth an image that they enlarge.
        repeat = max(1, round(width / side))
        magnified = photo[top : top + side, left : left + side].repeat(repeat, axis=0).repeat(repeat, axis=1)
        lower.imshow(magnified, interpolation="none")
        lower.set_xlabel(caption)
        upper.spines[:].set_visible(False)
        lower.spines[:].set(visible=True, color="red", linewidth=1)
        for axes in (upper, lower):
            axes.set(xticks=[], yticks=[])
    lowers[0].set_ylabel(f"{width / side:.2g} times enlarged")
    return figure


def choose_query(results: pd.DataFrame, dataset: str) -> str:
    """Choose the query on which the attacks work neither well nor badly.

    Parameters
    ----------
    results : DataFrame
        Rows of queries.csv.
    dataset : str
        Which dataset.

    Returns
    -------
    str
        The query whose drop of AP, from the unattacked to the headline result and averaged over the attacks, is the
        median; of an even number, the lower of the two in the middle. Equal drops are in the order of the names.

    Raises
    ------
    InputError
        Where the dataset, an attack on it, or a query of either is missing.
    """
    rows = select(own_victim(results), dataset=dataset)
    rows = rows[rows["headline"].astype(bool)]
    drops = {}
    for attack in attacks_of(rows):
        attacked = select(rows, attack=attack)
        original = select(rows, attack=ORIGINAL, network=attacked["network"].iloc[0])
        drops[attack] = original.set_index("query")["ap"] - attacked.set_index("query")["ap"]
    # Attacks by name and rounded means, so that neither the rows' order nor the last bit decides.
    table = pd.DataFrame(drops).sort_index(axis=1)
    if table.isna().any(axis=None):
        raise InputError(
            f"results: dataset {dataset!r}: query {table.index[table.isna().any(axis=1)][0]!r} is incomplete"
        )
    mean = table.mean(axis=1).round(12)
    ranked = sorted(mean.index, key=lambda query: (mean[query], query))
    return ranked[(len(ranked) - 1) // 2]


def crop_side(shape: tuple[int, ...], magnification: int = 5) -> int:
    """Side in pixels of the square that, magnified, is as wide as the photo; at least 16, and within the photo.

    Parameters
    ----------
    shape : (H, W, ...)
        Of the photo.
    magnification : int
        Wanted magnification; smaller photos get less.
    """
    height, width = shape[:2]
    return min(max(16, width // magnification), height, width)


def choose_crop(variance_map: np.ndarray, side: int) -> tuple[int, int, int]:
    """Choose the square that holds both flat and busy pixels.

    Parameters
    ----------
    variance_map : (H, W) float array
        Values in [0, 1].
    side : int
        Side in pixels, at most the shorter side of the map.

    Returns
    -------
    left, top, side : int
        The square in which the map, in 8 bits, has the greatest standard deviation; of equal ones the first in
        reading order.

    Raises
    ------
    InputError
        Where the square is larger than the map.
    """
    height, width = variance_map.shape
    if not 1 <= side <= min(height, width):
        raise InputError(f"crop: a square of side {side} does not fit a photo of {width} x {height} pixels")
    # Integers keep the sums exact, so that equal windows compare as equal.
    values = np.rint(np.clip(variance_map, 0, 1) * 255).astype(np.int64)
    spread = side**2 * _window_sums(values**2, side) - _window_sums(values, side) ** 2  # side^4 * variance
    top, left = np.unravel_index(np.argmax(spread), spread.shape)
    return int(left), int(top), side


def _window_sums(values: np.ndarray, side: int) -> np.ndarray:
    # (H, W) -> (H - side + 1, W - side + 1), by the integral image
    integral = np.pad(values, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    return integral[side:, side:] - integral[:-side, side:] - integral[side:, :-side] + integral[:-side, :-side]


def _captions(rows: pd.DataFrame, dataset: str, query: str, attacks: list[str], letters: int) -> list[str]:
    labels = method_labels(rows)
    rows = select(rows, dataset=dataset, query=query)
    # Where attacks differ in their network, the first one's network ranks the unattacked query too.
    attacked = [select(rows, attack=attack)["network"].iloc[0] for attack in attacks if attack != ORIGINAL]
    captions = []
    for letter, attack in zip(ascii_lowercase, attacks, strict=False):
        known = select(rows, attack=attack, network=attacked[0]) if attack == ORIGINAL and attacked else rows
        row = select(known, attack=attack, headline=True).iloc[0]
        name = wrapped(f"({letter}) {labels[attack, row['network']]}", letters)
        captions.append(f"{name}\nAP = {_short(100 * row['ap'])}, SSIM = {row['ssim']:.3f}")
    return captions


def _short(percent: float) -> str:
    # Two digits, as in the thesis: 83, 16, 8.7
    return f"{percent:.0f}" if percent >= 9.95 else f"{percent:.1f}"
