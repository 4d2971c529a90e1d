"""One tidy table of everything that was measured: the source of all tables and figures."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cvpire.datasets import Dataset
from cvpire.datasets.listing import read_listing
from cvpire.errors import InputError, reason
from cvpire.tables.statistics import landmarks

_KEYS = ["query", "multiplier", "iteration"]
_UNCHANGED = {
    "ssim": 1.0,
    "ssim_range_1": 1.0,
    "ssim_range_2": 1.0,
    "mse": 0.0,
    "nrmse": 0.0,
    "psnr": float("inf"),
    "ciede2000": 0.0,
}
"""Image quality of a query that is its own original."""


COLUMNS = ["dataset", "network", "attack", "label", "victim", *_KEYS, "headline", "ap", "ap_sum", "ap_trapezoid"]
COLUMNS += [*_UNCHANGED, "top", "landmark", "ap_easy", "ap_medium", "ap_hard"]
"""Of the table."""

_LONGEST_HEAD = 10_000  # bytes of its first line


def collect_results(
    root: Path, datasets: Sequence[str], attacks: Mapping[str, Mapping[str, Any]], victims: Sequence[str]
) -> pd.DataFrame:
    """Join the rankings and the image quality of all queries.

    Parameters
    ----------
    root : Path
        Folder of the results, with each dataset's listing.
    datasets : sequence of str
        Names, in the order of the tables' columns.
    attacks : mapping
        By name, in the order of the tables' rows: label, network, victims, datasets, and the multiplier and iterations
        that go into Table 4.1.
    victims : sequence of str
        Networks that ranked the unattacked queries.

    Returns
    -------
    pandas.DataFrame
        One row a dataset, attack, victim, query, multiplier and iteration; unattacked queries first. `landmark` names
        what a query shows, `ap_easy`, `ap_medium` and `ap_hard` are empty where the ground truth does not tell them.

    Raises
    ------
    InputError
        A file that is truncated, damaged or lacks rows.
    """
    tables = []
    listings = {dataset: read_listing(root / dataset / "dataset.json") for dataset in datasets}
    for dataset in datasets:
        for victim in victims:
            ranking = _ranking(root / dataset / "original" / "retrieval" / f"{victim}.csv", listings[dataset])
            about = {"network": victim, "attack": "original", "label": "Original", "victim": victim, "headline": True}
            tables.append(ranking.assign(dataset=dataset, **about, **_UNCHANGED))
    for dataset in datasets:
        for attack, about in attacks.items():
            if dataset not in about["datasets"]:
                continue
            folder = root / dataset / about["network"] / attack
            for victim in about["victims"]:
                ranking = _ranking(folder / "retrieval" / f"{victim}.csv", listings[dataset])
                photos = ranking["query"].unique()
                quality = pd.concat([_read(folder / "quality" / f"{photo}.csv") for photo in photos])
                table = ranking.merge(quality, on=_KEYS, how="left", validate="one_to_one", indicator=True)
                for photo in table.loc[table.pop("_merge") != "both", "query"]:
                    raise _damaged(folder / "quality" / f"{photo}.csv", "it lacks rows")
                headline = (table.multiplier == about["multiplier"]) & (table.iteration == about["iterations"])
                given = {"network": about["network"], "attack": attack, "label": about["label"], "victim": victim}
                tables.append(table.assign(dataset=dataset, **given, headline=headline))
    shown = {dataset: _landmarks(listing) for dataset, listing in listings.items()}
    collected = pd.concat(tables, ignore_index=True)
    collected["landmark"] = [shown[row.dataset][row.query] for row in collected[["dataset", "query"]].itertuples()]
    return collected.reindex(columns=COLUMNS).astype({"multiplier": "Float64", "iteration": "Int64"})


def _landmarks(listing: Dataset) -> dict[str, str]:
    return landmarks({name: query.relevant | query.junk for name, query in listing.queries.items()})


def _ranking(path: Path, listing: Dataset) -> pd.DataFrame:
    """Read a ranking, which has every query that anything is relevant to, and as many versions of each."""
    ranking = _read(path)
    versions = ranking["query"].value_counts()
    if set(versions.index) != {name for name, query in listing.queries.items() if query.relevant} or (
        versions.nunique() > 1
    ):
        raise _damaged(path, "it lacks rows")
    return ranking


def collect_random_results(paths: Sequence[Path]) -> pd.DataFrame:
    """Mean expected average precision of a random ranking: one row for each DATASET/random.csv."""
    means = [_read(path)[["ap", "ap_sum", "ap_trapezoid"]].mean() for path in paths]
    return pd.DataFrame(means).assign(dataset=[path.parent.name for path in paths])[
        ["dataset", "ap", "ap_sum", "ap_trapezoid"]
    ]


def read_results(path: str | Path) -> pd.DataFrame:
    """Read the table that `collect_results` made; `InputError` where it is another one."""
    try:
        with Path(path).open(encoding="utf-8") as file:
            head = file.readline(_LONGEST_HEAD).strip().split(",")  # pandas takes minutes for a million columns
        if lacking := [column for column in COLUMNS if column not in head]:
            raise ValueError(f"no column {', '.join(lacking[:5])}")
        table = _read(Path(path))
        ap, shown = pd.to_numeric(table["ap"]), table[["dataset", "query", "attack", "label"]]
        if not ap.between(0, 1).all() or shown.isna().any(axis=None):
            raise ValueError("expected a query and an average precision from 0 to 1 in each row")
    except FileNotFoundError:
        raise InputError(f"{path}: no such table; `cvpire collect` makes it") from None
    except InputError:
        raise
    except (OSError, ValueError, TypeError) as error:  # pandas's own are ValueErrors
        raise InputError(f"{path}: not the table of `cvpire collect` ({reason(error)})") from None
    return table


def read_random(path: str | Path) -> pd.Series:
    """Read the random-ranking mAP in [0, 1], by dataset, in the configured form."""
    return _read(Path(path)).set_index("dataset")["ap"]


def _read(path: Path) -> pd.DataFrame:
    try:
        text = path.read_text(encoding="utf-8")
        if not text.endswith("\n"):
            raise ValueError("it ends within a line")
        return pd.read_csv(io.StringIO(text), dtype={"query": str, "dataset": str})
    except FileNotFoundError:
        raise InputError(f"{path}: no such table") from None
    except (OSError, ValueError) as error:  # what pandas raises on bad tables is a ValueError too
        raise _damaged(path, reason(error)) from None


def _damaged(path: Path, how: str) -> InputError:
    return InputError(f"{path}: truncated or damaged ({how}); delete it and run again")
