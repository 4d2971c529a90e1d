"""Poolings in closed form, and the regions of R-MAC by hand."""

import numpy as np
import pytest
import torch
from cvpire.networks.pooling import gem, mac, make_pooling, regions, rmac, spoc
from torch.nn.functional import normalize

pytestmark = pytest.mark.usefixtures("one_thread")

NAMES = ["gem", "mac", "spoc", "rmac"]

WIDE = [
    *[(0, left, 4) for left in (0, 2)],
    *[(top, left, 2) for top in (0, 2) for left in (0, 2, 4)],
    *[(top, left, 2) for top in (0, 1, 2) for left in (0, 1, 2, 4)],
]
"""4 x 6: two regions overlap by 50 % (three by 75 %), and at level 3 the starts 0, 4/3, 8/3, 4 are cut."""


def random_maps(*shape, dtype=torch.float32):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def one_hot(height, width, row, column, value=5.0):
    maps = torch.zeros(1, 1, height, width)
    maps[0, 0, row, column] = value
    return maps


@pytest.mark.parametrize(("name", "expected"), [("gem", 3), ("mac", 3), ("spoc", 3), ("rmac", 21 * 0.6)])
def test_constant_maps(name, expected):
    maps = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1).expand(1, 2, 4, 6)

    pooled = make_pooling(name, 2.5)(maps)

    torch.testing.assert_close(pooled, torch.tensor([[expected, expected * 4 / 3]]))


def test_one_hot_maps():
    maps = one_hot(4, 6, 0, 5)

    assert mac(maps).item() == 5
    assert spoc(maps).item() == pytest.approx(5 / 24)
    assert gem(maps, 3.0).item() == pytest.approx(5 / 24 ** (1 / 3))


@pytest.mark.parametrize(
    ("row", "column", "expected"), [(0, 0, 4), (0, 5, 4), (3, 2, 1 + 2 + 1 + 2), (1, 2, 1 + 2 + 1 + 2 * 2)]
)
def test_rmac_counts_the_regions_that_see_an_activation(row, column, expected):
    """The whole map, then one region of each level in a corner; levels 1 and 3 overlap in the middle."""
    assert rmac(one_hot(4, 6, row, column)).item() == pytest.approx(expected, rel=1e-5)


def test_rmac_by_hand():
    """On 2 x 2: the map, the same as level 1, and the 4 and 9 regions of one cell, of which level 3 repeats five."""
    maps = torch.tensor([[[3.0, 0], [0, 1]], [[4.0, 0], [0, 0]]])[None]
    at_start, at_end = np.array([3, 4]) / 5, np.array([1, 0])  # unit vectors of the cells that hold something

    # Level 2 starts at 0 and 1, level 3 at 0, 0 and 1.
    expected = 2 * at_start + (at_start + at_end) + (4 * at_start + at_end)

    np.testing.assert_allclose(rmac(maps)[0], expected, rtol=1e-5)


def test_gem_of_power_1_is_spoc():
    maps = random_maps(2, 3, 4, 5)

    torch.testing.assert_close(gem(maps, 1.0), spoc(maps))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gem_of_a_large_power_is_mac(dtype):
    maps = random_maps(2, 3, 4, 5, dtype=dtype)

    torch.testing.assert_close(gem(maps, 600.0), mac(maps), atol=0, rtol=0.01)


@pytest.mark.parametrize("power", [0.5, 3.0, 6.0, 6.5, 20.0])
def test_gem_is_the_root_of_the_mean_power(power):
    maps = random_maps(2, 3, 4, 5, dtype=torch.float64) + 0.1

    torch.testing.assert_close(gem(maps, power), (maps**power).mean((2, 3)) ** (1 / power))


