"""The documentation: it builds into a site whose links lead somewhere, and its numbers stand in one place."""

import logging
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from cvpire.errors import InputError
from cvpire.tables.thesis_numbers import printed
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort, PluginError

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS))

import article  # noqa: E402
import hooks  # noqa: E402

LOADS = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src", "object": "data"}


class Page(HTMLParser):
    """Links, anchors, and what a page loads."""

    def __init__(self, text: str):
        super().__init__()
        self.links, self.anchors, self.loads = [], {""}, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.anchors |= {named[key] for key in ("id", "name") if named.get(key)}
        if tag == "a" and named.get("href"):
            self.links.append(named["href"])
        if named.get(LOADS.get(tag)):
            self.loads.append(named[LOADS[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built strictly: a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), strict=True))
    return folder


@pytest.fixture(scope="module")
def pages(site) -> dict[Path, Page]:
    return {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html") if path.name != "404.html"}


# --- The site ---------------------------------------------------------------------------------------------------------


def test_every_page_is_in_the_navigation(pages, site):
    def listed(entries):
        for entry in entries:
            for value in entry.values():
                yield from listed(value) if isinstance(value, list) else [value]

    navigation = list(listed(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]))
    assert sorted(navigation) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
    assert {site / name.replace(".md", ".html") for name in navigation} <= pages.keys()


def test_every_link_and_anchor_leads_somewhere(pages):
    checked, broken = 0, []
    for path, page in pages.items():
        for link in page.links + page.loads:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = target in pages and unquote(parts.fragment) in pages[target].anchors
            checked += 1
            if not (known or (target.is_file() and not parts.fragment)):
                broken.append(f"{path.name}: {link}")
    assert checked > 300
    assert broken == []


def test_nothing_is_loaded_from_another_address(pages, site):
    assert [load for page in pages.values() for load in page.loads if urlsplit(load).netloc] == []
    for style in site.rglob("*.css"):
        assert re.findall(r"url\([\"']?(?:https?:)?//|@import", style.read_text(encoding="utf-8")) == [], style


def test_a_link_that_leads_nowhere_stops_the_build(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# One\n\n[two](index.md#two)\n")
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    settings |= {"nav": [{"One": "index.md"}], "hooks": []}
    (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump(settings))
    with pytest.raises(Abort, match="strict mode"):
        build(load_config(str(tmp_path / "mkdocs.yml"), strict=True))


@pytest.mark.parametrize(
    ("link", "page", "shown"),
    [
        ("[config.yaml](../config/config.yaml)", "a.md", "`config/config.yaml`"),
        ("[the demo](../../config/config.yaml)", "tutorials/a.md", "the demo (`config/config.yaml`)"),
        ("[cvpire.config](../workflow/cvpire/config)", "a.md", "`workflow/cvpire/config`"),
        ("[b](../b.md#c)", "tutorials/a.md", "[b](../b.md#c)"),
        ("[b](#c)", "a.md", "[b](#c)"),
    ],
)
def test_links_to_files_that_the_site_lacks(link, page, shown, caplog):
    assert hooks.inside_the_site(f"See {link}.", page) == f"See {shown}."
    assert not caplog.records


def test_links_to_files_lead_to_the_repository_where_it_is_known():
    text = hooks.inside_the_site("[c](../config/config.yaml)", "a.md", "https://example.org/us/it/")
    assert text == "[c](https://example.org/us/it/blob/HEAD/config/config.yaml)"


def test_a_link_to_a_file_that_is_gone_is_a_warning(caplog):
    with caplog.at_level(logging.WARNING, "mkdocs"):
        hooks.inside_the_site("[c](../config/gone.yaml)", "a.md")
    assert "a.md: there is no config/gone.yaml" in caplog.text


def test_a_number_that_is_gone_stops_the_build(site, monkeypatch):
    empty = site / "empty.md"
    empty.write_text("# Empty\n")
    monkeypatch.setattr(article, "SOURCE", empty)
    page = SimpleNamespace(file=SimpleNamespace(src_uri="article.md"))
    with pytest.raises(PluginError, match=r"article.md: empty.md: "):
        hooks.on_page_markdown("", page, SimpleNamespace(repo_url=None), None)


def test_links_of_the_repository_lead_somewhere():
    """On the repository's host, README and docs are read as they are."""
    for path in [ROOT / "README.md", *DOCS.rglob("*.md")]:
        for link in hooks.LINK.finditer(path.read_text(encoding="utf-8")):
            assert (path.parent / link["target"]).exists(), f"{path.name}: {link[0]}"


# --- The article ------------------------------------------------------------------------------------------------------

# What may stand in the template as a digit: a place in the thesis or in a list, a year, a name.
ALLOWED = re.compile(
    r"(?:[Ss]ection|[Ff]igure|Table|eq\.|Algorithm) \d+(?:\.\d+)*|^\d\. |\[\d\]"
    r"|\b(?:19|20)\d\d\b|\b[A-Za-z][\w-]*\d\w*",
    flags=re.MULTILINE,
)
FILLED_IN = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", flags=re.DOTALL)


def typed_numbers(template: str) -> list[str]:
    """Numbers that stand in the template itself, neither filled in nor of an allowed kind."""
    return re.findall(r"\d[\d.,]*", ALLOWED.sub("", FILLED_IN.sub("", template)))


def test_no_result_is_typed_in_the_article():
    template = article.TEMPLATE.read_text(encoding="utf-8")
    assert typed_numbers(template) == []
    assert len(FILLED_IN.findall(template)) > 30
    assert typed_numbers(template.replace("{{ cell(audit, corrected, ", "0.8646 {{ cell(audit, corrected, "))
    assert typed_numbers("mAP falls to 5 (Table 4.1, 2019, Oxford-5k) [1].") == ["5"]


def test_the_article_says_what_the_page_says():
    source = article.SOURCE.read_text(encoding="utf-8")
    assert "| **mSSIM, right dynamic range** | 0.8646 | 0.8594 | 0.6470 |" in article.filled()
    changed = article.filled(source=source.replace("**0.8646**", "**0.1234**"))
    assert "| **mSSIM, right dynamic range** | 0.1234 | 0.8594 | 0.6470 |" in changed and "0.8646" not in changed


SMALL = "# One\n\n## Two, of *m*\n\n| | a | b |\n|---|---|---|\n| **r** | **1.5** | 2 (3) |\n\nWas 7 once.\n"


def test_numbers_are_found_by_name():
    numbers = article.Numbers(SMALL, "page.md")
    assert numbers.cell("Two, of *m*", "r", "a") == "1.5"
    assert article.number(numbers.cell("Two, of *m*", "r", "b"), 2) == "3"
    assert numbers.said(r"Was (\d) once") == "7"
    assert article.number("from -0.17 to 1.9e-14, 41,950") == "-0.17"
    assert article.largest(["5.2e-18", "3.9e-17"]) == "3.9e-17"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda numbers: numbers.cell("Three", "r", "a"), "page.md: no section 'Three'; there are"),
        (lambda numbers: numbers.cell("One", "r", "a"), "page.md, One: one table was expected"),
        (lambda numbers: numbers.cell("Two, of *m*", "q", "a"), r"no cell 'q', 'a' .* rows are \['r'\]"),
        (lambda numbers: numbers.cell("Two, of *m*", "r", "c"), "no cell 'r', 'c'"),
        (lambda numbers: numbers.said(r"Is (\d)"), "page.md: 0 matches"),
        (lambda numbers: article.number("none"), "'none' has no number 1"),
    ],
)
def test_numbers_that_are_not_there(call, message):
    with pytest.raises(InputError, match=message):
        call(article.Numbers(SMALL, "page.md"))


