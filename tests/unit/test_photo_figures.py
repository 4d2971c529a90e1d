"""Photo figures: that pixels stay what they are, that scores are the measured ones, and how photos are chosen."""

import io
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from cvpire.errors import InputError
from cvpire.figures import colour_pairs, gaussian_kernel, retrieval_results
from cvpire.figures.adversarial_queries import adversarial_queries
from cvpire.figures.captions import scores
from cvpire.figures.choosing import choose_crop, choose_query, crop_side, evenly_spaced, sample
from cvpire.figures.flat_and_busy import flat_and_busy, perturb
from cvpire.figures.magnified import magnified
from cvpire.figures.panels import panel_rows
from cvpire.figures.query_photos import query_photos
from cvpire.figures.side_by_side import side_by_side
from cvpire.figures.style import style
from cvpire.figures.variance_map import variance_map
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab

ATTACKS = {"original": "Original", "cv-pire": "CV-PIRE", "sd-pire": "SD-PIRE", "pire": "PIRE"}
QUERIES = [f"query_{number}" for number in range(7)]


def photo(width, height, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def results():
    generator = np.random.default_rng(3)
    rows = []
    for attack, label in ATTACKS.items():
        for query in QUERIES:
            for headline in (True,) if attack == "original" else (False, True):
                row = {"dataset": "town", "network": "net", "attack": attack, "label": label, "victim": "net"}
                row |= {"query": query, "headline": headline, "top": "/".join(generator.permutation(QUERIES)[:3])}
                rows.append(row | dict(zip(("ap", "ssim"), generator.uniform(size=2), strict=True)))
    return pd.DataFrame(rows)


def row_of(results, attack, query):
    kept = (results["attack"] == attack) & (results["query"] == query) & results["headline"]
    (row,) = results[kept].to_dict("records")
    return row


def rendered(figure):
    with style():
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi="figure")
    return np.asarray(Image.open(file).convert("RGB"))


def inside(figure, page, axes, rim=6):
    """What a panel shows in the PNG, without the frame around it."""
    box = axes.get_window_extent()
    left, right, top, bottom = np.rint([box.x0, box.x1, len(page) - box.y1, len(page) - box.y0]).astype(int)
    return page[top + rim : bottom - rim, left + rim : right - rim]