@pytest.mark.parametrize("value", [1e-4, 1e4])
def test_gem_of_a_large_power_neither_vanishes_nor_overflows(value):
    maps = torch.full((1, 1, 3, 4), value, requires_grad=True)
    pooled = gem(maps, 20.0)
    pooled.backward(torch.ones(1, 1))

    assert pooled.item() == pytest.approx(value)
    torch.testing.assert_close(maps.grad, torch.full((1, 1, 3, 4), 1 / 12))


def test_gem_of_power_3_by_hand():
    maps = torch.tensor([1.0, 2.0, -5.0, 0.0]).view(1, 1, 2, 2)

    torch.testing.assert_close(gem(maps, 3.0), torch.tensor([[(9 / 4) ** (1 / 3)]]))


@pytest.mark.parametrize("pool", [*map(make_pooling, NAMES, [3.0] * 4), make_pooling("gem", 20.0)])
def test_gradients_are_those_of_finite_differences_and_finite_at_0(pool):
    assert torch.autograd.gradcheck(pool, random_maps(2, 2, 3, 4, dtype=torch.float64).requires_grad_())

    maps = torch.zeros(1, 2, 3, 4, requires_grad=True)
    normalize(pool(maps), dim=1).sum().backward()

    assert maps.grad.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_photos_of_a_batch_and_channels_are_pooled_alone(name):
    maps, pool = random_maps(3, 4, 5, 7), make_pooling(name, 2.5)
    pooled = pool(maps)

    assert pooled.shape == (3, 4)
    torch.testing.assert_close(pool(maps[1:2]), pooled[1:2])
    torch.testing.assert_close(pool(maps[:, [2, 0, 3, 1]]), pooled[:, [2, 0, 3, 1]])


# --- Regions ----------------------------------------------------------------------------------------------------------


def test_regions_of_a_square_map():
    assert regions(4, 4) == [
        (0, 0, 4),
        *[(top, left, 2) for top in (0, 2) for left in (0, 2)],
        *[(top, left, 2) for top in (0, 1, 2) for left in (0, 1, 2)],
    ]


def test_regions_of_wide_and_tall_maps():
    assert regions(4, 6) == WIDE
    assert sorted(regions(6, 4)) == sorted((left, top, side) for top, left, side in WIDE)


def test_regions_of_a_photo_of_1024_by_768():
    found = regions(24, 32)

    assert [sum(side == wanted for *_, side in found) for wanted in (24, 16, 12)] == [2, 6, 12]
    assert {left for _, left, side in found if side == 12} == {0, 6, 13, 20}
    assert {top for top, _, side in found if side == 12} == {0, 6, 12}


@pytest.mark.parametrize(("longer", "along"), [(11, 2), (18, 2), (19, 3), (25, 4), (60, 7), (600, 7)])
def test_longer_maps_have_more_regions_up_to_seven(longer, along):
    """10 x 18 is as far from 40 % with two regions (20 %) as with three (60 %)."""
    assert sum(side == 10 for *_, side in regions(10, longer)) == along


@pytest.mark.parametrize(
    ("height", "width", "count"), [(25, 61, 32), (61, 25, 32), (3, 11, 44), (6, 22, 44), (5, 9, 20), (2, 32, 50)]
)
def test_float32_decides_between_equally_near_numbers_of_regions(height, width, count):
    """As many as in Radenovic's code; in exact numbers 25 x 61 has 26."""
    assert len(regions(height, width)) == count


def test_float32_cuts_some_whole_numbers_to_the_one_before():
    """3 x 33: eight regions of 2 x 2, from 0 to 31 in steps of 31/7; in float32 the last one starts at 30."""
    assert [left for top, left, side in regions(3, 33) if side == 2 and top == 0] == [0, 4, 8, 13, 17, 22, 26, 30]


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (2, 2), (3, 11), (7, 7), (13, 24), (32, 18)])
def test_regions_lie_within_the_map_and_reach_its_edges(height, width):
    found = regions(height, width)

    assert all(top + side <= height and left + side <= width and side > 0 for top, left, side in found)
    assert max(top + side for top, _, side in found) == height
    assert max(left + side for _, left, side in found) == width
