"""dataset.json: a dataset's photos, queries and answers, as the stages after it read them."""

import json
from pathlib import Path
from typing import Any

from cvpire.datasets import Dataset, Query, revisited_answers
from cvpire.errors import InputError
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
        return Dataset(photos, tuple(read["database"]), queries, tuple(read["notes"]))
    except FileNotFoundError:
        raise InputError(f"{path}: no such dataset file; `cvpire dataset` makes it") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a dataset file of `cvpire dataset` ({error!r})") from None


def _as_json(query: Query) -> dict[str, Any]:
    entry = {"relevant": sorted(query.relevant), "junk": sorted(query.junk), "box": query.box}
    # Easy and hard photos are enough to know the answers at every difficulty.
    graded = ("easy", "hard") if query.difficulties else ()
    return entry | {difficulty: sorted(query.difficulties[difficulty][0]) for difficulty in graded}


def _as_query(entry: dict[str, Any]) -> Query:
    relevant, junk, box = frozenset(entry["relevant"]), frozenset(entry["junk"]), entry["box"]
    difficulties = {}
    if "easy" in entry:
        difficulties = revisited_answers(frozenset(entry["easy"]), frozenset(entry["hard"]), junk)
    return Query(relevant, junk, box and tuple(box), difficulties)
