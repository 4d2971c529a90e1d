"""Which multiplier takes a query as far as chance: what section 4.2.3 reads off Figure 4.4, as numbers."""

from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from cvpire.measures import MEASURES
from cvpire.tables.selection import attacks_of, method_labels, own_victim, random_percent, select

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cvpire.config import TableOptions
    from cvpire.results import Results


class Reading(NamedTuple):
    """Where the mAP of an attack falls to that of a random ranking."""

    smallest: float | None
    """The smallest measured multiplier there; None where it is nowhere so low."""
    interpolated: float | None
    """Between that and the one before, where a straight line crosses the level; None where there is no one before."""


def reading(maps: "Mapping[float, float]", level: float) -> Reading:
    """Read off a curve where it first falls to a level.

    Parameters
    ----------
    maps : mapping
        mAP by multiplier, in any order.
    level : float
        In the same unit.

    Examples
    --------
    >>> reading({10: 9.0, 20: 5.0, 30: 1.0}, 2.0)
    Reading(smallest=30, interpolated=27.5)
    >>> reading({10: 9.0}, 2.0)
    Reading(smallest=None, interpolated=None)
    """
    before = None
    for multiplier in sorted(maps):
        if maps[multiplier] <= level:
            if before is None:
                return Reading(multiplier, None)
            share = (maps[before] - level) / (maps[before] - maps[multiplier])
            return Reading(multiplier, before + share * (multiplier - before))
        before = multiplier
    return Reading(None, None)


def calibration_table(results: "Results", options: "TableOptions") -> pd.DataFrame:
    """Read the multiplier at the random level off each attack's curve (section 4.2.3, Figure 4.4).

    Parameters
    ----------
    results : Results
        Of a run, with the mAP of random rankings. Only rows count that the attacked network itself ranked, after as
        many iterations as go into Table 4.1.
    options : TableOptions
        Not asked.

    Returns
    -------
    DataFrame
        One row a dataset and attack: `dataset`, `method`, `iterations`, `multipliers` (how many were measured),
        `random mAP` and `smallest mAP` in percent, `at m` (where that is), `smallest m` and `interpolated m` at the
        random level, as `reading` has them; where an attack calibrates, also `mean m` of its photos, the smallest and
        the largest, and `within the limit (%)`, the share of photos that keep it. Cells without a value are empty.
    """
    rows = own_victim(results.queries)
    labels, table = method_labels(rows), []
    for dataset in rows["dataset"].unique():
        of_dataset, level = select(rows, dataset=dataset), random_percent(results.random, dataset)
        for attack in attacks_of(of_dataset):
            chosen = select(of_dataset, attack=attack)
            steps = int(select(chosen, headline=True)["iteration"].iloc[0])
            chosen = select(chosen, iteration=steps)
            found = {"dataset": dataset, "method": labels[attack, chosen["network"].iloc[0]], "iterations": steps}
            table.append(found | _curve(chosen, level) | _photos(chosen))
    return pd.DataFrame(table).astype({"smallest m": float, "interpolated m": float})


def map_by_multiplier(rows: pd.DataFrame) -> dict[float, float]:
    """Mean average precision in percent by multiplier, of one attack on one dataset after as many iterations."""
    ap = MEASURES["ap"]
    return (ap.factor * rows.groupby("multiplier")[ap.column].mean()).to_dict()


def _curve(rows: pd.DataFrame, level: float) -> dict[str, Any]:
    maps = map_by_multiplier(rows)
    lowest, read = min(maps, key=maps.get), reading(maps, level)
    return {
        "multipliers": len(maps),
        "random mAP": round(level, 2),
        "smallest mAP": round(maps[lowest], 2),
        "at m": lowest,
        "smallest m": read.smallest,
        "interpolated m": None if read.interpolated is None else round(read.interpolated, 1),
    }


def _photos(rows: pd.DataFrame) -> dict[str, Any]:
    """What an attack has found for each photo, if anything."""
    found = rows["found_multiplier"].astype(float)
    if found.isna().all():
        return {}
    return {
        "mean m": round(found.mean(), 1),
        "smallest of a photo": round(found.min(), 1),
        "largest of a photo": round(found.max(), 1),
        "within the limit (%)": round(100 * rows["within_limit"].astype(bool).mean(), 1),
    }
