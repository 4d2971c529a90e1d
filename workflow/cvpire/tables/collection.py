"""One tidy table of everything that was measured: the source of all tables and figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cvpire.datasets.listing import read_listing
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
    """
    tables = []
    for dataset in datasets:
        for victim in victims:
            ranking = _read(root / dataset / "original" / "retrieval" / f"{victim}.csv")
            about = {"network": victim, "attack": "original", "label": "Original", "victim": victim, "headline": True}
            tables.append(ranking.assign(dataset=dataset, **about, **_UNCHANGED))
    for dataset in datasets:
        for attack, about in attacks.items():
            if dataset not in about["datasets"]:
                continue
            folder = root / dataset / about["network"] / attack
            for victim in about["victims"]:
                ranking = _read(folder / "retrieval" / f"{victim}.csv")
                photos = ranking["query"].unique()
                quality = pd.concat([_read(folder / "quality" / f"{photo}.csv") for photo in photos])
                table = ranking.merge(quality, on=_KEYS, how="left", validate="one_to_one")
                headline = (table.multiplier == about["multiplier"]) & (table.iteration == about["iterations"])
                given = {"network": about["network"], "attack": attack, "label": about["label"], "victim": victim}
                tables.append(table.assign(dataset=dataset, **given, headline=headline))
    columns = ["dataset", "network", "attack", "label", "victim", *_KEYS, "headline", "ap", "ap_sum", "ap_trapezoid"]
    columns += [*_UNCHANGED, "top", "landmark", "ap_easy", "ap_medium", "ap_hard"]
    shown = {dataset: _landmarks(root / dataset / "dataset.json") for dataset in datasets}
    collected = pd.concat(tables, ignore_index=True)
    collected["landmark"] = [shown[row.dataset][row.query] for row in collected[["dataset", "query"]].itertuples()]
    return collected.reindex(columns=columns).astype({"multiplier": "Float64", "iteration": "Int64"})


def _landmarks(listing: Path) -> dict[str, str]:
    queries = read_listing(listing).queries
    return landmarks({name: query.relevant | query.junk for name, query in queries.items()})


def collect_random_results(paths: Sequence[Path]) -> pd.DataFrame:
    """Mean expected average precision of a random ranking: one row for each DATASET/random.csv."""
    means = [pd.read_csv(path)[["ap", "ap_sum", "ap_trapezoid"]].mean() for path in paths]
    return pd.DataFrame(means).assign(dataset=[path.parent.name for path in paths])[
        ["dataset", "ap", "ap_sum", "ap_trapezoid"]
    ]


def read_results(path: str | Path) -> pd.DataFrame:
    """Read the table that `collect_results` made."""
    return _read(Path(path))


def read_random(path: str | Path) -> pd.Series:
    """Read the random-ranking mAP in [0, 1], by dataset, in the configured form."""
    return pd.read_csv(path, dtype={"dataset": str}).set_index("dataset")["ap"]


def _read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"query": str})
