"""What `snakemake --config` gives beside a configuration file, as it was written."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cvpire.errors import InputError, printable
from cvpire.untrusted.yaml import read_words

FORM = "--config set=SECTION.NAME.OPTION=VALUE, like set=attacks.cv-pire.multiplier=30"
"""How one option of a section is set."""


def with_given(raw: Mapping[str, Any], entries: Sequence[str], texts: Collection[str]) -> dict[str, Any]:
    """Put what the command line gives into a raw configuration.

    Snakemake makes numbers of `folder=007` and `folder=2024_05`, and refuses `attacks.cv-pire.multiplier=30`. So texts
    are taken as they were written, and `set=attacks.cv-pire.multiplier=30` sets one option.

    Parameters
    ----------
    raw : mapping
        The configuration, with the entries as Snakemake understands them.
    entries : sequence of str
        Like `folder=007`, in the order in which they were given.
    texts : collection of str
        Top-level options that are texts.

    Returns
    -------
    dict
        The configuration; what was given stays as it is.

    Raises
    ------
    InputError
        An entry of another form, or one that names a section that is not there.
    """
    split = [entry.partition("=") for entry in entries]
    pairs = [(key, value.strip("'\"")) for key, _, value in split]  # as Snakemake strips them
    made = dict(raw)
    if any(key == "set" for key, _ in pairs):
        made.pop("set", None)
    made |= {key: value or None for key, value in pairs if key in texts}
    for key, value in pairs:
        if key == "set":
            made = _with_option(made, value)
    return made


def _with_option(raw: dict[str, Any], entry: str) -> dict[str, Any]:
    place, equals, value = entry.partition("=")
    if not equals or not place:
        raise InputError(f"set={printable(entry)}: expected {FORM}")
    return _changed(raw, place.split("."), read_words(value, f"set={place}"), place)


def _changed(section: Mapping[str, Any], parts: list[str], value: Any, place: str, depth: int = 0) -> dict[str, Any]:
    """Set what stands at a place below a section; names may have dots themselves (`figures.4.6.seed`)."""
    names = {str(name): name for name in section}
    heads = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
    head = next((head for head in heads if head in names), None)
    if head is None:
        # A new name would be a new attack with the values of no other one: a slip of the hand would go unnoticed.
        if (
            depth == 1
            and len(parts) > 1
            and section
            and all(isinstance(each, Mapping | None) for each in section.values())
        ):
            raise InputError(
                f"set={place}: no {parts[0]!r} there; section {place.split('.')[0]} has {', '.join(names)}"
            )
        head = parts[0]
    rest, key = parts[head.count(".") + 1 :], names.get(head, head)
    if not rest:
        return {**section, key: value}
    below = section.get(key)
    if below is not None and not isinstance(below, Mapping):
        raise InputError(f"set={place}: {head} is no section; expected {FORM}")
    return {**section, key: _changed(below or {}, rest, value, place, depth + 1)}
