"""Ground truth from file names."""

import pytest
from cvpire.datasets.groups import doubts, group_ground_truth
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


def test_numbers_as_windows_writes_them():
    """Renaming several files gives (1), (2); a copy beside the first file has a number, the first has none."""
    names = ["tower (1)", "tower (2)", "hall", "hall (1)", "hall-2 (1)", "mill", "studio 54 1", "studio 7 1"]
    assert group_ground_truth(names)["queries"] == {
        "hall": {"relevant": ["hall (1)", "hall-2 (1)"]},
        "tower (1)": {"relevant": ["tower (2)"]},
    }


def test_a_pattern_whose_group_is_left_out_shows_nothing():
    assert group_ground_truth(["a1", "a2", "x", "y"], r"(a)\d|\w")["queries"] == {"a1": {"relevant": ["a2"]}}


CAMERAS = [
    [f"IMG_{number}" for number in range(1231, 1236)],
    ["IMG_E12", "IMG_E14", "DSC01234", "DSC01235", "DSCN0001", "P1010001"],
    ["20240501_123456", "20240501_123501", "20240502_123501"],
    ["PXL_20240501_123456789", "PXL_20240501_123456790", "tower"],
    [f"WhatsApp Image 2024-05-01 at 12.30.{second}" for second in (11, 12)],
    ["WhatsApp Image 2024-05-01 at 12.30.11", "WhatsApp Image 2024-05-01 at 12.30.11 (1)", "tower", "hall", "mill"],
    ["1", "2", "3"],
]


@pytest.mark.parametrize("names", CAMERAS, ids=[names[0] for names in CAMERAS])
def test_names_that_a_phone_gave_are_doubted(names):
    *_, doubt = doubts(names)
    assert "may be those that a camera or phone gave" in doubt
    assert names[0] in doubt and "--pattern" in doubt


@pytest.mark.parametrize(
    ("names", "share"),
    [
        (["tower-1", "tower-2"], "all 2 photos (tower-1, tower-2) show the same thing"),
        (["a", "b", "tower-1", "tower-2", "tower-3"], "3 of 5 photos (tower-1, tower-2, tower-3) show the same thing"),
    ],
)
def test_a_group_of_most_photos_is_doubted(names, share):
    (doubt,) = doubts(names)
    assert doubt.startswith(share) and "--pattern" in doubt


def test_good_names_are_not_doubted():
    names = ["tower 1", "tower 2", "hall_1", "hall_2", "Fotoatelier (1)", "Fotoatelier (2)", "鐘楼1", "鐘楼2", "IMG_7"]
    assert doubts(names) == []
    # Who gives a pattern knows what its numbers say.
    assert doubts([*HOLIDAYS[2:], "100201"], r"(\d{4})\d\d") == []
    assert len(doubts(HOLIDAYS, r"(\d)\d*")) == 1


def test_the_order_of_the_photos_does_not_matter():
    assert group_ground_truth(HOLIDAYS[::-1], r"(\d{4})\d\d") == group_ground_truth(HOLIDAYS, r"(\d{4})\d\d")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "--pattern .*: not a regular expression"),
        (r"\d+", "--pattern .* brackets around"),
        ("(x)", r"no two of 6 photos \(100000, .* or give another --pattern"),
    ],
)
def test_bad_patterns_are_named(pattern, message):
    with pytest.raises(InputError, match=message):
        group_ground_truth(HOLIDAYS, pattern)
