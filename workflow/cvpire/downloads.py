"""Fetch files: mirrors, resume after a broken transfer, and a SHA-256 that is known or recorded at first use."""

import errno
import hashlib
import time
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from pydantic import RootModel

from cvpire.config import DownloadOptions
from cvpire.errors import InputError
from cvpire.files import write_json
from cvpire.options import Name, Options, validate
from cvpire.untrusted.yaml import read_yaml

if TYPE_CHECKING:
    import requests

DOWNLOADS = Path(__file__).parents[2] / "config" / "downloads.yaml"
"""Where files come from, unless another list is named."""

TIMEOUT = (15.0, 60.0)
"""Seconds to connect, and between two pieces of an answer."""

TRIES = 4
"""Tries of an address that answers nothing, answers "later", or breaks off without having sent more than before."""

BACKOFF = 1.0
"""Seconds before the second try; they double each time."""

ABOUT = (
    "SHA-256 of downloads whose publishers name none, or only its beginning. Each is what the first download had, on "
    "the date given, so it shows that later downloads are the same file, not that the first one was right. Delete an "
    "entry to accept another file."
)

_CHUNK = 2**16


class _Entry(Options):
    """A file of the lock file."""

    recorded: date
    source: str
    sha256: str


class _Lock(Options):
    """The lock file."""

    about: str
    files: dict[str, _Entry]


def fetch_listed(name: str, output: Path, downloads: Path | None = None) -> None:
    """Fetch a file of a list of downloads, by default the project's; see `fetch`."""
    downloads = downloads or DOWNLOADS
    known = load_downloads(downloads)
    if name not in known:
        raise InputError(f"{downloads}: knows no file {name!r}; it has {', '.join(known)}")
    fetch(name, known[name], output, downloads.with_suffix(".lock"))


def load_downloads(path: str | Path) -> dict[str, DownloadOptions]:
    """Read where downloads come from.

    Parameters
    ----------
    path : str or Path
        YAML, the name of each file and its `cvpire.config.DownloadOptions`.

    Returns
    -------
    dict
        Options by name.

    Raises
    ------
    InputError
        Missing file, no YAML, unknown key or impossible value; one line for each fault.
    """
    content = read_yaml(path, "addresses of downloads")
    if not isinstance(content, Mapping):
        raise InputError(f"{path}: expected file names with urls and megabytes, found {type(content).__name__}")
    return validate(RootModel[dict[Name, DownloadOptions]], content, str(path)).root


def fetch(name: str, download: DownloadOptions, output: str | Path, lock: str | Path, progress: bool = True) -> None:
    """Download a file, unless it is there already.

    A transfer that breaks off is resumed, now or by the next call, from what lies in OUTPUT.part. What is resumed is
    the same file: either its SHA-256 is known, or the server compares the validator that it gave with the first part
    (If-Range); otherwise it starts anew. The file gets its name when its SHA-256 is right.

    Parameters
    ----------
    name : str
        Key of the lock file, and the name in messages.
    download : DownloadOptions
        Addresses (http, https, file), tried in order, and the SHA-256 or its beginning.
    output : str or Path
        Where the file shall appear. A file that a person has put there is checked and, where the SHA-256 is not
        known, recorded like a download.
    lock : str or Path
        JSON file of the values recorded at first use; every SHA-256 that `download` does not give whole is recorded.
    progress : bool
        Show progress, if standard error is a terminal.

    Raises
    ------
    InputError
        No address gives the file, its SHA-256 is wrong, or it cannot be written. The message ends in how to place the
        file by hand.
    """
    from filelock import FileLock

    output, lock = Path(output), Path(lock)
    try:
        if not output.exists():
            output.parent.mkdir(parents=True, exist_ok=True)
            busy = output.with_name(f".{output.name}.busy")
            with FileLock(busy):  # two jobs that write one .part would mix their bytes
                if not output.exists():
                    _download(name, download, output, lock, progress)
                busy.unlink(missing_ok=True)
        elif fault := _fault(name, download, output, lock, f"the file found at {output}"):
            raise InputError(f"{output}: {fault}; delete the file and run again")
    except InputError as error:
        raise InputError(f"{error}; or get {name} by other means and put the file at {output}") from None
    except OSError as error:
        remedy = "check the folder's permissions"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = f"make room for {download.megabytes:.0f} MB and run again, what has been fetched is kept"
        raise InputError(
            f"{name}: cannot write to {output.parent} ({error.strerror}); {remedy}; or put the file at {output}"
        ) from None


def _download(name: str, download: DownloadOptions, output: Path, lock: Path, progress: bool) -> None:
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    part = output.with_name(f"{output.name}.part")
    verifiable = bool(download.sha256) or name in _recorded(lock)
    faults = []
    with _session() as session:
        for url in download.urls:
            resumed = True
            while resumed:
                resumed = _size(part) > 0
                try:
                    _transfer(session, url, part, verifiable, progress)
                except (RequestException, HTTPError, URLError) as error:
                    faults.append(f"{url}: {_reason(error)}")
                    break
                fault = _fault(name, download, part, lock, url)
                if fault is None:
                    part.replace(output)
                    _drop(part)
                    return
                # Where an earlier part was of another file, the whole one may be right: once more, from the start.
                _drop(part)
                if not resumed:
                    faults.append(f"{url}: {fault}")
    raise InputError("\n".join(f"{name}: {fault}" for fault in [*faults, "no address gave the file"]))


