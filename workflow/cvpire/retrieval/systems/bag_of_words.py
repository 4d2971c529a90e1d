"""SIFT with a bag of visual words (section 2.2.2): photos are compared as texts are, by the words that they share [1]_.

References
----------
.. [1] Sivic and Zisserman, "Video Google: a text retrieval approach to object matching in videos", ICCV 2003.
"""

import hashlib
import logging
from collections.abc import Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple

import faiss
import numpy as np
from scipy.sparse import csr_array, get_index_dtype, vstack

from cvpire import files
from cvpire.errors import InputError, counted, reason
from cvpire.retrieval.search import one_thread
from cvpire.retrieval.systems.local_features import (
    DIMENSIONS,
    NO_FEATURE,
    LocalFeatures,
    as_points,
    check_offsets,
    describe,
    read_shard,
    shard_names,
)
from cvpire.retrieval.systems.verification import inliers, verified
from cvpire.untrusted.arrays import read_arrays

if TYPE_CHECKING:
    from cvpire.config.systems import BagOfWordsOptions

_FEATURES_A_WORD = 256
"""k-means learns from so many features a word at most; more change the centres little."""


class Vocabulary(NamedTuple):
    """W visual words, and the N photos of a database in them."""

    centres: np.ndarray
    """float32, (W, 128): the words."""
    idf: np.ndarray
    """float64, (W,): ln(N / n) of a word that n photos have; 0 for one that none has."""
    database: csr_array
    """float32, (N, W): tf-idf histograms of length 1 (or 0), in the order of the shards' photos. With at most F
    features a photo it takes 8 bytes for each of at most F N entries: 40 MB for 1000 features of 5000 photos, whatever
    W is."""
    fingerprint: np.ndarray
    """uint8, (32,): SHA-256 of the photos' names in their order."""


_FORMS = {
    "centres": ("float32", 2),
    "idf": ("float64", 1),
    "indptr": ("int64", 1),
    "indices": ("int32", 1),
    "data": ("float32", 1),
    "fingerprint": ("uint8", 1),
}


def load(options: "BagOfWordsOptions") -> SimpleNamespace:
    """Return what describes a photo: `describe(pixels)` gives its `LocalFeatures`."""
    return SimpleNamespace(describe=partial(describe, options=options))


def learn(shards: Sequence[Path], options: "BagOfWordsOptions", seed: int) -> Vocabulary:
    """Learn a vocabulary from all features of a database, by k-means, and count its photos' words.

    Parameters
    ----------
    shards : sequence of Path
        Of the database's local features.
    options : cvpire.config.systems.BagOfWordsOptions
        `words`, `iterations` and `root_sift`.
    seed : int
        Of the first centres, and of which features count where there are more than 256 a word.

    Returns
    -------
    Vocabulary
        The words and their weights do not depend on how the database was cut into shards.

    Raises
    ------
    InputError
        A broken shard, or fewer features than words.
    """
    photos = list(chain.from_iterable(map(read_shard, shards)))
    names = list(chain.from_iterable(map(shard_names, shards)))
    features = sum(len(photo.descriptors) for photo in photos)
    if features < options.words:
        raise InputError(
            f"words: {options.words} visual words cannot be learnt from {counted(features, 'feature')} of "
            f"{counted(len(photos), 'photo')}; set `words` to {features} at most, or give more photos"
        )
    by_name = sorted(range(len(names)), key=names.__getitem__)
    points = _sample([photos[row].descriptors for row in by_name], options.words * _FEATURES_A_WORD, seed)
    centres = _centres(as_points(points, options.root_sift), options.words, options.iterations, seed)
    counts = word_counts(centres, photos, options.root_sift)
    having = np.bincount(counts.indices, minlength=options.words)
    idf = np.log(len(photos) / np.maximum(having, 1)) * (having > 0)
    return Vocabulary(centres, idf, weighted(counts, idf), _fingerprint(names))


def word_counts(centres: np.ndarray, photos: Sequence[LocalFeatures], root_sift: bool) -> csr_array:
    """Count the words of photos.

    Parameters
    ----------
    centres : numpy.ndarray
        float32, (W, 128).
    photos : sequence of LocalFeatures
        N photos. Each is looked at by itself, so that rounding does not depend on the others.
    root_sift : bool
        As the centres were learnt.

    Returns
    -------
    csr_array
        float64, (N, W): how many features of a photo are nearest to each word.
    """
    index = faiss.IndexFlatL2(DIMENSIONS)
    index.add(centres)
    rows = []
    with one_thread():
        for photo in photos:
            points = as_points(photo.descriptors, root_sift)
            nearest = index.search(points, 1)[1][:, 0] if len(points) else np.empty(0, np.int64)
            rows.append(np.unique(nearest, return_counts=True))
    words, counts = ([row[part] for row in rows] for part in (0, 1))
    indptr = np.cumsum([0, *map(len, words)], dtype=np.int64)
    values = np.concatenate([np.empty(0), *counts])
    return csr_array((values, np.concatenate([np.empty(0, np.int64), *words]), indptr), (len(photos), len(centres)))


def weighted(counts: csr_array, idf: np.ndarray) -> csr_array:
    """Weigh counts of words, (N, W), by tf-idf, to rows of length 1, float32.

    Entry i is n_i / n * ln(N / N_i) before it is divided by the row's length; a row of no word, or of words that all
    photos have, stays 0.
    """
    values = csr_array(counts * idf)
    lengths = np.sqrt((values * values).sum(axis=1))
    values = csr_array(values.multiply(1 / np.where(lengths > 0, lengths, 1)[:, None]))
    values.eliminate_zeros()
    values.sort_indices()
    return _compact(values.data.astype(np.float32), values.indices, values.indptr, values.shape[1])


