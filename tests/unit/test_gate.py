"""The check of the clean mAP before any attack."""

import csv

import pytest
from cvpire.config import NetworkOptions
from cvpire.errors import InputError
from cvpire.retrieval.gate import Protocol, check_clean_map, check_ranking, published_maps

WEIGHTS = "resources/downloads/retrievalSfM120k-resnet101-gem-b80fb85.pth"
THESIS = Protocol("whole", None, (1.0,), "none")
STANDARD = Protocol("box", 1024, (1, 2**-0.5, 0.5), "learned")


def check(measured, protocol=THESIS, dataset="oxford5k", difficulty="medium", clean_twin="relevant", weights=WEIGHTS):
    published = published_maps(weights, dataset, difficulty)
    return check_clean_map(measured, protocol, published, 1.0, clean_twin, "GeM on Oxford")


def test_the_thesis_s_original_map_passes():
    record = check(74.9)
    assert record["verdict"] == "passed"
    assert (record["published"], record["difference"]) == (74.42, 0.48)


@pytest.mark.parametrize(
    ("dataset", "difficulty", "published"),
    [
        ("oxford5k", "medium", 88.2),
        ("roxford5k", "medium", 65.4),
        ("roxford5k", "hard", 40.1),
        ("rparis6k", "hard", 55.2),
    ],
)
def test_multi_scale_whitened_values_are_found_by_protocol_and_difficulty(dataset, difficulty, published):
    assert check(published, STANDARD, dataset, difficulty)["published"] == published


def test_the_order_of_the_scales_does_not_matter():
    assert check(88.2, STANDARD._replace(scales=STANDARD.scales[::-1]))["verdict"] == "passed"


def test_another_protocol_s_value_is_recognised():
    with pytest.raises(
        InputError, match=r"GeM on Oxford: .* 78\.30, published is 74\.42 .* near .* 78\.39 \(query box"
    ):
        check(78.3)


@pytest.mark.parametrize("measured", [3.0, 73.3, 99.0])
def test_other_values_stop_with_what_to_look_at(measured):
    with pytest.raises(InputError, match=r"longest_side.*query.*clean_twin.*whitening"):
        check(measured)


@pytest.mark.parametrize(
    "other",
    [
        {"weights": "resnet101-63fe2227.pth"},
        {"weights": "retrievalSfM120k-resnet101-gem-tuned.pth"},
        {"protocol": THESIS._replace(longest_side=512)},
        {"protocol": STANDARD, "dataset": "roxford5k", "difficulty": "easy"},
        {"clean_twin": "junk"},
    ],
)
def test_what_nobody_published_is_not_checked(other):
    record = check(3.0, **other)
    assert record["verdict"].startswith("not checked")
    assert record["published"] is None


@pytest.mark.parametrize("name", ["retrievalSfM120k-resnet101-gem.pth", "retrievalSfM120k-resnet101-gem-b80fb85.pth"])
def test_a_checkpoint_is_known_by_its_name_with_or_without_the_checksum(name):
    assert check(74.42, weights=f"elsewhere/{name}")["verdict"] == "passed"


def test_a_measurement_unlike_every_published_one_is_not_checked():
    record = check_clean_map(
        3.0, THESIS, {THESIS: 74.42}, 1.0, "relevant", "GeM on Oxford", ["distractors r1m", "5 of the queries"]
    )

    assert record["verdict"] == "not checked: nothing is published with distractors r1m, 5 of the queries"
    assert record["published"] is None


@pytest.fixture
def ranking(tmp_path):
    """A ranking with a mean of both trapezoids of 74.42 %."""
    file = tmp_path / "gem.csv"
    with file.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, ["query", "ap", "ap_sum", "ap_trapezoid"])
        writer.writeheader()
        for query, value in (("a", 0.7342), ("b", 0.7542)):
            writer.writerow({"query": query, "ap": 0.1, "ap_sum": 0.1, "ap_trapezoid": value})
    return file


def test_a_ranking_is_compared_by_its_trapezoids(ranking):
    record = check_ranking(ranking, "oxford5k", NetworkOptions(weights=WEIGHTS), 1.0, clean_twin="relevant")

    assert record == check(74.42)
    assert record["verdict"] == "passed"


def test_a_ranking_out_of_tolerance_stops(ranking):
    options = NetworkOptions(weights=WEIGHTS)
    with pytest.raises(
        InputError, match=r"^retrievalSfM120k-resnet101-gem-b80fb85\.pth on paris6k: the clean mAP is 74\.42"
    ):
        check_ranking(ranking, "paris6k", options, 1.0, clean_twin="relevant")
    assert check_ranking(ranking, "paris6k", options, 50.0, clean_twin="relevant")["verdict"] == "passed"


def test_the_protocol_is_that_of_dataset_and_network(ranking):
    network = NetworkOptions(weights=WEIGHTS, whitening="learned", scales=[1, 2**-0.5, 0.5])

    for difficulty, published in (("medium", 65.4), ("hard", 40.1)):
        # Revisited queries have no clean twin.
        record = check_ranking(
            ranking,
            "roxford5k",
            network,
            50.0,
            query="box",
            longest_side=1024,
            clean_twin="junk",
            difficulty=difficulty,
        )
        assert record["protocol"] == str(STANDARD)
        assert (record["published"], record["verdict"]) == (published, "passed")


def test_a_whitening_layer_is_known_by_the_name_of_the_checkpoint(ranking):
    record = check_ranking(ranking, "oxford5k", NetworkOptions(weights="rSfM120k-tl-resnet101-gem-w-a155e54.pth"), 1.0)

    assert record["protocol"] == "query whole, native size, one scale, whitening layer"


@pytest.mark.parametrize(
    ("network", "part", "departures"),
    [
        ({"gem_power": 2.0}, False, "gem_power"),
        ({"mean": (0.5, 0.5, 0.5), "std": (1, 1, 1)}, False, "mean, std"),
        ({"pooling": "mac"}, False, "another pooling"),
        ({}, True, "some of the queries only, or distractors"),
        ({"pooling": "spoc"}, True, "another pooling, some of the queries only, or distractors"),
    ],
)
def test_departures_from_every_published_measurement_are_named(ranking, network, part, departures):
    record = check_ranking(
        ranking, "oxford5k", NetworkOptions(weights=WEIGHTS, **network), 1.0, clean_twin="relevant", part=part
    )

    assert record["verdict"] == f"not checked: nothing is published with {departures}"


@pytest.mark.parametrize("kind", ["demo", "folder", "rather-new"])
def test_other_datasets_pass(ranking, kind):
    assert check_ranking(ranking, kind, NetworkOptions(weights=WEIGHTS), 1.0)["verdict"].startswith("not checked")


@pytest.mark.parametrize(
    "text",
    ["", "query,ap_trapezoid\n", "query,ap\na,0.5\n", "query,ap_trapezoid\na,high\n", "ap_trapezoid\nnan\n", None],
)
def test_a_file_that_is_no_ranking(tmp_path, text):
    file = tmp_path / "ranking.csv"
    if text is not None:
        file.write_text(text)

    with pytest.raises(InputError, match=r"ranking\.csv: not a ranking of `cvpire rank`"):
        check_ranking(file, "oxford5k", NetworkOptions(weights=WEIGHTS), 1.0)