@pytest.mark.parametrize(("side", "images"), [(16, 1), (51, 3), (128, 4), (204, 5), (600, 2)])
def test_magnified_pixels_are_whole_in_the_png(side, images):
    photos = {f"{number}": photo(700, 610, seed=number) for number in range(images)}
    figure = magnified(photos, (90, 7, side))
    page = rendered(figure)
    columns = -(-images // -(-images // 4))
    rows = [figure.axes[start : start + columns] for start in range(0, images, columns) for _ in (0, 1)]
    assert 2 * images == len(figure.axes) and len(rows) >= 2
    panels = [axes for axes in figure.axes if axes.get_xlabel()]
    for axes, shown in zip(panels, photos.values(), strict=True):
        width = axes.get_window_extent().width
        repeat = round(width / side)
        assert width == pytest.approx(repeat * side) and repeat >= 1
        expected = shown[7 : 7 + side, 90 : 90 + side].repeat(repeat, axis=0).repeat(repeat, axis=1)
        np.testing.assert_array_equal(inside(figure, page, axes), expected[6:-6, 6:-6])
    assert 6.9 < figure.get_figwidth() < 7.1 and figure.dpi >= 200


def test_small_photos_stay_sharp_and_large_ones_are_averaged():
    blocks = np.where(photo(250, 180) < 128, np.uint8(0), np.uint8(255))
    checks = np.indices((1500, 2000)).sum(axis=0)[..., None].repeat(3, axis=2) % 2 * np.uint8(255)
    with style():
        figure, ((small,), (large,)) = panel_rows(
            [("", [(blocks, "")]), ("", [(checks.astype(np.uint8), "")])], width=3
        )
    page = rendered(figure)
    shown = inside(figure, page, small)
    assert np.mean((shown < 4) | (shown > 251)) > 0.45  # 2.4 times as large; smooth resampling leaves 0.28
    assert np.ptp(inside(figure, page, large)) < 20


def test_photos_keep_their_shape_and_rows_are_as_wide_as_the_page():
    photos = {str(number): photo(*size, number) for number, size in enumerate([(80, 60), (60, 80), (90, 60), (64, 64)])}
    figure = query_photos(photos)
    boxes = [axes.get_window_extent() for axes in figure.axes]
    for box, shown in zip(boxes, photos.values(), strict=True):
        assert box.width / box.height == pytest.approx(shown.shape[1] / shown.shape[0], abs=0.01)
        assert box.height <= 2.4 * figure.dpi
    for row in (boxes[:2], boxes[2:]):  # four in rows of at most three: two and two
        assert row[0].y0 == pytest.approx(row[1].y0) and row[0].height == pytest.approx(row[1].height, abs=1)
    assert [axes.get_xlabel() for axes in figure.axes] == list(photos)


@pytest.mark.parametrize(("ap", "text"), [(1, "100"), (0.83, "83"), (0.087, "8.7"), (0.0163, "1.6"), (0.0029, "0.29")])
def test_scores_have_the_digits_of_the_thesis(ap, text):
    assert scores(pd.Series({"ap": ap, "ssim": 0.8834})) == f"AP = {text}, SSIM = 0.883"


def test_every_panel_has_the_scores_of_its_own_headline_row(results):
    order = [("query_4", ["pire", "original"]), ("query_1", ["cv-pire", "original"])]
    photos = {("town", query): {attack: photo(30, 90) for attack in attacks} for query, attacks in order}
    expected = [(query, attack, row_of(results, attack, query)) for query, attacks in order for attack in attacks]
    figure = adversarial_queries(results, photos)
    assert [axes.get_xlabel() for axes in figure.axes] == [
        f"{ATTACKS[attack]}\n{scores(pd.Series(row))}" for _, attack, row in expected
    ]
    assert [text.get_text() for text in figure.texts] == ["town: query_4", "town: query_1"]
    assert all(axes.get_window_extent().height <= 3.5 * figure.dpi for axes in figure.axes)
    run_on = adversarial_queries(results, photos, columns=4)
    assert [axes.get_xlabel() for axes in run_on.axes] == [
        f"town: {query}\n{scores(pd.Series(row))}" for query, _, row in expected
    ]
    with pytest.raises(InputError, match="no query 'query_9'"):
        adversarial_queries(results, {("town", "query_9"): {"pire": photo(40, 30)}})


def test_retrieved_photos_are_judged_by_mark_line_and_colour(results):
    found = {name: photo(40, 30, seed) for seed, name in enumerate(QUERIES)}
    relevant = {"query_0", "query_2", "query_5"}
    queries = {attack: photo(44, 30, 9) for attack in ("original", "pire")}
    figure = retrieval_results.retrieval_results(results, queries, found, relevant, "town", "query_2")
    tops = [row_of(results, attack, "query_2")["top"].split("/") for attack in queries]
    looks = {True: set(), False: set()}
    for top, (query, *panels) in zip(tops, (figure.axes[:4], figure.axes[4:]), strict=True):
        assert query.get_xlabel() == "Query" and not query.get_lines()
        for rank, (name, axes) in enumerate(zip(top, panels, strict=True), start=1):
            shown = axes.images[0].get_array()
            repeat = len(shown) // 30
            np.testing.assert_array_equal(shown[::repeat, ::repeat], found[name])
            assert axes.get_xlabel() == (f"{rank} (the query's own photo)" if name == "query_2" else f"{rank}")
            spine, mark = axes.spines["left"], axes.get_lines()[-1]
            looks[name in relevant].add((spine.get_edgecolor(), str(spine.get_linestyle()), str(mark.get_marker())))
    (right,), (wrong,) = looks.values()
    assert all(one != other for one, other in zip(right, wrong, strict=True))
    assert [text.get_text() for text in figure.texts] == [
        f"{ATTACKS[attack]}: {scores(pd.Series(row_of(results, attack, 'query_2')))}" for attack in queries
    ]
    with pytest.raises(InputError, match=f"no photo of '{tops[0][0]}'"):
        retrieval_results.retrieval_results(results, queries, {}, relevant, "town", "query_2")


def test_colour_pairs_are_as_far_apart_in_rgb_but_not_to_the_eye():
    values = [colour_pairs.distances(*pair) for pair in colour_pairs.PAIRS]
    labs = rgb2lab(np.array(colour_pairs.PAIRS, dtype=np.uint8))
    np.testing.assert_allclose([value for _, value in values], deltaE_ciede2000(labs[:, 0], labs[:, 1]), rtol=1e-6)
    np.testing.assert_allclose([value for value, _ in values], 100 * 110 / (255 * 3**0.5))
    assert values[0][1] > 3 * values[1][1]
    assert colour_pairs.distances((0, 0, 0), (255, 255, 255)) == pytest.approx((100, 100), abs=1e-3)
    labels = [axes.get_xlabel() for axes in colour_pairs.colour_pairs().axes]
    assert labels == ["RGB distance 24.9\nCIEDE2000 28.9", "RGB distance 24.9\nCIEDE2000 7.4"]


def test_the_kernels_are_those_of_the_thesis():
    corner, edge, centre = 0.077847, 0.123317, 0.195346  # as printed in figure 2.14
    expected = [[corner, edge, corner], [edge, centre, edge], [corner, edge, corner]]
    np.testing.assert_allclose(gaussian_kernel.pixel_means(3, 1.0), expected, atol=2e-6)
    np.testing.assert_allclose(gaussian_kernel.centre_values(3, 1.0)[1], [0.0965324, 0.1591549, 0.0965324], atol=1e-7)
    assert gaussian_kernel.centre_values(7, 1.0)[0, 0] == pytest.approx(0.00002, abs=5e-6)  # section 2.5.3
    first, second, _ = gaussian_kernel.gaussian_kernel().axes
    assert [text.get_text() for text in first.texts][3:5] == ["0.1233", "0.1953"]
    assert [text.get_text() for text in second.texts][3:5] == ["0.0965", "0.1592"]


def test_the_same_noise_lies_in_the_flattest_and_in_the_busiest_square():
    generator = np.random.default_rng(4)
    variance = generator.beta(0.5, 2, (60, 90))
    variance[:30, :40], variance[:30, 50:] = 0, 1
    shown = generator.integers(0, 256, (60, 90, 3), dtype=np.uint8)
    shown[:30, :40], shown[:30, 50:] = 3, 252  # too dark and too light for noise in both directions
    figure = flat_and_busy(shown, variance, magnification=5, amplitude=30)
    side = crop_side(shown.shape, 5)
    eight_bits = np.lib.stride_tricks.sliding_window_view(np.rint(variance * 255), (side, side)).mean(axis=(2, 3))
    grey = np.lib.stride_tricks.sliding_window_view(np.rint(shown @ [0.2126, 0.7152, 0.0722]), (side, side))
    room = (grey.mean(axis=(2, 3)) >= 30) & (grey.mean(axis=(2, 3)) <= 225)
    assert not room.all()
    lowest, highest = np.where(room, eight_bits, np.inf).argmin(), np.where(room, eight_bits, -np.inf).argmax()
    squares = [(*map(int, np.unravel_index(at, room.shape)[::-1]), side) for at in (lowest, highest)]
    before, after = figure.axes[:2]
    for axes in (before, after):
        marked = [patch.get_bbox().bounds for patch in axes.patches]
        assert marked == [(left - 0.5, top - 0.5, side, side) for left, top, side in squares]
    parts = [axes.images[0].get_array().astype(int) for axes in figure.axes[2:]]
    changes = [np.abs(parts[one + 1] - parts[one]) for one in (0, 2)]
    np.testing.assert_array_equal(*changes)
    assert changes[0].max() == 30 and changes[0].std() > 5


def test_noise_that_does_not_fit_goes_the_other_way():
    shown = np.concatenate([np.full((20, 20, 3), 255, np.uint8), np.zeros((20, 20, 3), np.uint8)], axis=1)
    squares = [(2, 2, 16), (22, 2, 16)]
    changed = perturb(shown, squares, 50, seed=1).astype(int) - shown
    np.testing.assert_array_equal(changed[2:18, 2:18], -changed[2:18, 22:38])
    assert not changed[:2].any() and changed[2:18, 22:38].min() >= 0 and changed.max() == 50
    with pytest.raises(InputError, match="amplitude 128"):
        perturb(shown, squares, 128, seed=1)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: flat_and_busy(photo(60, 40), np.zeros((40, 61))), "differ in size"),
        (lambda: flat_and_busy(photo(60, 40), np.zeros((40, 60)), flat=(0, 0, 9), busy=(9, 9, 8)), "differ in size"),
        (lambda: flat_and_busy(photo(60, 40), np.zeros((40, 60)), flat=(0, 0, 9), busy=(52, 0, 9)), "leaves the photo"),
        (lambda: magnified({}, (0, 0, 9)), "none given"),
        (lambda: magnified({"a": photo(60, 40), "b": photo(60, 41)}, (0, 0, 9)), r"a \(40, 60\), b \(41, 60\)"),
        (lambda: magnified({"a": photo(60, 40)}, (0, 32, 9)), "leaves the photo of 60 x 40"),
        (lambda: query_photos({}), "without photos"),
    ],
)
def test_what_does_not_fit_is_named(draw, message):
    with pytest.raises(InputError, match=message):
        draw()


