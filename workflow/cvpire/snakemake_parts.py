"""All that the workflow needs of Snakemake's inside, where Snakemake has no option for it.

Two functions are replaced, one attribute of its scheduler and one of its settings are set, and one setting is read.
`tests/unit/test_snakemake_parts.py` fails when what this file was written for changes.
"""

from snakemake import logging
from snakemake.logging import logger
from snakemake.persistence import PersistenceBase

WRITTEN_FOR = "9.27"
"""The minor version of Snakemake, to which pyproject.toml pins it."""

snakemake_incomplete, snakemake_show_logs = PersistenceBase.incomplete, logging.show_logs


def replace() -> None:
    """Replace Snakemake's functions by those of this file."""
    PersistenceBase.incomplete, logging.show_logs = incomplete_or_changed, show_each_log


def given(workflow) -> list[str]:
    """Entries of `--config` as they were written: Snakemake makes a number of `folder=007`."""
    return list(workflow.config_settings.config_args or ())


def share_resources(workflow, rule: str, other: str) -> None:
    """Give a rule what a profile or `--set-resources` gives to another one. Call it before the rule.

    Rules that are made for each attack of a configuration cannot all stand in a profile.
    """
    given = workflow.resource_settings._parsed_overwrite_resources
    if rule in given:
        given.setdefault(other, given[rule])


def lift_rate_limit(workflow) -> None:
    """Lift Snakemake's limit on job submissions, 100 a second. The scheduler must be there: call it in `onstart`.

    To keep the limit, the scheduler sets a timer in every round, and every timer starts a round: the rounds multiply,
    and after some hundred jobs they eat a core. The limit can be set by an option, but not switched off. How many jobs
    run or wait at a time is limited otherwise (`cores`, `jobs`).
    """
    workflow.scheduler.job_rate_limiter = None


def show_each_log(logs):
    """Show the logs of a failed job.

    Snakemake stops at the first one that is empty or not there, as that of a job is which was killed, or whose command
    could not start; what Slurm says of it stands in the next one.
    """
    for log in logs:
        yield from snakemake_show_logs([log])


async def incomplete_or_changed(persistence, job):
    """Outputs that a job did not finish, or that something else has changed since; both are made again.

    Snakemake alone would run the jobs that read a changed file, on whatever is in it now.
    """
    changed = [file for file in job.output if await has_changed(persistence, job, file)]
    for file in changed:
        logger.warning(f"{file}: changed since it was made; it is made again.")
    return [*changed, *await snakemake_incomplete(persistence, job)]


async def has_changed(persistence, job, file) -> bool:
    """Whether a file is younger than its job, and has not the content that jobs read which are done."""
    if not await file.exists():
        return False
    time = (await file.mtime()).local()
    readers = [reader for reader, files in persistence.dag.depending[job].items() if file in files]
    done = [reader for reader in readers if ((await reader.output_mintime) or time) < time]
    # What no job reads has no known content; tables and figures are made again quickly, so their date will do.
    is_final = bool(readers) and {reader.rule.name for reader in readers} <= {"all", "tables", "figures"}
    note = persistence.metadata(file) if done or is_final else None
    if note is None or note.endtime == time:
        return False
    if is_final:
        return True
    known = set().union(*(persistence.input_checksums(reader, file) for reader in done)) - {None}
    found = await file.checksum(persistence.max_checksum_file_size)
    return bool(known) and found is not None and found not in known
