"""The readers of foreign bytes: their one rule, where the tests of their files do not already hold them to it."""

import os
import pickle
import re
from pathlib import Path

import cvpire.untrusted
import numpy as np
import pytest
import scipy.io
from cvpire.errors import InputError
from cvpire.untrusted.matlab import read_matlab
from cvpire.untrusted.pickles import unpickle
from cvpire.untrusted.yaml import read_yaml


def test_the_door_names_every_reader():
    modules = {path.stem for path in Path(cvpire.untrusted.__file__).parent.glob("[!_]*.py")}

    assert set(re.findall(r"^`(\w+)`", cvpire.untrusted.__doc__, re.MULTILINE)) == modules


# --- YAML ------------------------------------------------------------------------------------------------------------


def yaml_file(tmp_path, text):
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("# nothing\n", None),
        ("a: {b: [1, 2.5, true, null]}\n", {"a": {"b": [1, 2.5, True, None]}}),
        ("base: &base [ü]\nsame: *base\n", {"base": ["ü"], "same": ["ü"]}),
        ("3", 3),
    ],
)
def test_yaml_becomes_plain_values(tmp_path, text, expected):
    assert read_yaml(yaml_file(tmp_path, text), "list") == expected


DOUBLED = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (DOUBLED, "not valid YAML (its aliases stand for more than 100000 values)"),
        ("a: &a [*a]\n", "not valid YAML (its aliases stand for more than 100000 values)"),
        ("a: " + "x" * 2**18, "not valid YAML (more than 262144 bytes)"),
        ("a: [1\n", "not valid YAML"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
        ("a: \0", "not valid YAML"),
        ("a: 2000-99-99\n", "not valid YAML"),
    ],
    ids=["aliases", "itself", "large", "syntax", "documents", "zero", "date"],
)
def test_yaml_that_is_refused(tmp_path, text, fault):
    path = yaml_file(tmp_path, text)

    with pytest.raises(InputError) as caught:
        read_yaml(path, "list")

    assert str(caught.value).startswith(f"{path}: {fault}")
    assert "\n" not in str(caught.value)


def test_yaml_that_names_code_is_refused_and_does_not_run(tmp_path):
    marker = tmp_path / "code has run"
    path = yaml_file(tmp_path, f"a: !!python/object/apply:os.system [\"touch '{marker}'\"]\n")

    with pytest.raises(InputError, match=r"not valid YAML \(could not determine a constructor"):
        read_yaml(path, "list")

    assert not marker.exists()


def test_yaml_that_is_missing_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere.yaml: cannot read the list \(No such file or directory\)"):
        read_yaml(tmp_path / "nowhere.yaml", "list")


# --- Pickles and MATLAB files: whatever is wrong is a ValueError ------------------------------------------------------


def test_a_pickle_becomes_plain_values():
    content = {"a": [1, 2.5, "ü", None], "b": (True, {3}), "c": np.arange(3), "d": np.array(["x", "yz"])}

    assert unpickle(pickle.dumps(content)) == {**content, "c": [0, 1, 2], "d": ["x", "yz"]}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_is_cut_anywhere_is_a_value_error(protocol):
    data = pickle.dumps({"a": [np.arange(3), {"b"}, 1.5], "c": 10**30}, protocol)

    for length in range(len(data)):
        with pytest.raises(ValueError, match=r"."):
            unpickle(data[:length])


@pytest.mark.parametrize("content", [os.system, np.eye(2), Path("a"), np.array([object])])
def test_a_pickle_of_anything_else_is_a_value_error(content):
    with pytest.raises(ValueError, match=r"refused to load|should have one dimension"):
        unpickle(pickle.dumps(content))


@pytest.fixture
def matlab(tmp_path):
    content = {"cells": np.array(["a", "bc"], dtype=object), "numbers": np.array([1.0, 2.5]), "other": np.zeros(10**6)}
    scipy.io.savemat(tmp_path / "a.mat", content, do_compression=True)
    return (tmp_path / "a.mat").read_bytes()


def test_of_a_matlab_file_only_what_is_wanted_is_read(matlab):
    found = read_matlab(matlab, ("cells", "numbers", "none"), 2**24)

    assert found == {"cells": ["a", "bc"], "numbers": [1, 2.5]}


def test_a_matlab_file_takes_no_more_memory_than_is_allowed(matlab):
    assert len(matlab) < 2**16

    with pytest.raises(ValueError, match="more than 4 MB when decompressed"):
        read_matlab(matlab, ("cells",), 2**22)


def test_a_matlab_file_that_is_cut_anywhere_is_a_value_error(matlab):
    whole = read_matlab(matlab, ("cells", "numbers"), 2**24)
    for length in range(0, len(matlab), 7):
        try:
            found = read_matlab(matlab[:length], ("cells", "numbers"), 2**24)
        except ValueError as error:
            assert str(error)
        else:
            assert found.items() <= whole.items(), "variables are cut off whole"
