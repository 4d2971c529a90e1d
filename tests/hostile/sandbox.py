"""Let a process of its own read hostile input, and say whether it ended as bad input should."""

import json
import re
import select
import shutil
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

HANGS = 30
"""Seconds after which a reader counts as hanging; the slowest takes three."""

MEGABYTES = 512
"""Memory that reading a small file may take; photos, which may have 150 million pixels, say otherwise."""


class Sandbox:
    """A process that reads, started when it is needed and anew after a crash."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.outcomes: Counter[str] = Counter()
        self.process: subprocess.Popen | None = None

    def read(
        self,
        reader: str,
        files: Mapping[str, bytes],
        *,
        leaves: str = "nothing",
        megabytes: int = MEGABYTES,
        **options: Any,
    ) -> str:
        """Read the first of some files, and check that it is read, or refused in one clear message; say which.

        Parameters
        ----------
        reader : str
            A function of `tests.hostile.readers`.
        files : mapping
            By name, content; they lie side by side.
        leaves : str
            Pattern of the files that reading may leave behind.
        megabytes : int
            Memory that it may take.
        **options
            Of the reader.
        """
        place = self.folder / "input"
        place.mkdir(parents=True)
        try:
            for name, content in files.items():
                (place / name).write_bytes(content)
            path = place / next(iter(files))
            answer = self._ask({"reader": reader, "path": str(path), "options": options})
            self.outcomes[answer["outcome"]] += 1
            assert answer["outcome"] in ("read", "refused"), f"{answer['outcome']}: {answer['message']}"
            if answer["outcome"] == "refused":
                check_message(answer["message"], path)
            assert answer["megabytes"] <= megabytes, f"took {answer['megabytes']} MB of memory"
            left = {file for file in self.folder.rglob("*") if file.is_file() or file.is_symlink()}
            left -= {place / name for name in files}
            assert all(file.match(leaves) for file in left), f"left behind: {left}"
            return answer["outcome"]
        finally:
            shutil.rmtree(place)

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        if self.process is None:
            command = [sys.executable, "-X", "faulthandler", "-m", "tests.hostile.worker"]
            self.folder.mkdir(exist_ok=True)
            self.log = (self.folder.parent / "worker.log").open("w+")
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.log}
            path = [ROOT, ROOT / "workflow"]
            environment = {
                "PYTHONPATH": ":".join(map(str, path)),
                "OMP_NUM_THREADS": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
                "PATH": "/usr/bin:/bin",
            }
            self.process = subprocess.Popen(command, cwd=self.folder, text=True, env=environment, **pipes)
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], HANGS)
        if answer := ready and self.process.stdout.readline():
            return json.loads(answer)
        if ready:
            status = self.process.wait()
            self.log.seek(0)
            answer = {"outcome": "crashed", "message": f"exit status {status}\n{self.log.read()[-2000:]}"}
        else:
            answer = {"outcome": "hung", "message": f"no answer within {HANGS} s"}
        self.close()
        return answer


def check_message(message: str, path: Path) -> None:
    """A message names the file in each of its lines, is short and printable, and says what is wrong, not what broke."""
    lines = message.split("\n")
    assert len(lines) <= 30, f"{len(lines)} lines"
    for line in lines:
        assert str(path) in line, f"does not name the file: {line[:500]}"
        assert len(line) <= 1000, f"{len(line)} characters: {line[:500]}"
        odd = [character for character in line if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")]
        assert not odd, f"unprintable {odd!r}: {line!r}"
    assert not re.search(r"Traceback|MemoryError|allocate", message), f"memory ran out: {message[:500]}"
