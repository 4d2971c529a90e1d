"""The kinds of retrieval systems without a network, for whoever reads a configuration or plans a run."""

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of retrieval system; its options are in `cvpire.config.systems`."""

    module: str
    """Of `cvpire.retrieval.systems`; its `load(options)` returns what describes a photo."""
    suffix: str = ".npy"
    """Of its shards: .npy holds a vector a photo, .npz local features."""
    learns: bool = False
    """Whether something is learnt from a database before it is ranked, a vocabulary: then the module has `learn`,
    `write_learnt`, `read_learnt`, `similarities` and `shard_names`."""
    packages: tuple[str, ...] = ()
    """Distributions that its rankings depend on."""


KINDS: dict[str, Kind] = {
    "bag-of-words": Kind(
        "bag_of_words", ".npz", learns=True, packages=("opencv-python-headless", "scikit-image", "faiss-cpu", "scipy")
    ),
    "perceptual-hash": Kind("perceptual_hash", packages=("imagehash", "pillow", "PyWavelets", "scipy")),
    "function": Kind("function"),
}
"""By the name that the configuration gives (`kind`)."""
