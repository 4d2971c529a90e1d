"""A file server on localhost that misbehaves on request, for tests of downloads.

with serve(folder) as server:
    server.behave("a.tgz", cut_after=1000, times=2)  # the first two transfers break off after 1000 bytes
    fetch(..., urls=[server.url("a.tgz")], ...)
    assert [request.range for request in server.requests] == [None, "bytes=1000-", "bytes=2000-"]
"""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote


@dataclass
class Behaviour:
    """How a file is served."""

    status: int | None = None
    """Answer with this instead of the file, e.g. 404."""
    cut_after: int | None = None
    """Close the connection after so many bytes of an answer."""
    times: int | None = None
    """How often `status` or `cut_after` hold, then all is well; default: always."""
    ranges: bool = True
    """Answer a Range; otherwise the whole file is sent."""
    etag: bool = True
    """Give an ETag."""
    last_modified: bool = True
    """Give a date."""
    delay: float = 0
    """Seconds before the answer."""
    headers: dict[str, str] = field(default_factory=dict)
    """Further headers."""


@dataclass(frozen=True)
class Request:
    """What was asked, and what was answered."""

    path: str
    range: str | None
    if_range: str | None
    accept_encoding: str | None
    status: int
    sent: int


class Server(ThreadingHTTPServer):
    """Serves the files of a folder, with subfolders."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.behaviours: dict[str, Behaviour] = {}
        self.requests: list[Request] = []

    def handle_error(self, *_) -> None:
        """Say nothing when a client hangs up."""

    def url(self, path: str) -> str:
        """Address of a file."""
        return f"http://127.0.0.1:{self.server_port}/{quote(path)}"

    def behave(self, path: str, **behaviour) -> None:
        """Set how a file is served; see `Behaviour`."""
        self.behaviours[path] = Behaviour(**behaviour)


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    """Serve a folder on a free port while the block runs."""
    with Server(folder) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        path = unquote(self.path).lstrip("/")
        behaviour = self.server.behaviours.get(path, Behaviour())
        time.sleep(behaviour.delay)
        fails = behaviour.times is None or behaviour.times > 0
        if behaviour.times and (behaviour.status or behaviour.cut_after is not None):
            behaviour.times -= 1
        if not (self.server.folder / path).is_file() or (behaviour.status and fails):
            return self._answer(path, behaviour.status or 404, {}, b"")

        data = (self.server.folder / path).read_bytes()
        validators = {}
        if behaviour.etag:
            validators["ETag"] = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        if behaviour.last_modified:
            validators["Last-Modified"] = formatdate((self.server.folder / path).stat().st_mtime, usegmt=True)
        status, headers, body = 200, {"Content-Type": "application/octet-stream", **validators}, data
        asked = self.headers["Range"]
        if asked and behaviour.ranges and self.headers.get("If-Range", "") in ("", *validators.values()):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                return self._answer(path, 416, {"Content-Range": f"bytes */{len(data)}"}, b"")
            status, body = 206, data[start:]
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self._answer(path, status, {**headers, **behaviour.headers}, body, behaviour.cut_after if fails else None)

    def _answer(self, path: str, status: int, headers: dict[str, str], body: bytes, cut: int | None = None) -> None:
        sent = body[:cut]
        asked = (self.headers[key] for key in ("Range", "If-Range", "Accept-Encoding"))
        self.server.requests.append(Request(path, *asked, status, len(sent)))
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_) -> None:
        pass
