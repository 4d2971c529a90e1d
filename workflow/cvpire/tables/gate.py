"""The comparisons of clean mAP with the published one, in one table."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cvpire.errors import InputError, reason

CAPTION = "Clean mAP in percent (trapezoid) beside the published one."


def gate_table(records: Sequence[Path]) -> pd.DataFrame:
    """Gather the records that the gate wrote.

    Parameters
    ----------
    records : sequence of Path
        Files `DATASET/original/gate/NETWORK.json`, see `cvpire.layout.GATE`.

    Returns
    -------
    DataFrame
        One row a record: `dataset`, `network`, and what the record holds (mAP in percent).

    Raises
    ------
    InputError
        Where a file is no such record.
    """
    return pd.DataFrame([{"dataset": path.parts[-4], "network": path.stem, **_read(path)} for path in records])


def _read(path: Path) -> dict[str, object]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(record, dict):
            raise ValueError(f"expected a mapping, found {type(record).__name__}")
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a record of `cvpire gate` ({reason(error)}); delete it and run again") from None
    return record
