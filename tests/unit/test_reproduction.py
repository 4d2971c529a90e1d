"""The thesis's numbers, beside those of a run: which are there, which are compared, and by what rule."""

import re
import shutil
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from cvpire.cli import app
from cvpire.datasets.benchmarks import THESIS
from cvpire.errors import InputError
from cvpire.overview.times import job_times
from cvpire.reproduction.arithmetic import derived
from cvpire.reproduction.comparison import compare, reasons
from cvpire.reproduction.page import lay_out, write_reproduction
from cvpire.reproduction.timing import measured_time
from cvpire.reproduction.verdicts import Verdict, verdict
from cvpire.results import Results
from cvpire.retrieval.gate import published_maps
from cvpire.retrieval.random_ranking import derived_numbers
from cvpire.tables.multipliers import multipliers_confidence
from cvpire.tables.performance import performance_confidence
from cvpire.tables.thesis_numbers import TABLE_4_1, printed_numbers

from tests.published.test_random_map import PRINTED as RANDOM
from tests.unit.thesis_run import FACTS, thesis_plan, write_thesis_run

EQUAL, AGREES, DIFFERS, NOT_COMPARED = Verdict

PLAN = thesis_plan()
CONFIGURATION = PLAN.config.model_dump(exclude_none=True)


# --- The thesis's numbers ---------------------------------------------------------------------------------------------


def test_every_number_is_listed():
    assert Counter(number.place for number in printed_numbers()) == {
        "Table 4.1": 4 * 2 * 2,
        "Table 4.2": 10 * 2 * 2 + 2,
        "Figure 3.2": 2 * 2,
        "Figure 4.6": 4 * 2,
        "Figure 4.8": 2 * 2,
        "Figure 4.9": 3 * 2,
        "Figure 4.10": 3 * 2,
        "Figure 4.11": 3 * 2,
        "Figure A.4": 4 * 2,
        "Figure 2.14": 3,
        "Section 2.5.3": 1,
        "Section 4.2.3": 4,
        "Section 4.6": 2,
        "Section 5.2.5": 1,
        "Section 5.2.6": 2,
    }


def test_what_is_listed_is_well_formed():
    for number in printed_numbers():
        assert number.dataset in ("", *THESIS) and number.value > 0, number
        assert (
            number.measure in derived()
            or number.measure in ("ap_trapezoid", "ssim_range_2", "random_ap")
            or (re.fullmatch("(variance|attack)_(seconds|minutes)", number.measure))
        ), number
        if number.measure == "ssim_range_2":
            assert number.value <= 1, number
    keys = [number[:7] for number in printed_numbers() if number.place != "Figure A.4"]
    assert len(keys) == len(set(keys)), "a number is there twice"


def test_a_number_that_is_printed_twice_is_the_same():
    """Table 4.2 begins with two rows of Table 4.1."""
    found = {}
    for number in printed_numbers():
        if number.place.startswith("Table") and number.dataset:
            found.setdefault(number[1:7], set()).add(number.text)
    assert [texts for texts in found.values() if len(texts) > 1] == []
    in_4_1 = {
        number.method: (number.multiplier, number.iterations)
        for number in printed_numbers()
        if number.place == "Table 4.1"
    }
    assert in_4_1 == {"Original": (None, None), **TABLE_4_1}


def test_other_places_of_the_code_hold_the_same_numbers():
    texts = {(number.place, number.dataset, number.method, number.measure): number.text for number in printed_numbers()}
    for dataset in THESIS:
        (clean,) = (
            value
            for protocol, value in published_maps("retrievalSfM120k-resnet101-gem", dataset, "medium").items()
            if (protocol.query, protocol.longest_side, protocol.scales) == ("whole", None, (1.0,))
        )
        assert float(texts["Table 4.1", dataset, "Original", "ap_trapezoid"]) == clean
        assert texts["Section 4.2.3", dataset, "", "random_ap"] == RANDOM[dataset]
    by_arithmetic = {number.measure: number for number in printed_numbers() if number.measure in derived()}
    assert set(by_arithmetic) == set(derived())
    names = ("top_photos_oxford5k", "top_photos_paris6k", "text_searches_oxford5k", "text_searches_paris6k")
    for name, row in zip(names, derived_numbers().itertuples(), strict=True):
        assert (by_arithmetic[name].text, by_arithmetic[name].place.lower()) == (row.printed, row.place.lower())


