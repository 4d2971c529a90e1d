"""Tables as pictures: nothing lies outside or upon another, and what stands there is what the Markdown has."""

import re
import xml.etree.ElementTree as ElementTree
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from cvpire import layout
from cvpire.figures import tabular
from cvpire.tables.formats import shown_cells
from matplotlib.backends.backend_agg import FigureCanvasAgg

CAPTION = "Retrieval performance (mAP in percent) and image quality of unchanged and adversarial queries. " * 2


def table(methods: int, rows: int = 6) -> pd.DataFrame:
    """A table that is wider the more methods it has."""
    random = np.random.default_rng(0)
    texts = {
        "dataset": [f"folder {row // 3}" for row in range(rows)],
        "first": ["CV-PIRE, m = 50"] * rows,
        "verdict": [f"too few to tell ({row})" for row in range(rows)],
    }
    return pd.DataFrame(texts | {f"method {number} mAP": 100 * random.random(rows) for number in range(methods)})


def boxes(figure):
    """Where each text and the picture end, in pixels."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    return [text.get_window_extent(renderer) for text in figure.texts], figure.bbox


def drawn(made: pd.DataFrame, caption: str = CAPTION):
    shown = shown_cells(made)
    return tabular.draw_table(shown, tabular.is_right(made, shown), caption)


@pytest.mark.parametrize("methods", [0, 1, 2, 4, 7, 8, 11])
def test_texts_lie_inside_and_beside_each_other(methods):
    texts, whole = boxes(drawn(table(methods)))
    for box in texts:
        assert whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0 and box.y1 <= whole.y1
    for one, other in combinations(texts, 2):
        shared = min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0)
        assert min(shared) <= 1, "texts lie upon each other"


@pytest.mark.parametrize(("methods", "width"), [(0, 3.5), (4, 7), (11, 7)])
def test_it_is_as_wide_as_a_column_or_a_page(methods, width):
    figure = drawn(table(methods))
    assert figure.get_figwidth() == width
    assert min(text.get_fontsize() for text in figure.texts) >= 6


def test_seventy_five_rows_fill_a_page_at_most():
    assert drawn(table(7, 75)).get_figheight() <= 9.5


def test_what_is_the_same_in_all_rows_moves_to_the_caption_where_room_is_short():
    narrow, wide = ("\n".join(text.get_text() for text in drawn(table(methods)).texts) for methods in (1, 11))
    assert narrow.count("CV-PIRE, m = 50") == 6 and "In all rows" not in narrow
    assert wide.count("CV-PIRE") == 1 and "In all rows, first: CV-PIRE, m = 50." in wide.replace("\n", " ")


def test_the_picture_has_each_cell_of_the_markdown(tmp_path):
    made = pd.DataFrame(
        {
            "method": ["CV-PIRE", "$a$ \u6771\u4eac <b>", "PIRE"],
            "mAP": [5.1, np.nan, 100],
            "low (queries)": [1.0, np.nan, 2],
            "high (queries)": [3.0, np.nan, 4],
        }
    )
    paths = tabular.write(made, tmp_path / "table-4.1", "A caption")
    assert [path.name for path in paths] == [f"table-4.1{suffix}" for suffix in layout.TABLE_SUFFIXES]
    namespace = "{http://www.w3.org/2000/svg}"
    svg = ElementTree.parse(tmp_path / "table-4.1.svg")
    texts = ["".join(text.itertext()).strip() for text in svg.iter(f"{namespace}text")]
    cells = ["CV-PIRE", "$a$ \u6771\u4eac <b>", "PIRE", "5.10", "100.00", "1 to 3", "2 to 4"]
    assert set(cells) <= set(texts)
    assert texts[0] == "A caption"


def test_the_same_table_gives_the_same_bytes(tmp_path):
    one, other = (tabular.write(table(3), tmp_path / name / "t", CAPTION) for name in "ab")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]


def test_a_table_without_rows_has_its_head(tmp_path):
    figure = drawn(table(2, 0))
    assert re.search("dataset.*verdict", " ".join(text.get_text() for text in figure.texts))
