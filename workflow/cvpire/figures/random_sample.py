"""A random sample of the queries of some datasets under some attacks."""

from typing import TYPE_CHECKING

from cvpire.figures.adversarial_queries import adversarial_queries
from cvpire.figures.choosing import given, sample
from cvpire.figures.style import Drawn
from cvpire.layout import ORIGINAL
from cvpire.results import Results

if TYPE_CHECKING:
    from cvpire.config import FigureOptions


def draw(results: Results, shown: "FigureOptions") -> Drawn:
    """One row a query, the unattacked one first; under a single attack, the attacked ones alone, four in a row."""
    rows = results.queries
    names = {dataset: rows.loc[rows["dataset"] == dataset, "query"].unique() for dataset in shown.datasets}
    alone = len(shown.attacks) == 1
    attacks = shown.attacks if alone else [ORIGINAL, *shown.attacks]
    versions = {
        (dataset, query): {attack: results.photo(dataset, query, attack) for attack in attacks}
        for dataset, query in sample(names, **given(count=shown.count, seed=shown.seed))
    }
    return Drawn(adversarial_queries(rows, versions, columns=4 if alone else None))
