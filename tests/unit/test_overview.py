"""The page that a run is laid out on."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from cvpire import measures
from cvpire.overview.page import Case, Shot, lay_out, scores
from cvpire.overview.times import stage_times
from jinja2 import UndefinedError

PIXELS = np.full((48, 640, 3), 90, np.uint8)


def page(**changes):
    shots = [
        Shot("Original", PIXELS, {"ap": 1.0}, ["keble"]),
        Shot("<CV>", PIXELS, {"ap": 0.123, "ssim": 0.95}, ["keble", "other & more"]),
    ]
    content = {
        "title": "A run",
        "facts": {"device": "GPU <0>"},
        "configuration": "seed: 0\nlabel: </pre><script>alert(1)</script>",
        "stages": [("attack_query", 4, 10.0)],
        "tables": {"4.1": ("A caption.", [["method", "mAP"], ["CV-PIRE", "5.07"]])},
        "figures": {"4.3": ("What it shows.", b"png bytes")},
        "cases": [Case("demo", "keble-1", frozenset({"keble"}), shots)],
        "notes": {"demo": ("left out <b>",)},
    }
    return lay_out(**{**content, **changes})


def test_the_page_needs_no_other_file():
    addresses = re.findall(r'src="([^"]*)"', page())
    assert len(addresses) == 3
    assert all(address.startswith("data:image/") for address in addresses)
    assert "http" not in page()
    assert re.findall(r'href="([^"]*)"', page()) == ["reproduction.html"], "a page beside it, which it does not need"


def test_what_was_left_out_stands_above_all_numbers():
    text = page()
    assert "<b>demo</b>: left out &lt;b&gt;" in text
    assert text.index("Left out</h2>") < text.index("Run</h2>")
    assert "Left out" not in page(notes={})


def test_text_is_not_taken_for_code():
    assert page().count("<script>") == 1
    assert "&lt;CV&gt;" in page()
    assert "other &amp; more" in page()


def test_the_table_of_the_run_shows_the_version():
    text = page(facts={"version": "9.8.7", "code": "abc"})
    run = text[text.index("Run</h2>") :]
    assert "version" in run[: run.index("9.8.7")]


def test_numbers_and_captions_stand_in_it():
    text = page()
    for wanted in ("5.07", "Figure 4.3.", "What it shows.", "AP 12.3, SSIM 0.950", "AP 100", "<b>keble</b>", "2.50"):
        assert wanted in text, wanted


def test_difficulties_stand_beside_the_average_precision():
    shot = Shot("Original", PIXELS, {"ap": 0.5, "ap_easy": 0.75, "ap_hard": 0.123}, ["keble"])
    assert "AP 50 (easy 75, hard 12.3)" in page(cases=[Case("rparis", "keble-1", frozenset(), [shot, shot])])


def test_a_measure_is_shown_where_its_entry_says_so(monkeypatch):
    measured = {"ap": 0.5, "ssim": 0.95, "psnr": 31.234, "mse": 0.1}
    assert scores(measured) == "AP 50, SSIM 0.950"

    psnr = measures.MEASURES["psnr"]._replace(shown=frozenset({"overview"}))
    monkeypatch.setitem(measures.MEASURES, "psnr", psnr)
    assert scores(measured) == "AP 50, SSIM 0.950, PSNR 31.23 dB"


@pytest.mark.parametrize("rows", [12, 13])
def test_a_long_table_is_folded(rows):
    text = page(tables={"4.1": ("A caption.", [["method"], *([["row"]] * rows)])})
    assert text.count("<td>row</td>") == rows
    assert ("<summary>13 rows</summary>" in text) == (rows == 13)


def test_what_is_missing_from_the_page_is_an_error():
    with pytest.raises(UndefinedError):
        page(cases=[{"dataset": "demo", "query": "keble-1", "shots": [{"pixels": PIXELS}]}])


def test_every_tag_is_closed():
    class Balance(HTMLParser):
        open_tags = ()

        def handle_starttag(self, tag, attrs):
            if tag not in ("img", "input", "meta", "br"):
                self.open_tags = (*self.open_tags, tag)

        def handle_endtag(self, tag):
            assert self.open_tags[-1] == tag
            self.open_tags = self.open_tags[:-1]

    balance = Balance()
    balance.feed(page())
    assert balance.open_tags == ()


def test_times_of_a_stage_are_added_once_a_job(tmp_path):
    """As Snakemake notes them: once for each output, whose times differ by milliseconds."""
    (tmp_path / "metadata").mkdir()
    notes = [
        *((f"photo {number}", "save", "1.log", 1 + number / 1000, 3 + number / 1000) for number in range(67)),
        ("b", "save", "2.log", 5, 6),
        ("no longer made", "save", "2.log", -900, -800),
        ("d", "attack", "d.log", 0, 9),
    ]
    for name, rule, log, start, end in notes:
        note = {"rule": rule, "log": [log], "job_hash": 7, "starttime": start, "endtime": end}
        (tmp_path / "metadata" / name).write_text(json.dumps(note))
    (tmp_path / "metadata" / "broken").write_text("{")
    assert stage_times(tmp_path) == [("attack", 1, 9.0), ("save", 2, 3.0)]


def test_a_job_without_a_log_is_known_by_its_number(tmp_path):
    (tmp_path / "metadata").mkdir()
    for name, number in (("a", 1), ("b", 1), ("c", 2)):
        note = {"rule": "save", "log": [], "job_hash": number, "starttime": 0, "endtime": 1}
        (tmp_path / "metadata" / name).write_text(json.dumps(note))
    assert stage_times(tmp_path) == [("save", 2, 2.0)]
