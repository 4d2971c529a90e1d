"""Compare two runs: should they be equal, and are they?"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cvpire import layout
from cvpire.errors import InputError, counted, reason, shown
from cvpire.provenance import checksum

_PARTS = ("code", "lock file (SHA-256)", "Python", "packages", "device", "processor", "system", "photos", "inputs")
_PATHS = {"folder", "ground_truth", "weights", "downloads", "photos", "published"}
"""Options that say where files lie: what is in them is compared, not where."""


def compare_runs(one: Path, other: Path) -> tuple[list[str], str]:
    """Compare what two runs were made from, and their tables.

    Parameters
    ----------
    one, other : Path
        Folders of results, or their provenance.json alone: then tables are compared by their checksums.

    Returns
    -------
    differences : list of str
        One line each, in the order of the record; empty where the runs are equal.
    verdict : str
        Whether the runs should be equal, and whether their tables are.

    Raises
    ------
    InputError
        There is no record, or it is none of `cvpire provenance`.
    """
    records = [_read(path) for path in (one, other)]
    causes = [line for part in ("configuration", *_PARTS) for line in _differences(part, *(r[part] for r in records))]
    tables = [_tables(path, record) for path, record in zip((one, other), records, strict=True)]
    tampered = [
        f"{_table(path, name)}: changed since provenance.json was written"
        for path, record, found in zip((one, other), records, tables, strict=True)
        for name in record["tables"]
        if found[name] not in (None, record["tables"][name])
    ]
    names = list(dict.fromkeys([*tables[0], *tables[1]]))
    unequal = [name for name in names if tables[0].get(name) != tables[1].get(name)]
    lines = [f"tables: {name}: {_table_difference(one, other, name, *tables)}" for name in unequal]
    found = counted(len(causes), "difference")
    should = "should be equal" if not causes else f"need not be equal ({found} in what they are from)"
    are = "their tables are" if not unequal else f"{len(unequal)} of {len(names)} tables are not"
    return [*causes, *tampered, *lines], f"The runs {should}; {are}{' equal' if not unequal else ''}."


def _read(path: Path) -> dict[str, Any]:
    file = layout.path(layout.PROVENANCE, path) if path.is_dir() else path
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        if lacking := {"configuration", "tables", *_PARTS} - record.keys():
            raise ValueError(f"no {', '.join(sorted(lacking))}")
        if not all(isinstance(record[part], Mapping) for part in ("configuration", "tables", "packages", "photos")):
            raise ValueError("expected configuration, tables, packages and photos by name")
    except FileNotFoundError:
        raise InputError(f"{file}: no such file; `cvpire provenance` makes it at the end of a run") from None
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{file}: not a record of `cvpire provenance` ({reason(error)})") from None
    return record


def _differences(place: str, one: Any, other: Any) -> Iterator[str]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in dict.fromkeys([*one, *other]):
            if place.split(".")[0] != "configuration" or key not in _PATHS:
                yield from _differences(f"{place}.{key}", one.get(key), other.get(key))
    elif one != other:
        yield f"{place}: {_said(one)}, {_said(other)}"


def _said(value: Any) -> str:
    return "nothing" if value is None else value if isinstance(value, str) and value.isprintable() else shown(value)


def _table(path: Path, name: str) -> Path:
    return layout.path(layout.TABLE, path, file=name)


def _tables(path: Path, record: Mapping[str, Any]) -> dict[str, str | None]:
    """Checksums of the tables that a record names: as they are, or as recorded where there is only the record."""
    if not path.is_dir():
        return dict(record["tables"])
    files = {name: _table(path, name) for name in record["tables"]}
    return {name: checksum(file) if file.is_file() else None for name, file in files.items()}


def _table_difference(one: Path, other: Path, name: str, first: Mapping, second: Mapping) -> str:
    for path, found in ((one, first), (other, second)):
        if found.get(name) is None:
            return f"missing from {path}"
    if not (one.is_dir() and other.is_dir()):
        return "differs"
    try:
        # Only an empty cell is empty: NA, null and nan are names too.
        empty = {"keep_default_na": False, "na_values": [""]}
        before, after = (pd.read_csv(_table(path, name), **empty) for path in (one, other))
    except ValueError as error:
        return f"differs, and is no table ({reason(error)})"
    if list(before) != list(after):
        return "other columns"
    if len(before) != len(after):
        return f"{counted(len(before), 'row')}, {counted(len(after), 'row')}"
    changes = []
    for column in before:
        old, new = before[column], after[column]
        if pd.api.types.is_numeric_dtype(old) and pd.api.types.is_numeric_dtype(new):
            old, new = old.astype(float), new.astype(float)
            if (apart := (old - new).abs().where(old != new, 0).max()) > 0:
                changes.append(f"{column} by at most {apart:.3g}")
            elif (old.isna() != new.isna()).any():
                changes.append(f"{column} (empty cells)")
        elif not old.equals(new):
            changes.append(f"{column} (text)")
    return f"differs in {', '.join(changes)}" if changes else "differs in how numbers are written"
