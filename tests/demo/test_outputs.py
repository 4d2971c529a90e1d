"""Every table and figure of the thesis is there, of a printable size, and carries the numbers of the results."""

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from tests.demo.conftest import CONFIG, attacks_on
from tests.thesis import FIGURES as THESIS_FIGURES

THESIS_TABLES = {"4.1", "4.2"}
TABLES = ("4.1", "4.1-confidence", "4.2", "4.2-confidence", "4.2-comparisons", "comparisons")
TABLES += ("calibration", "transformations", "transformations-confidence", "systems", "systems-confidence")
TABLES += ("reversed", "quality", "quality-order")
OUR_FIGURES = {"survival", "map-against-quality", "side-by-side"}
DATA_FIGURES = {"4.3", "4.4", "4.12", "A.1"}
WIDTHS = {"column": 3.5, "page": 7.0}  # inches, of the text of a paper
TALLEST, SMALLEST_LETTERS = 9.5, 6  # inches, points


@pytest.mark.parametrize("number", sorted({*THESIS_FIGURES, *OUR_FIGURES}))
def test_a_figure_can_be_printed(demo, number):
    can_be_printed(demo / "figures" / f"figure-{number}")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_can_be_printed(demo, name):
    can_be_printed(demo / "tables" / f"table-{name}")


def can_be_printed(stem):
    """Width, height, letters and resolution of a picture; its three forms are of one size."""
    svg = ElementTree.parse(f"{stem}.svg").getroot()
    width, height = (float(svg.get(side).removesuffix("pt")) / 72 for side in ("width", "height"))
    assert any(abs(width - wanted) < 0.15 for wanted in WIDTHS.values()), f"{width:.2f} in wide"
    assert 0.5 < height <= TALLEST
    sizes = [
        float(size) for size in re.findall(r"font(?:-size)?: (?:[a-z]+ )*([0-9.]+)px", Path(f"{stem}.svg").read_text())
    ]
    assert sizes and min(sizes) >= SMALLEST_LETTERS

    pdf = Path(f"{stem}.pdf").read_bytes()
    assert pdf.startswith(b"%PDF") and pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") == 1
    (box,) = re.findall(rb"/MediaBox \[ ?0 0 ([0-9.]+) ([0-9.]+) ?\]", pdf)
    assert [float(side) / 72 for side in box] == pytest.approx([width, height], abs=0.01)

    with Image.open(f"{stem}.png") as image:
        dots = image.width / width
        assert 199 < dots < 401 and image.height / height == pytest.approx(dots, rel=0.02)
        assert len(set(image.convert("L").resize((64, 64)).get_flattened_data())) > 4  # not blank


@pytest.mark.parametrize("name", sorted(THESIS_TABLES))
def test_a_table_is_the_same_in_all_its_forms(demo, name):
    stem = demo / "tables" / f"table-{name}"
    table = pd.read_csv(f"{stem}.csv")
    assert len(table) >= 3
    for suffix, cut in ((".md", "|"), (".tex", "&")):
        text = (stem.parent / f"{stem.name}{suffix}").read_text()
        rows = [line for line in text.splitlines() if line.count(cut) >= len(table.columns) - 1]
        for method, multiplier in zip(table["method"], table["multiplier"], strict=True):
            found = [row for row in rows if method in row and (pd.isna(multiplier) or f"{multiplier:g}" in row)]
            assert found, (suffix, method, multiplier)


def test_table_4_1_is_the_mean_of_the_queries(demo, queries):
    """By pandas alone, from the file that everything is made of."""
    table = pd.read_csv(demo / "tables" / "table-4.1.csv").set_index("method")
    rows = queries[queries["headline"] & (queries["victim"] == queries["network"].fillna(queries["victim"]))]
    apart = [attack for attack, options in CONFIG["attacks"].items() if not options.get("compared", True)]
    assert apart and set(apart) <= set(rows["attack"])
    for (label, dataset), cell in rows[~rows["attack"].isin(apart)].groupby(["label", "dataset"]):
        assert table.loc[label, f"{dataset} mAP"] == pytest.approx(100 * cell["ap"].mean(), abs=0.0051)
        assert table.loc[label, f"{dataset} mSSIM"] == pytest.approx(cell["ssim"].mean(), abs=0.00051)
    assert len(table) == len(CONFIG["attacks"]) - len(apart) + 1


