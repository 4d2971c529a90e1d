"""Every figure of the catalogue, drawn from a run of which there is only what its entry says that it needs."""

import json
from importlib import import_module
from itertools import product

import numpy as np
import pandas as pd
import pytest
from cvpire import layout
from cvpire.config import FigureOptions
from cvpire.datasets import Dataset, Query
from cvpire.datasets.listing import write_listing
from cvpire.errors import InputError
from cvpire.figures.catalogue import CATALOGUE
from cvpire.figures.choosing import choose_crop, choose_query, crop_side, evenly_spaced, sample
from cvpire.figures.drawing import draw_figure
from cvpire.results import Attack, Results, Run, as_json
from cvpire.tables.collection import COLUMNS
from PIL import Image

TOWNS = ("town", "village")
QUERIES = [f"query_{number}" for number in range(7)]
RANKING = dict.fromkeys(TOWNS, ("net",))
RUN = Run(
    dict.fromkeys(TOWNS, "folder"),
    {
        "cv-pire": Attack("CV-PIRE", ("net",), RANKING, 50, 20, "cv", ".jpg"),
        "sd-pire": Attack("SD-PIRE", ("net",), RANKING, 12.5, 10, "sd", ".png"),
    },
    RANKING,
    {"cv": "CV-PIRE (n = 5, σ = 1)", "sd": "SD-PIRE (n = 3)", "uniform": "PIRE"},
)
SIZE = (90, 60)


def pixels(*what):
    seed = sum(b"/".join(str(part).encode() for part in what))
    return np.random.default_rng(seed).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)


def variance(name, query):
    return np.random.default_rng(sum(f"{name}{query}".encode())).beta(0.5, 2, SIZE[::-1]).astype(np.float32)


def measurements():
    generator = np.random.default_rng(3)
    rows = []
    for town, query in product(TOWNS, QUERIES):
        points = [("original", "Original", None, None, True)]
        for name, attack in RUN.attacks.items():
            for multiplier, iteration in product((attack.multiplier, 80), (5, attack.iterations)):
                headline = (multiplier, iteration) == (attack.multiplier, attack.iterations)
                points.append((name, attack.label, multiplier, iteration, headline))
        for attack, label, multiplier, iteration, headline in points:
            row = {"dataset": town, "network": "net", "victim": "net", "query": query, "attack": attack, "label": label}
            row |= {"transformation": "none", "multiplier": multiplier, "iteration": iteration, "headline": headline}
            row |= {
                "attacked": None if multiplier is None else "net",
                "top": "/".join(generator.permutation(QUERIES)[:3]),
                "landmark": query,
            }
            rows.append(row | dict(zip(("ap", "ssim"), generator.uniform(size=2), strict=True)))
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


MEASURED = measurements()


def make_run(root, needs, shown, found):
    """Write what an entry needs, and nothing else."""

    def write(template, **names):
        path = layout.path(template, root, **names)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    if needs & {"results", "adversarial"}:
        write(layout.RUN).write_text(json.dumps(as_json(RUN)), encoding="utf-8")
    if "results" in needs:
        MEASURED.to_csv(write(layout.ALL_QUERIES), index=False)
    if "random" in needs:
        pd.DataFrame({"dataset": TOWNS, "ap": [0.02, 0.03]}).to_csv(write(layout.ALL_RANDOM), index=False)
    for town in {*(shown.datasets or []), shown.dataset}:
        if "listing" in needs:
            photos = {name: found / f"{name}.png" for name in QUERIES}
            for name, path in photos.items():
                Image.fromarray(pixels("found", name)).save(path)
            queries = {name: Query(frozenset(QUERIES[:4]), frozenset(), None) for name in QUERIES}
            write_listing(write(layout.LISTING, dataset=town), Dataset(photos, tuple(QUERIES), queries))
        for query in [shown.query] if shown.query else QUERIES:
            if "originals" in needs:
                Image.fromarray(pixels(town, query)).save(write(layout.PREPARED, dataset=town, photo=query))
            if "maps" in needs:
                for name in {RUN.attacks[shown.attacks[0]].map, *(shown.maps or [])}:
                    np.save(write(layout.VARIANCE, dataset=town, map=name, photo=query), variance(name, query))
            for name in shown.attacks if "adversarial" in needs else []:
                folder = "m50_T20" if name == "cv-pire" else "m12.5_T10"
                about = {"attack": name, "variant": folder, "suffix": RUN.attacks[name].suffix}
                path = write(layout.QUERY, dataset=town, photo=query, **about)
                Image.fromarray(pixels(town, query, name)).save(path, format="PNG")


