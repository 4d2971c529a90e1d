"""A retrieval system of any kind, as describing, learning and ranking need it."""

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cvpire.errors import InputError
from cvpire.retrieval.describing import Describer
from cvpire.retrieval.descriptors import check_distinct, open_shard, write_shard
from cvpire.retrieval.ranking import System
from cvpire.retrieval.similarity import similarities
from cvpire.retrieval.systems.catalogue import KINDS

if TYPE_CHECKING:
    from cvpire.config.evaluation import DatabaseOptions


def load_describer(options: "DatabaseOptions", device: str = "auto", threads: int = 1) -> Describer:
    """Load what describes photos.

    Parameters
    ----------
    options : cvpire.config.NetworkOptions or one of `cvpire.config.systems`
        Which system it is.
    device, threads
        Where a network runs, and on how many threads of a processor; other systems take no notice.

    Raises
    ------
    InputError
        Weights or an entry point that are not there, and whatever else the system's own module says.
    """
    kind = _kind(options)
    if kind == "network":
        from cvpire.networks.device import use_threads
        from cvpire.networks.network import load_network

        use_threads(threads)
        return load_network(options, device)
    return _module(KINDS[kind].module).load(options)


def write_described(shard: Path, names: Sequence[str], described: Any) -> None:
    """Write what a describer gave of the photos of a shard, by the shard's suffix: descriptors, or local features."""
    if shard.suffix == ".npz":
        _module("local_features").write_shard(shard, names, described)
    else:
        write_shard(shard, names, described)


def learn(output: Path, options: "DatabaseOptions", shards: Sequence[Path], seed: int) -> None:
    """Learn from the shards of a database what a system learns, and write it: words, a mean, or a whitening."""
    if own := _learning(options):
        own.write_learnt(output, own.learn(shards, options, seed))
        return
    from cvpire.retrieval import learnt

    learnt.write_learnt(output, learnt.learn(shards, options.learnt, options.dimensions))


def load_system(
    options: "DatabaseOptions", learnt_file: Path | None, *, device: str = "auto", threads: int = 1, seed: int = 0
) -> System:
    """Load a system that ranks, with what it has learnt from the database.

    Parameters
    ----------
    options, device, threads
        See `load_describer`.
    learnt_file : Path or None
        Of `learn`; for systems that learn something.
    seed : int
        Of an approximate search.

    Raises
    ------
    InputError
        A file of what was learnt that is missing, or where nothing is to be learnt.
    """
    own = _learning(options)
    learns = own is not None or options.learnt != "nothing"
    if learns != (learnt_file is not None):
        wanted = "`cvpire learn` makes it; give it as --learnt-file" if learns else "leave out --learnt-file"
        raise InputError(
            f"learnt: a system that learns {'something' if learns else 'nothing'} from its database; {wanted}"
        )
    describer = load_describer(options, device, threads)
    if own is not None:
        found = own.read_learnt(learnt_file)

        def compare(shards: Sequence[Path], queries: Any) -> np.ndarray:
            return own.similarities(found, shards, queries, options)

        return System(describer.describe, compare, own.shard_names)
    applied = _unchanged
    if learnt_file is not None:
        from cvpire.retrieval.learnt import apply, read_learnt

        applied = partial(apply, read_learnt(learnt_file, options.learnt))

    def compare_vectors(shards: Sequence[Path], queries: np.ndarray) -> np.ndarray:
        check_distinct(shards)
        if options.search == "exact":
            return similarities(shards, queries, applied=applied)
        return _approximate(options.search, applied, seed, shards, queries)

    return System(describer.describe, compare_vectors)


def _kind(options: "DatabaseOptions") -> str:
    return getattr(options, "kind", "network")


def _learning(options: "DatabaseOptions") -> Any:
    """The module of a kind that learns from a database what it compares photos by; None for vectors."""
    kind = _kind(options)
    return _module(KINDS[kind].module) if kind in KINDS and KINDS[kind].learns else None


def _module(name: str) -> Any:
    """A module of one kind of systems, by name: imported as others are, all systems would depend on its source."""
    return import_module(f"cvpire.retrieval.systems.{name}")


def _approximate(
    kind: str, applied: Callable[[np.ndarray], np.ndarray], seed: int, shards: Sequence[Path], queries: np.ndarray
) -> np.ndarray:
    from cvpire.retrieval.search import approximate_scores, build

    vectors = np.concatenate([applied(open_shard(shard)) for shard in shards])
    return approximate_scores(build(kind, vectors, seed), applied(queries), _FOUND)


_FOUND = 1000
"""Photos that an approximate search finds for a query; the others stand last."""


def _unchanged(vectors: np.ndarray) -> np.ndarray:
    return vectors
