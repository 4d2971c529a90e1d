"""What is archived: the results that belong to a finished run, and the project that made them."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from cvpire import layout
from cvpire.checksums import checksum
from cvpire.errors import InputError, reason

WORKFLOW = "Snakefile"
LOCK = "envs/requirements.lock"
FILES = (
    WORKFLOW,
    "Makefile",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "CITATION.cff",
    "CHANGELOG.md",
    "codemeta.json",
)
FOLDERS = ("rules", "workflow", "config", "profiles", "envs", "docs")
"""What of the project is archived: what runs the workflow again, and what explains it."""


class Finished(NamedTuple):
    """A finished run."""

    record: Mapping[str, Any]
    """Its provenance."""
    files: Mapping[str, Path]
    """Its results, by their names in the archive."""
    day: date
    """When it finished (UTC)."""


def finished_run(root: Path) -> Finished:
    """Find the results of a run that belong to its record; `InputError` where one is missing or is of another run."""
    record = _record(root)
    names = [layout.RUN, layout.CONFIGURATION, layout.PROVENANCE, layout.OVERVIEW]
    names += [f"{layout.REPRODUCTION}{suffix}" for suffix in layout.PAGE_SUFFIXES]
    names += [layout.LISTING.format(dataset=name) for name in record["configuration"].get("datasets", {})]
    for table in record["tables"]:
        name = layout.TABLE.format(file=table)
        alone = name in (layout.ALL_QUERIES, layout.ALL_RANDOM)
        names += [name] if alone else [name.removesuffix(".csv") + suffix for suffix in layout.TABLE_SUFFIXES]
    stems = [layout.FIGURE.format(number=number) for number in record["configuration"].get("figures", {})]
    names += [stem + suffix for stem in stems for suffix in layout.FIGURE_SUFFIXES]
    files = {name: layout.path(name, root) for name in names}
    if missing := [str(path) for path in files.values() if not path.is_file()]:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(f"{root}: not a finished run: missing {missing[0]}{more}; finish it with snakemake first")
    for table, recorded in record["tables"].items():
        if checksum(path := layout.path(layout.TABLE, root, file=table)) != recorded:
            raise InputError(
                f"{path}: changed since {layout.PROVENANCE} was written; finish the run with snakemake first"
            )
    if _read(files[layout.CONFIGURATION]) != record["configuration"]:
        raise InputError(
            f"{files[layout.CONFIGURATION]}: not the configuration that {layout.PROVENANCE} names; "
            "finish the run with snakemake first"
        )
    data = {f"{stem}.csv": layout.path(f"{stem}.csv", root) for stem in stems}
    files |= {name: path for name, path in data.items() if path.is_file()}
    return Finished(record, files, datetime.fromtimestamp(files[layout.PROVENANCE].stat().st_mtime, UTC).date())


def project_files(project: Path) -> dict[str, Path]:
    """Files of the project by their names in the archive; `InputError` where one that it needs is not there."""
    lying = [there(project / name, "the archive holds the workflow; call `cvpire` of a checkout") for name in FILES]
    for folder in FOLDERS:
        lying += _below(project / folder)
    return {path.relative_to(project).as_posix(): path for path in lying}


def queries(root: Path) -> dict[str, Path]:
    """Saved queries of a finished run by their names in the archive; `InputError` where an attack has none."""
    found: dict[str, Path] = {}
    for attack, options in _read(layout.path(layout.RUN, root))["attacks"].items():
        for dataset in options["victims"]:
            folder = layout.path(layout.QUERIES, root, dataset=dataset, attack=attack)
            saved = [path for path in _below(folder) if path.suffix == options["suffix"]]
            if not saved:
                raise InputError(f"{folder}: has no saved queries; leave out --queries, or run again")
            found |= {f"{layout.RESULTS}/{path.relative_to(root).as_posix()}": path for path in saved}
    return found


def configuration_file(file: Path | None, project: Path) -> dict[str, Path]:
    """Name a configuration file in the archive: as in the project, or beside it."""
    if file is None:
        return {}
    there(file, "name the configuration file of the run")
    inside = any(file.resolve().is_relative_to((project / folder).resolve()) for folder in FOLDERS)
    name = file.resolve().relative_to(project.resolve()).as_posix() if inside else f"configuration/{file.name}"
    return {name: file}


def there(file: Path, otherwise: str) -> Path:
    """Return a file; `InputError` where it is not there, with what to do."""
    if not file.is_file():
        raise InputError(f"{file}: no such file; {otherwise}")
    return file


def _below(folder: Path) -> Iterable[Path]:
    """Files that are neither hidden nor made by running the project."""
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        made = any(part[0] == "." or part == "__pycache__" or part.endswith(".egg-info") for part in parts)
        if path.is_file() and not made:
            yield path


def _read(file: Path) -> dict[str, Any]:
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(read, dict):
            raise ValueError("expected values by name")
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: cannot be read ({reason(error)}); finish the run with snakemake first") from None
    return read


def _record(root: Path) -> dict[str, Any]:
    file = layout.path(layout.PROVENANCE, root)
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        for part in ("configuration", "tables", "packages", "photos", "inputs"):
            if not isinstance(record[part], dict):
                raise ValueError(f"{part}: expected values by name")
        if lacking := {"code", "Python", "device", "processor"} - record.keys():
            raise ValueError(f"no {', '.join(sorted(lacking))}")
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{root}: not a finished run: missing {file}; finish it with snakemake first") from None
    except KeyError as error:
        raise InputError(f"{file}: not a record of `cvpire provenance` (no {error.args[0]})") from None
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{file}: not a record of `cvpire provenance` ({reason(error)})") from None
    return record
