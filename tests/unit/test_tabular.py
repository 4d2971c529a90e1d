"""Tables as pictures: the texts of the Markdown table, all of them to be seen, of a printable size."""

import re
import xml.etree.ElementTree as ElementTree
from itertools import chain, combinations, pairwise

import numpy as np
import pandas as pd
import pytest
from cvpire import layout
from cvpire.figures import fonts, tabular
from cvpire.figures.style import style
from cvpire.figures.tabular import draw_table, write
from cvpire.tables.formats import shown_cells
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

LONG = "a-rather-long-name-of-a-dataset-that-somebody-wrote-without-a-single-space"


def performance(datasets=("demo-a", "demo-b"), methods=("Original", "CV-PIRE", "PIRE (fast)")):
    generator = np.random.default_rng(5)
    table = {"method": list(methods), "multiplier": 12.5, "iterations": pd.array([25] * len(methods), dtype="Int64")}
    for dataset in datasets:
        table |= {f"{dataset} {name}": generator.uniform(0, 1, len(methods)) for name in ("mAP", "mSSIM")}
    return pd.DataFrame(table)


def confidence(methods, dataset="demo-a"):
    rows = [
        {"dataset": dataset, "method": f"Method {number}", "measure": measure, "mean": number / 7}
        | {"low (queries)": number / 8, "high (queries)": number / 6}
        for number in range(methods)
        for measure in ("mAP (eq. 4.1)", "mAP (trapezoid)", "mSSIM (range 1)", "mSSIM (range 2)")
    ]
    return pd.DataFrame(rows)


TABLES = {
    "narrow": pd.DataFrame({"method": ["a", "b"], "mAP": [1.0, 20.5]}),
    "usual": performance(),
    "no rows": performance(methods=()),
    "long names": performance((LONG, "東京の写真"), (LONG, "方法" * 20, "words and words " * 9)),
    "many datasets": performance([f"dataset-{number}" for number in range(20)]),
    "many rows": confidence(50),
    "many long names": performance([f"{LONG}-{number}" for number in range(5)], [f"{LONG} {n}" for n in range(60)]),
    "texts alone": pd.DataFrame({f"column {number}": [LONG, "short"] for number in range(9)}),
}


