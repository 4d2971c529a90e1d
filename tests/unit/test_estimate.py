"""What a run will need."""

import pytest
from cvpire.config import load_config
from cvpire.estimate import Size, estimate

RAW = {
    "datasets": {"oxford": {"kind": "oxford5k"}, "paris": {"kind": "paris6k", "attacks": ["pire"]}},
    "networks": {"gem": {"architecture": "resnet101", "weights": "gem.pth"}},
    "variance": {"cv": {}, "uniform": {"kind": "uniform"}},
    "attacks": {
        "cv-pire": {
            "network": "gem",
            "multiplier": 50,
            "other_multipliers": [20],
            "iterations": 100,
            "other_iterations": [150],
        },
        "pire": {"network": "gem", "variance": "uniform", "iterations": 500},
    },
}
SIZES = {"oxford": Size(55, 5063), "paris": Size(10, 6392)}


def rows(**changes):
    table = estimate(load_config({**RAW, **changes}), SIZES, {"photos.tgz": 1900, "gem.pth": 170})
    return table.set_index(["what", "dataset"])


def test_iterations_are_queries_times_multipliers_times_the_last_checkpoint():
    table = rows()
    assert table.loc[("attack", "oxford"), "count"] == 55 * (2 * 150 + 500)
    assert table.loc[("attack", "paris"), "count"] == 10 * 500


def test_photos_are_counted_at_every_multiplier_and_checkpoint():
    table = rows()
    assert table.loc[("adversarial queries", "oxford"), "count"] == 55 * (2 * 2 + 1)
    assert table.loc[("descriptors", "oxford"), "megabytes"] == pytest.approx(5063 * 2048 * 4 / 1e6, abs=0.1)


def test_perturbations_that_are_not_kept_take_one_job_s_room():
    kept, dropped = rows(), rows(keep_perturbations=False)
    assert kept.loc[("perturbations", "oxford"), "megabytes"] == pytest.approx(55 * 5 * 12 * 1024 * 768 / 1e6, abs=0.1)
    assert dropped.loc[("perturbations", "oxford"), "megabytes"] == pytest.approx(4 * 12 * 1024 * 768 / 1e6, abs=0.1)


def test_archives_are_counted_packed_and_unpacked():
    table = rows()
    assert table.loc[("downloads", ""), ["count", "megabytes"]].tolist() == [2, 2070]
    assert table.loc[("archives, unpacked", ""), "megabytes"] == 1900
