"""Options of retrieval systems that are no network."""

from functools import reduce
from operator import or_
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from cvpire.config.evaluation import DatabaseOptions
from cvpire.config.networks import NetworkOptions
from cvpire.options import Options


class BagOfWordsOptions(Options):
    """Local features, counted by the visual words that are nearest to them (section 2.2.2)."""

    kind: Literal["bag-of-words"]
    """SIFT with a bag of visual words."""
    features: Literal["opencv", "scikit-image"] = "opencv"
    """Whose SIFT: OpenCV's is quick, scikit-image's is the reference."""
    root_sift: bool = True
    """Compare features by Hellinger's kernel (RootSIFT) and not by Euclid's distance."""
    most_features: PositiveInt = 1000
    """Features of a photo at most; the strongest are kept."""
    words: Annotated[int, Field(ge=2)] = 2000
    """Size of the vocabulary; the database must have at least as many features."""
    iterations: PositiveInt = 20
    """Iterations of k-means, by which the vocabulary is learnt."""
    spatial_verification: NonNegativeInt = 0
    """How many of the first photos of a ranking are ordered anew, by how many features agree on where they lie."""


class PerceptualHashOptions(DatabaseOptions):
    """A hash of how a photo looks when it is tiny, for near-duplicates; ranked by Hamming distance."""

    kind: Literal["perceptual-hash"]
    """A perceptual hash."""
    method: Literal["phash", "dhash", "whash", "average"] = "phash"
    """Signs of low frequencies of the cosine transform, of differences between neighbours, of Haar wavelets, or of
    differences from the mean."""
    hash_size: Annotated[int, Field(ge=2, le=64)] = 16
    """Side of the hash, which has hash_size x hash_size bits; whash: a power of two."""

    @model_validator(mode="after")
    def _wavelets_halve(self) -> "PerceptualHashOptions":
        if self.method == "whash" and self.hash_size & (self.hash_size - 1):
            raise ValueError(f"hash_size: whash needs a power of two, like 8 or 16 (given: {self.hash_size})")
        return self


class FunctionOptions(DatabaseOptions):
    """Somebody's own system: a function that maps pixels, uint8 (H, W, 3), to a vector."""

    kind: Literal["function"]
    """A Python function."""
    function: str
    """`package.module:function`, importable from the current folder or installed. It is run: name only code that you
    trust."""


SYSTEMS = {
    "network": NetworkOptions,
    "bag-of-words": BagOfWordsOptions,
    "perceptual-hash": PerceptualHashOptions,
    "function": FunctionOptions,
}
"""Options by kind; a network need not be named as one."""

AnySystem = Annotated[
    reduce(or_, (options for options in SYSTEMS.values() if options is not NetworkOptions)), Field(discriminator="kind")
]
"""A retrieval system of one of the kinds that are no network."""

ONLY_RANKING = ("search", "spatial_verification")
"""Options on which nothing depends but rankings."""

BESIDE_THE_DESCRIPTOR = (*DatabaseOptions.model_fields, "root_sift", "words", "iterations", "spatial_verification")
"""Options on which no description of a photo depends, and no attack: what is learnt, and how is searched."""
