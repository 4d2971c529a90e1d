"""Find, for each number that the thesis prints, ours, and say how the two stand to each other."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

from cvpire.layout import ORIGINAL, number
from cvpire.measures import MEASURES
from cvpire.reproduction.arithmetic import derived
from cvpire.reproduction.settings import NAMES, other_attack, other_dataset, thesis_networks
from cvpire.reproduction.timing import measured_time
from cvpire.reproduction.verdicts import Verdict, verdict
from cvpire.tables.selection import own_victim
from cvpire.tables.statistics import mean_interval
from cvpire.tables.thesis_numbers import Printed, printed_numbers

if TYPE_CHECKING:
    import pandas as pd

    from cvpire.results import Results

_TEXTS_FORM = {"ap_trapezoid": "ap_sum", "ssim_range_2": "ssim_range_1"}
"""The form that the thesis's text gives, of a measure in the form that its numbers have."""


class Line(NamedTuple):
    """A printed number beside ours; numbers of ours are texts, with the digits that are shown."""

    printed: Printed
    verdict: Verdict
    dataset: str = ""
    """Ours, by its name."""
    ours: str = ""
    interval: tuple[str, str] | None = None
    """95 %, of a mean, over landmarks."""
    text_form: str = ""
    """Ours as the thesis's text defines the measure: eq. 4.1, data range 1."""
    reason: str = ""
    """Why it is not compared, or what ours is."""

    @property
    def difference(self) -> str:
        """Ours minus what is printed; empty where there is none."""
        if not self.ours:
            return ""
        difference = Decimal(self.ours) - self.printed.value
        return f"{difference:+}" if difference else f"{abs(difference)}"


def compare(results: "Results", configuration: Mapping[str, Any], times: Mapping[tuple[str, str], float]) -> list[Line]:
    """Set every number of the thesis beside ours.

    Parameters
    ----------
    results : Results
        Of a run.
    configuration : mapping
        Its configuration, whole.
    times : mapping
        Seconds of each job, by rule and log (`cvpire.overview.times.job_times`).

    Returns
    -------
    list of Line
        In the order of the thesis; where a run has two datasets of one kind, a number has a line for each.
    """
    rows = own_victim(results.queries)
    lines = []
    for printed in printed_numbers():
        if printed.measure in derived():
            lines.append(_derived(printed))
        elif printed.measure.endswith(("seconds", "minutes")):
            lines.append(_time(printed, results, configuration, times))
        else:
            lines += _measured(printed, results, rows, configuration)
    return lines


def _derived(printed: Printed) -> Line:
    formula, value = derived()[printed.measure]
    ours = f"{value:.{printed.decimals}f}"
    return Line(printed, verdict(printed.text, ours), ours=ours, reason=formula)


def _time(
    printed: Printed, results: "Results", configuration: Mapping[str, Any], times: Mapping[tuple[str, str], float]
) -> Line:
    seconds, what = measured_time(printed, results.run, configuration, times)
    if seconds is None:
        return Line(printed, Verdict.NOT_COMPARED, reason=what)
    ours = f"{seconds / 60 if printed.measure.endswith('minutes') else seconds:.3g}"
    return Line(printed, Verdict.NOT_COMPARED, ours=ours, reason=what)


def _measured(
    printed: Printed, results: "Results", rows: "pd.DataFrame", configuration: Mapping[str, Any]
) -> Iterator[Line]:
    names = [name for name, kind in results.run.datasets.items() if kind == printed.dataset]
    if not names:
        yield Line(printed, Verdict.NOT_COMPARED, reason=f"the run has no {NAMES[printed.dataset]}")
    elif printed.of_one_query and not printed.query:
        reason = "the thesis does not name the photo, and it cannot be told"
        yield Line(printed, Verdict.NOT_COMPARED, reason=reason)
    else:
        for name in names:
            of_dataset = rows[rows["dataset"] == name]
            queries = of_dataset["query"].nunique()
            if printed.measure == "random_ap":
                yield _random(printed, results, name, other_dataset(configuration, name, queries, photos=False))
            else:
                yield _scored(printed, name, of_dataset, queries, configuration)


