"""The one exception that means: the input is at fault, and the message says what to do."""

import functools
import logging
import re
import reprlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class InputError(ValueError):
    """Bad input. The message names the file, the key or the value, and what was expected.

    The command line and the Snakefile print the message alone and exit with a non-zero status;
    any other exception is a bug and keeps its traceback.
    """


@contextmanager
def about(path: Path | str) -> Iterator[None]:
    """Name a file, or what else it is about, in messages that come from functions that know no files."""
    name_it = functools.partial(_prefix, str(path))
    handlers = logging.getLogger().handlers
    for each in handlers:
        each.addFilter(name_it)
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    finally:
        for each in handlers:
            each.removeFilter(name_it)


def _prefix(path: str, record: logging.LogRecord) -> bool:
    record.msg = f"{path}: {record.msg}"
    return True


def lacks_memory(error: BaseException) -> bool:
    """Whether an error says that there is not enough memory.

    Errors of PyTorch and its libraries are told by their words: most are of no type of their own, and importing the one
    that there is takes seconds.
    """
    return isinstance(error, MemoryError) or re.search(_SHORTAGES, str(error)) is not None


_SHORTAGES = "out of memory|allocate memory|enough memory|ALLOC_FAILED|failed to map segment|unable to mmap"


def counted(number: int, one: str) -> str:
    """Say how many there are of something.

    Examples
    --------
    >>> counted(1, "query"), counted(2, "query"), counted(0, "photo")
    ('1 query', '2 queries', '0 photos')
    """
    several = f"{one[:-1]}ies" if one.endswith("y") else f"{one}s"
    return f"{number} {one if number == 1 else several}"


def other_size(made: tuple[int, ...], read: tuple[int, ...]) -> str:
    """Say of what sizes something and its photo are, both (height, width), and what to do.

    Examples
    --------
    >>> other_size((107, 512), (214, 1024))
    'it has 512 x 107 pixels, the photo is read with 1024 x 214 (width x height): give --longest-side 512 here too'
    """
    sizes = [f"{shape[1]} x {shape[0]}" for shape in (made, read)]
    return f"it has {sizes[0]} pixels, the photo is read with {sizes[1]} (width x height): {right_size(made, read)}"


def right_size(made: tuple[int, ...], read: tuple[int, ...]) -> str:
    """Say which option makes a photo that is read as large as what was made from it, both (height, width)."""
    scale = max(made) / max(read)
    if not min(made) or any(abs(one - scale * other) > 1 for one, other in zip(made, read, strict=True)):
        return "it was made from another photo"
    if scale < 1:
        return f"give --longest-side {max(made)} here too"
    return f"leave --longest-side out here, or give {max(made)}, as where it was made"


def printable(text: str, longest: int = 200) -> str:
    """Put text from outside into a message: one line, which a terminal shows and does not obey, cut at some length."""
    line = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text[:longest]
    )
    return line + ("..." if len(text) > longest else "")


def reason(error: Exception) -> str:
    """Say in one line what an exception says, or its name where it says nothing."""
    return printable(" ".join(str(error).split()), 300) or type(error).__name__


def shown(value: Any) -> str:
    """Put a value from outside into a message: its repr, cut where it is long or deep; some never end."""
    try:
        return printable(_SHORT.repr(value), 400)
    except ValueError:  # Python writes no whole number of more than 4300 digits
        return f"a {type(value).__name__} with a very large number"


_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother, _SHORT.maxlong = 3, 120, 120, 60
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = _SHORT.maxset = 12