# --- The rule ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("printed", "ours", "interval", "expected"),
    [
        ("5.07", "5.07", None, EQUAL),
        ("5.07", "5.08", None, DIFFERS),
        ("5.07", "5.075", None, EQUAL),
        ("5.07", "5.065", None, EQUAL),
        ("5.07", "5.0751", None, DIFFERS),
        ("10.9", "10.95", None, EQUAL),
        ("10.9", "10.96", None, DIFFERS),
        ("10.90", "10.95", None, DIFFERS),
        ("83", "83.50", None, EQUAL),
        ("83", "83.51", None, DIFFERS),
        ("1.0", "1.000", None, EQUAL),
        ("0.00002", "0.00002", None, EQUAL),
        ("5.07", "6.00", ("5.07", "7.00"), AGREES),
        ("5.07", "4.00", ("3.00", "5.07"), AGREES),
        ("5.07", "6.00", ("5.08", "7.00"), DIFFERS),
        ("5.07", "4.00", ("3.00", "5.06"), DIFFERS),
        ("5.07", "5.07", ("5.08", "5.09"), EQUAL),
    ],
)
def test_verdict_at_its_borders(printed, ours, interval, expected):
    assert verdict(printed, ours, interval) == expected


# --- A finished thesis ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    root = tmp_path_factory.mktemp("thesis") / "results"
    write_thesis_run(root, PLAN)
    return root


@pytest.fixture(scope="module")
def lines(finished):
    return compare(Results(finished), CONFIGURATION, {})


def changed(**sections):
    """The configuration with other values, by path: `datasets__oxford5k={...}`."""
    configuration = CONFIGURATION
    for path, values in sections.items():
        section, name = path.split("__")
        options = {**configuration[section][name], **values}
        configuration = {**configuration, section: {**configuration[section], name: options}}
    return configuration


def verdicts(lines, **wanted):
    return {line.verdict for line in lines if all(getattr(line.printed, key) == value for key, value in wanted.items())}


def test_a_run_of_the_thesis_holds_every_number_whose_photo_is_known(lines):
    assert [line.printed for line in lines] == list(printed_numbers())
    left = reasons(lines)
    assert {why: len(each) for why, each in left.items()} == {
        "the thesis does not name the photo, and it cannot be told": 34,
        "Snakemake has kept no times of these jobs": 5,
    }
    compared = [line for line in lines if line.verdict != NOT_COMPARED]
    assert len(compared) == 113 - 39 and all(line.ours and line.difference for line in compared)
    assert verdicts(lines, measure="random_ap") == {EQUAL} == verdicts(lines, place="Section 2.5.3")


def test_means_and_intervals_are_those_of_the_confidence_tables(finished, lines):
    results = Results(finished)
    tables = [performance_confidence(results, PLAN.config.tables["4.2"])]
    tables.append(multipliers_confidence(results, PLAN.config.tables["4.2"]))
    table = pd.concat(tables).dropna(subset="thesis").drop_duplicates()
    wanted = {
        (row.dataset, row.method, row.multiplier if row.method != "PIRE" else None, row.measure): row
        for row in table.astype({"multiplier": object}).replace({"multiplier": {np.nan: None}}).itertuples()
    }
    labels = {"ap_trapezoid": "mAP (trapezoid)", "ssim_range_2": "mSSIM (range 2)"}
    lines = [line for line in lines if line.printed.place.startswith("Table") and line.printed.dataset]
    assert len(lines) == 56
    for line in lines:
        about = line.printed
        row = wanted[line.dataset, about.method, about.multiplier, labels[about.measure]]
        assert float(line.ours) == pytest.approx(row.mean, abs=1e-9)
        assert [float(end) for end in line.interval] == pytest.approx([row[9], row[10]], abs=1e-9)
        assert float(line.difference) == pytest.approx(row.difference, abs=1e-9)


