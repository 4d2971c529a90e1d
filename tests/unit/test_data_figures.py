"""Figures 4.3, A.1, 4.4 and 4.12: the data that they carry is what is in the results and what is drawn."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from cvpire.config import TableOptions
from cvpire.errors import InputError
from cvpire.figures import lines
from cvpire.figures.against_iterations import against_iterations
from cvpire.figures.against_multiplier import against_multiplier
from cvpire.figures.convergence import convergence
from cvpire.figures.lines import COLUMNS
from cvpire.tables.performance import performance_confidence
from cvpire.tables.selection import select

RANDOM = {"oxford": 0.0111, "paris": 0.0269}
ATTACKS = {"cv-pire": ("CV-PIRE", 20, 30), "sd-pire": ("SD-PIRE", 20, 20), "pire": ("PIRE", 50, 50)}


def make_results(queries=6, multipliers=(40, 50), datasets=("oxford", "paris"), strength=1.0):
    """Results of attacks whose headline may come before their last iteration."""
    generator = np.random.default_rng(5)
    rows = []
    for dataset in datasets:
        for query in range(queries):
            where = {"dataset": dataset, "network": "net", "victim": "net", "query": f"q{query}"}
            where["landmark"] = where["query"]
            original = {"attack": "original", "label": "Original", "headline": True}
            rows.append(where | original | {"ap": generator.uniform(0.7, 0.9), "ssim": 1.0})
            for attack, (label, headline, last) in ATTACKS.items():
                for multiplier in multipliers:
                    for iteration in range(10, last + 1, 10):
                        values = {"ap": generator.uniform(0.3, 0.5) * strength, "ssim": generator.uniform(0.8, 0.9)}
                        about = {"attack": attack, "label": label, "multiplier": multiplier, "iteration": iteration}
                        about["headline"] = (multiplier, iteration) == (multipliers[-1], headline)
                        rows.append(where | about | values)
                        rows.append(where | about | {"victim": "other", "ap": 1.0, "ssim": 0.0})
    table = pd.DataFrame(rows)
    both = {"ap_sum": table["ap"], "ap_trapezoid": table["ap"]}
    return table.assign(**both, ssim_range_1=table["ssim"], ssim_range_2=table["ssim"])


@pytest.fixture(scope="module")
def results():
    return make_results()


FIGURES = {
    "4.3": (against_iterations, {}),
    "A.1": (against_iterations, {"dataset": "paris", "attack": "pire"}),
    "4.12": (convergence, {}),
    "4.4": (against_multiplier, {"attack": "sd-pire"}),
}


@pytest.mark.parametrize("number", FIGURES)
def test_what_is_drawn_is_the_data_and_nothing_else(results, number):
    draw, options = FIGURES[number]
    figure, data = draw(results, RANDOM, **options)
    assert list(data.columns) == COLUMNS
    for axes, (panel, rows) in zip(figure.axes, data.groupby("panel", sort=False), strict=True):
        assert axes.get_ylabel() == panel
        drawn = {line.get_label(): line for line in axes.get_lines()}
        assert list(drawn) == rows["series"].unique().tolist()
        bands = [path.get_datalim(axes.transData) for path in axes.collections]
        for series, points in rows.groupby("series", sort=False):
            if points["kind"].iloc[0] == "random":
                assert set(drawn[series].get_ydata()) == set(points["y"])
                continue
            np.testing.assert_array_equal(drawn[series].get_xydata(), points[["x", "y"]])
            if points["kind"].iloc[0] == "mean":
                box = bands.pop(0)
                expected = [points["x"].min(), points["low"].min(), points["x"].max(), points["high"].max()]
                np.testing.assert_allclose(box.extents, expected)
        assert not bands


def test_the_data_are_the_means_of_the_results(results):
    data = against_iterations(results.sample(frac=1, random_state=1), RANDOM, "paris", "pire").data
    points = data[data["kind"] == "mean"]
    assert len(points) == 2 * 5
    for point in points.itertuples():
        wanted = {"dataset": "paris", "attack": "pire", "victim": "net"}
        rows = select(results, **wanted, multiplier=float(point.series.removeprefix("m = ")), iteration=point.x)
        assert point.y == pytest.approx(100 * rows["ap"].mean(), abs=1e-9) and point.low < point.y < point.high
    (original,) = data[data["kind"] == "unattacked"].itertuples()
    assert original.x == 0
    assert original.y == pytest.approx(100 * select(results, dataset="paris", attack="original")["ap"].mean())
    (random,) = data[data["kind"] == "random"].itertuples()
    assert (random.series, random.y) == ("random ranking (2.7 %)", pytest.approx(2.69)) and np.isnan(random.x)


def test_the_headline_points_are_those_of_table_4_1(results):
    run = SimpleNamespace(datasets={"oxford": "demo", "paris": "demo"}, attacks={})
    table = performance_confidence(SimpleNamespace(queries=results, run=run), TableOptions())
    table = table.set_index(["dataset", "method", "measure"])
    data = convergence(results, RANDOM).data
    for label, headline, last in ATTACKS.values():
        line = data[data["series"] == label].set_index("x")
        assert line.index.max() == last
        shown = table.loc[("oxford", label, "mAP (trapezoid)"), ["mean", "low (queries)", "high (queries)"]]
        np.testing.assert_allclose(line.loc[headline, ["y", "low", "high"]].tolist(), shown.tolist(), atol=0.0051)
    curves = against_multiplier(results, RANDOM).data.set_index(["panel", "series", "x"])
    for dataset in ("oxford", "paris"):
        for panel, measure, half in (("mAP (%)", "mAP (trapezoid)", 0.0051), ("mSSIM", "mSSIM (range 2)", 0.00051)):
            shown = table.loc[(dataset, "CV-PIRE", measure), ["mean", "low (queries)", "high (queries)"]]
            point = curves.loc[(panel, dataset, 50), ["y", "low", "high"]]
            np.testing.assert_allclose(point.tolist(), shown.tolist(), atol=half)


def test_multipliers_may_be_shown_after_more_iterations(results):
    figure, data = against_multiplier(results, RANDOM, "cv-pire", iterations=30)
    data = data.set_index(["panel", "series", "x"])
    rows = select(results, dataset="oxford", attack="cv-pire", victim="net", multiplier=40, iteration=30)
    assert data.loc[("mSSIM", "oxford", 40), "y"] == pytest.approx(rows["ssim"].mean())
    assert figure.axes[0].get_title() == "CV-PIRE, 30 iterations"
    with pytest.raises(InputError, match=r"no iteration 150; there are: 10, 20, 30$"):
        against_multiplier(results, RANDOM, "cv-pire", iterations=150)


def test_datasets_that_an_attack_does_not_run_on_are_skipped(results):
    partly = results[(results["attack"] != "sd-pire") | (results["dataset"] == "paris")]
    assert set(against_multiplier(partly, RANDOM, "sd-pire").data["series"]) == {"paris", "random paris (2.7 %)"}
    assert set(against_multiplier(results, RANDOM, "sd-pire", datasets=["paris"]).data["series"]) == {
        *("paris", "random paris (2.7 %)")
    }
    with pytest.raises(InputError, match="no dataset 'oxford'; there are: 'paris'"):
        against_multiplier(partly, RANDOM, "sd-pire", datasets=["oxford"])
    series = convergence(partly, RANDOM, "oxford").data["series"].unique().tolist()
    assert series == ["CV-PIRE", "PIRE", "Original", "random ranking (1.1 %)"]


def test_random_levels_of_several_datasets_have_the_colours_of_their_lines(results):
    upper, _ = against_multiplier(results, RANDOM).figure.axes
    assert [line.get_linestyle() for line in upper.get_lines()] == ["-", "--", "-.", "--"]
    colours = {line.get_label(): line.get_color() for line in upper.get_lines()}
    assert colours["oxford"] == colours["random oxford (1.1 %)"]
    assert colours["paris"] == colours["random paris (2.7 %)"] != colours["oxford"]


def test_one_query_has_no_interval_and_two_are_drawn():
    for queries, expected in ((1, True), (2, False)):
        few = make_results(queries, multipliers=(50,))
        for draw, _ in FIGURES.values():
            figure, data = draw(few, RANDOM)
            assert (data.loc[data["kind"] == "mean", ["low", "high"]].isna().all(axis=None)) == expected
            assert any(axes.collections for axes in figure.axes) != expected


@pytest.mark.parametrize(
    ("strength", "chance", "scale"), [(1, 0.16, "linear"), (1, 0.0111, "log"), (0.02, 0.16, "log"), (0, 0.16, "linear")]
)
def test_the_axis_is_logarithmic_where_a_linear_one_would_hide_the_lines(strength, chance, scale):
    results = make_results(2, strength=strength)
    for draw in (convergence, against_multiplier):
        figure, data = draw(results, {"oxford": chance, "paris": chance})
        points, axes = data.query("panel == 'mAP (%)'")["y"], figure.axes[0]
        low, high = axes.get_ylim()
        assert low < points.min() and high > points.max()
        assert axes.get_yscale() == scale and (low > 0) == (scale == "log")


def test_multipliers_go_from_dark_to_light():
    (axes,) = against_iterations(make_results(2, multipliers=(10, 20, 30, 40, 50)), RANDOM).figure.axes
    steps = [line for line in axes.get_lines() if line.get_label().startswith("m = ")]
    luminance = [np.dot(line.get_color()[:3], (0.2126, 0.7152, 0.0722)) for line in steps]
    assert len(steps) == 5 and np.all(np.diff(luminance) > 0.05) and luminance[-1] < 0.7
    assert len({(line.get_marker(), line.get_linestyle()) for line in steps}) == 5


@pytest.mark.parametrize(("number", "lines_and_points"), [("4.3", 3), ("A.1", 3), ("4.12", 4), ("4.4", 4)])
def test_every_interval_is_computed_once(results, monkeypatch, number, lines_and_points):
    computed = []
    interval = lines.mean_interval
    monkeypatch.setattr(lines, "mean_interval", lambda values: computed.append(values) or interval(values))
    draw, options = FIGURES[number]
    draw(results, RANDOM, **options)
    assert len(computed) == lines_and_points