def _random(printed: Printed, results: "Results", dataset: str, reason: str) -> Line:
    if reason:
        return Line(printed, Verdict.NOT_COMPARED, dataset, reason=f"{dataset}: {reason}")
    shown, by_text = (
        f"{100 * results.random_in(column)[dataset]:.{printed.decimals}f}" for column in ("ap_trapezoid", "ap_sum")
    )
    return Line(printed, verdict(printed.text, shown), dataset, shown, text_form=by_text)


def _scored(
    printed: Printed, dataset: str, rows: "pd.DataFrame", queries: int, configuration: Mapping[str, Any]
) -> Line:
    """A score of the rows of a dataset."""
    chosen, reason = _rows_of(printed, rows, configuration)
    if printed.of_one_query:
        chosen = chosen[chosen["query"] == printed.query]
        if chosen.empty and not reason:
            reason = f"{printed.query} is not among the queries"
    if reason := other_dataset(configuration, dataset, None if printed.of_one_query else queries) or reason:
        return Line(printed, Verdict.NOT_COMPARED, dataset, reason=f"{dataset}: {reason}")
    return scored(printed, dataset, chosen)


def scored(printed: Printed, dataset: str, rows: "pd.DataFrame") -> Line:
    """Compare a mean, or one query's score, with what is printed.

    Parameters
    ----------
    printed : Printed
        Whose measure is a column of `rows`.
    dataset : str
        Ours.
    rows : DataFrame
        Of queries.csv: one a query, under one method, multiplier and iteration.
    """
    measure = MEASURES[printed.measure]
    decimals = max(measure.decimals, printed.decimals)

    def shown(column: str) -> str:
        return f"{measure.factor * fmean(rows[column]):.{decimals}f}"

    interval = None
    if not printed.of_one_query and rows["landmark"].nunique() > 1:
        ordered = rows.sort_values("query")
        ends = mean_interval(measure.factor * ordered[measure.column].to_numpy(dtype=float), ordered["landmark"])
        interval = tuple(f"{float(end):.{decimals}f}" for end in ends)
    ours = shown(measure.column)
    result = verdict(printed.text, ours, interval)
    return Line(printed, result, dataset, ours, interval, shown(_TEXTS_FORM[measure.column]))


def _rows_of(printed: Printed, rows: "pd.DataFrame", configuration: Mapping[str, Any]) -> tuple["pd.DataFrame", str]:
    """Rows of a dataset that the number is about, and, where there are none, why."""
    rows = rows[rows["attack"] == ORIGINAL] if printed.method == "Original" else rows[rows["label"] == printed.method]
    if rows.empty:
        return rows, f"no attack is called {printed.method}"
    known = rows[rows["network"].isin(thesis_networks(configuration))]
    if known.empty:
        return known, f"another network, {', '.join(rows['network'].unique())}"
    known = known[known["attack"] == known["attack"].iloc[0]]
    if printed.method == "Original":
        return known[known["network"] == known["network"].iloc[0]], ""
    if reason := other_attack(configuration, known["attack"].iloc[0], printed.method):
        return known, f"{printed.method} with {reason}"
    at = known["iteration"] == printed.iterations
    at &= known["headline"].astype(bool) if printed.multiplier is None else known["multiplier"] == printed.multiplier
    bound = "" if printed.multiplier is None else f"m = {number(printed.multiplier)} and "
    return known[at], "" if at.any() else f"{printed.method} was not measured at {bound}T = {printed.iterations}"


def reasons(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """Numbers that are not compared, by the reason, times aside: ours is shown beside those."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        if line.verdict == Verdict.NOT_COMPARED and not line.ours:
            found.setdefault(line.reason, []).append(line)
    return found
