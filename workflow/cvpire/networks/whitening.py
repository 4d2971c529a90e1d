"""Whitening: an affine map of descriptors that was trained with the network, or learned after it."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from cvpire.errors import InputError, printable
from cvpire.untrusted.checkpoints import MOST_NUMBERS, finite, load_state

_PREFERRED = "retrieval-SfM-120k"


def affine(state: Mapping[str, Any], dimensions: int, path: str) -> nn.Linear:
    """Make a whitening layer of a checkpoint's `weight` (E, D) and `bias` (E,), with `dimensions` = D."""
    weight = state.get("weight")
    rows = len(weight) if isinstance(weight, Tensor) and weight.ndim and weight.numel() <= MOST_NUMBERS else 1
    layer = nn.Linear(dimensions, rows, device="meta").to_empty(device="cpu")
    load_state(layer, state, path, f"a whitening layer of {dimensions} dimensions")
    return layer


def learned_whitening(meta: Mapping[str, Any], several_scales: bool, dimensions: int, path: str) -> nn.Linear:
    """Find the whitening P (x - m) that was learned after training, in a checkpoint's description of its network.

    Parameters
    ----------
    meta : mapping
        `Lw` has the training sets by name; each has `ss` and `ms`, for descriptors of one and of several scales, with
        P of shape (E, D) and m of D values. Of several training sets retrieval-SfM-120k is taken.
    several_scales : bool
        Take `ms`.
    dimensions : int
        D.
    path : str
        The checkpoint, for messages.

    Returns
    -------
    nn.Linear
        Weight P and bias -P m.

    Raises
    ------
    InputError
        Nothing learned, several training sets but not that one, or numbers that are not finite or do not fit.

    References
    ----------
    Radenovic, Tolias and Chum, "Fine-tuning CNN image retrieval with no human annotation", TPAMI (2018), section 3.4.
    """
    learned = meta.get("Lw")
    if not isinstance(learned, Mapping) or not learned:
        raise InputError(f"whitening: {path} has no learned whitening (meta.Lw); set `whitening: none`")
    if _PREFERRED not in learned and len(learned) > 1:
        raise InputError(
            f"whitening: {path} has whitenings learned on {printable(', '.join(map(str, learned)))}, "
            f"none on {_PREFERRED}; set `whitening: none`"
        )
    name = _PREFERRED if _PREFERRED in learned else next(iter(learned))
    scales = "ms" if several_scales else "ss"
    place = f"whitening: {path}: meta.Lw.{printable(str(name), 60)}.{scales}"
    try:
        projection, centre = (learned[name][scales][key] for key in ("P", "m"))
    except (KeyError, TypeError, IndexError):
        asked = "several scales" if several_scales else "one scale"
        raise InputError(f"{place}: no P and m learned for {asked}; change `scales` or set `whitening: none`") from None
    projection, centre = finite(projection, f"{place}.P"), finite(centre, f"{place}.m")
    if projection.ndim != 2 or projection.shape[1] != dimensions or centre.numel() != dimensions:
        raise InputError(
            f"{place}: P of shape {tuple(projection.shape)} and m of {centre.numel()} values do not fit descriptors "
            f"of {dimensions} dimensions"
        )
    return affine({"weight": projection, "bias": -projection @ centre.flatten()}, dimensions, path)
