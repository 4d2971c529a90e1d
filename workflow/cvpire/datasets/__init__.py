"""Datasets: which photos there are, which of them are queries, and what is relevant to each query."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from cvpire.errors import InputError


@dataclass(frozen=True)
class Query:
    """What a ranking for one query is measured against. Names are photo names (file stems).

    Photos that are neither relevant nor junk are wrong answers; junk is taken out of the ranking before it is measured.
    """

    relevant: frozenset[str]
    junk: frozenset[str]
    box: tuple[float, float, float, float] | None = None
    """Bounding box (x0, y0, x1, y1) of the landmark in pixels of the upright photo."""


@dataclass(frozen=True)
class Dataset:
    """A database of photos and the queries to it."""

    photos: Mapping[str, Path]
    """Every photo that is a query or in the database, by name."""
    database: tuple[str, ...]
    """Names that are ranked, sorted."""
    queries: Mapping[str, Query]
    """Queries by name, sorted."""
    notes: tuple[str, ...] = ()
    """What was left out and why; a person should read it."""


def with_clean_twin(dataset: Dataset, twin: Literal["relevant", "junk"]) -> Dataset:
    """Decide what a query's own clean photo in the database counts as, and leave out queries without an answer.

    Parameters
    ----------
    dataset : Dataset
    twin : {"relevant", "junk"}
        The thesis counts the clean twin as relevant; `junk` takes it out of the ranking.

    Returns
    -------
    Dataset
        Without the queries that have no relevant photo, and without their photos unless the database has them;
        `notes` names the queries.

    Raises
    ------
    InputError
        No query has a relevant photo.
    """
    database = frozenset(dataset.database)
    queries, left_out = {}, []
    for name, query in dataset.queries.items():
        itself = database & {name}
        if twin == "relevant":
            query = replace(query, relevant=query.relevant | itself, junk=query.junk - itself)
        else:
            query = replace(query, relevant=query.relevant - itself, junk=query.junk | itself)
        if query.relevant:
            queries[name] = query
        else:
            left_out.append(name)
    if not queries:
        raise InputError("no query has a relevant photo in the database: nothing can be measured")
    photos = {name: path for name, path in dataset.photos.items() if name in queries or name in database}
    notes = [f"left out {len(left_out)} queries without a relevant photo ({', '.join(left_out)})"] if left_out else []
    return replace(dataset, photos=photos, queries=queries, notes=(*dataset.notes, *notes))
