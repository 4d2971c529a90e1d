"""What a section of options is: its base class, how values are checked, and how it is written as a command line."""

import shlex
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cvpire.errors import InputError, counted, printable, shown

_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$"
Name = Annotated[str, Field(pattern=_NAME)]
"""Names of datasets, networks, maps and attacks stand in paths: letters, digits and `_ . + -`."""


def _odd(value: int | None) -> int | None:
    if value is not None and value % 2 == 0:
        raise ValueError("must be odd, so that a kernel has a centre")
    return value


Odd = Annotated[int, Field(ge=3, le=101), AfterValidator(_odd)]
"""Side of a kernel or window in pixels."""


class Options(BaseModel):
    """A section of the configuration: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


Model = TypeVar("Model", bound=Options)


def is_valid(model: type[Options], values: Any) -> bool:
    """Whether a model can be made from plain values."""
    try:
        model.model_validate(values)
    except ValidationError:
        return False
    return True


def validate(model: type[Model], values: Any, source: str, tags: Collection[str] = ()) -> Model:
    """Make a model from plain values, or raise `InputError` with one line for each fault.

    `tags` are kinds that pydantic puts into the place of a fault, behind the name of what is of that kind.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InputError("\n".join(f"{source}: {line}" for line in _faults(error, tags))) from None


_READ_AS = {bool: "yes or no", int: "a number", float: "a number", date: "a date", datetime: "a date"}
"""What a file may hold in the place of a text; it does not say how it was written, 7 may have been 007."""

_MOST_FAULTS = 20
"""Faults that are told one by one; a file of another kind may have any number."""


def _faults(error: ValidationError, tags: Collection[str]) -> Iterable[str]:
    for fault in error.errors(include_url=False)[:_MOST_FAULTS]:
        parts = [part for number, part in enumerate(fault["loc"]) if number != 2 or part not in tags]
        parts = parts[:-1] if parts[-1:] == ["[key]"] else parts  # the key itself stands before it
        place = ".".join(printable(str(part), 80) for part in parts)
        message = printable(_plain(fault["type"], fault.get("ctx", {}), fault["msg"]), 400)
        value = fault["input"]
        if fault["type"] == "string_type" and isinstance(value, bool | int | float | date):
            message = f'must be text; it is read as {_READ_AS[type(value)]} unless it stands in quotes, "..."'
        given = "" if isinstance(value, Mapping | Options) else f" (given: {shown(value)})"
        yield f"{place}: {message}{given}" if place else f"{message}{given}"
    if (more := error.error_count() - _MOST_FAULTS) > 0:
        yield f"and {more} more faults"


_EXPECTED = {
    "a list": "tuple list set frozen_set",
    "text": "string",
    "a whole number": "int",
    "a number": "float",
    "true or false": "bool",
    "keys with values": "dict mapping model model_attributes",
}
_WORDS = {"missing": "is missing", "extra_forbidden": "unknown key"} | {
    f"{kind}_{fault}": f"must be {expected}"
    for expected, kinds in _EXPECTED.items()
    for kind in kinds.split()
    for fault in ("type", "parsing", "from_float")
}
"""What pydantic says in Python's terms, by its name of the fault: who writes YAML or JSON has no tuples."""


def _plain(fault: str, about: Mapping[str, Any], words: str) -> str:
    match fault:
        case "too_short":
            return f"must have at least {counted(about['min_length'], 'entry')}"
        case "too_long":
            return f"must have at most {counted(about['max_length'], 'entry')}"
        case "string_pattern_mismatch" if about["pattern"] == _NAME:
            return "must consist of letters, digits and _ . + -, and begin with a letter or digit"
        case "union_tag_not_found":
            return f"{about['discriminator'].strip(chr(39))} is missing"
        case "union_tag_invalid":
            return f"{about['discriminator'].strip(chr(39))} must be one of {about['expected_tags']}"
    return _WORDS.get(fault, words.removeprefix("Value error, ").replace("Input should be ", "must be ", 1))


def as_options(section: Options, *only: str) -> str:
    """Write a section as options of the command line, sorted by name, quoted for a shell.

    This string is what a rule's `params` hold: it changes exactly when a value changes, and a person can copy it.

    Examples
    --------
    >>> as_options(RetrievalOptions())
    '--average-precision sum --shard-size 256'
    """
    words = []
    for key in sorted(only or type(section).model_fields):
        value, flag = getattr(section, key), "--" + key.replace("_", "-")
        is_apart = isinstance(value, Options) and type(value).__str__ is Options.__str__  # others are written as words
        if value is None or is_apart:
            continue
        if isinstance(value, list):
            words += [word for item in value for word in (flag, str(item))]
        elif isinstance(value, bool):
            words.append(flag if value else f"--no-{flag.removeprefix('--')}")
        else:
            words += [flag, *map(str, value if isinstance(value, tuple) else [value])]
    return shlex.join(words)
