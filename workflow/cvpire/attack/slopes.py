"""The slope of what an attack maximises, by the perturbation: how networks get to see a perturbed photo."""

from collections.abc import Callable, Sequence
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from cvpire.attack.batches import describe_and_weigh
from cvpire.attack.catalogue import OPTIMISERS, RENDERINGS
from cvpire.attack.members import Member, chosen, describing, shared_out, value_of
from cvpire.attack.penalties import PENALTIES
from cvpire.attack.renderings import clipped
from cvpire.attack.sampling import Sampler
from cvpire.attack.shaping import shaping

if TYPE_CHECKING:
    from cvpire.config import AttackOptions

Slope = Callable[[Tensor, torch.Generator], Tensor]
"""Perturbations (B, 3, H, W) in the bound's space and a generator, which draws what a step samples, to slopes."""


def slope_of(
    photo: Tensor, members: Sequence[Member], method: "AttackOptions", goal: Tensor | None = None
) -> tuple[Slope, int]:
    """Say how a photo's perturbations are to be changed, and what memory that takes for each of them.

    Parameters
    ----------
    photo : Tensor, shape (3, H, W)
        Values in [0, 1].
    members : sequence of Member
        The attacked networks.
    method : AttackOptions
    goal : Tensor, shape (3, H', W'), optional
        Another photo, which the objective `target` goes for.

    Returns
    -------
    slope : callable
    kept : int
        Bytes that the backward pass of one perturbation keeps, weights included.
    """
    if _as_the_thesis(members, method):
        return _direct(photo, members[0], method)
    return _rendered(photo, members, method, goal)


def beside_the_slope(photo: Tensor, members: Sequence[Member], method: "AttackOptions") -> dict[str, Any]:
    """What optimisers can need beside the slope and the bound, by the names of `cvpire.attack.catalogue`.

    Parameters and errors as for `slope_of`. Nothing is computed where the method's optimiser needs nothing.
    """
    if not OPTIMISERS[method.optimiser].needs:
        return {}
    describers = [describing(member, photo) for member in members]
    with torch.no_grad():
        originals = [describe(photo[None]) for describe in describers]

    def excess(pixels: Tensor) -> Tensor:
        with torch.no_grad():
            above = [
                (describe(pixels) * original).sum(dim=1) - member.unrelated
                for member, describe, original in zip(members, describers, originals, strict=True)
            ]
        return torch.stack(above).amax(dim=0)

    return {"photo": photo, "pixels": _presentation(photo, members, method), "excess": excess}


def _as_the_thesis(members: Sequence[Member], method: "AttackOptions") -> bool:
    """Whether a network gets to see just what the perturbation is added to."""
    (first, *others) = members
    beyond = method.through or method.samples > 1 or method.chroma != 1 or method.objective == "target"
    beyond = beyond or method.penalty != "none" or OPTIMISERS[method.optimiser].needs
    return not (others or beyond or (first.learnt and first.learnt.mean is not None))


def _direct(photo: Tensor, member: Member, method: "AttackOptions") -> tuple[Slope, int]:
    network = member.network
    mean, std = _three(photo, network.mean), _three(photo, network.std)
    scale = std if method.bound_space == "pixel" else torch.ones_like(std)  # one unit of v, in normalised units
    image = ((photo - mean) / std)[None]
    original, kept = describe_and_weigh(network, image)
    value = value_of(member, method.objective, original, None)

    def slope(perturbation: Tensor, generator: torch.Generator) -> Tensor:
        with torch.enable_grad():
            moved = perturbation.detach().requires_grad_()
            return torch.autograd.grad(value(network(moved / scale + image)), moved)[0]

    return slope, kept


def _rendered(
    photo: Tensor, members: Sequence[Member], method: "AttackOptions", goal: Tensor | None
) -> tuple[Slope, int]:
    show, sampler = _presentation(photo, members, method), Sampler(method)
    describers = [describing(member, photo) for member in members]
    values, kept = [], 0
    for member, describe in zip(members, describers, strict=True):
        described, weight = describe_and_weigh(describe, photo[None])
        with torch.no_grad():
            aim = describe(goal[None]) if goal is not None else None
        values.append(value_of(member, method.objective, described, aim))
        kept = max(kept, weight)
    _, shown = describe_and_weigh(show, torch.zeros_like(photo)[None])
    shares, penalty = _shares(members), PENALTIES.get(method.penalty)
    if penalty:
        kept = max(kept, describe_and_weigh(lambda pixels: penalty(pixels, photo), photo[None])[1])

    def slope(perturbation: Tensor, generator: torch.Generator) -> Tensor:
        with torch.enable_grad():
            moved = perturbation.detach().requires_grad_()
            pixels = show(moved)
            seen = pixels.detach().requires_grad_()
            counted = chosen(members, method.dropout, generator)
            seeing = [counted] * method.samples
            if method.split:
                seeing = shared_out(counted, method.samples, generator)
            by_pixels = torch.zeros_like(seen)
            # One sample and one network at a time: what they keep for the backward pass is freed before the next.
            for number in range(method.samples):
                sample = sampler(seen, generator) if number else seen
                leaf = sample.detach().requires_grad_()
                by_sample = torch.zeros_like(leaf)
                for which in seeing[number]:
                    value = shares[which] * values[which](describers[which](leaf))
                    by_sample += torch.autograd.grad(value, leaf)[0]
                by_pixels += torch.autograd.grad(sample, seen, by_sample)[0] if number else by_sample
            by_pixels /= method.samples
            if penalty:
                by_pixels -= method.penalty_weight * torch.autograd.grad(penalty(seen, photo), seen)[0]
            return torch.autograd.grad(pixels, moved, by_pixels)[0]

    return slope, kept + shown


def _presentation(photo: Tensor, members: Sequence[Member], method: "AttackOptions") -> Callable[[Tensor], Tensor]:
    """Make pixels (B, 3, H, W) in [0, 1] of perturbations of a photo, as the options say."""
    unit = (1.0, 1.0, 1.0) if method.bound_space == "pixel" else members[0].network.std
    shape, scale = shaping(method), _three(photo, unit)
    renderings = [
        (RENDERINGS[name], resolve_name(f"cvpire.attack.{RENDERINGS[name].function}")) for name in method.through
    ]
    levels = (photo * 255).round().byte().movedim(0, -1).cpu().numpy()

    def show(perturbation: Tensor) -> Tensor:
        shaped = shape(perturbation)
        pixels = clipped(shaped * scale + photo)
        for rendering, render in renderings:
            pixels = render(levels, shaped, unit, method.saving) if rendering.saves else render(pixels)
        return pixels

    return show


def _shares(members: Sequence[Member]) -> list[float]:
    """Weights of the members, as shares of their sum."""
    total = sum(member.weight for member in members)
    return [member.weight / total for member in members]


def _three(photo: Tensor, values: Sequence[float]) -> Tensor:
    return photo.new_tensor(values).view(3, 1, 1)
