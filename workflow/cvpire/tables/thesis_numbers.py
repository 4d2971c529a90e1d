"""What the thesis prints in Tables 4.1 and 4.2, to stand beside our own numbers."""

import math

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

DATASETS = ("oxford5k", "paris6k")
"""The thesis's datasets, in the order of its columns."""

_MEASURES = ("mAP (trapezoid)", "mSSIM (range 2)")


def printed(kind: str | None, measure: str, method: str, multiplier: float | None, iterations: int | None) -> float:
    """What Table 4.1 or 4.2 prints for a method on a dataset.

    Parameters
    ----------
    kind : {"oxford5k", "paris6k"} or None
        The thesis's dataset.
    measure : str
        The thesis gives `mAP (trapezoid)`, in percent, and `mSSIM (range 2)`.
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
    if row is None or kind is None or measure not in _MEASURES:
        return math.nan
    return row[2 * DATASETS.index(kind) + _MEASURES.index(measure)]
