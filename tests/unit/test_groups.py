"""Ground truth from file names."""

import pytest
from cvpire.datasets.groups import group_ground_truth
from cvpire.errors import InputError

HOLIDAYS = ["100000", "100001", "100002", "100100", "100101", "100200"]


def test_numbered_names_are_grouped_and_the_first_is_the_query():
    names = ["keble_000055", "keble_000028", "tower 2", "tower 1", "tower 10", "alone_1", "cat"]
    assert group_ground_truth(names) == {
        "database": sorted(names),
        "queries": {
            "keble_000028": {"relevant": ["keble_000055"]},
            "tower 1": {"relevant": ["tower 10", "tower 2"]},
        },
    }


def test_holidays_by_its_pattern():
    made = group_ground_truth(HOLIDAYS, r"(\d{4})\d\d")
    assert made["queries"] == {"100000": {"relevant": ["100001", "100002"]}, "100100": {"relevant": ["100101"]}}
    assert made["database"] == HOLIDAYS


def test_every_photo_of_a_group_may_be_a_query():
    made = group_ground_truth(HOLIDAYS, r"(\d{4})\d\d", queries="all")
    assert set(made["queries"]) == set(HOLIDAYS) - {"100200"}
    assert all(query not in answer["relevant"] for query, answer in made["queries"].items())


def test_the_order_of_the_photos_does_not_matter():
    assert group_ground_truth(HOLIDAYS[::-1], r"(\d{4})\d\d") == group_ground_truth(HOLIDAYS, r"(\d{4})\d\d")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("(", "not a regular expression"), (r"\d+", "brackets around"), ("(x)", "no two of the 6 photos")],
)
def test_bad_patterns_are_named(pattern, message):
    with pytest.raises(InputError, match=message):
        group_ground_truth(HOLIDAYS, pattern)