def test_maps_come_with_their_scale():
    maps = {"Photo": photo(60, 40), "Map": np.random.default_rng(5).uniform(size=(40, 60))}
    figure = magnified(maps, (4, 8, 20))
    _, whole, _, part, bar = figure.axes
    repeat = len(part.images[0].get_array()) // 20
    np.testing.assert_array_equal(part.images[0].get_array()[::repeat, ::repeat], maps["Map"][8:28, 4:24])
    assert whole.images[0].get_clim() == part.images[0].get_clim() == (0, 1)
    assert "variance" in bar.get_xlabel() and part.get_xlabel() == "(b) Map"


def test_evenly_spaced_queries():
    names = [f"{number:02d}" for number in range(55)]
    assert evenly_spaced(reversed(names)) == ["00", "11", "22", "32", "43", "54"]
    assert evenly_spaced(names[:4]) == names[:4] and evenly_spaced(["only"]) == ["only"]


def test_the_sample_depends_on_the_seed_and_its_own_dataset_only():
    names = [f"{number:02d}" for number in range(55)]
    drawn = sample({"town": names[::-1]}, 3, seed=0)
    assert sample({"village": ["b", "a"], "town": names}, 3, seed=0) == [("village", "a"), ("village", "b"), *drawn]
    assert len(set(drawn)) == 3 and drawn == sorted(drawn)
    assert len({tuple(sample({"town": names}, 3, seed)) for seed in range(20)}) > 15


