"""Where networks run: the processor, or one of the machine's GPUs."""

import fcntl
import os
import tempfile
from functools import cache
from itertools import count
from pathlib import Path

import torch

from cvpire.errors import InputError


def choose_device(device: str) -> torch.device:
    """Turn `auto`, `cpu` or `cuda` into a device that exists, or raise `InputError`; of several GPUs a free one."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device: cuda is asked for, but torch finds no GPU; choose `auto` or `cpu`")
    return torch.device(device, free_gpu()) if device == "cuda" else torch.device(device)


def use_threads(threads: int) -> None:
    """Let torch compute on that many threads; 0: as many as it chooses."""
    if threads:
        torch.set_num_threads(threads)


@cache
def free_gpu() -> int:
    """Take the visible GPU on which the fewest of this user's jobs on this machine run, for the rest of the process.

    A job marks its place on a GPU by a lock on a file that it never closes. The system gives the lock to one job only,
    and takes it back when the job ends, however it ends; so nothing is left to clean up.

    Returns
    -------
    int
        The GPU's number among the visible ones.
    """
    # Not by number: it means another GPU where a job sees only some of them.
    gpus = [torch.cuda.get_device_properties(number).uuid for number in range(torch.cuda.device_count())]
    if len(gpus) == 1:
        return 0
    folder = Path(tempfile.gettempdir(), f"cvpire-gpus-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    for place in count():
        for number, gpu in enumerate(gpus):
            file = os.open(folder / f"{gpu}-{place}", os.O_CREAT | os.O_WRONLY, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
            else:
                return number
