"""Times of our jobs, beside those that the thesis gives."""

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from cvpire import layout
from cvpire.errors import counted
from cvpire.results import Run
from cvpire.tables.thesis_numbers import Printed


def measured_time(
    printed: Printed, run: Run, configuration: Mapping[str, Any], times: Mapping[tuple[str, str], float]
) -> tuple[float | None, str]:
    """Seconds that ours took for one photo, on average over all datasets, and what that is.

    Parameters
    ----------
    printed : Printed
        Its measure begins with `variance` or `attack`.
    run : Run
    configuration : mapping
        Whole.
    times : mapping
        Seconds of each job, by rule and log.

    Returns
    -------
    seconds : float or None
        Of a job: a process, with its start. A job of an attack covers all multipliers, as one batch; it is divided by
        their number. None where the run has no such attack, or Snakemake kept no times.
    what : str
        What ours is, or why there is none.
    """
    attack = next((name for name, about in run.attacks.items() if about.label == printed.method), None)
    if attack is None:
        return None, f"no attack is called {printed.method}"
    about, options = run.attacks[attack], configuration["attacks"][attack]
    logs = []
    for dataset in about.datasets:
        rule, file = (
            ("compute_variance", layout.VARIANCE.format(dataset=dataset, map=about.map, photo="{photo}"))
            if printed.measure.startswith("variance")
            else ("attack_query", layout.PERTURBATION.format(dataset=dataset, attack=attack, photo="{photo}"))
        )
        folder = layout.log(file).partition("{photo}")[0]
        logs += [seconds for (name, log), seconds in times.items() if name == rule and log.startswith(folder)]
    if not logs:
        return None, "Snakemake has kept no times of these jobs"
    if printed.measure.startswith("variance"):
        return fmean(logs), f"mean of {counted(len(logs), 'photo')}"
    multipliers = len({options["multiplier"], *options["other_multipliers"]})
    iterations = max([options["iterations"], *options["other_iterations"]])
    what = f"mean of {counted(len(logs), 'photo')}, {counted(iterations, 'iteration')}"
    shared = f", one of {multipliers} multipliers in a batch" if multipliers > 1 else ""
    return fmean(logs) / multipliers, what + shared
