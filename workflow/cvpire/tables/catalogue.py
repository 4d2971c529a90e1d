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


def _transforms(config: "Config") -> bool:
    return any(config.transformations_on(dataset) for dataset in config.datasets)


def _several_systems(config: "Config") -> bool:
    return any(len(config.victims_on(dataset)) > 1 for dataset in config.datasets)


def _saves_plainly(config: "Config") -> bool:
    return any(config.saves_plainly(dataset) for dataset in config.datasets)


def _finds_multipliers(config: "Config") -> bool:
    return any(len(attack.multipliers) > 1 or attack.calibrates for attack in config.attacks.values())


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
_DROPS = (
    "mAP in percent beside the clean mAP, of queries saved without an attack{where}, and what the attack took of it "
    "(paired), with 95 % confidence intervals (BCa bootstrap, 9999 resamples, over landmarks)."
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
    "calibration": Table(
        "The multiplier m at which an attack takes its queries to the level of a random ranking: the smallest measured "
        "one, and where a straight line from the one before crosses the level; empty where none does. Last: the m that "
        "an attack has found for each photo itself, and how many keep their limit.",
        "calibration:calibration_table",
        needs=frozenset({"random"}),
        when=_finds_multipliers,
    ),
    "difficulties": Table(
        "mAP in percent by the difficulty of the revisited ground truth.",
        "difficulties:difficulties_table",
        when=_revisited,
    ),
    "transformations": Table(
        "mAP in percent after transformations of the saved query. Queries that were saved without an attack give the "
        "clean mAP. Random: the expectation for a random ranking of the database.",
        "transformations:transformations_table",
        needs=frozenset({"random"}),
        when=_transforms,
    ),
    "transformations-confidence": Table(
        _DROPS.format(where=" and transformed alike"),
        "transformations:transformations_confidence",
        needs=frozenset({"random"}),
        when=_transforms,
    ),
    "systems": Table(
        "mAP in percent of each retrieval system, on queries as they were saved. Attacked: the network that the attack "
        "was made for; every other column is transfer. Random: the expectation for a random ranking of the database.",
        "systems:systems_table",
        needs=frozenset({"random"}),
        when=_several_systems,
    ),
    "systems-confidence": Table(
        _DROPS.format(where=""),
        "systems:systems_confidence",
        needs=frozenset({"random"}),
        when=_several_systems,
    ),
    "reversed": Table(
        "mAP in percent of each ranking and of its reverse, and the share of queries that have a relevant photo among "
        "the last ten: what someone finds who looks at the least similar photos. Random: the expectation for a random "
        "ranking of the database.",
        "reversed_ranking:reversed_table",
        needs=frozenset({"random"}),
    ),
    "quality": Table(
        "Image quality of each method by every measure, and after each attack the loss against queries that were saved "
        "without one: means over the queries, in the measure's unit; a loss above zero is worse.",
        "quality:quality_table",
        when=_saves_plainly,
    ),
    "quality-order": Table(
        "Which of two attacks leaves the better photos, by every measure, and whether SSIM says so too. Share: of the "
        "queries. p-values are of landmarks; the sign-flip p is adjusted by Holm's method over the pairs of a dataset "
        "and measure.",
        "quality:quality_order",
        when=lambda config: _saves_plainly(config) and _several_attacks(config),
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
