"""The check of the clean mAP before any attack."""

import pytest
from cvpire.errors import InputError
from cvpire.retrieval.gate import Protocol, check_clean_map, published_maps

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
