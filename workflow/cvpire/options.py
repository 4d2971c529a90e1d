"""What a section of options is: its base class, how values are checked, and how it is written as a command line."""

import shlex
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cvpire.errors import InputError, printable, shown

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$")]
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


_MOST_FAULTS = 20
"""Faults that are told one by one; a file of another kind may have any number."""


def _faults(error: ValidationError, tags: Collection[str]) -> Iterable[str]:
    for fault in error.errors(include_url=False)[:_MOST_FAULTS]:
        parts = [part for number, part in enumerate(fault["loc"]) if number != 2 or part not in tags]
        place = ".".join(printable(str(part), 80) for part in parts)
        message = printable(fault["msg"].removeprefix("Value error, "), 400)
        if fault["type"] == "extra_forbidden":
            message = "unknown key"
        value = fault["input"]
        given = "" if isinstance(value, Mapping | Options) else f" (given: {shown(value)})"
        yield f"{place}: {message}{given}" if place else f"{message}{given}"
    if (more := error.error_count() - _MOST_FAULTS) > 0:
        yield f"and {more} more faults"


def as_options(section: Options, *only: str) -> str:
    """Write a section as options of the command line, sorted by name, quoted for a shell.

    This string is what a rule's `params` hold: it changes exactly when a value changes, and a person can copy it.

    Examples
    --------
    >>> as_options(QualityOptions())
    '--data-range 1.0 --window 7'
    """
    words = []
    for key in sorted(only or type(section).model_fields):
        value, flag = getattr(section, key), "--" + key.replace("_", "-")
        if value is None or isinstance(value, Options):
            continue
        if isinstance(value, list):
            words += [word for item in value for word in (flag, str(item))]
        else:
            words += [flag, *map(str, value if isinstance(value, tuple) else [value])]
    return shlex.join(words)
