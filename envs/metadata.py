"""Write codemeta.json and .zenodo.json, for archives of software, from CITATION.cff (`make metadata`).

What CITATION.cff does not say, the requirements, comes from pyproject.toml.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]

TYPES = {"thesis": "Thesis"}
"""Types of schema.org for references; all others are articles."""

IN = ("journal", "collection-title")
"""Where an article appeared."""


def files() -> dict[str, str]:
    """Texts of the files by name."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    made = {"codemeta.json": codemeta(cited, project), ".zenodo.json": zenodo(cited)}
    return {name: json.dumps(value, indent=2, ensure_ascii=False) + "\n" for name, value in made.items()}


def codemeta(cited: dict[str, Any], project: dict[str, Any]) -> dict[str, Any]:
    """Describe the software by the terms of CodeMeta 3.0."""
    return {
        "@context": "https://w3id.org/codemeta/3.0",
        "@type": "SoftwareSourceCode",
        "identifier": project["name"],
        "name": cited["title"],
        "description": cited["abstract"],
        "version": str(cited["version"]),
        "license": f"https://spdx.org/licenses/{cited['license']}",
        "author": [_author(author) for author in cited["authors"]],
        "keywords": cited["keywords"],
        "programmingLanguage": ["Python", "Snakemake"],
        "runtimePlatform": f"Python {project['requires-python']}",
        "operatingSystem": ["Linux", "macOS"],
        "softwareRequirements": project["dependencies"],
        "readme": project["readme"],
        "citation": [_work(reference) for reference in cited["references"]],
    }


def zenodo(cited: dict[str, Any]) -> dict[str, Any]:
    """Describe the software as a deposit of Zenodo."""
    return {
        "upload_type": "software",
        "title": cited["title"],
        "description": cited["abstract"],
        "version": str(cited["version"]),
        "license": cited["license"],
        "creators": [{"name": _name(author)} for author in cited["authors"]],
        "keywords": cited["keywords"],
        "references": [_line(reference) for reference in cited["references"]],
    }


def _author(author: dict[str, str]) -> dict[str, str]:
    if "name" in author:
        return {"@type": "Organization", "name": author["name"]}
    return {"@type": "Person", "givenName": author["given-names"], "familyName": author["family-names"]}


def _work(reference: dict[str, Any]) -> dict[str, Any]:
    work = {
        "@type": TYPES.get(reference["type"], "ScholarlyArticle"),
        "name": reference["title"],
        "author": [_author(author) for author in reference["authors"]],
        "datePublished": str(reference["year"]),
    }
    if "institution" in reference:
        work["sourceOrganization"] = {"@type": "Organization", "name": reference["institution"]["name"]}
    for key in IN:
        if key in reference:
            work["isPartOf"] = {"@type": "CreativeWork", "name": reference[key]}
    return work


def _line(reference: dict[str, Any]) -> str:
    authors = "; ".join(_name(author) for author in reference["authors"])
    where = [reference.get("thesis-type"), reference.get("institution", {}).get("name"), *map(reference.get, IN)]
    return f"{authors} ({reference['year']}). {reference['title']}. {', '.join(filter(None, where))}."


def _name(author: dict[str, str]) -> str:
    return author.get("name") or f"{author['family-names']}, {author['given-names']}"


if __name__ == "__main__":
    for name, text in files().items():
        (ROOT / name).write_text(text, encoding="utf-8")