def test_scores_of_a_photo_are_its_own(finished, lines):
    measured = Results(finished).queries
    lines = [line for line in lines if line.printed.query]
    assert len(lines) == 8
    for line in lines:
        about = line.printed
        (row,) = measured[
            (measured["query"] == about.query)
            & (measured["label"] == about.method)
            & (measured["iteration"] == about.iterations)
            & ((measured["multiplier"] == 50) | (about.method == "PIRE"))
        ].to_dict("records")
        value = row[about.measure] * (100 if about.measure == "ap_trapezoid" else 1)
        assert float(line.ours) == pytest.approx(value, abs=0.0051) and line.interval is None
        assert len(line.ours.partition(".")[2]) >= about.decimals


@pytest.mark.parametrize(
    ("sections", "reason", "wanted"),
    [
        (
            {"datasets__oxford5k": {"decoder": "libjpeg-turbo"}},
            "oxford5k: decoder libjpeg-turbo instead of libjpeg-9",
            {"place": "Table 4.1", "dataset": "oxford5k"},
        ),
        (
            {"datasets__paris6k": {"distractors": "r1m"}},
            "paris6k: distractors r1m instead of none",
            {"measure": "random_ap", "dataset": "paris6k"},
        ),
        (
            {"networks__resnet101-gem": {"weights": "package"}},
            "oxford5k: another network, resnet101-gem",
            {"place": "Table 4.2", "dataset": "oxford5k"},
        ),
        (
            {"attacks__sd-pire": {"bound_space": "pixel", "learning_rate": 0.1}},
            "oxford5k: SD-PIRE with learning rate 0.1 instead of 0.05; bound space pixel instead of normalised",
            {"method": "SD-PIRE", "dataset": "oxford5k", "place": "Table 4.1"},
        ),
        (
            {"attacks__sd-pire": {"chroma": 0, "samples": 2, "sampled": [{"kind": "blur", "range": [1, 1]}]}},
            "oxford5k: SD-PIRE with chroma 0 instead of 1; samples 2 instead of 1; "
            "sampled [{'kind': 'blur', 'range': [1, 1]}] instead of none",
            {"method": "SD-PIRE", "dataset": "oxford5k", "place": "Table 4.1"},
        ),
        (
            {"variance__cv": {"kernel_size": 7}},
            "paris6k: CV-PIRE with kernel size 7 instead of 5",
            {"method": "CV-PIRE", "dataset": "paris6k", "place": "Table 4.1"},
        ),
    ],
)
def test_another_experiment_is_not_compared(finished, sections, reason, wanted):
    lines = compare(Results(finished), changed(**sections), {})
    assert verdicts(lines, **wanted) == {NOT_COMPARED}
    assert reason in reasons(lines)
    untouched = {"method": "PIRE", "place": "Table 4.1", "dataset": "paris6k"}
    if not {"networks__resnet101-gem", "datasets__paris6k"} & set(sections):
        assert NOT_COMPARED not in verdicts(lines, **untouched)


def test_a_part_of_the_queries_is_not_compared_but_its_photos_are(tmp_path):
    write_thesis_run(tmp_path / "results", PLAN, queries=10)
    lines = compare(Results(tmp_path / "results"), CONFIGURATION, {})
    assert len(reasons(lines)["oxford5k: 10 of 55 queries"]) == 29
    assert NOT_COMPARED not in verdicts(lines, place="Figure 3.2") | verdicts(lines, place="Figure 4.8")


def test_a_multiplier_that_was_not_run_is_said(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "results")
    file = tmp_path / "results" / "tables" / "queries.csv"
    measured = pd.read_csv(file)
    measured[(measured["multiplier"] != 44) & (measured["attack"] != "pire")].to_csv(file, index=False)
    left = reasons(compare(Results(tmp_path / "results"), CONFIGURATION, {}))
    assert len(left["oxford5k: SD-PIRE was not measured at m = 44 and T = 100"]) == 2
    assert len(left["paris6k: no attack is called PIRE"]) == 2


