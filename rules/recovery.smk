# One run a folder, and how a run goes on after another that was killed, or after its files were damaged.
import fcntl
import socket
from contextlib import contextmanager

import psutil
from snakemake.logging import logger
from snakemake.persistence import PersistenceBase

snakemake_lock, snakemake_incomplete = PersistenceBase.lock, PersistenceBase.incomplete


@contextmanager
def lock_of_the_living(persistence):
    """Take Snakemake's lock, and before it one that the system lifts when this process ends, however it does.

    Who has that one is alone: a lock of Snakemake's that is there nevertheless was left by a run that was killed, and
    needs no `snakemake --unlock`. Of runs on other machines and of jobs on a cluster this is not known.
    """
    with (persistence.path / "run.lock").open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.seek(0)
            raise WorkflowError(
                f"{os.getcwd()}: another run is working here ({held.read()}).\n"
                "Wait until it has finished, or stop it (Ctrl-C, kill), and call again; or work in another folder."
            )
        except OSError:  # the file system has no such locks
            with snakemake_lock(persistence):
                yield
            return
        held.seek(0)
        if persistence.dag.workflow.local_exec and held.read().endswith(f" on {socket.gethostname()}"):
            wait_for_jobs_left_behind()
            for stale in (persistence.path / "locks").glob("*.lock"):
                stale.unlink()
        held.truncate(0)
        held.write(f"process {os.getpid()} on {socket.gethostname()}")
        held.flush()
        with snakemake_lock(persistence):
            yield


def wait_for_jobs_left_behind() -> None:
    """Wait for jobs that outlive their run, which was killed alone: they would write what this run writes."""
    left = []
    for process in psutil.process_iter(["cmdline", "cwd"]):  # of other users' processes both are None
        words = process.info["cmdline"] or []
        if process.info["cwd"] == os.getcwd() and any(Path(word).name == "cvpire" for word in words[:2]):
            left.append(process)
    if left:
        numbers = ", ".join(str(process.pid) for process in left)
        logger.warning(f"Waiting for {len(left)} jobs that a killed run has left behind (processes {numbers}) ...")
        psutil.wait_procs(left)


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


PersistenceBase.lock, PersistenceBase.incomplete = lock_of_the_living, incomplete_or_changed
