"""One run a folder: a lock that the system lifts when the run ends, however it does.

Snakemake's own lock is a file that a killed run leaves behind, and that two runs which start together may both find
missing. The profiles switch it off (`nolock`).
"""

import atexit
import fcntl
import os
import socket
import sys
from pathlib import Path
from typing import IO

import psutil

from cvpire.errors import InputError, counted


def hold(notes: Path, local: bool = True) -> None:
    """Keep other runs out of a folder until this process ends.

    `notes/run.lock` is locked and names the process. `notes/locks/run.lock` is there while a run works: one that is
    killed leaves it behind, and `snakemake --unlock` takes it away. It counts where the lock says nothing: of runs on
    other machines, of jobs on a cluster, and on file systems that have no locks.

    Parameters
    ----------
    notes : Path
        The folder of Snakemake's notes, `.snakemake`, in the folder that the run works in.
    local : bool
        Jobs run on this machine, and not on a cluster. Those that a killed run has left behind are waited for.

    Raises
    ------
    InputError
        Another run is working here, or it is not known whether one is.
    """
    folder, note, marker = notes.absolute().parent, notes / "run.lock", notes / "locks" / "run.lock"
    held = note.open("a")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_locked = True
    except BlockingIOError:
        raise InputError(
            f"{folder}: another run is working here ({note.read_text()}).\n"
            "Wait until it has finished, or stop it (Ctrl-C, kill), and call again; or work in another folder."
        ) from None
    except OSError:
        is_locked = False
    if local and is_locked and note.read_text().endswith(f" on {socket.gethostname()}"):
        wait_for_jobs_left_behind(folder)
        marker.unlink(missing_ok=True)
    marker.parent.mkdir(exist_ok=True)
    try:
        marker.touch(exist_ok=False)
    except FileExistsError:
        raise InputError(
            f"{folder}: another run works here, or was killed and may have left jobs ({note.read_text()}).\n"
            "Look for it and its jobs (ps, squeue). If there are none, call `snakemake --unlock`, and call again."
        ) from None
    atexit.register(_let_go, held, marker)
    note.write_text(f"process {os.getpid()} on {socket.gethostname()}")


def _let_go(held: IO[str], marker: Path) -> None:
    marker.unlink(missing_ok=True)
    held.close()


def wait_for_jobs_left_behind(folder: Path) -> None:
    """Wait for jobs that outlive their run, which was killed alone: they would write what this run writes."""
    left = []
    for process in psutil.process_iter(["cmdline", "cwd"]):  # of other users' processes both are None
        words = process.info["cmdline"] or []
        if process.info["cwd"] == str(folder) and any(Path(word).name == "cvpire" for word in words[:2]):
            left.append(process)
    if left:
        numbers = ", ".join(str(process.pid) for process in left)
        print(
            f"Waiting for {counted(len(left), 'job')} that a killed run has left behind (processes {numbers}) ...",
            file=sys.stderr,
        )
        psutil.wait_procs(left)
