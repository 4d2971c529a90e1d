"""Read YAML of unknown origin: plain values, no more of them than a person writes."""

from pathlib import Path
from typing import Any

import yaml

from cvpire.errors import InputError, reason


def read_yaml(path: str | Path, what: str) -> Any:
    """Read a YAML file that a person could have written.

    Parameters
    ----------
    path : str or Path
        At most 2^18 bytes, whose aliases stand for at most 100,000 values.
    what : str
        What the file should be, for messages.

    Returns
    -------
    object
        Dicts, lists, texts, numbers, dates; None where the file is empty. It is for the caller to check them.

    Raises
    ------
    InputError
        The file is missing, larger, or no YAML.
    """
    try:
        with Path(path).open("rb") as file:
            text = file.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            raise ValueError(f"more than {_LARGEST} bytes")
        loader = yaml.SafeLoader(text.decode("utf-8"))
        node = loader.get_single_node()
        if node is None:
            return None
        _check_expanded(node)
        return loader.construct_document(node)
    except OSError as error:
        raise InputError(f"{path}: cannot read the {what} ({error.strerror})") from None
    # A tag or a scalar that looks like a number or a date raises ValueError, KeyError, AttributeError, ...
    except Exception as error:
        raise InputError(f"{path}: not valid YAML ({reason(error)})") from None


def read_words(text: str, what: str) -> Any:
    """Read a value of the command line: a text, which stays one (`007`), or a list or mapping of texts (`[a, b]`).

    An empty text is None. `InputError`, with `what` it is, where brackets hold no YAML.
    """
    if not text.startswith(("[", "{")):
        return text or None
    try:
        if len(text) > _LARGEST:
            raise ValueError(f"more than {_LARGEST} characters")
        return yaml.load(text, yaml.BaseLoader)  # which makes nothing but texts, lists and dicts
    except Exception as error:
        raise InputError(f"{what}: not valid YAML ({reason(error)})") from None


_LARGEST = 2**18
_MOST_VALUES = 100_000


def _check_expanded(root: yaml.Node) -> None:
    """A few aliases of aliases may stand for more values than there is memory, or for themselves."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        if id(node) not in sizes:
            sizes[id(node)] = _MOST_VALUES  # found again while it is counted, it holds itself
            within = node.value if isinstance(node, yaml.CollectionNode) else ()
            parts = (part for item in within for part in (item if isinstance(item, tuple) else (item,)))
            sizes[id(node)] = 1 + sum(map(size, parts))
        return sizes[id(node)]

    if size(root) > _MOST_VALUES:
        raise ValueError(f"its aliases stand for more than {_MOST_VALUES} values")