def similarities(
    vocabulary: Vocabulary, shards: Sequence[Path], queries: Sequence[LocalFeatures], options: "BagOfWordsOptions"
) -> np.ndarray:
    """Compare queries with all photos of a database.

    Parameters
    ----------
    vocabulary : Vocabulary
        Learnt from the first of these shards.
    shards : sequence of Path
        Those that it was learnt from, in the same order; others may follow, as of distractors, and are counted anew.
    queries : sequence of LocalFeatures
        Q photos.
    options : cvpire.config.systems.BagOfWordsOptions
        `root_sift` and `spatial_verification`.

    Returns
    -------
    numpy.ndarray
        float32, (Q, N): cosines of tf-idf histograms, in [0, 1]; 0 where either has no feature. The first
        `spatial_verification` photos of each query (more where similarities are equal, none without a common word) are
        in (1, 2] instead, see `cvpire.retrieval.systems.verification.verified`.

    Raises
    ------
    InputError
        A broken shard, or a vocabulary of other photos.
    """
    names = list(chain.from_iterable(map(shard_names, shards)))
    learnt = vocabulary.database.shape[0]
    if not np.array_equal(vocabulary.fingerprint, _fingerprint(names[:learnt])):
        raise InputError(
            f"the vocabulary was learnt from {counted(learnt, 'photo')}, and these are not the first of the shards; "
            "delete it and run again"
        )

    def histograms(photos: Sequence[LocalFeatures]) -> csr_array:
        return weighted(word_counts(vocabulary.centres, photos, options.root_sift), vocabulary.idf)

    if flat := sum(not len(query.descriptors) for query in queries):
        logging.warning(f"{flat} of {counted(len(queries), 'query')}: {NO_FEATURE}")
    photos: list[LocalFeatures] = []
    if options.spatial_verification or len(names) > learnt:
        photos = list(chain.from_iterable(map(read_shard, shards)))
    database = vstack([vocabulary.database, histograms(photos[learnt:])], format="csr")
    scores = (histograms(queries).astype(np.float64) @ database.T.astype(np.float64)).toarray().astype(np.float32)
    np.minimum(scores, 1, out=scores)  # rounding
    if options.spatial_verification:
        for number, query in enumerate(queries):
            rows = _first(scores[number], options.spatial_verification)
            counts = [inliers(query, photos[row], options.root_sift) for row in rows]
            scores[number] = verified(scores[number], counts, rows)
    return scores


def write_learnt(path: Path, vocabulary: Vocabulary) -> None:
    """Write a vocabulary as .npz, whole or not at all."""
    database = vocabulary.database
    arrays = dict(zip(_FORMS, (*vocabulary[:2], database.indptr, database.indices, database.data), strict=False))
    arrays["fingerprint"] = vocabulary.fingerprint
    with files.whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **{name: values.astype(_FORMS[name][0]) for name, values in arrays.items()})


def read_learnt(path: Path) -> Vocabulary:
    """Read a vocabulary; `InputError` where the file is missing, damaged or another."""
    try:
        arrays = read_arrays(path, _FORMS)
        centres, idf, indptr, indices, data, fingerprint = (arrays[name] for name in _FORMS)
        words = len(centres)
        if centres.shape != (words, DIMENSIONS) or idf.shape != (words,) or data.shape != indices.shape:
            raise ValueError(f"centres of shape {centres.shape}, weights of {idf.shape}, entries of {data.shape}")
        check_offsets(indptr, len(indices))
        if ((indices < 0) | (indices >= words)).any():  # scipy would read beyond its arrays
            raise ValueError(f"an entry of a word that is none of {words}")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a vocabulary of visual words ({reason(error)}); delete it and run again") from (
            None
        )
    return Vocabulary(centres, idf, _compact(data, indices, indptr, words), fingerprint)


def _compact(data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, words: int) -> csr_array:
    """Make a sparse matrix with indices of 4 bytes where they suffice; of mixed ones scipy makes 8 bytes of all."""
    kind = get_index_dtype(maxval=max(len(data), words))
    return csr_array((data, indices.astype(kind), indptr.astype(kind)), (len(indptr) - 1, words))


def _sample(descriptors: Sequence[np.ndarray], most: int, seed: int) -> np.ndarray:
    together = np.concatenate(descriptors)
    if len(together) <= most:
        return together
    return together[np.sort(np.random.default_rng(seed).choice(len(together), most, replace=False))]


def _centres(points: np.ndarray, words: int, iterations: int, seed: int) -> np.ndarray:
    kmeans = faiss.Kmeans(
        DIMENSIONS, words, niter=iterations, seed=seed, min_points_per_centroid=1, max_points_per_centroid=len(points)
    )
    with one_thread():
        kmeans.train(points)
    return kmeans.centroids


def _first(scores: np.ndarray, count: int) -> np.ndarray:
    """Rows of the `count` highest scores above 0, and of those that equal the last."""
    least = np.partition(scores, -count)[-count] if count < len(scores) else 0
    return np.flatnonzero((scores >= least) & (scores > 0))


def _fingerprint(names: Sequence[str]) -> np.ndarray:
    return np.frombuffer(hashlib.sha256("".join(f"{name}\n" for name in names).encode()).digest(), np.uint8)