def test_the_printable_article_stands_alone():
    text = article.page(article.filled())
    page = Page(text)
    assert page.loads == page.links == [] and "url(" not in text
    assert text.count("<table>") == 2 and "{{" not in text
    assert text == article.page(article.filled())


# --- The README's table -----------------------------------------------------------------------------------------------

AUDIT, OURS = "The published artefacts, recomputed", "What the settings do: the text's and the code's, on real photos"


def expected(measure: str, row: str, method: str) -> str | None:
    """What a cell of the README's table must say; None where there is nothing to say."""
    numbers = article.Numbers(article.SOURCE.read_text(encoding="utf-8"), article.SOURCE.name)
    column = {"mAP": "ap_trapezoid", "mSSIM": "ssim_range_2"}[measure]
    label = {"original": "Original"}.get(method, method)
    of_audit = {
        ("mAP", "printed"): ("mean of the published AP (Table 4.1)", 2),
        ("mSSIM", "printed"): ("mSSIM as published, data range 2 (Table 4.1)", 2),
        ("mAP", "mean"): ("mean of the published AP (Table 4.1)", 1),
        ("mSSIM", "range 2"): ("mSSIM as published, data range 2 (Table 4.1)", 1),
        ("mSSIM", "range 1"): ("mSSIM corrected: data range 1, libjpeg-turbo", 1),
    }
    if row.startswith("ours"):
        settings = "text" if "as the text says" in row else "released"
        name = method if method == "original" else f"{method}, {settings}"
        return numbers.cell(OURS, name, f"{measure}, 50 iterations")
    if row.startswith("the thesis as printed"):
        settings = {"PIRE": (None, 500), "original": (None, None)}.get(method, (50, 100))
        value = printed("oxford5k", column, label, *settings)
        digits = 2 if measure == "mAP" or method == "original" else 3
        if method != "original":
            source, place = of_audit[measure, "printed"]
            assert article.number(numbers.cell(AUDIT, source, method), place) == f"{value:.{digits}f}"
        return f"{value:.{digits}f}"
    kind = next(kind for of, kind in of_audit if of == measure and kind in row)
    source, place = of_audit[measure, kind]
    return None if method == "original" else article.number(numbers.cell(AUDIT, source, method), place)


def test_the_readme_has_the_numbers_of_the_reproduction():
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## What came out\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line[:1] == "|"]
    header, measure, seen = rows[0][1:], None, 0
    for first, *cells in rows[2:]:
        if first.startswith("**"):
            measure = re.search(r"\*\*(mAP|mSSIM)", first)[1]
            continue
        wanted = [expected(measure, first, method) or "" for method in header]
        assert cells == wanted, f"{measure}, {first}"
        seen += 1
    assert seen == 9
