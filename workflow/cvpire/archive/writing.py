"""Write the archive of a run. Equal files and dates give equal bytes, by one version of zlib."""

import hashlib
import json
import logging
import zipfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from cvpire import layout
from cvpire.archive.contents import LOCK, configuration_file, finished_run, project_files, queries, there
from cvpire.archive.description import describe
from cvpire.checksums import checksum
from cvpire.files import whole
from cvpire.provenance import PROJECT, code_version
from cvpire.untrusted.crates import METADATA

_LONGEST_AGO = (1980, 1, 1, 0, 0, 0)
"""Date of all members: the earliest that a zip file can say."""

_COMPRESSED = frozenset({".jpg", ".jpeg", ".png", ".zip"})


def write_archive(
    output: Path,
    root: Path,
    *,
    with_queries: bool = False,
    with_report: bool = False,
    given: Path | None = None,
    day: date | None = None,
    project: Path = PROJECT,
) -> int:
    """Write the archive of a finished run.

    Parameters
    ----------
    output : Path
        The archive, .zip.
    root : Path
        Folder of the results.
    with_queries, with_report : bool
        Add the saved adversarial queries, and Snakemake's report.
    given : Path, optional
        The configuration file as it was written by hand, where it is not one of the project's.
    day : date, optional
        The date of the archive; default: the day that the run's record is dated.
    project : Path
        Folder of the project.

    Returns
    -------
    int
        How many files it holds beside the metadata.

    Raises
    ------
    InputError
        The run is not finished, its files are not those of its record, or the project is not complete.
    """
    run = finished_run(root)
    files = {**project_files(project), **run.files}
    if with_queries:
        files |= queries(root)
    if with_report:
        files |= {f"{layout.RESULTS}/report.zip": there(root / "report.zip", "`make report` makes it")}
    configured = configuration_file(given, project)
    files |= configured
    _warn_of_other_code(run.record, project)
    about = json.loads(there(project / "codemeta.json", "`make metadata` makes it").read_text(encoding="utf-8"))
    with whole(output) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        sums = {name: _add(archive, name, files[name]) for name in sorted(files)}
        metadata = describe(sums, run.record, about, day or run.day, tuple(configured))
        text = json.dumps(metadata, indent=1, ensure_ascii=False) + "\n"
        archive.writestr(_member(METADATA), text.encode(), zipfile.ZIP_DEFLATED)
    return len(files)


def _warn_of_other_code(record: Mapping[str, Any], project: Path) -> None:
    now = {"code": code_version(), "lock file (SHA-256)": checksum(there(project / LOCK, "`make lock` makes it"))}
    for name, value in now.items():
        if record.get(name) != value:
            logging.warning(f"{name}: the run was made with {record.get(name)}, and the archive holds {value}")


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _LONGEST_AGO)
    member.create_system = 3  # as on Unix, wherever it is written
    member.external_attr = 0o100644 << 16
    return member


def _add(archive: zipfile.ZipFile, name: str, file: Path) -> tuple[str, int]:
    """Add a file, and take the checksum of what was added."""
    member, digest, size = _member(name), hashlib.sha256(), 0
    compressed = file.suffix.lower() in _COMPRESSED
    member.compress_type = zipfile.ZIP_STORED if compressed else zipfile.ZIP_DEFLATED
    member.file_size = file.stat().st_size  # by which zipfile knows whether it takes the 64-bit form
    with file.open("rb") as source, archive.open(member, "w") as target:
        while chunk := source.read(2**20):
            target.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size
