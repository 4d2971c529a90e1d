"""The dataset of logos: which icons it has, what is relevant, and what the photos show."""

import copy
import re
import subprocess
import sys
from itertools import combinations
from random import Random

import numpy as np
import pytest
from cvpire import layout
from cvpire.config import load_config
from cvpire.datasets import logo_photos, logos
from cvpire.datasets.catalogue import KINDS
from cvpire.errors import InputError
from PIL import Image, ImageDraw

pytestmark = pytest.mark.usefixtures("one_thread")

FREE = re.compile(r"CC0-1\.0|CC-BY(-SA)?-[\d.]+|MIT|Apache-2\.0|GPL-[\d.]+-(only|or-later)|Unlicense")
"""Licences that let anybody alter and show an icon."""

ATTACKS = {"cv-pire": {"network": "a"}}


@pytest.fixture(scope="module")
def shapes():
    """Every icon as it is printed on a sign, in black on white, 64 x 64, in [0, 1]."""

    def shape(name):
        icon = copy.copy(logo_photos._icon(name))
        icon.hex = "000000"
        return logo_photos._printed(icon, "colour on white", (64, 64))[0, 0].numpy()

    return {name: shape(name) for name in logos.ICONS}


def configured(**options):
    dataset = {"kind": "logos", **options}
    return {"datasets": {"logos": dataset}, "networks": {"a": {}}, "variance": {"cv": {}}, "attacks": ATTACKS}


# --- Icons ------------------------------------------------------------------------------------------------------------


def test_the_icons_are_all_that_are_licensed_freely():
    from simpleicons.all import icons

    free = {name for name, icon in icons.items() if icon.license and FREE.fullmatch(icon.license["type"])}

    assert set(logos.ICONS) == free
    assert list(logos.ICONS) == sorted(free)


def test_a_logo_is_searched_for_or_a_distractor():
    assert set(logos.SEARCHED) | set(logos.OTHERS) == set(logos.ICONS)
    assert len(logos.SEARCHED) == 20
    assert len(logos.SEARCHED) + len(logos.OTHERS) == len(logos.ICONS), "one is in both"


def test_no_two_icons_look_alike(shapes):
    for one, other in combinations(logos.ICONS, 2):
        ink, other_ink = 1 - shapes[one], 1 - shapes[other]
        assert np.minimum(ink, other_ink).sum() / np.maximum(ink, other_ink).sum() < 0.8, (one, other)


def test_an_icon_that_is_not_installed(monkeypatch):
    monkeypatch.setattr(logos, "SEARCHED", ("nobody",))
    with pytest.raises(InputError, match=r"^nobody: no such icon in the installed package simpleicons; install"):
        list(logo_photos.make_photos(["nobody-query-1"]))


# --- Answers ----------------------------------------------------------------------------------------------------------


def test_ground_truth_is_consistent():
    dataset = logos.logos_dataset("photos")
    database = set(dataset.database)

    assert list(dataset.database) == sorted(database) == sorted(dataset.photos)
    assert list(dataset.queries) == sorted(dataset.queries)
    assert len(dataset.queries) == 40 and len(database) == 20 * 8 + 60
    for name, query in dataset.queries.items():
        logo = name.split("-")[0]
        assert query.relevant == {other for other in database if other.startswith(f"{logo}-")} - {name}
        assert len(query.relevant) == 7
        assert query.junk == {name}
        assert query.relevant | query.junk <= database


def test_no_logo_is_both_relevant_and_a_distractor():
    made = logos.recipes()
    searched = {recipe.icon for name, recipe in made.items() if not name.startswith("distractor-")}
    others = {recipe.icon for name, recipe in made.items() if name.startswith("distractor-")}

    assert searched == set(logos.SEARCHED) and others == set(logos.OTHERS)


def test_the_kind_lists_what_the_rule_makes():
    options = load_config(configured()).datasets["logos"]
    planned = KINDS["logos"].plan(options, None)
    listed = KINDS["logos"].read(options)

    assert planned.made and not planned.given
    assert planned.photos == listed.photos == logos.logos_dataset(layout.LOGO_PHOTOS).photos
    assert planned.database == listed.database and planned.size == len(listed.database)


def test_queries_can_be_named_and_clean_twins_relevant():
    options = load_config(configured(queries=["svg-query-2"], clean_twin="relevant")).datasets["logos"]
    dataset = KINDS["logos"].read(options)

    assert list(dataset.queries) == ["svg-query-2"]
    assert "svg-query-2" in dataset.queries["svg-query-2"].relevant and not dataset.queries["svg-query-2"].junk
    assert len(dataset.database) == 220


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"part": "a"}, r"datasets\.logos\.part: unknown key"),
        ({"longest_side": 8}, r"datasets\.logos\.longest_side: must be greater than or equal to 16"),
        ({"queries": []}, r"datasets\.logos\.queries: "),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(InputError, match=message):
        load_config(configured(**options))


