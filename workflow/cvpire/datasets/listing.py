"""dataset.json: a dataset's photos, queries and answers, as the stages after it read them."""

import json
from pathlib import Path
from typing import Any

from cvpire.datasets import Dataset, Query, revisited_answers, some
from cvpire.errors import InputError, reason, shown
from cvpire.files import write_json


def write_listing(path: str | Path, dataset: Dataset) -> None:
    """Write a dataset as JSON."""
    write_json(
        path,
        {
            "notes": list(dataset.notes),
            "queries": {name: _as_json(query) for name, query in dataset.queries.items()},
            "database": list(dataset.database),
            "photos": {name: str(photo) for name, photo in dataset.photos.items()},
        },
    )


def read_listing(path: str | Path) -> Dataset:
    """Read a dataset that `write_listing` wrote."""
    try:
        read = json.loads(Path(path).read_text(encoding="utf-8"))
        queries = {name: _as_query(entry) for name, entry in read["queries"].items()}
        photos = {name: Path(photo) for name, photo in read["photos"].items()}
        dataset = Dataset(photos, _texts(read["database"]), queries, _texts(read["notes"]))
        if lacking := {*dataset.database, *queries} - photos.keys():
            raise ValueError(f"no photo of {some(lacking)}")
        return dataset
    except FileNotFoundError:
        raise InputError(f"{path}: no such dataset file; `cvpire dataset` makes it") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{path}: not a dataset file of `cvpire dataset` ({type(error).__name__}: {reason(error)}); "
            "delete it and run again"
        ) from None


def _as_json(query: Query) -> dict[str, Any]:
    entry = {"relevant": sorted(query.relevant), "junk": sorted(query.junk), "box": query.box}
    # Easy and hard photos are enough to know the answers at every difficulty.
    graded = ("easy", "hard") if query.difficulties else ()
    return entry | {difficulty: sorted(query.difficulties[difficulty][0]) for difficulty in graded}


def _as_query(entry: dict[str, Any]) -> Query:
    relevant, junk = (frozenset(_texts(entry[key])) for key in ("relevant", "junk"))
    difficulties = {}
    if "easy" in entry:
        easy, hard = (frozenset(_texts(entry[key])) for key in ("easy", "hard"))
        difficulties = revisited_answers(easy, hard, junk)
    return Query(relevant, junk, None if entry["box"] is None else _box(entry["box"]), difficulties)


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError(f"expected a list of texts, found {shown(values)}")
    return tuple(values)


def _box(values: Any) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = values
    if not all(type(value) in (int, float) and abs(value) < 1e9 for value in values):
        raise TypeError(f"expected four numbers, found {shown(values)}")
    return x0, y0, x1, y1
