"""Datasets: which photos there are, which of them are queries, and what is relevant to each query."""

import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from cvpire.errors import InputError, counted, printable

Difficulty = Literal["easy", "medium", "hard"]
"""Which photos count as relevant in revisited ground truth."""

CleanTwin = Literal["relevant", "junk"]
"""What a query's own clean photo in the database counts as."""

QueryPart = Literal["whole", "box"]
"""What of a query's photo is looked for."""

Missing = Literal["error", "drop"]
"""What becomes of a photo that the ground truth names and the folder lacks."""

Answer = tuple[frozenset[str], frozenset[str]]
"""Relevant photos and junk."""


@dataclass(frozen=True)
class Query:
    """What a ranking for one query is measured against. Names are photo names (file stems).

    Photos that are neither relevant nor junk are wrong answers; junk is taken out of the ranking before it is measured.
    """

    relevant: frozenset[str]
    junk: frozenset[str]
    box: tuple[float, float, float, float] | None = None
    """Bounding box (x0, y0, x1, y1) of the landmark in pixels of the upright photo."""
    difficulties: Mapping[str, Answer] = field(default_factory=dict)
    """What `revisited_answers` gives where the ground truth tells easy from hard; else empty."""


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


def revisited_answers(easy: frozenset[str], hard: frozenset[str], junk: frozenset[str]) -> dict[str, Answer]:
    """Answers to a query at each difficulty of the revisited protocol.

    Relevant are the easy photos, both, or the hard ones; whatever else was judged is junk.

    Parameters
    ----------
    easy, hard, junk : frozenset of str
        How the ground truth judges the photos.

    Returns
    -------
    dict
        Relevant photos and junk, by "easy", "medium" and "hard". A query without a relevant photo at a difficulty is
        not measured there.

    References
    ----------
    .. [1] Radenović, Iscen, Tolias, Avrithis and Chum, "Revisiting Oxford and Paris: Large-Scale Image Retrieval
       Benchmarking", CVPR 2018, section 3.
    """
    judged = easy | hard | junk
    relevant = {"easy": easy, "medium": easy | hard, "hard": hard}
    return {difficulty: (photos, judged - photos) for difficulty, photos in relevant.items()}


def with_answers(query: Query, change: Callable[[Answer], Answer]) -> Query:
    """Change what a query is measured against, at every difficulty."""
    relevant, junk = change((query.relevant, query.junk))
    difficulties = {difficulty: change(answer) for difficulty, answer in query.difficulties.items()}
    return replace(query, relevant=relevant, junk=junk, difficulties=difficulties)


def with_queries(dataset: Dataset, queries: Collection[str] | None) -> Dataset:
    """Restrict a dataset to some queries; the database stays as it is.

    Parameters
    ----------
    dataset : Dataset
    queries : collection of str or None
        Names; None: all.

    Returns
    -------
    Dataset
        Without the photos that nothing needs any more.

    Raises
    ------
    InputError
        The dataset has no query of such a name.
    """
    if queries is None:
        return dataset
    wanted = {unicodedata.normalize("NFC", name) for name in queries}
    if unknown := wanted - dataset.queries.keys():
        raise InputError(f"queries: unknown name {some(unknown)}; the dataset's queries are {some(dataset.queries)}")
    return _with(dataset, {name: query for name, query in dataset.queries.items() if name in wanted})


def with_clean_twin(dataset: Dataset, twin: CleanTwin) -> Dataset:
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
            query = with_answers(query, lambda answer, itself=itself: (answer[0] | itself, answer[1] - itself))
        else:
            query = with_answers(query, lambda answer, itself=itself: (answer[0] - itself, answer[1] | itself))
        if query.relevant:
            queries[name] = query
        else:
            left_out.append(name)
    if not queries:
        raise InputError("no query has a relevant photo in the database: nothing can be measured")
    notes = [f"left out {counted(len(left_out), 'query')} without a relevant photo ({some(left_out)})"]
    return replace(_with(dataset, queries), notes=(*dataset.notes, *(notes if left_out else [])))


def some(names: Iterable[str]) -> str:
    """The first few names, sorted, for messages."""
    names = sorted(names)
    return ", ".join(printable(name, 80) for name in names[:5]) + (", ..." if len(names) > 5 else "")


def _with(dataset: Dataset, queries: Mapping[str, Query]) -> Dataset:
    needed = {*queries, *dataset.database}
    photos = {name: path for name, path in dataset.photos.items() if name in needed}
    return replace(dataset, photos=photos, queries=queries)
