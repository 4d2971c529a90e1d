"""A process that reads hostile input: it says what became of each, or dies of it.

It takes one JSON object a line, {"reader", "path", "options"}, and answers each with one, {"outcome", ...}.
"""

import contextlib
import json
import os
import re
import resource
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

from cvpire.errors import InputError

from tests.hostile import readers

ADDRESS_SPACE = 6 * 2**30
"""Bytes that reading may take beside what the libraries take."""

RUNS_CODE = {"os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "subprocess.Popen"}
RUNS_CODE |= {"socket.connect", "socket.bind", "code.__new__", "webbrowser.open", "pty.spawn"}
CHANGES_FILES = {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.truncate"}

misdeeds: list[str] = []


def watch(event: str, arguments: tuple) -> None:
    """Note whatever no reader does: run something, call the canary, or change a file outside of the working folder."""
    if event in RUNS_CODE or event == "canary":
        misdeeds.append(f"{event}{arguments}"[:200])
    elif event in CHANGES_FILES or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
        for path in arguments if event in ("os.rename", "os.link") else arguments[:1]:
            if isinstance(path, str | bytes) and not Path(os.path.realpath(os.fsdecode(path))).is_relative_to(HOME):
                misdeeds.append(f"{event}{arguments}"[:200])


def memory(line: str) -> int:
    """A line of /proc/self/status in bytes; 0 where there is none."""
    try:
        return 1024 * int(re.search(rf"{line}:\s+(\d+)", Path("/proc/self/status").read_text())[1])
    except OSError:
        return 0


def read(reader: str, path: str, options: dict) -> dict:
    """Read one input and say what became of it."""
    misdeeds.clear()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew; noted by `watch`, and forgotten
    misdeeds.clear()
    before = memory("VmRSS")
    try:
        getattr(readers, reader)(Path(path), **options)
    except InputError as error:
        answer = {"outcome": "refused", "message": str(error)}
    except BaseException:
        answer = {"outcome": "raised", "message": traceback.format_exc(limit=-6)[-3000:]}
    else:
        answer = {"outcome": "read", "message": ""}
    answer["megabytes"] = max(0, memory("VmHWM") - before) // 2**20
    if misdeeds:
        answer |= {"outcome": "misbehaved", "message": "; ".join(misdeeds)}
    return answer


if __name__ == "__main__":
    HOME = Path.cwd().resolve()
    tempfile.tempdir = str(HOME)
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # C libraries that print do not answer
    readers.warm_up(HOME)
    if size := memory("VmSize"):
        resource.setrlimit(resource.RLIMIT_AS, (size + ADDRESS_SPACE,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.addaudithook(watch)
    for line in sys.stdin:
        print(json.dumps(read(**json.loads(line))), file=answers, flush=True)
