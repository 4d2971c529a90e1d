"""What the thesis prints in Tables 4.1 and 4.2, to stand beside our own numbers."""

import math

from cvpire.datasets.benchmarks import THESIS
from cvpire.measures import MEASURES

# PIRE's multiplier is not given. SSIM is that of data range 2, mAP the trapezoid (docs/reproduction.md).
_PRINTED = {
    # method, multiplier, iterations: Oxford-5k mAP (%), mSSIM; Paris-6k mAP (%), mSSIM
    ("Original", None, None): (74.42, 1.00, 87.26, 1.00),
    ("CV-PIRE", 50, 100): (5.07, 0.916, 8.90, 0.911),
    ("SD-PIRE", 50, 100): (4.69, 0.908, 8.70, 0.904),
    ("SD-PIRE", 49, 100): (4.48, 0.909, 9.08, 0.906),
    ("SD-PIRE", 48, 100): (4.63, 0.911, 9.01, 0.908),
    ("SD-PIRE", 47, 100): (4.72, 0.913, 9.13, 0.910),
    ("SD-PIRE", 46, 100): (4.82, 0.916, 9.25, 0.911),
    ("SD-PIRE", 45, 100): (4.84, 0.917, 9.72, 0.913),
    ("SD-PIRE", 44, 100): (5.28, 0.919, 9.76, 0.915),
    ("SD-PIRE", 43, 100): (5.33, 0.921, 9.82, 0.917),
    ("SD-PIRE", 42, 100): (5.90, 0.924, 10.9, 0.920),
    ("PIRE", None, 500): (4.66, 0.793, 9.12, 0.783),
}

TABLE_4_1 = {"CV-PIRE": (50, 100), "SD-PIRE": (50, 100), "PIRE": (None, 500)}
"""Attacks of Table 4.1 in its order: multiplier and iterations."""

_COLUMNS = ("ap_trapezoid", "ssim_range_2")
"""What it prints, by its column of queries.csv."""


def printed(kind: str | None, column: str, method: str, multiplier: float | None, iterations: int | None) -> float:
    """What Table 4.1 or 4.2 prints for a method on a dataset.

    Parameters
    ----------
    kind : str or None
        Of the dataset; the thesis has oxford5k and paris6k.
    column : str
        Of queries.csv; the thesis gives `ap_trapezoid`, in percent, and `ssim_range_2`.
    method : str
        Label, such as CV-PIRE, or Original.
    multiplier, iterations : number, optional
        None for the unattacked queries. Any multiplier of PIRE will do: the thesis does not give it.

    Returns
    -------
    float
        NaN where the thesis prints nothing for these.
    """
    row = _PRINTED.get((method, multiplier, iterations), _PRINTED.get((method, None, iterations)))
    if row is None or kind not in THESIS or column not in _COLUMNS:
        return math.nan
    return row[2 * THESIS.index(kind) + _COLUMNS.index(column)]


def printed_in_table_4_1(kind: str | None, column: str, method: str) -> float:
    """What Table 4.1 prints for an attack, as queries.csv would hold it (mAP in [0, 1]); see `printed`."""
    if method not in TABLE_4_1 or column not in _COLUMNS:
        return math.nan
    # Rounded, since 4.69 / 100 is not 0.0469.
    return round(printed(kind, column, method, *TABLE_4_1[method]) / MEASURES[column].factor, 6)
