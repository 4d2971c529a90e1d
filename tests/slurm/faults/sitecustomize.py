"""Python runs this at its start: a job of `cvpire` that FAULTS names, by how its arguments begin, misbehaves."""

import json
import os
import sys
import time
from pathlib import Path

GIGABYTE = 10**9


def hang(marker: Path) -> None:
    """Do nothing, but only once: the next attempt finds the marker and works."""
    if not marker.exists():
        marker.touch()
        time.sleep(600)


def swell(marker: Path) -> None:
    """Take 5 GB for a while, at every attempt."""
    marker.touch()
    taken = b"x" * (5 * GIGABYTE)
    time.sleep(8)
    del taken


program, *arguments = [*sys.orig_argv[1:], ""]
if program.endswith("/cvpire"):
    for number, (beginning, fault) in enumerate(json.loads(os.environ.get("FAULTS", "{}")).items()):
        if " ".join(arguments).startswith(beginning):
            {"hang": hang, "swell": swell}[fault](Path(f"fault-{number}").absolute())