def test_unknown_names_are_refused():
    options = load_config(configured(queries=["debian"])).datasets["logos"]
    with pytest.raises(InputError, match="queries: unknown name debian; the dataset's queries are backbonedotjs-"):
        KINDS["logos"].read(options)
    with pytest.raises(InputError, match="nobody: no such photo in the dataset of logos"):
        list(logo_photos.make_photos(["nobody"]))


def test_ground_truth_needs_no_heavy_library(tmp_path):
    code = (
        "import sys; from cvpire.datasets.logos import logos_dataset; logos_dataset('nowhere');"
        "heavy = {'torch', 'kornia', 'numpy', 'PIL', 'skimage', 'simpleicons', 'resvg_py'};"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)

    assert run.stdout.strip() == ""
    assert not list(tmp_path.iterdir())


# --- Photos -----------------------------------------------------------------------------------------------------------


def test_queries_are_flat_and_have_two_colours():
    for name, photo in logo_photos.make_photos(logos.logos_dataset("").queries):
        colours, counts = np.unique(photo.reshape(-1, 3), axis=0, return_counts=True)
        flat = colours[np.argsort(counts)[-2:]]
        hex = logo_photos._icon(name.split("-")[0]).hex
        brand = [int(hex[at : at + 2], 16) for at in (0, 2, 4)]
        assert sorted(flat.tolist()) == sorted([brand, [255, 255, 255]]), name
        assert np.sort(counts)[-2:].sum() > 0.9 * counts.sum(), name
        paper = brand if name.endswith("1") else [255, 255, 255]
        assert photo[0, 0].tolist() == paper, name


def test_the_logo_fills_its_box_in_the_query():
    dataset = logos.logos_dataset("")
    for name, photo in logo_photos.make_photos(dataset.queries):
        left, top, right, bottom = dataset.queries[name].box
        rows, columns = np.nonzero((photo != photo[0, 0]).any(2))
        assert left - 1 <= columns.min() and columns.max() <= right + 1, name
        assert top - 1 <= rows.min() and rows.max() <= bottom + 1, name
        longer = max(np.ptp(rows) / (bottom - top), np.ptp(columns) / (right - left))
        assert longer > 0.9, name


def test_every_view_shows_the_whole_logo_and_nothing_beyond_the_scene():
    side, half = 512, logos.SHARE * logo_photos.SIGN / 2
    for name, recipe in logos.recipes().items():
        if not recipe.size:
            corners, size = logo_photos._viewpoint(side, Random(f"any/{name}"))
            seen = Image.new("1", (side, side))
            ImageDraw.Draw(seen).polygon(corners, fill=1)
            logo = [side / 2 - half, side / 2 - half, side / 2 + half, side / 2 + half]
            assert np.asarray(seen.crop(logo)).all(), name
            assert all(0 <= value <= side for corner in corners for value in corner), name
            assert size in logos.FORMATS


def test_a_photo_is_the_same_alone_in_any_order_and_on_any_number_of_threads():
    import torch

    names = ["svg-query-1", "svg-view-03", "debian-view-01", "distractor-007", "r-query-2"]
    random_state = torch.get_rng_state()
    torch.set_num_threads(2)
    try:
        together = dict(logo_photos.make_photos(names))
    finally:
        torch.set_num_threads(1)
    for name in reversed(names):
        ((_, alone),) = logo_photos.make_photos([name])
        np.testing.assert_array_equal(alone, together[name])
    assert torch.equal(torch.get_rng_state(), random_state), "the global generator was used"


def test_views_of_a_logo_differ():
    views = [photo for _, photo in logo_photos.make_photos(f"r-view-{number:02}" for number in (1, 2, 3))]

    assert len({photo.tobytes() for photo in views}) == 3
    assert all(photo.std() > 10 for photo in views)


def test_files_are_whole_photos_of_the_declared_size(tmp_path):
    logo_photos.write_photos(tmp_path / "photos")
    dataset = logos.logos_dataset(tmp_path / "photos")

    assert {path.name for path in (tmp_path / "photos").iterdir()} == {f"{name}.jpg" for name in dataset.database}
    for path in dataset.photos.values():
        with Image.open(path) as image:
            assert (image.format, image.mode, max(image.size)) == ("JPEG", "RGB", logos.SIDE)
            assert {component[1:3] for component in image.layer} == {(1, 1)}, "chroma is subsampled"