def options_of(number, **asked):
    """What the plan makes of an entry, for these datasets and attacks."""
    entry, attacks = CATALOGUE[number], list(RUN.attacks)
    options = {"dataset": TOWNS[entry.dataset], "attack": attacks[0], "attacks": attacks[: entry.attacks]}
    options |= {"datasets": list(TOWNS)} if entry.every_dataset else {}
    options |= {"maps": ["cv", "sd"] if entry.maps else ["cv"]} if "maps" in entry.needs else {}
    options |= {"query": QUERIES[entry.query]} if entry.query is not None else {}
    return FigureOptions(**options | dict(entry.options) | asked)


@pytest.fixture
def draw(tmp_path):
    """Draw a figure of the catalogue, from what its entry needs only."""

    def drawn(number, **asked):
        shown = options_of(number, **asked)
        root, found = tmp_path / "results", tmp_path / "found"
        found.mkdir(exist_ok=True)
        make_run(root, CATALOGUE[number].needs, shown, found)
        return import_module(f"cvpire.figures.{CATALOGUE[number].module}").draw(Results(root), shown)

    return drawn


def images(figure):
    """The photos of a figure's panels, as large as they are in their files."""
    shown = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    return [image[:: len(image) // SIZE[1], :: len(image) // SIZE[1]] for image in shown]


def equal(shown, expected):
    assert len(shown) == len(expected)
    for one, other in zip(shown, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("number", CATALOGUE)
def test_a_figure_needs_what_its_entry_says(draw, number):
    figure, data = draw(number)
    assert figure.axes
    assert (data is not None) == CATALOGUE[number].with_data


def test_a_figure_is_written_with_its_data(tmp_path):
    root = tmp_path / "results"
    for number in ("2.13", "4.3"):
        make_run(root, CATALOGUE[number].needs, options_of(number), tmp_path)
    results = Results(root)
    assert [path.name for path in draw_figure("2.13", tmp_path / "figure-2.13", results, options_of("2.13"))] == [
        *("figure-2.13.svg", "figure-2.13.png", "figure-2.13.pdf")
    ]
    paths = draw_figure("4.3", tmp_path / "figure-4.3", results, options_of("4.3"))
    assert [path.name for path in paths] == [f"figure-4.3{suffix}" for suffix in (".svg", ".png", ".pdf", ".csv")]
    assert all(path.is_file() for path in paths)
    assert set(pd.read_csv(paths[-1])["series"]) == {"m = 50", "m = 80", "Original", "random ranking (2.0 %)"}


def test_what_the_catalogue_lacks_is_named(tmp_path):
    with pytest.raises(InputError, match=r"figure '4\.13': there are 1\.2, 2\.13, "):
        draw_figure("4.13", tmp_path / "figure", Results(tmp_path), FigureOptions())


@pytest.mark.parametrize(
    ("number", "lacking"),
    [("3.3", "--dataset, --maps, --query"), ("4.5", "--datasets, --attacks"), ("4.6", "--dataset, --attacks, --maps")],
)
def test_what_a_figure_shows_must_be_said(tmp_path, number, lacking):
    with pytest.raises(InputError, match=f"figure {number}: give {lacking};"):
        draw_figure(number, tmp_path / "figure", Results(tmp_path), FigureOptions())


def test_a_query_is_chosen_by_rule_and_quantile_unless_it_is_asked_for(draw):
    chosen = choose_query(MEASURED, "village", 0.75, "ap-drop", ["sd-pire"])
    other = QUERIES[QUERIES.index(chosen) - 1]
    for asked, query in (({"quantile": 0.75}, chosen), ({"query": other}, other)):
        figure = draw("3.2", dataset="village", attacks=["sd-pire"], **asked).figure
        equal(images(figure), [pixels("village", query, "sd-pire")])
        assert [text.get_text() for text in figure.texts] == [f"village: {query}"]


@pytest.mark.parametrize(("attacks", "map"), [(["cv-pire", "sd-pire"], "cv"), (["sd-pire", "cv-pire"], "sd")])
def test_the_square_is_chosen_by_the_map_of_the_first_attack(draw, attacks, map):
    figure = draw("A.2", attacks=attacks, query="query_5").figure
    left, top, side = choose_crop(variance(map, "query_5"), crop_side((*SIZE[::-1], 3), 4))
    (square,) = figure.axes[0].patches
    assert square.get_bbox().bounds == (left - 0.5, top - 0.5, side, side)
    (square,) = draw("A.2", attacks=attacks, query="query_5", crop=(1, 2, 20)).figure.axes[0].patches
    assert square.get_bbox().bounds == (0.5, 1.5, 20, 20)


def test_maps_have_the_names_of_the_run(draw):
    figure = draw("4.7", maps=["sd", "cv"], query="query_2").figure
    captions = [axes.get_xlabel() for axes in figure.axes if axes.get_xlabel().startswith("(")]
    assert captions == ["(a) Photo", "(b) SD-PIRE (n = 3)", "(c) CV-PIRE (n = 5, σ = 1)"]
    wholes = [pixels("town", "query_2"), variance("sd", "query_2"), variance("cv", "query_2")]
    equal(images(figure)[:3], wholes)


@pytest.mark.parametrize("map", ["cv", "sd"])
def test_the_map_is_the_one_that_is_asked_for(draw, map):
    figure = draw("3.3", maps=[map], query="query_4").figure
    equal(images(figure)[:2], [pixels("town", "query_4"), variance(map, "query_4")])


def test_a_sample_is_shown_beside_its_originals_unless_under_one_attack(draw):
    names = dict.fromkeys(TOWNS, QUERIES)
    several = [
        pixels(town, query, *attack)
        for town, query in sample(names, 3, 7)
        for attack in ((), ("cv-pire",), ("sd-pire",))
    ]
    equal(images(draw("4.5", count=3, seed=7).figure), several)
    alone = [pixels("village", query, "sd-pire") for _, query in sample({"village": QUERIES}, 6, 0)]
    figure = draw("A.4", datasets=["village"], attacks=["sd-pire"], count=6).figure
    equal(images(figure), alone)
    tops = [round(axes.get_position().y1, 3) for axes in figure.axes]
    assert len(set(tops)) == 2 and tops.count(tops[0]) == 3  # six in rows of at most four


def test_queries_are_those_of_the_listing(draw):
    for count, asked in ((6, {}), (3, {"count": 3})):
        figure = draw("4.2", **asked).figure
        assert [axes.get_xlabel() for axes in figure.axes] == evenly_spaced(QUERIES, count)
        equal(images(figure), [pixels("village", name) for name in evenly_spaced(QUERIES, count)])


def test_results_are_judged_by_the_answers_of_the_listing(draw):
    figure = draw("1.2", query="query_0").figure
    rows = MEASURED[(MEASURED["dataset"] == "town") & (MEASURED["query"] == "query_0") & MEASURED["headline"]]
    expected = []
    for attack in ("original", *RUN.attacks):
        (top,) = rows.loc[rows["attack"] == attack, "top"]
        expected.append(pixels("town", "query_0", *([] if attack == "original" else [attack])))
        expected += [pixels("found", name) for name in top.split("/")]
    equal(images(figure), expected)


def test_data_figures_show_what_is_asked_for(draw):
    lines = {
        ("4.12", ()): ["CV-PIRE", "SD-PIRE"],
        ("4.12", (("attacks", ("sd-pire",)),)): ["SD-PIRE"],
        ("4.3", (("attack", "sd-pire"),)): ["m = 12.5", "m = 80"],
        ("4.4", ()): ["town", "village"],
        ("4.4", (("datasets", ("village",)), ("iterations", 5))): ["village"],
    }
    for (number, asked), expected in lines.items():
        data = draw(number, **dict(asked)).data
        assert data.loc[data["kind"] == "mean", "series"].unique().tolist() == expected
    assert draw("4.4", iterations=5).figure.axes[0].get_title() == "CV-PIRE, 5 iterations"
