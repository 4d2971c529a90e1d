"""The tables: what each shows, what makes it, and when a run makes it.

A table is a function of `cvpire.tables` and an entry here.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cvpire.config import Config


def _always(config: "Config") -> bool:
    return True


def _several_attacks(config: "Config") -> bool:
    return len(config.compared) > 1


def _revisited(config: "Config") -> bool:
    from cvpire.datasets.catalogue import KINDS

    return any(KINDS[dataset.kind].revisited for dataset in config.datasets.values())


class Table(NamedTuple):
    """A table of the thesis, by its number, or of ours."""

    caption: str
    make: str
    """`module:function` of `cvpire.tables`: from a run's `Results` and the table's `TableOptions` to a DataFrame."""
    needs: frozenset[str] = frozenset()
    """What it is made from beside the measurements and run.json: `random`, the mAP of random rankings."""
    section: str | None = None
    """Key under `tables` in the configuration that asks for it; None: it need not be asked for."""
    when: Callable[["Config"], bool] = _always
    """Whether a run of that configuration makes it."""
    file: str | None = None
    """File under results/tables, without suffix; default: `table-` and the name."""
    wanted: bool = True
    """False: a run makes it only when it is asked for the file."""


_INTERVALS = (
    "Means with 95 % confidence intervals (BCa bootstrap, 9999 resamples, over queries and over landmarks), both forms "
    "of mAP and both SSIM ranges. Thesis: the printed number; difference: ours minus that."
)
_TESTS = (
    "Paired differences, first minus second, with 95 % intervals. The sign-flip p is adjusted by Holm's method over "
    "the pairs of a dataset, measure and unit; the landmark is the unit to go by: its queries are not independent."
)

CATALOGUE = {
    "4.1": Table(
        "Retrieval performance (mAP in percent) and image quality (mSSIM) of unchanged and adversarial queries.",
        "performance:performance_table",
    ),
    "4.1-confidence": Table(_INTERVALS, "performance:performance_confidence"),
    "comparisons": Table(_TESTS, "paired_tests:paired_tests_table", when=_several_attacks),
    "4.2": Table(
        "One attack beside another at several multipliers m after equally many iterations. Random mAP is the "
        "expectation for a random ranking of the database.",
        "multipliers:multipliers_table",
        needs=frozenset({"random"}),
        section="4.2",
    ),
    "4.2-confidence": Table(_INTERVALS, "multipliers:multipliers_confidence", section="4.2"),
    "4.2-comparisons": Table(_TESTS, "multipliers:multipliers_paired_tests", section="4.2"),
    "difficulties": Table(
        "mAP in percent by the difficulty of the revisited ground truth.",
        "difficulties:difficulties_table",
        when=_revisited,
    ),
    "differences": Table(
        "The effect of each difference between text and code: mAP in percent, image quality, colour difference.",
        "differences:differences_table",
        file="differences",
        wanted=False,
    ),
}
"""By name, in the order of the overview."""


def caption_of(name: str, notes: Mapping[str, Sequence[str]]) -> str:
    """Caption of a table, and what was left out of the datasets: its numbers are of what is left."""
    left_out = [f"Dataset {dataset}: {note}." for dataset, told in notes.items() for note in told]
    return " ".join([CATALOGUE[name].caption, *left_out])


def file_of(name: str) -> str:
    """Name of a table's files under results/tables, without suffix."""
    return CATALOGUE[name].file or f"table-{name}"
