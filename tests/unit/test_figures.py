"""Figures: what they draw, what they choose, and that their files are reproducible."""

import warnings

import matplotlib
import numpy as np
import pandas as pd
import pytest
from cvpire.errors import InputError
from cvpire.figures import fonts
from cvpire.figures.against_iterations import against_iterations
from cvpire.figures.against_multiplier import against_multiplier
from cvpire.figures.choosing import choose_crop, choose_query, crop_side
from cvpire.figures.convergence import convergence
from cvpire.figures.side_by_side import side_by_side
from cvpire.figures.style import fitted, save, style
from cvpire.figures.variance_map import variance_map
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

RANDOM = {"oxford": 0.0111, "paris": 0.0269}
ATTACKS = {"cv-pire": ("CV-PIRE", 20), "sd-pire": ("SD-PIRE", 20), "pire": ("PIRE", 50)}


def make_results(queries=6, multipliers=(40, 50), datasets=("oxford", "paris"), attacks=ATTACKS):
    generator = np.random.default_rng(5)
    rows = []
    for dataset in datasets:
        for victim in ("net", "other"):
            about = {"dataset": dataset, "network": victim, "victim": victim, "headline": True, "ssim": 1.0}
            for query in range(queries):
                rows.append(about | {"attack": "original", "label": "Original", "query": f"q{query}"})
                rows[-1]["ap"] = generator.uniform(0.5, 1)
        for attack, (label, last) in attacks.items():
            for multiplier in multipliers:
                for iteration in range(10, last + 1, 10):
                    for query in range(queries):
                        about = {"dataset": dataset, "network": "net", "victim": "net", "query": f"q{query}"}
                        about |= {"attack": attack, "label": label, "multiplier": multiplier, "iteration": iteration}
                        about["headline"] = (multiplier, iteration) == (multipliers[-1], last)
                        rows.append(about | dict(zip(("ap", "ssim"), generator.uniform(0, 0.5, 2), strict=True)))
                        rows.append(rows[-1] | {"victim": "other", "ap": 1.0})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def results():
    return make_results()


@pytest.fixture(scope="module")
def photos():
    generator = np.random.default_rng(6)
    return {name: generator.integers(0, 256, (60, 80, 3), dtype=np.uint8) for name in ("original", *ATTACKS)}


def mean(results, value, **wanted):
    for column, wish in ({"victim": "net"} | wanted).items():
        results = results[results[column] == wish]
    return results[value].mean()


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def test_iterations_draws_the_map_of_every_multiplier(results):
    (axes,) = against_iterations(results.sample(frac=1, random_state=1), RANDOM, "paris", "pire").figure.axes
    drawn = lines(axes)
    assert list(drawn) == ["m = 40", "m = 50", "Original", "random ranking (2.7 %)"]
    for multiplier in (40, 50):
        expected = [
            100 * mean(results, "ap", dataset="paris", attack="pire", multiplier=multiplier, iteration=iteration)
            for iteration in (10, 20, 30, 40, 50)
        ]
        np.testing.assert_array_equal(drawn[f"m = {multiplier}"].get_xdata(), [10, 20, 30, 40, 50])
        np.testing.assert_allclose(drawn[f"m = {multiplier}"].get_ydata(), expected)
    original = 100 * mean(results, "ap", dataset="paris", attack="original")
    np.testing.assert_allclose(drawn["Original"].get_xydata(), [[0, original]])
    np.testing.assert_allclose(drawn["random ranking (2.7 %)"].get_ydata(), 2.69)
    assert axes.get_xlabel() == "Iterations" and axes.get_ylabel() == "mAP (%)"


def test_convergence_draws_every_attack_up_to_its_last_iteration(results):
    (axes,) = convergence(results, pd.Series(RANDOM)).figure.axes
    drawn = lines(axes)
    assert list(drawn)[:4] == ["CV-PIRE", "SD-PIRE", "PIRE", "Original"]
    for attack, (label, last) in ATTACKS.items():
        x, y = drawn[label].get_data()
        assert x[-1] == last
        wanted = {"dataset": "oxford", "attack": attack, "multiplier": 50}
        np.testing.assert_allclose(y, [100 * mean(results, "ap", iteration=at, **wanted) for at in x])


