"""The networks of an attack, as the command line names them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cvpire.attack.members import Member
from cvpire.errors import InputError
from cvpire.networks.network import load_network
from cvpire.retrieval.learnt import read_learnt

if TYPE_CHECKING:
    from cvpire.config.attacks import MemberOptions


def load_members(networks: Sequence["MemberOptions"], device: str) -> list[Member]:
    """Load networks that are attacked together, with what they have learnt.

    Raises
    ------
    InputError
        What `load_network` says; a network that learns something, and no file of what it has learnt.
    """
    return [_load(options, device) for options in networks]


def _load(options: "MemberOptions", device: str) -> Member:
    learnt = None
    if options.learnt_file is not None:
        learnt = read_learnt(Path(options.learnt_file), options.learnt)
    elif options.learnt != "nothing":
        raise InputError(
            f"member {options.architecture}: learns something from its database; `cvpire learn` makes the file, "
            "give it as learnt_file"
        )
    return Member(load_network(options, device), options.weight, learnt)