def texts_of(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def boxes(figure):
    """Rectangles of a figure's texts, in dots."""
    with style(), fonts.quiet():
        fonts.complete(figure)
        renderer = FigureCanvasAgg(figure).get_renderer()
        return {text: text.get_window_extent(renderer) for text in figure.findobj(Text) if text.get_text()}


@pytest.mark.parametrize("name", TABLES)
def test_nothing_is_clipped_or_printed_over(name):
    figure, pages = draw_table(TABLES[name], "A caption, and more of it. " * 12)
    for each in pages or [figure]:
        width, height = each.get_size_inches()
        assert width in (3.5, 7) and height <= 9.5
        found = boxes(each)
        assert min(text.get_fontsize() for text in found) >= 6
        for box in found.values():
            assert box.x0 >= -0.5 and box.x1 <= width * each.dpi + 0.5
            assert box.y0 >= 0 and box.y1 <= height * each.dpi
        by_line = {}
        for text, box in found.items():
            by_line.setdefault(round(text.get_position()[1], 3), []).append(box)
        for line in by_line.values():
            assert all(one.x1 < other.x0 or other.x1 < one.x0 for one, other in combinations(line, 2))
        lines = sorted(by_line)
        size = next(iter(found)).get_fontsize()
        assert all(below - above > 1.3 * size for above, below in pairwise(lines))


def test_a_picture_shows_what_the_markdown_table_shows(tmp_path):
    paths = {path.suffix: path for path in write(confidence(3), tmp_path / "table-4.1-confidence", "$5 & <more>")}
    assert tuple(paths) == layout.TABLE_SUFFIXES
    assert {path.name.removesuffix(suffix) for suffix, path in paths.items()} == {"table-4.1-confidence"}
    texts = [text.text for text in ElementTree.parse(paths[".svg"]).iter("{http://www.w3.org/2000/svg}text")]
    _, _, header, _, *rows = paths[".md"].read_text().splitlines()
    cells = [cell.strip() for line in (header, *rows) for cell in line.strip("|").split("|")]
    assert " ".join(texts) == " ".join(["$5 & <more>", *cells])
    assert {"demo-a", "0.286", "0.250 to 0.333"} <= set(texts)


def test_numbers_stand_at_the_right_and_texts_at_the_left():
    figure, _ = draw_table(TABLES["usual"], "c")
    for text, box in boxes(figure).items():
        x = text.get_position()[0] * figure.dpi / 72
        is_text = re.fullmatch("c|method|Original|CV-PIRE|PIRE.*", text.get_text())
        assert (box.x0 if is_text else box.x1) == pytest.approx(x, abs=3)


def test_the_same_table_gives_the_same_bytes(tmp_path):
    for name in ("usual", "many rows"):
        one, two = (write(TABLES[name], tmp_path / folder / "t", "c") for folder in "ab")
        assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_a_table_that_is_too_high_is_continued_in_the_pdf(tmp_path):
    table = confidence(50, "a-dataset-with-a-name-that-is-long-enough-for-a-page")
    figure, pages = draw_table(table, "What it shows.")
    rows = [texts_of(page) for page in pages]
    everything = texts_of(figure)
    head = " ".join(shown_cells(table).columns)
    firsts = [page.index(table["dataset"].iloc[0]) for page in rows]
    assert len(pages) == 4 and figure.get_size_inches()[1] > 9.5
    assert rows[0][0] == "What it shows." and rows[3][0] == "(continued, page 4 of 4)"
    assert all(" ".join(page[1:first]) == head for page, first in zip(rows, firsts, strict=True))
    cells = [page[first:] for page, first in zip(rows, firsts, strict=True)]
    assert list(chain.from_iterable(cells)) == everything[firsts[0] :]
    assert all(page[2] == "mAP (eq. 4.1)" for page in cells), "a method's rows stay together"

    *_, pdf = write(table, tmp_path / "t", "What it shows.")
    assert len(re.findall(rb"/MediaBox", pdf.read_bytes())) == 4


def test_columns_that_do_not_fit_stand_below_with_the_names_repeated():
    table = TABLES["many datasets"]
    texts = texts_of(draw_table(table, "c")[0])
    assert texts.count("PIRE (fast)") == texts.count("method") > 1
    assert texts.count("mAP") == 20


def test_a_picture_is_no_higher_than_can_be_drawn(monkeypatch, tmp_path):
    monkeypatch.setattr(tabular, "_MOST_PIXELS", 1000)
    figure, _ = draw_table(TABLES["many rows"], "c")
    assert figure.get_size_inches()[1] * figure.dpi == pytest.approx(1000)


def test_what_is_the_same_in_all_rows_moves_to_the_caption_where_room_is_short():
    few, many = (performance([f"dataset-{number}" for number in range(count)]) for count in (2, 9))
    assert "In all rows" not in " ".join(texts_of(draw_table(few, "c")[0]))
    assert "c In all rows, multiplier: 12.5; iterations: 25." in " ".join(texts_of(draw_table(many, "c")[0]))


def test_groups_of_rows_are_set_apart():
    def steps(table):
        rows = len(table)
        figure, _ = draw_table(table, "c")
        lines = sorted({round(text.get_position()[1], 3) for text in figure.findobj(Text) if text.get_text()})[-rows:]
        return list(np.round(np.diff(lines), 2))

    line, *_, more = sorted(set(steps(confidence(3))))
    assert steps(confidence(3)) == [*[line] * 3, more, *[line] * 3, more, *[line] * 3] and more > line
    assert len(set(steps(performance()))) == 1