def test_against_multiplier_draws_both_measures_at_the_headline_iteration(results):
    upper, lower = against_multiplier(results, RANDOM, "sd-pire").figure.axes
    for dataset in ("oxford", "paris"):
        wanted = {"dataset": dataset, "attack": "sd-pire", "iteration": 20}
        for axes, value, factor in ((upper, "ap", 100), (lower, "ssim", 1)):
            line = lines(axes)[dataset]
            np.testing.assert_array_equal(line.get_xdata(), [40, 50])
            expected = [factor * mean(results, value, multiplier=multiplier, **wanted) for multiplier in (40, 50)]
            np.testing.assert_allclose(line.get_ydata(), expected)
    heights = [line.get_ydata()[0] for line in upper.get_lines() if line.get_linestyle() == "--"]
    np.testing.assert_allclose(heights, [1.11, 2.69])


def test_one_point_has_a_marker_and_one_query_no_band():
    for queries, bands in ((6, 1), (1, 0)):
        few = make_results(queries, multipliers=(50,), attacks={"cv-pire": ("CV-PIRE", 10)})
        for draw in (against_iterations, convergence, against_multiplier):
            for axes in draw(few, RANDOM).figure.axes:
                line = axes.get_lines()[0]
                assert len(line.get_xdata()) == 1 and line.get_marker() not in ("", "None", None)
        assert len(convergence(few, RANDOM).figure.axes[0].collections) == bands


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda rows: against_iterations(rows, RANDOM, "rome"), "no dataset 'rome'; there are: 'oxford', 'paris'"),
        (lambda rows: against_iterations(rows, RANDOM, attack="x"), "no attack 'x'.*'cv-pire'"),
        (lambda rows: against_iterations(rows, {"paris": 0.1}), "random mAP: no dataset 'oxford'"),
        (lambda rows: convergence(rows, RANDOM, "rome"), "no dataset 'rome'"),
        (lambda rows: against_multiplier(rows, RANDOM, "x"), "no attack 'x'"),
        (lambda rows: choose_query(rows, "rome"), "no dataset 'rome'"),
    ],
)
def test_what_is_missing_is_named(results, draw, message):
    with pytest.raises(InputError, match=message):
        draw(results)