def test_times_are_of_one_photo_and_one_multiplier():
    times = {("attack_query", f"results/logs/oxford5k/cv-pire/perturbation/{name}.log"): 70.0 for name in "ab"}
    times |= {("attack_query", "results/logs/oxford5k/sd-pire/perturbation/a.log"): 9.0}
    times |= {("compute_variance", "results/logs/paris6k/variance/cv/a.log"): 3.0}
    times |= {("compute_variance", "results/logs/paris6k/variance/sd/a.log"): 1.0}
    found = {
        number.measure: measured_time(number, PLAN.run(), CONFIGURATION, times)
        for number in printed_numbers()
        if number.method == "CV-PIRE" and re.match("attack|variance", number.measure)
    }
    what = "mean of 2 photos, 150 iterations, one of 7 multipliers in a batch"
    assert found["attack_seconds"] == found["attack_minutes"] == (10.0, what)
    assert found["variance_minutes"] == (3.0, "mean of 1 photo")


def test_times_of_jobs_are_known_by_their_logs(tmp_path):
    (tmp_path / "metadata").mkdir()
    note = '{"rule": "save", "log": ["results/logs/a b.log"], "starttime": 1, "endtime": 3}'
    (tmp_path / "metadata" / "one").write_text(note)
    assert job_times(tmp_path) == {("save", "results/logs/a b.log"): 2.0}


# --- The page ---------------------------------------------------------------------------------------------------------


DATASETS = PLAN.run().datasets


def pages(lines, datasets=DATASETS):
    return [lay_out(suffix, lines, datasets, FACTS) for suffix in (".html", ".md")]


def test_the_pages_say_the_rule_and_every_number(lines):
    for page in pages(lines):
        for words in ("half a unit", "95 % interval", "all_souls", "19.72", "10.9", "Not compared", "by the text"):
            assert words.replace("_", r"\_") in page or words in page, words
        assert "no dataset of the thesis" not in page


def test_the_page_needs_no_other_file_and_closes_its_tags(lines):
    class Balance(HTMLParser):
        open_tags = ()

        def handle_starttag(self, tag, attrs):
            self.open_tags += () if tag == "meta" else (tag,)

        def handle_endtag(self, tag):
            assert self.open_tags[-1] == tag
            self.open_tags = self.open_tags[:-1]

    page, _ = pages(lines)
    assert re.findall("src=|href=|http|<script", page) == []
    balance = Balance()
    balance.feed(page)
    assert balance.open_tags == ()


def test_markdown_has_a_head_and_equal_rows(lines):
    _, page = pages(lines)
    tables = [block.splitlines() for block in re.findall(r"(?:^\|.*\n)+", page, flags=re.MULTILINE)]
    assert len(tables) == 7
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1 and len(table) > 2
        assert set(table[1]) == set("| -")
    assert "\n\n\n" not in page and page.endswith("\n") and not page.endswith("\n\n")


def test_a_run_of_other_datasets_says_so_at_the_top(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "results")
    file = tmp_path / "results" / "run.json"
    file.write_text(file.read_text().replace('"oxford5k": "oxford5k"', '"<b>": "demo"'))
    file.write_text(file.read_text().replace('"paris6k": "paris6k"', '"a|b": "demo"'))
    results = Results(tmp_path / "results")
    html, markdown = pages(compare(results, CONFIGURATION, {}), results.run.datasets)
    assert html.index("&lt;b&gt; (demo), a|b (demo), and of no dataset") < html.index("Summary")
    assert "<b>" not in html and r"\<b> (demo), a\|b (demo)" in markdown
    for page in (html, markdown):
        assert page.count("the run has no Oxford-5k") == page.count("the run has no Paris-6k") == 1
        assert "19.72" in page and "0.793" not in page


def test_the_same_run_gives_the_same_bytes(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app(["reproduction", "one", "--root", str(finished)], standalone_mode=False)
    assert write_reproduction(tmp_path / "two", finished) == [tmp_path / "two.html", tmp_path / "two.md"]
    for suffix in (".html", ".md"):
        assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()


@pytest.mark.parametrize("content", [None, "{", "[]", '{"configuration": {}}'])
def test_a_missing_or_damaged_record_is_named(finished, tmp_path, content):
    shutil.copytree(finished, tmp_path / "results")
    file = tmp_path / "results" / "provenance.json"
    file.unlink()
    if content is not None:
        file.write_text(content)
    with pytest.raises(InputError, match=r"provenance\.json: (no such file|not a record)"):
        write_reproduction(tmp_path / "page", tmp_path / "results")
    assert not list(tmp_path.glob("page*"))
