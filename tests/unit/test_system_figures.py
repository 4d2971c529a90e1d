"""Figures of systems and transformations: what they draw is what was measured."""

from types import SimpleNamespace

import numpy as np
import pytest
from cvpire.errors import InputError
from cvpire.figures import map_against_quality, survival
from cvpire.figures.style import write
from cvpire.measures import MEASURES, Measure

from tests.unit.system_run import LABELS, write_system_run


def drawn(module, results, **given):
    shown = {"dataset": "town", "attacks": list(results.run.attacks), "measure": None}
    return module.draw(results, SimpleNamespace(**shown | given))


def mean(results, column, attack, multiplier=50, **wanted):
    """Mean after the iterations of Table 4.1, by a plain filter."""
    rows = results.measured
    rows = rows[rows["attack"] == attack]
    if attack in LABELS:
        rows = rows[(rows["multiplier"] == multiplier) & (rows["iteration"] == 100)]
    for key, value in ({"dataset": "town", "transformation": "none"} | wanted).items():
        rows = rows[rows[key] == value]
    assert len(rows) == 12
    return rows[column].mean()


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return write_system_run(tmp_path_factory.mktemp("run"), datasets=("town", "village"))


def numbers(axes):
    """Texts of a heat map, by row and column."""
    return {tuple(int(place) for place in text.get_position()[::-1]): text.get_text() for text in axes.texts}


def test_survival_prints_the_map_of_every_system_and_transformation(results):
    figure, data = drawn(survival, results)
    *panels, bar = figure.axes
    assert [axes.get_title() for axes in panels] == ["Saved without attack", *LABELS.values()]
    for axes, attack in zip(panels, ["plain", *LABELS], strict=True):
        found = numbers(axes)
        assert len(found) == 9
        for row, system in enumerate(("net", "other", "sift")):
            for column, transformation in enumerate(("none", "jpeg-50", "half")):
                percent = 100 * mean(results, "ap", attack, victim=system, transformation=transformation)
                assert found[row, column] == (f"{percent:.0f}" if percent >= 9.95 else f"{percent:.1f}")
                cell = data[(data["system"] == system) & (data["method"] == axes.get_title())].iloc[column]
                assert cell["mAP"] == pytest.approx(percent)
        names = [label.get_text() for label in axes.get_yticklabels()]
        assert names == ["net (attacked)" if attack in LABELS else "net", "other", "sift"]
    assert [label.get_text() for label in panels[-1].get_xticklabels()] == ["as saved", "jpeg-50", "half"]
    assert [text.get_text() for text in bar.texts] == ["random 4.0"]
    assert bar.lines[-1].get_xdata()[0] == data["random mAP"].unique() == 4


def test_the_heat_map_prints_light_on_dark_and_dark_on_light(results):
    colours = {
        float(text.get_text()): text.get_color()
        for axes in drawn(survival, results).figure.axes[:-1]
        for text in axes.texts
    }
    assert colours[min(colours)] == "white" and colours[max(colours)] == "black"


def test_what_was_not_measured_is_no_number(tmp_path):
    one = write_system_run(tmp_path)
    rows = one.measured
    one.__dict__["measured"] = rows[(rows["attack"] != "pire") | (rows["victim"] != "sift")]
    panels = drawn(survival, one).figure.axes[:-1]
    assert [len(axes.texts) for axes in panels] == [9, 9, 9, 6]
    assert {len(axes.get_yticks()) for axes in panels} == {3}, "its row is there"
    (*_, last) = drawn(map_against_quality, one).figure.axes[:3]
    assert "PIRE" not in lines(last) and "SD-PIRE" in lines(last)


def test_survival_shows_the_attacks_that_are_asked_for(results):
    panels = drawn(survival, results, dataset="village", attacks=["pire"]).figure.axes[:-1]
    assert [axes.get_title() for axes in panels] == ["Saved without attack", "PIRE"]
    with pytest.raises(InputError, match="no dataset 'rome'"):
        drawn(survival, results, dataset="rome")


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines() if not line.get_label().startswith("_")}


