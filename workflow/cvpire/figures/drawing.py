"""A figure of the catalogue, drawn and written."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from cvpire.errors import InputError
from cvpire.figures.catalogue import CATALOGUE
from cvpire.figures.style import Drawn, write

if TYPE_CHECKING:
    from cvpire.config import FigureOptions
    from cvpire.results import Results


def draw_figure(number: str, stem: str | Path, results: "Results", shown: "FigureOptions") -> list[Path]:
    """Draw a figure and write it as SVG, PNG and PDF, and what it shows as CSV where that is numbers.

    Parameters
    ----------
    number : str
        Of the catalogue, like 4.6.
    stem : str or Path
        Path without suffix, such as results/figures/figure-4.6.
    results : Results
        What it is drawn from; only what the entry needs is read.
    shown : FigureOptions
        What it shows; a configuration that leaves it open is completed by `cvpire.plan.outputs.figure_options`.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        Where there is no such figure, options leave open what it shows, or the results lack it.
    """
    if number not in CATALOGUE:
        raise InputError(f"figure {number!r}: there are {', '.join(CATALOGUE)}")
    entry = CATALOGUE[number]
    needed = {
        "dataset": bool(entry.needs) and not entry.every_dataset,
        "datasets": entry.every_dataset,
        "attacks": "adversarial" in entry.needs,
        "maps": "maps" in entry.needs,
        "query": entry.query is not None,
    }
    if lacking := [f"--{name}" for name, is_needed in needed.items() if is_needed and not getattr(shown, name)]:
        raise InputError(f"figure {number}: give {', '.join(lacking)}; the workflow's log shows the whole command")
    drawn: Drawn = import_module(f"cvpire.figures.{entry.module}").draw(results, shown)
    return write(drawn, stem)
