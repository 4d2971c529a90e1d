"""Checksums of files, and which are known since the files were last read."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from cvpire import checksums
from cvpire.checksums import checksum, fingerprint, remembered_checksums


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """Where checksums are remembered, of files however young."""
    monkeypatch.setattr(checksums, "_SETTLED", -(10**9))
    (tmp_path / ".snakemake").mkdir()
    return tmp_path / ".snakemake" / "checksums.json"


@pytest.fixture
def read(monkeypatch):
    """Files that are read, by name."""
    files = []
    monkeypatch.setattr(checksums, "checksum", lambda path: files.append(path.name) or checksum(path))
    return files


def write(path, content):
    path.write_bytes(content)
    return str(path)


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def test_a_file_is_read_once(tmp_path, memory, read):
    files = [write(tmp_path / name, name.encode()) for name in ("a", "b")]
    expected = {file: sha256(name.encode()) for file, name in zip(files, ("a", "b"), strict=True)}
    assert remembered_checksums(files, memory) == expected
    assert sorted(read) == ["a", "b"]
    assert remembered_checksums(files, memory) == expected
    assert sorted(read) == ["a", "b"]


def test_a_file_in_the_place_of_another_is_read_though_its_date_and_size_are_the_same(tmp_path, memory, read):
    one, other = write(tmp_path / "one", b"1"), write(tmp_path / "other", b"2")
    for file in (one, other):
        os.utime(file, (1, 1))
    remembered_checksums([one], memory)
    Path(other).replace(one)
    assert remembered_checksums([one], memory) == {one: sha256(b"2")}
    write(tmp_path / "one", b"3")
    os.utime(one, (1, 1))
    assert remembered_checksums([one], memory) == {one: sha256(b"3")}


def test_a_young_file_is_not_remembered(tmp_path, memory, read, monkeypatch):
    monkeypatch.setattr(checksums, "_SETTLED", 10**12)
    one = write(tmp_path / "one", b"1")
    for _ in range(2):
        assert remembered_checksums([one], memory) == {one: sha256(b"1")}
    assert read == ["one", "one"]


def test_what_cannot_be_read_is_left_out(tmp_path, memory):
    assert remembered_checksums([str(tmp_path), str(tmp_path / "none")], memory) == {}


def test_nothing_is_remembered_where_there_is_no_place(tmp_path, memory):
    one = write(tmp_path / "one", b"1")
    assert remembered_checksums([one], tmp_path / "nowhere" / "checksums.json") == {one: sha256(b"1")}
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("content", ["", "[]", "{", "[" * 10**5, '{"one": 1}', '{"one": [1, 2]}'])
def test_a_damaged_memory_is_forgotten(tmp_path, memory, content):
    one = write(tmp_path / "one", b"1")
    memory.write_text(content.replace("one", one))
    assert remembered_checksums([one], memory) == {one: sha256(b"1")}
    assert one in json.loads(memory.read_text())


def test_other_files_are_remembered_while_they_are_there(tmp_path, memory):
    one, other = write(tmp_path / "one", b"1"), write(tmp_path / "other", b"2")
    remembered_checksums([one, other], memory)
    third = write(tmp_path / "third", b"3")
    remembered_checksums([third], memory)
    assert set(json.loads(memory.read_text())) == {one, other, third}
    (tmp_path / "one").unlink()
    write(tmp_path / "third", b"4")
    remembered_checksums([third], memory)
    assert set(json.loads(memory.read_text())) == {other, third}


def test_a_fingerprint_tells_names_and_contents():
    assert fingerprint({"b": "2", "a": "1"}) == fingerprint({"a": "1", "b": "2"}) == sha256(b"1 a\n2 b\n")
    assert fingerprint({"a": "2", "b": "1"}) != fingerprint({"a": "1", "b": "2"})
