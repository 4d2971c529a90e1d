"""What a run will need."""

import pytest
from cvpire.config import DownloadOptions, load_config
from cvpire.datasets.benchmarks import BENCHMARKS
from cvpire.estimate import estimate, summary
from cvpire.networks.catalogue import ARCHITECTURES
from cvpire.plan.run import Plan

RAW = {
    "datasets": {
        "oxford": {"kind": "oxford5k"},
        "paris": {"kind": "paris6k", "attacks": ["pire"], "queries": ["paris_defense_000605"]},
    },
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
SIZES = {"gem.pth": 170, "oxbuild_images-v1.tgz": 1900, "paris_1-v1.tgz": 1000, "gnd_oxford5k.pkl": 0.5, "other": 99}
DOWNLOADS = {name: DownloadOptions(urls=["http://x"], megabytes=size) for name, size in SIZES.items()}


def estimated(**changes):
    return estimate(Plan(load_config({**RAW, **changes}), DOWNLOADS))


def rows(**changes):
    return estimated(**changes).set_index(["what", "dataset"])


def test_iterations_are_queries_times_multipliers_times_the_last_checkpoint():
    table = rows()
    assert table.loc[("attack", "oxford"), "count"] == 55 * (2 * 150 + 500)
    assert table.loc[("attack", "paris"), "count"] == 500


def test_iterations_count_what_is_sampled_and_each_network():
    networks = RAW["networks"] | {"lite0": {}}
    attack = {"networks": list(networks), "iterations": 500, "variance": "uniform", "samples": 3}
    attack["sampled"] = [{"kind": "blur", "range": [0.5, 1]}]
    table = rows(networks=networks, attacks=RAW["attacks"] | {"pire": attack})
    assert table.loc[("attack", "paris"), "count"] == 500 * 3 * 2
    assert table.loc[("attack", "oxford"), "count"] == 55 * (2 * 150 + 500 * 3 * 2)
    table = rows(networks=networks, attacks=RAW["attacks"] | {"pire": attack | {"split": True}})
    assert table.loc[("attack", "paris"), "count"] == 500 * 3


def test_photos_are_counted_at_every_multiplier_and_checkpoint():
    table = rows()
    assert table.loc[("adversarial queries", "oxford"), "count"] == 55 * (2 * 2 + 1)
    assert table.loc[("descriptors", "oxford"), "megabytes"] == pytest.approx(5063 * 2048 * 4 / 1e6, abs=0.1)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_descriptors_of_every_network_have_their_length(architecture):
    model = {"model": "resnet18"} if ARCHITECTURES[architecture].by_model else {}
    table = rows(networks={"gem": {"architecture": architecture, **model}})
    expected = BENCHMARKS["oxford5k"].database * ARCHITECTURES[architecture].dimensions * 4 / 1e6
    assert table.loc[("descriptors", "oxford"), "megabytes"] == pytest.approx(expected, abs=0.1)


def test_perturbations_that_are_not_kept_take_no_room():
    kept, dropped = rows(), rows(keep_perturbations=False)
    assert kept.loc[("perturbations", "oxford"), "megabytes"] == pytest.approx(55 * 5 * 12 * 1024 * 768 / 1e6, abs=0.1)
    assert dropped.loc[("perturbations", "oxford"), ["count", "megabytes"]].tolist() == [55 * 5, 0]


def test_what_is_downloaded_is_counted_and_archives_again_unpacked():
    table = rows()
    assert table.loc[("downloads", ""), ["count", "megabytes"]].tolist() == [4, 3070.5]
    assert table.loc[("archives, unpacked", ""), "megabytes"] == 2900


def test_an_audit_of_the_authors_repository_is_counted():
    sizes = {**DOWNLOADS, "CV-PIRE-d857167.zip": DownloadOptions(urls=["http://x"], megabytes=120)}
    table = estimate(Plan(load_config({**RAW, "audit": {"dataset": "oxford5k"}}), sizes)).set_index(["what", "dataset"])
    assert table.loc[("downloads", ""), ["count", "megabytes"]].tolist() == [5, 3190.5]
    assert table.loc[("archives, unpacked", ""), "megabytes"] == 3020
    assert table.loc[("audit", "oxford5k"), "count"] == 3 * 55
    folders = estimated(audit={"photos": "a", "published": "b"})
    assert "audit" not in folders["what"].values


def test_maps_that_only_a_figure_shows_are_counted():
    variance = {**RAW["variance"], "sd": {"kind": "luminance"}}
    assert rows(variance=variance).loc[("variance maps", "oxford"), "count"] == 2 * 55
    shown = rows(variance=variance, figures={"4.7": {"dataset": "oxford"}, "3.3": {"dataset": "oxford"}})
    assert shown.loc[("variance maps", "oxford"), "count"] == 3 * 55
    assert shown.loc[("variance maps", "paris"), "count"] == 1


def test_the_summary_adds_up():
    table = estimated()
    text = summary(table)
    total = f"{table['megabytes'].sum() / 1000:,.1f} GB"
    assert text.endswith(f"44,500 attack iterations; {total} on the disk at the end, and no more on the way there.")