@pytest.mark.parametrize(("quantile", "place"), [(0, 0), (0.25, 1), (0.5, 3), (0.99, 5), (1, 6)])
def test_queries_are_chosen_by_rank(results, quantile, place):
    table = results[results["headline"]].pivot(index="query", columns="attack", values=["ap", "ssim"])
    differences = table["ssim"]["pire"] - table["ssim"]["cv-pire"]
    chosen = choose_query(results, "town", quantile, "ssim-difference", ["pire", "cv-pire"])
    assert chosen == differences.sort_values().index[place]
    drops = table["ap"]["original"] - table["ap"][["cv-pire", "pire"]].mean(axis=1)
    assert choose_query(results, "town", quantile, attacks=["pire", "cv-pire"]) == drops.sort_values().index[place]


def test_a_difference_needs_two_attacks(results):
    with pytest.raises(InputError, match="needs two attacks, not pire"):
        choose_query(results, "town", rule="ssim-difference", attacks=["pire"])


def test_squares_are_chosen_among_the_allowed():
    variance = np.random.default_rng(8).beta(0.5, 2, (23, 31)).astype(np.float32)
    means = np.lib.stride_tricks.sliding_window_view(np.rint(variance * 255), (7, 7)).mean(axis=(2, 3))
    allowed = np.random.default_rng(9).uniform(size=means.shape) < 0.3
    for rule, sign in (("flat", -1), ("busy", 1)):
        for mask in (allowed, None, np.zeros_like(allowed)):
            counted = np.where(mask, sign * means, -np.inf) if mask is allowed else sign * means
            left, top, _ = choose_crop(variance, 7, rule, mask)
            assert (top, left) == np.unravel_index(counted.argmax(), counted.shape)


def test_no_text_is_clipped_or_covers_another_panel(results):
    label = "Colour-variance perturbations $for$ image retrieval error, as released"
    long = results.replace({"label": {"CV-PIRE": label}})
    long["query"] = long["query"].replace({"query_1": "a-very-long_name of_a_photo-" + 3 * "without_any_space_in_it"})
    name = long["query"][1]
    sizes = [(90, 60), (60, 90), (200, 40), (40, 160), (64, 64), (33, 34), (100, 70)]
    photos = {query: photo(*size) for query, size in zip(long["query"].unique(), sizes, strict=True)}
    versions = {query: dict.fromkeys(ATTACKS, shown) for query, shown in photos.items()}
    found = photos | dict.fromkeys(QUERIES, photo(70, 60))
    for figure in (
        query_photos(photos | {name: photo(100, 80)}),
        adversarial_queries(long, {("town", query): shown for query, shown in versions.items()}),
        adversarial_queries(long, {("town", query): {"cv-pire": shown} for query, shown in photos.items()}, columns=3),
        retrieval_results.retrieval_results(long, versions[name], found, {"query_0"}, "town", name),
        side_by_side(long, versions[name], "town", name, (3, 5, 20)),
        magnified({"Photo": photo(90, 60), name: np.zeros((60, 90))}, (3, 5, 20)),
        flat_and_busy(photo(90, 120), np.zeros((120, 90))),
        variance_map(photo(120, 40), np.zeros((40, 120))),
        colour_pairs.colour_pairs(),
        gaussian_kernel.gaussian_kernel(5),
    ):
        with style():
            figure.draw_without_rendering()
            box = figure.get_tightbbox()
        width, height = figure.get_size_inches()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
        texts = [*figure.texts, *(axes.xaxis.label for axes in figure.axes)]
        boxes = [text.get_window_extent() for text in texts if text.get_text()]
        for one, other in combinations(boxes, 2):
            assert not one.overlaps(other)
        for axes in figure.axes:
            assert not any(axes.get_window_extent().overlaps(text) for text in boxes)