def test_tables_of_systems_and_transformations_are_the_means_of_the_queries(demo, measured):
    """Three systems, four attacks and three transformations, each cell by pandas alone."""
    table = pd.read_csv(demo / "tables" / "table-transformations.csv").set_index(["dataset", "system", "method"])
    rows = measured[measured["headline"] & (measured["attack"] != "original")]
    rows = rows.replace({"transformation": {"none": "as saved"}}).groupby(
        ["dataset", "victim", "label", "transformation"]
    )
    apart = {options["label"] for options in CONFIG["attacks"].values() if not options.get("compared", True)}
    shown = {key: cell["ap"].mean() for key, cell in rows if key[2] not in apart and key[0] == "demo-a"}
    assert len(shown) == 3 * (1 + 4) * (1 + 3)
    for (*row, transformation), mean in shown.items():
        assert table.loc[tuple(row), f"{transformation} mAP"] == pytest.approx(100 * mean, abs=0.0051)
    systems = pd.read_csv(demo / "tables" / "table-systems.csv").set_index(["dataset", "method"])
    for (dataset, system, method, transformation), mean in shown.items():
        if transformation == "as saved":
            assert systems.loc[(dataset, method), f"{system} mAP"] == pytest.approx(100 * mean, abs=0.0051)


@pytest.mark.parametrize("number", sorted(DATA_FIGURES))
def test_a_data_figure_carries_the_means_of_the_queries(demo, queries, number):
    """Each point of the table beside the figure is the mean of those rows of queries.csv that its name says."""
    data = pd.read_csv(demo / "figures" / f"figure-{number}.csv")
    labels = queries.loc[queries["attack"] != "original", ["attack", "label"]].drop_duplicates().set_index("label")
    first = next(iter(CONFIG["attacks"]))
    shown = CONFIG["figures"][number].get("dataset", "demo-a")
    points = data[data["kind"] == "mean"]
    assert len(points) >= 6
    for point in points.itertuples():
        rows, measure = queries, "ap" if point.panel == "mAP (%)" else "ssim"
        if number == "4.4":
            attack, dataset, at = first, point.series, {"multiplier": point.x}
            at["iteration"] = CONFIG["attacks"][attack]["iterations"]
        elif number == "4.12":
            attack, dataset = labels.loc[point.series, "attack"], shown
            at = {"iteration": point.x, "multiplier": CONFIG["attacks"][attack]["multiplier"]}
        else:
            attack, dataset = first, shown
            at = {"iteration": point.x, "multiplier": float(point.series.removeprefix("m = "))}
        for column, value in {"attack": attack, "dataset": dataset, **at}.items():
            rows = rows[rows[column] == value]
        expected = rows[measure].mean() * (100 if measure == "ap" else 1)
        assert point.y == pytest.approx(expected, abs=1e-9), (number, point)
        assert point.low <= point.y <= point.high


@pytest.mark.parametrize("number", sorted(DATA_FIGURES))
def test_random_levels_are_measured_from_the_ground_truth(demo, number):
    random = pd.read_csv(demo / "tables" / "random.csv")
    means = (
        100 * random.groupby("dataset")["ap"].mean() if "query" in random else 100 * random.set_index("dataset")["ap"]
    )
    data = pd.read_csv(demo / "figures" / f"figure-{number}.csv")
    levels = data.loc[data["kind"] == "random", "y"]
    assert len(levels) == (2 if number == "4.4" else 1)
    assert all(min(abs(means - level)) < 1e-9 for level in levels)


def test_every_query_is_a_photo_of_the_size_of_its_original(demo, queries):
    for dataset in CONFIG["datasets"]:
        names = json.loads((demo / dataset / "dataset.json").read_text())["queries"]
        for attack in attacks_on(dataset):
            options = CONFIG["attacks"][attack]
            variant = f"m{options['multiplier']}_T{options['iterations']}"
            folder = demo / dataset / attack / "queries" / variant
            for name in names:
                with (
                    Image.open(folder / f"{name}.jpg") as saved,
                    Image.open(demo / dataset / "original" / f"{name}.png") as original,
                ):
                    assert saved.format == "JPEG" and saved.size == original.size
