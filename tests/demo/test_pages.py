"""The overview and the Snakemake report open from disk, in a browser without a network, and can be used."""

import json
import zipfile

import pytest
from PIL import Image

from tests.demo.browser import CHROMIUM, ask, screenshot
from tests.demo.conftest import CONFIG, attacks_on
from tests.thesis import FIGURES as THESIS_FIGURES

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")


def test_the_overview_is_complete(demo, tmp_path):
    said = ask(
        demo / "overview.html",
        """
        document.querySelectorAll("details").forEach(each => each.open = true);
        const images = [...document.images];
        images.forEach(image => image.loading = "eager");
        while (!images.every(image => image.complete)) await new Promise(done => setTimeout(done, 100));
        return {
          broken: images.filter(image => !image.naturalWidth).length,
          figures: [...document.querySelectorAll("figure")].map(each => each.id),
          tables: [...document.querySelectorAll("h3[id^=table]")].map(each => each.id),
          fetched: performance.getEntriesByType("resource").map(each => each.name).filter(name => !/^data:/.test(name)),
          queries: document.querySelectorAll("article").length,
          sliders: document.querySelectorAll("article input[type=range]").length,
          text: document.body.innerText,
        };
        """,
        tmp_path,
    )
    assert said["broken"] == 0 and said["fetched"] == []
    assert set(said["figures"]) == {f"figure-{number}" for number in CONFIG["figures"]}
    assert {"table-4.1", "table-4.2", "table-4.1-confidence", "table-comparisons"} <= set(said["tables"])
    names = {name: json.loads((demo / name / "dataset.json").read_text())["queries"] for name in CONFIG["datasets"]}
    assert said["queries"] == sum(map(len, names.values()))
    assert said["sliders"] == sum(len(queries) * len(attacks_on(name)) for name, queries in names.items())
    for word in ("torch 2.", "lock file", "seed: 0", "attack_query", "SSIM 0.", *next(iter(names.values()))):
        assert word in said["text"], word


def test_a_slider_shows_more_or_less_of_the_unattacked_photo(demo, tmp_path):
    said = ask(
        demo / "overview.html",
        """
        const box = document.querySelector(".compare"), input = box.querySelector("input"), seen = [];
        for (const value of [0, 30, 100]) {
          input.value = value;
          input.dispatchEvent(new Event("input"));
          seen.push([box.querySelector(".before").style.clipPath, box.querySelector(".line").style.left]);
        }
        const [one, other] = [...box.querySelectorAll("img")].map(image => image.getBoundingClientRect());
        return {seen, same: ["x", "y", "width", "height"].every(side => Math.abs(one[side] - other[side]) < 1)};
        """,
        tmp_path,
    )
    assert said["seen"] == [
        ["inset(0px 100% 0px 0px)", "0%"],
        ["inset(0px 70% 0px 0px)", "30%"],
        ["inset(0px 0% 0px 0px)", "100%"],
    ]
    assert said["same"]


@pytest.mark.parametrize("width", [1280, 500])
@pytest.mark.parametrize("page", ["overview", "reproduction"])
def test_a_page_fits_its_window(demo, tmp_path, page, width):
    question = """
    return [...document.querySelectorAll("section, figure, article, .compare, p, dl")]
      .filter(each => each.getBoundingClientRect().right > innerWidth + 1).map(each => each.outerHTML.slice(0, 80));
    """
    assert ask(demo / f"{page}.html", question, tmp_path, width=width) == []


def test_the_comparison_says_that_the_demo_is_not_the_thesis(demo, tmp_path):
    said = ask(
        demo / "reproduction.html",
        """
        return {
          text: document.body.innerText,
          verdicts: [...document.querySelectorAll("td.equal, td.agrees, td.differs")].map(each => each.className),
          fetched: performance.getEntriesByType("resource").map(each => each.name),
        };
        """,
        tmp_path,
    )
    assert said["fetched"] == [] and said["verdicts"] == ["equal"] * 8
    for words in ("demo-a (demo), demo-b (demo), and of no dataset", "the run has no Paris-6k", "19.72", "attack (sec"):
        assert words in said["text"], words
    assert "of no dataset of the thesis" in (demo / "reproduction.md").read_text()


def test_the_thesiss_tables_are_seen_whole(demo, tmp_path):
    question = """
    return [...document.querySelectorAll("section > .scroll")]
      .map(table => [table.scrollWidth <= table.clientWidth, table.previousElementSibling.previousElementSibling.id]);
    """
    whole = {name: fits for fits, name in ask(demo / "overview.html", question, tmp_path)}
    assert whole["table-4.1"] and whole["table-4.2"]


def test_the_overview_looks_like_a_page(demo, tmp_path):
    screenshot(demo / "overview.html", tmp_path / "page.png", tmp_path / "profile")
    with Image.open(tmp_path / "page.png") as picture:
        grey = picture.convert("L")
        assert picture.size == (1280, 900)
        assert grey.getextrema()[0] < 100 and len(grey.getcolors(65536)) > 20


def test_the_report_lists_every_table_and_figure(demo, tmp_path):
    with zipfile.ZipFile(demo / "report.zip") as archive:
        archive.extractall(tmp_path)
    (page,) = tmp_path.rglob("report.html")
    said = ask(
        page,
        """
        await new Promise(done => setTimeout(done, 2000));
        return {
          text: document.body.innerText,
          labels: Object.values(results).map(each => each.labels),
          fetched: performance.getEntriesByType("resource").map(each => each.name).filter(name => /^http/.test(name)),
        };
        """,
        tmp_path / "profile",
    )
    assert said["fetched"] == []
    for chapter in ("1 Introduction", "2 Background", "3 CV-PIRE", "4 Experiments", "A Appendix", "Overview"):
        assert chapter in said["text"]
    labels = {label["number"]: label for label in said["labels"] if "number" in label}
    assert {f"Figure {number}" for number in THESIS_FIGURES} | {"Table 4.1", "Table 4.2"} <= set(labels)
    assert labels["Figure 4.6"] == {"number": "Figure 4.6", "dataset": "demo-b", "attack": "cv-pire, sd-pire, pire"}
    assert labels["Figure 4.4"] == {"number": "Figure 4.4", "dataset": "demo-a, demo-b", "attack": "cv-pire"}
    assert labels["Figure 4.1"] == {"number": "Figure 4.1", "dataset": "demo-a", "attack": ""}
