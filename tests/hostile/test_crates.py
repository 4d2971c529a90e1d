"""Archives of runs that are damaged, or whose metadata promises anything."""

import hashlib
import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile.mutations import damaged, values
from tests.hostile.test_archives import zipped

FILES = {"Snakefile": b"rule all:", "results/b\u00fcro 1.csv": b"query,ap\n" * 50}


def entity(name: str, content: bytes, **changes) -> dict:
    sha256, size = hashlib.sha256(content).hexdigest(), str(len(content))
    return {"@id": name, "@type": "File", "sha256": sha256, "contentSize": size, **changes}


def crate(metadata: bytes | dict, kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    text = metadata if isinstance(metadata, bytes) else json.dumps(metadata).encode()
    return zipped([*FILES.items(), ("ro-crate-metadata.json", text)], kind)


METADATA = {"@graph": [entity(name, content) for name, content in FILES.items()]}
WHOLE = [crate(METADATA, kind) for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)]


def test_whole(sandbox):
    assert {sandbox.read("crate", {"run.zip": data}) for data in WHOLE} == {"read"}


@given(damaged(WHOLE))
def test_damaged(sandbox, data):
    sandbox.read("crate", {"run.zip": data})


@given(st.sampled_from(["@id", "@type", "sha256", "contentSize"]), values())
def test_metadata_that_promises_anything(sandbox, key, value):
    changed = {"@graph": [{**METADATA["@graph"][0], key: value}, METADATA["@graph"][1]]}
    sandbox.read("crate", {"run.zip": crate(changed)})


@pytest.mark.parametrize("size", ["9", "1" + "0" * 18])
def test_gigabytes_behind_a_name(sandbox, size):
    """What a member unpacks to is read as far as it was recorded, and never kept."""
    graph = [entity("big", b"", contentSize=size)]
    data = zipped([("big", bytes(2**28)), ("ro-crate-metadata.json", json.dumps({"@graph": graph}).encode())])
    assert sandbox.read("crate", {"run.zip": data}) == "read"


def test_metadata_of_gigabytes(sandbox):
    data = zipped([("ro-crate-metadata.json", bytes(2**28))])
    assert sandbox.read("crate", {"run.zip": data}) != "read"