def test_side_by_side_shows_photos_crops_and_scores(results, photos):
    figure = side_by_side(results, photos, "paris", "q3", (10, 20, 16))
    uppers, lowers = figure.axes[:4], figure.axes[4:]
    for (attack, photo), upper, lower in zip(photos.items(), uppers, lowers, strict=True):
        whole, part = upper.images[0].get_array(), lower.images[0].get_array()
        np.testing.assert_array_equal(whole[:: len(whole) // 60, :: len(whole) // 60], photo)
        np.testing.assert_array_equal(part[:: len(part) // 16, :: len(part) // 16], photo[20:36, 10:26])
        assert lower.images[0].get_interpolation() == "none"
        (rectangle,) = upper.patches
        assert rectangle.get_bbox().bounds == (9.5, 19.5, 16, 16)
        ap = mean(results, "ap", dataset="paris", query="q3", attack=attack, headline=True)
        ssim = mean(results, "ssim", dataset="paris", query="q3", attack=attack, headline=True)
        score = f"{100 * ap:.0f}" if 100 * ap >= 9.95 else f"{100 * ap:.1f}"
        assert lower.get_xlabel().endswith(f"\nAP = {score}, SSIM = {ssim:.3f}")
    assert [lower.get_xlabel().splitlines()[0] for lower in lowers] == [
        "(a) Original",
        "(b) CV-PIRE",
        "(c) SD-PIRE",
        "(d) PIRE",
    ]


def test_side_by_side_refuses_what_does_not_fit(results, photos):
    with pytest.raises(InputError, match=r"crop .* leaves the photo of 80 x 60"):
        side_by_side(results, photos, "paris", "q3", (70, 20, 16))
    with pytest.raises(InputError, match="differ in size"):
        side_by_side(results, photos | {"pire": photos["pire"][1:]}, "paris", "q3", (0, 0, 16))
    with pytest.raises(InputError, match="no query 'q9'"):
        side_by_side(results, photos, "paris", "q9", (0, 0, 16))
    with pytest.raises(InputError, match="no attack 'unknown'"):
        side_by_side(results, {"unknown": photos["pire"]}, "paris", "q3", (0, 0, 16))


@pytest.mark.parametrize("queries", [1, 5, 6])
def test_the_query_of_median_drop_is_chosen(queries):
    results = make_results(queries)
    rows = results[(results["victim"] == "net") & results["headline"] & (results["dataset"] == "oxford")]
    ap = rows.pivot(index="query", columns="attack", values="ap")
    drops = ap["original"] - ap.drop(columns="original").mean(axis=1)
    expected = drops.sort_values().index[(queries - 1) // 2]
    assert choose_query(results, "oxford") == expected
    assert choose_query(results.sample(frac=1, random_state=2), "oxford") == expected


def test_equal_drops_are_in_the_order_of_the_names(results):
    flat = results.assign(ap=np.where(results["attack"] == "original", 0.8, 0.1))
    assert choose_query(flat.iloc[::-1], "oxford") == "q2"


def test_the_crop_holds_flat_and_busy_pixels():
    edge = np.zeros((50, 70))
    edge[:, 40:] = 1.0
    left, top, side = choose_crop(edge, 16)
    assert (left, top, side) == (32, 0, 16)  # half and half; every row ties, the first wins


def test_the_crop_is_the_best_of_all_squares_inside_the_photo():
    variance = np.random.default_rng(8).beta(0.5, 2, (23, 31)).astype(np.float32)
    left, top, side = choose_crop(variance, 7)
    eight_bits = np.rint(variance * 255)
    spreads = np.lib.stride_tricks.sliding_window_view(eight_bits, (7, 7)).std(axis=(2, 3))
    assert (top, left) == np.unravel_index(spreads.argmax(), spreads.shape)
    assert top + side <= 23 and left + side <= 31
    assert choose_crop(variance, 7) == (left, top, side)


def test_crops_of_constant_and_small_maps():
    assert choose_crop(np.full((40, 40), 0.3), 16) == (0, 0, 16)
    assert choose_crop(np.eye(12), 12) == (0, 0, 12)
    with pytest.raises(InputError, match="does not fit"):
        choose_crop(np.zeros((10, 40)), 16)


@pytest.mark.parametrize(
    ("shape", "side"), [((768, 1024, 3), 204), ((1024, 768, 3), 153), ((50, 60, 3), 16), ((10, 60, 3), 10)]
)
def test_the_magnified_crop_is_as_wide_as_the_photo(shape, side):
    assert crop_side(shape, 5) == side


def test_variance_map_shows_the_very_pixels(photos):
    variance = np.random.default_rng(9).uniform(size=(60, 80))
    figure = variance_map(photos["original"], variance)
    left, right, bar = figure.axes
    repeat = len(right.images[0].get_array()) // 60
    np.testing.assert_array_equal(left.images[0].get_array()[::repeat, ::repeat], photos["original"])
    np.testing.assert_array_equal(right.images[0].get_array()[::repeat, ::repeat], variance)
    assert right.images[0].get_clim() == (0, 1) and "variance" in bar.get_xlabel()
    assert {axes.images[0].get_interpolation() for axes in (left, right)} == {"none"}
    with pytest.raises(InputError, match="differ in size"):
        variance_map(photos["original"], variance[1:])


def test_files_have_the_same_bytes_every_time(results, photos, tmp_path):
    def draw():
        yield against_iterations(results, RANDOM).figure
        yield side_by_side(results, photos, "oxford", "q0", (0, 0, 16))

    for number, (one, two) in enumerate(zip(draw(), draw(), strict=True)):
        first, again = save(one, tmp_path / f"one-{number}.1"), save(two, tmp_path / f"two-{number}.1")
        assert [path.name for path in first] == [f"one-{number}.1{suffix}" for suffix in (".svg", ".png", ".pdf")]
        for path, twin in zip(first, again, strict=True):
            assert path.read_bytes() == twin.read_bytes(), path.suffix
        assert save(one, tmp_path / "third")[0].read_bytes() == first[0].read_bytes()


def test_svg_text_stays_text(results, tmp_path):
    svg = save(convergence(results, RANDOM).figure, tmp_path / "figure")[0].read_text(encoding="utf-8")
    for text in ("CV-PIRE", "Iterations", "mAP (%)", "random ranking (1.1 %)"):
        assert f">{text}</text>" in svg


def test_nothing_is_clipped_with_long_names():
    long = {"x": ("Colour-variance perturbations for image retrieval error, as released", 20)} | ATTACKS
    names = ("a-very-long-dataset-name-of-buildings.v2+extra_photos", "another_long-name-of-landmarks-2019")
    results = make_results(datasets=names, attacks=long, multipliers=tuple(range(42, 51)))
    chance = dict.fromkeys(names, 0.02)
    blank = dict.fromkeys(("original", *long), np.zeros((60, 80, 3), np.uint8))
    figures = [
        against_iterations(results, chance).figure,
        convergence(results, chance).figure,
        against_multiplier(results, chance).figure,
        side_by_side(results, blank, names[0], "q0", (0, 0, 16)),
        variance_map(blank["original"][:20], np.zeros((20, 80))),
    ]
    for figure in figures:
        with style():
            figure.draw_without_rendering()
            box = figure.get_tightbbox()
        width, height = figure.get_size_inches()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height


def test_a_users_own_settings_do_not_count(results, tmp_path):
    ours = save(convergence(results, RANDOM).figure, tmp_path / "ours")
    with matplotlib.rc_context({"font.size": 20, "lines.linewidth": 9, "svg.fonttype": "path"}):
        theirs = save(convergence(results, RANDOM).figure, tmp_path / "theirs")
        assert matplotlib.rcParams["font.size"] == 20
    assert ours[0].read_bytes() == theirs[0].read_bytes()


# --- Letters that the figures' own font lacks -------------------------------------------------------------------------

LETTERS = "\U000f1234\U000f1235"
"""Of nobody's writing, so that no installed font has them."""


def write_font(path, letters, family):
    """A font that has these letters only, as filled squares a letter wide."""
    names = [f"letter{number}" for number in range(len(letters))]
    pen = TTGlyphPen(None)
    for number, corner in enumerate(((0, 0), (0, 700), (900, 700), (900, 0))):
        (pen.lineTo if number else pen.moveTo)(corner)
    pen.closePath()
    square = pen.glyph()
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder([".notdef", *names])
    font.setupCharacterMap(dict(zip(map(ord, letters), names, strict=True)))
    font.setupGlyf(dict.fromkeys([".notdef", *names], square))
    font.setupHorizontalMetrics(dict.fromkeys([".notdef", *names], (1000, 0)))
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": family, "styleName": "Regular"})
    font.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    font.setupPost()
    font.save(path)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install fonts, as a system would after Matplotlib has listed its own; they are gone afterwards."""
    before, paths = list(fontManager.ttflist), []
    monkeypatch.setattr(fonts, "findSystemFonts", lambda: [str(path) for path in paths])

    def forget():
        fonts._letters.cache_clear()
        fonts._others.cache_clear()

    def install(letters, family):
        paths.append(tmp_path / f"{family}.ttf")
        write_font(paths[-1], letters, family)
        forget()

    forget()
    yield install
    fontManager.ttflist[:] = before
    fontManager._findfont_cached.cache_clear()
    forget()


def captioned(caption):
    with style():
        figure = Figure()
        figure.subplots().set_xlabel(caption)
    return figure


def test_letters_are_drawn_in_a_font_that_has_them(installed, tmp_path, caplog):
    missing = save(captioned(f"tower {LETTERS}"), tmp_path / "missing")
    boxes = [path.read_bytes() for path in missing]
    assert caplog.text.count("no installed font has the letters") == 1
    assert LETTERS in caplog.text and "Noto Sans CJK" in caplog.text
    caplog.clear()

    installed(LETTERS[0], "One")
    installed(LETTERS, "Both")
    assert fonts.families(f"tower {LETTERS}") == ("Both",), "as few as will do"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = save(captioned(f"tower {LETTERS}"), tmp_path / "drawn")
    assert not caplog.records
    assert all(path.read_bytes() != before for path, before in zip(drawn, boxes, strict=True))
    assert "sans-serif, 'Both'" in drawn[0].read_text(encoding="utf-8")
    again = save(captioned(f"tower {LETTERS}"), tmp_path / "again")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in drawn]


def test_letters_are_as_wide_as_their_font_has_them(installed):
    with style():
        installed(LETTERS, "Wide")
        # Of 8 points each: nine are an inch.
        assert [len(line) for line in fitted(LETTERS * 9, 1, 8).splitlines()] == [9, 9]


def test_plain_names_need_no_other_font(installed, tmp_path):
    before = [path.read_bytes() for path in save(captioned("Türme, Øre, Αθήνα, Москва"), tmp_path / "before")]
    installed("".join(map(chr, range(32, 1200))), "Another")
    after = save(captioned("Türme, Øre, Αθήνα, Москва"), tmp_path / "after")
    assert [path.read_bytes() for path in after] == before
    assert fonts.families("Türme, Øre, Αθήνα, Москва\n") == ()
