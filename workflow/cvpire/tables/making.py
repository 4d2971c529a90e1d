"""Make a table of the catalogue and write it."""

from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from cvpire.errors import InputError
from cvpire.tables.catalogue import CATALOGUE, caption_of
from cvpire.tables.formats import write_table

if TYPE_CHECKING:
    from cvpire.config import TableOptions
    from cvpire.results import Results


def make_table(name: str, stem: str | Path, results: "Results", options: "TableOptions") -> list[Path]:
    """Make a table of a run as CSV, Markdown and LaTeX; the caption says what was left out of the datasets.

    Parameters
    ----------
    name : str
        Key of the catalogue: the thesis's number, or a name of ours.
    stem : str or Path
        Path without suffix, such as results/tables/table-4.1.
    results : Results
        The run.
    options : TableOptions
        Which attacks Table 4.2 compares; the others take no notice.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        Where there is no such table, or the results do not hold what it shows.
    """
    if name not in CATALOGUE:
        raise InputError(f"table {name!r}: there are {', '.join(CATALOGUE)}")
    make = resolve_name(f"cvpire.tables.{CATALOGUE[name].make}")
    return write_table(make(results, options), stem, caption_of(name, results.notes))