@pytest.mark.parametrize("measure", [None, "ciede2000"])
def test_map_against_quality_has_a_point_for_every_multiplier(results, measure):
    figure, data = drawn(map_against_quality, results, measure=measure)
    column = measure or "ssim"
    for axes, system in zip(figure.axes, ("net", "other", "sift"), strict=False):
        assert axes.get_title() == ("net (attacked)" if system == "net" else system)
        found = lines(axes)
        assert list(found) == ["Saved without attack", *LABELS.values(), "random ranking (4.0 %)"]
        for attack, label in LABELS.items():
            expected = [
                (
                    mean(results, column, attack, multiplier, victim=system),
                    100 * mean(results, "ap", attack, multiplier, victim=system),
                )
                for multiplier in (10, 20, 50)
            ]
            np.testing.assert_allclose(found[label].get_xydata(), expected)
            points = data[(data["system"] == system) & (data["series"] == label)]
            np.testing.assert_allclose(points[["x", "y"]], expected)
            assert points["headline"].tolist() == [False, False, True]
        plain = (mean(results, column, "plain", victim=system), 100 * mean(results, "ap", "plain", victim=system))
        np.testing.assert_allclose(found["Saved without attack"].get_xydata(), [plain])
        np.testing.assert_allclose(found["random ranking (4.0 %)"].get_ydata(), 4)
        assert plain[0] in [line.get_xdata()[0] for line in axes.get_lines() if line.get_linestyle() == ":"]
    left, right = figure.axes[0].get_xlim()
    assert (left > right) == (measure == "ciede2000"), "better photos are at the right"


def test_attacks_differ_without_colour_and_look_the_same_in_each_panel(results):
    looks = [
        {label: (line.get_color(), line.get_marker(), line.get_linestyle()) for label, line in lines(axes).items()}
        for axes in drawn(map_against_quality, results).figure.axes[:3]
    ]
    assert looks[0] == looks[1] == looks[2]
    for part in (1, 2):
        assert len({looks[0][label][part] for label in LABELS.values()}) == 3


def test_the_measure_is_the_one_that_sees_colour_where_it_was_measured(tmp_path, monkeypatch):
    colour = Measure("ssimulacra2", "SSIMULACRA2", "SSIMULACRA2", decimals=1, unchanged=100.0)
    monkeypatch.setitem(MEASURES, "ssimulacra2", colour)
    quality = ("ssim", "ssimulacra2")
    for measured, label in ((quality, "SSIMULACRA2, better to the right"), (quality[:1], "mSSIM, better to the right")):
        one = write_system_run(tmp_path / label, quality=measured)
        assert drawn(map_against_quality, one).figure.axes[2].get_xlabel() == label


def test_a_measure_that_was_not_measured_is_named_and_an_infinite_one_leaves_the_axis(tmp_path):
    one = write_system_run(tmp_path)
    one.__dict__["measured"] = one.measured.assign(psnr=np.nan)
    with pytest.raises(InputError, match="PSNR was not measured of"):
        drawn(map_against_quality, one, measure="psnr")
    one.__dict__["measured"] = one.measured.assign(psnr=np.where(one.measured["attack"] == "plain", np.inf, 30.0))
    figure = drawn(map_against_quality, one, measure="psnr").figure
    assert all(np.isfinite(axes.get_xlim()).all() for axes in figure.axes)


@pytest.mark.parametrize("module", [survival, map_against_quality])
@pytest.mark.parametrize(
    "run",
    [
        {"systems": ("net",), "transformations": ("half",), "attacks": {"pire": "PIRE"}, "multipliers": (50,)},
        {
            "systems": ("a-network-with-a-name-that-is-longer-than-its-place", "b"),
            "transformations": ("messenger-longest-side-1600-and-jpeg-70",),
            "attacks": {"pire": "PIRE with a label that says all of its options, one after the other"},
        },
    ],
)
def test_nothing_is_clipped(module, run, tmp_path):
    shown = drawn(module, write_system_run(tmp_path, queries=3, **run))
    paths = write(shown, tmp_path / "figure")
    assert [path.suffix for path in paths] == [".svg", ".png", ".pdf", ".csv"]
    page, needed = shown.figure.bbox, shown.figure.get_tightbbox().transformed(shown.figure.dpi_scale_trans)
    assert needed.x0 >= page.x0 and needed.y0 >= page.y0 and needed.x1 <= page.x1 and needed.y1 <= page.y1