def _session() -> "requests.Session":
    import requests
    from urllib3 import Retry

    retry = Retry(
        total=TRIES - 1,
        backoff_factor=BACKOFF,
        status_forcelist=(429, 500, 502, 503, 504),
        raise_on_status=False,
        respect_retry_after_header=False,  # a server may ask for hours
    )
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, requests.adapters.HTTPAdapter(max_retries=retry))
    return session


def _transfer(session: "requests.Session", url: str, part: Path, verifiable: bool, progress: bool) -> None:
    """Fetch what the part lacks, again after each break."""
    from urllib3.exceptions import HTTPError

    scheme = urlsplit(url).scheme.lower()
    if scheme not in ("http", "https", "file"):
        raise URLError("expected an address that starts with http://, https:// or file://")
    if scheme == "file":
        return _copy(url, part, progress)
    failures = 0
    while True:
        before = _size(part)
        try:
            return _get(session, url, part, verifiable, progress)
        except HTTPError:
            failures = 0 if _size(part) > before else failures + 1
            if failures == TRIES:
                raise
            time.sleep(BACKOFF * 2**failures)


def _copy(url: str, part: Path, progress: bool) -> None:
    with urlopen(url) as source:
        _start_anew(part, "")
        _append(iter(lambda: source.read(_CHUNK), b""), part, source.headers, progress)


def _get(session: "requests.Session", url: str, part: Path, verifiable: bool, progress: bool) -> None:
    import requests

    size = _size(part)
    validator = _validator(part).read_text(encoding="latin-1") if _validator(part).exists() else ""
    # Some servers call a .tgz a compressed .tar: without `identity`, and if it were decoded, other bytes would arrive.
    headers = {"Accept-Encoding": "identity"}
    if size and (verifiable or validator):
        headers["Range"] = f"bytes={size}-"
        if not verifiable:
            headers["If-Range"] = validator
    with session.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        status, place = answer.status_code, answer.headers.get("Content-Range", "")
        if status == 416 and place == f"bytes */{size}":
            return  # nothing is lacking
        resumes = status == 206 and place.startswith(f"bytes {size}-")
        if "Range" in headers and status in (206, 416) and not resumes:
            _drop(part)  # longer than the file, or the server does not understand
            return _get(session, url, part, verifiable, progress)
        if status != 200 and not resumes:
            raise requests.HTTPError(f"{status} {answer.reason}")
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            raise requests.HTTPError("a web page instead of the file")
        if status == 200:
            etag = answer.headers.get("ETag", "W/")
            _start_anew(part, answer.headers.get("Last-Modified", "") if etag.startswith("W/") else etag)
        _append(answer.raw.stream(_CHUNK, decode_content=False), part, answer.headers, progress)


def _start_anew(part: Path, validator: str) -> None:
    part.write_bytes(b"")  # first, because a validator must never stand beside the bytes of another file
    _validator(part).write_text(validator, encoding="latin-1")


def _append(chunks: Iterable[bytes], part: Path, headers: Mapping[str, str], progress: bool) -> None:
    from tqdm import tqdm

    size, length = _size(part), headers.get("Content-Length")
    with (
        part.open("ab") as file,
        tqdm(
            desc=part.stem,
            initial=size,
            total=length and size + int(length),
            unit="B",
            unit_scale=True,
            disable=None if progress else True,  # None: shown on a terminal only
        ) as bar,
    ):
        for chunk in chunks:
            file.write(chunk)
            bar.update(len(chunk))


def _drop(part: Path) -> None:
    part.unlink(missing_ok=True)
    _validator(part).unlink(missing_ok=True)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _validator(part: Path) -> Path:
    """Where the ETag or the date of the part's file stands, which tells whether the server still has that file."""
    return part.with_name(f"{part.name}.validator")


def _reason(error: BaseException) -> str:
    """Say in a few words what went wrong; what libraries wrap around it names their own objects."""
    while deeper := error.__cause__ or error.__context__:
        error = deeper
    return getattr(error, "strerror", None) or str(getattr(error, "reason", error)) or type(error).__name__


def _fault(name: str, download: DownloadOptions, file: Path, lock: Path, source: str) -> str | None:
    """Say what is wrong with a file's SHA-256, or nothing; record it where it is not known whole."""
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    known = download.sha256 or ""
    if not found.startswith(known):
        return f"SHA-256 is {found}, expected {known}" + ("" if len(known) == len(found) else "...")
    if len(known) == len(found):
        return None
    entry = _recorded(lock).get(name) or _record(lock, name, _Entry(recorded=date.today(), source=source, sha256=found))
    if entry.sha256 == found:
        return None
    return (
        f"SHA-256 is {found}, but {entry.sha256} was recorded at first use, on {entry.recorded} ({lock}); "
        "if the publisher has changed the file, or that first file was a bad one, delete its entry there"
    )


def _recorded(lock: Path) -> dict[str, _Entry]:
    if not lock.exists():
        return {}
    try:
        return _Lock.model_validate_json(lock.read_bytes()).files
    except (OSError, ValueError):
        raise InputError(f"{lock}: cannot be read as the file that a download wrote; restore or delete it") from None


def _record(lock: Path, name: str, entry: _Entry) -> _Entry:
    """Add an entry to the lock file, unless another job has done so; return the one that is there now."""
    from filelock import FileLock

    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock.with_name(f".{lock.name}.busy")):
            files = _recorded(lock)
            if name not in files:
                files[name] = entry
                write_json(lock, _Lock(about=ABOUT, files=dict(sorted(files.items()))).model_dump(mode="json"))
            return files[name]
    except OSError as error:
        raise InputError(
            f"{lock}: cannot record the SHA-256 of {name} ({error.strerror}); make its folder writable, "
            f"or give `sha256: {entry.sha256}` where the address stands"
        ) from None
