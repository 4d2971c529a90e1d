"""What the thesis prints (`thesis.csv`), to stand beside our own numbers."""

import csv
import math
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import NamedTuple

from cvpire.datasets.benchmarks import THESIS
from cvpire.measures import MEASURES

TABLE_4_1 = {"CV-PIRE": (50, 100), "SD-PIRE": (50, 100), "PIRE": (None, 500)}
"""Attacks of Table 4.1 in its order: multiplier and iterations."""


class Printed(NamedTuple):
    """A number of the thesis."""

    place: str
    """Table 4.1, Figure 3.2, Section 4.2.3."""
    dataset: str
    """Kind of the dataset that it is about: oxford5k or paris6k; empty where it is about none, or does not say."""
    method: str
    """Label, such as CV-PIRE, or Original; `PIRE (fast)` is PIRE at the learning rate of the others (Figure A.4)."""
    multiplier: float | None
    """None where there is none, and of PIRE, whose multiplier the thesis does not give."""
    iterations: int | None
    query: str
    """Photo that a score is of; empty where it is of all, or where it cannot be told."""
    measure: str
    """Column of queries.csv (mAP is the trapezoid, SSIM that of data range 2: docs/reproduction.md), or a name."""
    text: str
    """The number, with the digits that are printed; mAP in percent."""

    @property
    def value(self) -> Decimal:
        """The number."""
        return Decimal(self.text)

    @property
    def decimals(self) -> int:
        """Digits behind the point."""
        return max(0, -int(self.value.as_tuple().exponent))

    @property
    def of_one_query(self) -> bool:
        """Whether it is the score of one photo, and not of a dataset."""
        return self.place.startswith("Figure") and self.measure in MEASURES


@cache
def printed_numbers() -> tuple[Printed, ...]:
    """Every number of the thesis that is a result, in its order: one row of `thesis.csv` each.

    Left out are settings, numbers quoted from other work, repetitions in the text, and curves, which print no numbers.
    Figures 1.2, 4.5, A.2 and A.3 show photos without numbers that could be read.
    """
    with Path(__file__).with_name("thesis.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            Printed(
                row["place"],
                row["dataset"],
                row["method"],
                float(row["multiplier"]) if row["multiplier"] else None,
                int(row["iterations"]) if row["iterations"] else None,
                row["query"],
                row["measure"],
                row["printed"],
            )
            for row in csv.DictReader(file)
        )


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
    if kind not in THESIS:
        return math.nan
    tables = _tables()
    return tables.get(
        (kind, column, method, multiplier, iterations), tables.get((kind, column, method, None, iterations), math.nan)
    )


def printed_in_table_4_1(kind: str | None, column: str, method: str) -> float:
    """What Table 4.1 prints for an attack, as queries.csv would hold it (mAP in [0, 1]); see `printed`."""
    if method not in TABLE_4_1 or column not in MEASURES:
        return math.nan
    # Rounded, since 4.69 / 100 is not 0.0469.
    return round(printed(kind, column, method, *TABLE_4_1[method]) / MEASURES[column].factor, 6)


@cache
def _tables() -> dict[tuple[str, str, str, float | None, int | None], float]:
    return {
        (row.dataset, row.measure, row.method, row.multiplier, row.iterations): float(row.text)
        for row in printed_numbers()
        if row.place.startswith("Table") and row.dataset
    }
