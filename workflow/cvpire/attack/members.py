"""Networks that are attacked together, as they compare photos."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn.functional import normalize

from cvpire.attack.objectives import OBJECTIVES
from cvpire.retrieval.learnt import check_length

if TYPE_CHECKING:
    from cvpire.retrieval.learnt import Learnt


class Attacked(Protocol):
    """What the attack needs of a network, whose weights must be frozen."""

    mean: tuple[float, ...]
    """Of values in [0, 1], per channel; with `std` the network's normalisation."""
    std: tuple[float, ...]

    def __call__(self, normalised: Tensor) -> Tensor:
        """Describe normalised photos (B, 3, H, W) by vectors (B, D)."""


class Member(NamedTuple):
    """An attacked network among several, and what it has learnt from its database."""

    network: Attacked
    weight: float = 1.0
    """Of its objective, in the mean of all."""
    learnt: "Learnt | None" = None
    """Centring or whitening, after which it compares descriptors, and the similarity of unrelated photos."""

    @property
    def unrelated(self) -> float:
        """Similarity (cosine) of photos that have nothing to do with each other."""
        return self.learnt.unrelated if self.learnt else 0.0

    def describe(self, normalised: Tensor) -> Tensor:
        """Describe normalised photos (B, 3, H, W) as they are compared (B, D).

        `InputError` where what was learnt is of descriptors of another length.
        """
        descriptors = self.network(normalised)
        if self.learnt is None or self.learnt.mean is None:
            return descriptors
        check_length(self.learnt, descriptors.shape[1])
        moved = descriptors - torch.from_numpy(self.learnt.mean).to(descriptors)
        if self.learnt.projection is not None:
            moved = moved @ torch.from_numpy(self.learnt.projection).to(descriptors).T
        return normalize(moved, dim=1)


def describing(member: Member, like: Tensor) -> Callable[[Tensor], Tensor]:
    """Return how a member describes pixels (B, 3, H, W) in [0, 1], of a tensor's type and device."""
    mean, std = (like.new_tensor(values).view(3, 1, 1) for values in (member.network.mean, member.network.std))
    return lambda pixels: member.describe(((pixels - mean) / std).contiguous(memory_format=torch.channels_last))


def value_of(member: Member, objective: str, original: Tensor, goal: Tensor | None) -> Callable[[Tensor], Tensor]:
    """What is maximised for a member, as a function of descriptors (B, D).

    Parameters
    ----------
    member : Member
    objective : str
        Its name.
    original, goal : Tensor, shape (1, D)
        The member's descriptor of the photo, and of the target where there is one.
    """
    function = OBJECTIVES[objective]
    told = {
        "similarity": {"unrelated": member.unrelated},
        "target": {"goal": goal},
    }.get(objective, {})
    return partial(function, original=original, **told)


def shared_out(members: Sequence[int], samples: int, generator: torch.Generator) -> list[list[int]]:
    """Draw which members see which of the samples of a step: each sample one, each member as many as any other."""
    order = torch.randperm(len(members), generator=generator).tolist()
    return [[members[order[number % len(members)]]] for number in range(samples)]


def chosen(members: Sequence[Member], dropout: float, generator: torch.Generator) -> list[int]:
    """Draw the members that count in a step: each is left out by chance, but one stays at least."""
    if not dropout:
        return list(range(len(members)))
    kept = torch.rand(len(members), generator=generator) >= dropout
    last = int(torch.randint(len(members), (1,), generator=generator))  # drawn always: what follows stays the same
    return kept.nonzero().flatten().tolist() or [last]
