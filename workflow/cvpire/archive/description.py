"""Describe an archive by RO-Crate 1.1, Workflow RO-Crate 1.0 and Workflow Run Crate 0.5."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from cvpire import layout
from cvpire.archive.contents import LOCK, WORKFLOW
from cvpire.untrusted.crates import METADATA

_CRATE = "https://w3id.org/ro/crate/1.1"
_WORKFLOW_CRATE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
_RUN_CRATE = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    _WORKFLOW_CRATE: ("Workflow RO-Crate", "1.0"),
}
_SNAKEMAKE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"

_TYPES = {
    ".cff": "application/yaml",
    ".csv": "text/csv",
    ".html": "text/html",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".md": "text/markdown",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".py": "text/x-python",
    ".svg": "image/svg+xml",
    ".tex": "text/x-tex",
    ".toml": "application/toml",
    ".yaml": "application/yaml",
    ".zip": "application/zip",
}
"""By suffix; what `mimetypes` says depends on the system. All others are plain text."""

_DESCRIPTIONS = {
    layout.PROVENANCE: "What the run was made from: code, packages, device, seeds, checksums of inputs and tables.",
    layout.CONFIGURATION: "The whole configuration of the run, validated, with every default.",
    layout.RUN: "What the run consists of: datasets, attacks, networks.",
    layout.OVERVIEW: "The run on one page: tables, figures, each query before and after.",
    layout.ALL_QUERIES: "Everything that was measured, one row a query, attack, bound and iteration.",
    LOCK: "The environment: every package with its version and checksums.",
}


def describe(
    sums: Mapping[str, tuple[str, int]],
    record: Mapping[str, Any],
    about: Mapping[str, Any],
    day: date,
    configured: Sequence[str] = (),
) -> dict[str, Any]:
    """Describe an archive as JSON-LD.

    Parameters
    ----------
    sums : mapping
        SHA-256 and size in bytes of each file by its name.
    record : mapping
        The run's provenance.
    about : mapping
        The software, as codemeta.json describes it.
    day : date
        The date of the archive.
    configured : sequence of str
        Configuration files that the run was given by hand.

    Returns
    -------
    dict
        The content of ro-crate-metadata.json.
    """
    results = [name for name in sums if name.startswith(f"{layout.RESULTS}/") and name != layout.CONFIGURATION]
    inputs = list(_inputs(record))
    authors = [{**author, "@id": f"#{number}-author"} for number, author in enumerate(about["author"], 1)]
    made_by = {"version": about["version"], "author": [_ref(a["@id"]) for a in authors]}
    root = {
        "@id": "./",
        "@type": "Dataset",
        "conformsTo": [_ref(profile) for profile in _RUN_CRATE],
        "name": f"A run of {about['name']}",
        "description": f"Results, workflow, configuration, provenance and environment of a run. {about['description']}",
        "datePublished": day.isoformat(),
        "license": [_ref(about["license"]), _ref("#photos")],
        "keywords": about["keywords"],
        "author": [_ref(author["@id"]) for author in authors],
        "mainEntity": _ref(WORKFLOW),
        "mentions": [_ref("#run")],
        "hasPart": [_ref(quote(name)) for name in sums],
    }
    made_with = {"Version": record.get("version", "?"), "code": record["code"], "Python": record["Python"]}
    run = {
        "@id": "#run",
        "@type": "CreateAction",
        "name": "Run of the workflow",
        "description": ", ".join(f"{name} {value}" for name, value in made_with.items()),
        "actionStatus": _ref("http://schema.org/CompletedActionStatus"),
        "endTime": day.isoformat(),
        "instrument": _ref(WORKFLOW),
        "object": [_ref(quote(name)) for name in (layout.CONFIGURATION, *configured)]
        + [_ref(i["@id"]) for i in inputs],
        "result": [_ref(quote(name)) for name in results],
    }
    graph = [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "about": _ref("./"),
            "conformsTo": [_ref(_CRATE), _ref(_WORKFLOW_CRATE)],
        },
        root,
        run,
        *inputs,
        *authors,
        *(
            {"@id": profile, "@type": "CreativeWork", "name": name, "version": version}
            for profile, (name, version) in _RUN_CRATE.items()
        ),
        {"@id": about["license"], "@type": "CreativeWork", "name": "Licence of the workflow, see LICENSE"},
        {
            "@id": "#photos",
            "@type": "CreativeWork",
            "name": "Licences of the photos",
            "description": "Photos in figures, pages and queries keep the licences under which they were given.",
        },
        {
            "@id": _SNAKEMAKE,
            "@type": "ComputerLanguage",
            "name": "Snakemake",
            "url": _ref("https://snakemake.readthedocs.io"),
            "version": record["packages"].get("snakemake", "?"),
        },
        *(_file(name, *found, made_by) for name, found in sums.items()),
    ]
    return {"@context": [f"{_CRATE}/context", "https://w3id.org/ro/terms/workflow-run/context"], "@graph": graph}


def _file(name: str, sha256: str, size: int, made_by: Mapping[str, Any]) -> dict[str, Any]:
    suffix = PurePosixPath(name).suffix
    entity = {
        "@id": quote(name),
        "@type": "File",
        "name": name,
        "sha256": sha256,
        "contentSize": str(size),
        "encodingFormat": _TYPES.get(suffix, "text/plain"),
    }
    if name in _DESCRIPTIONS:
        entity["description"] = _DESCRIPTIONS[name]
    if name == WORKFLOW:
        entity |= {
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
            "programmingLanguage": _ref(_SNAKEMAKE),
            "softwareRequirements": _ref(LOCK),
            **made_by,
        }
    return entity


def _inputs(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What the run was given and the archive does not hold, by its checksum."""
    for name, found in record["photos"].items():
        told = f"{found['count']} photos: SHA-256 of the lines `SHA-256 NAME`, one a photo, sorted by name"
        yield _value(name, found["sha256"], told)
    for name, value in record["inputs"].items():
        yield _value(name, value, "SHA-256 of an input file")


def _value(name: str, value: str, description: str) -> dict[str, Any]:
    return {
        "@id": f"#{quote(name)}",
        "@type": "PropertyValue",
        "name": name,
        "value": value,
        "description": description,
    }


def _ref(identifier: str) -> dict[str, str]:
    return {"@id": identifier}
