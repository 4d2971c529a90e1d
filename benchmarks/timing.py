"""Time calls side by side: each is run in turn, so that a machine whose speed drifts is fair to all of them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple


class Line(NamedTuple):
    """One comparison."""

    what: str
    seconds: float
    """Median of what is measured."""
    reference: str = ""
    """What it is compared with."""
    reference_seconds: float | None = None
    ratio: float | None = None
    """What the name says: seconds over the reference's, or the reverse where more is better."""
    goal: str = ""
    """`<= 1.1` or `>= 30`; empty where there is none."""
    device: str = "CPU"

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        if not self.goal:
            return None
        relation, value = self.goal.split()
        measured = self.seconds if self.ratio is None else self.ratio
        return measured <= float(value) if relation == "<=" else measured >= float(value)


class Share(NamedTuple):
    """What is no time: a share or a mAP, in percent, beside that of a reference."""

    what: str
    percent: float
    reference: str = ""
    reference_percent: float | None = None


def in_turn(runs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each call in each round; in a round, each is called once."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            seconds[name].append(timed(run))
    return seconds


def timed(run: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compare(
    what: str, reference: str, seconds: Sequence[float], others: Sequence[float], goal: str = "", device: str = "CPU"
) -> Line:
    """Compare by the median of the rounds' ratios: times faster where the goal is `>=`, else times slower."""
    pairs = list(zip(seconds, others, strict=True))
    ratio = median(other / own if goal.startswith(">=") else own / other for own, other in pairs)
    return Line(what, median(seconds), reference, median(others), ratio, goal, device)


class Killed(Exception):
    """A process was killed, by the system for its memory; how much it had, in MB."""

    def __init__(self, megabytes: float):
        super().__init__(f"killed at {megabytes:,.0f} MB")
        self.megabytes = megabytes


def process(command: Sequence[str | Path], cwd: str | Path | None = None, threads: int = 1) -> tuple[float, float]:
    """Seconds and peak memory in MB of a process that uses so many threads; it must succeed."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    start = time.perf_counter()
    running = subprocess.Popen(command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = running.stderr.read()
    _, status, usage = os.wait4(running.pid, 0)
    seconds = time.perf_counter() - start
    running.returncode = os.waitstatus_to_exitcode(status)
    # Linux counts in KiB, macOS in bytes.
    megabytes = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    if running.returncode == -signal.SIGKILL:
        raise Killed(megabytes)
    if running.returncode:
        raise RuntimeError(f"{command}: exit status {running.returncode}: {errors.decode()[-500:]}")
    return seconds, megabytes


def cvpire(*arguments: str | Path) -> list[str | Path]:
    """Command of a stage."""
    return [Path(sys.executable).with_name("cvpire"), *arguments]
