"""What archives and catalogues are told of the project is in step with it."""

import json
import re
import runpy
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CITED = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MADE = runpy.run_path(str(ROOT / "envs" / "metadata.py"))
CONTAINERFILE = (ROOT / "envs" / "Containerfile").read_text(encoding="utf-8")
CONFIG_README = (ROOT / "config" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["codemeta.json", ".zenodo.json"])
def test_files_are_made_from_the_citation(name):
    assert (ROOT / name).read_text(encoding="utf-8") == MADE["files"]()[name], "run `make metadata`"


def test_the_citation_says_what_the_package_says():
    assert str(CITED["version"]) == PROJECT["version"]
    assert CITED["license"] == PROJECT["license"]
    assert CITED["abstract"] == PROJECT["description"]
    assert CITED["title"].startswith(f"{PROJECT['name']}: ")


def test_both_files_name_the_same_people_words_and_works():
    codemeta, zenodo = (json.loads((ROOT / name).read_text(encoding="utf-8")) for name in MADE["files"]())
    for one, other in (("name", "title"), ("description", "description"), ("version", "version")):
        assert codemeta[one] == zenodo[other]
    assert codemeta["license"].endswith(f"/{zenodo['license']}")
    assert [a["name"] for a in codemeta["author"]] == [c["name"] for c in zenodo["creators"]]
    assert codemeta["keywords"] == zenodo["keywords"] == CITED["keywords"]
    titles = [reference["title"] for reference in CITED["references"]]
    assert [work["name"] for work in codemeta["citation"]] == titles
    assert all(title in line for title, line in zip(titles, zenodo["references"], strict=True))


def test_people_and_works_are_told_by_their_names():
    thesis = CITED["references"][0]
    assert MADE["_line"](thesis).startswith("Sweere, Sam (2019). ")
    assert MADE["_line"](thesis).endswith("Bachelor thesis, Radboud University.")
    work = MADE["_work"](thesis)
    assert work["@type"] == "Thesis"
    assert work["author"] == [{"@type": "Person", "givenName": "Sam", "familyName": "Sweere"}]


def test_the_changelog_describes_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(.+?)\]", text, flags=re.MULTILINE)
    assert versions[0] == "Unreleased"
    assert versions[1] == PROJECT["version"]


# --- The catalogue of Snakemake workflows -----------------------------------------------------------------------------


def test_the_catalogue_finds_what_it_asks_for():
    assert (ROOT / "workflow" / "Snakefile").is_file()
    words = (ROOT / "README.md").read_text(encoding="utf-8").lower()
    assert "snakemake" in words and "workflow" in words
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))["usage"]
    assert usage["mandatory-flags"].keys() == {"desc", "flags"}
    stack = usage["software-stack-deployment"]
    assert stack.keys() == {"conda", "apptainer", "apptainer+conda", "report"}
    # No rule names an environment of its own.
    assert not (stack["conda"] or stack["apptainer"] or stack["apptainer+conda"])
    rules = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "rules").glob("*.smk"))
    assert not re.search(r"^\s+(conda|container):", rules, flags=re.MULTILINE)


def test_the_oldest_snakemake_is_that_of_the_package():
    asked = re.search(r'min_version\("([\d.]+)"\)', (ROOT / "Snakefile").read_text(encoding="utf-8"))[1]
    assert f"snakemake>={asked}," in "".join(PROJECT["dependencies"])


def test_every_configuration_file_and_section_is_explained():
    schema = json.loads((ROOT / "config" / "schema.json").read_text(encoding="utf-8"))
    files = [path.name for path in (ROOT / "config").glob("*.*") if path.suffix in (".yaml", ".json")]
    assert [name for name in files if f"[{name}]({name})" not in CONFIG_README] == []
    assert [key for key in schema["properties"] if f"`{key}`" not in CONFIG_README] == []
    marked = set(re.findall(r"^\| `(\w+)` \\\*", CONFIG_README, flags=re.MULTILINE))
    assert marked == set(schema["required"])
    named = set(re.findall(r"`(\w+Options)`", CONFIG_README))
    assert named == {name for name in schema["$defs"] if name.endswith("Options")}


# --- The container ----------------------------------------------------------------------------------------------------


def test_the_image_has_the_locked_packages():
    installs = re.findall(r"pip install (.*)", CONTAINERFILE)
    assert "--require-hashes -r envs/requirements.lock" in installs[0]
    assert all("--no-deps" in line and "--no-build-isolation" in line for line in installs[1:])


def test_the_image_names_no_index_and_no_other_address():
    assert "://" not in CONTAINERFILE
    assert "index" not in re.sub(r"^#.*$", "", CONTAINERFILE, flags=re.MULTILINE)
    python = re.search(r"^ARG PYTHON=(\d+\.\d+)\.\d+$", CONTAINERFILE, flags=re.MULTILINE)[1]
    assert f"python={python}" in (ROOT / "envs" / "environment.yaml").read_text(encoding="utf-8")
    bases = re.findall(r"^FROM (\S+)", CONTAINERFILE, flags=re.MULTILINE)
    assert set(bases) == {"python:${PYTHON}-slim-bookworm"}


def test_the_image_copies_what_is_there_and_all_that_runs_the_workflow():
    copied = []
    for line in re.findall(r"^COPY (.*)$", CONTAINERFILE, flags=re.MULTILINE):
        if "--from" not in line:
            copied += [word for word in line.split()[:-1] if not word.startswith("--")]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert {"Snakefile", "rules", "workflow", "config", "profiles", "envs", "pyproject.toml"} <= set(copied)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    assert not set(copied) & set(ignored)
    assert {".venv", "results", "resources"} <= set(ignored)


def test_the_image_runs_as_no_root():
    last = CONTAINERFILE.rpartition("\nFROM ")[2]
    user = re.findall(r"^USER (\w+)$", last, flags=re.MULTILINE)
    assert user == ["cvpire"]
    assert f"useradd --create-home --uid 1000 {user[0]}" in last
    assert last.index("USER") > max(match.start() for match in re.finditer("COPY|RUN", last))
