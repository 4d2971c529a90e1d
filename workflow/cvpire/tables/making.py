"""Make a table of the catalogue."""

from pkgutil import resolve_name
from typing import TYPE_CHECKING

from cvpire.errors import InputError
from cvpire.tables.catalogue import CATALOGUE, caption_of

if TYPE_CHECKING:
    import pandas as pd

    from cvpire.config import TableOptions
    from cvpire.results import Results


def make_table(name: str, results: "Results", options: "TableOptions") -> tuple["pd.DataFrame", str]:
    """Make a table of a run, and its caption, which says what was left out of the datasets.

    Parameters
    ----------
    name : str
        Key of the catalogue: the thesis's number, or a name of ours.
    results : Results
        The run.
    options : TableOptions
        Which attacks Table 4.2 compares; the others take no notice.

    Returns
    -------
    DataFrame
        One column a quantity, for `cvpire.tables.formats.write_table`.
    str
        The caption.

    Raises
    ------
    InputError
        Where there is no such table, or the results do not hold what it shows.
    """
    if name not in CATALOGUE:
        raise InputError(f"table {name!r}: there are {', '.join(CATALOGUE)}")
    make = resolve_name(f"cvpire.tables.{CATALOGUE[name].make}")
    return make(results, options), caption_of(name, results.notes)
