"""Somebody's own function as a retrieval system: found by name, and held to what a descriptor is."""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from cvpire.config.systems import FunctionOptions
from cvpire.errors import InputError
from cvpire.retrieval.describing import describe_photos
from cvpire.retrieval.systems.function import Function, load, resolve

PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
numbers = itertools.count()


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module into the current folder, and return its name, which no other test uses."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(text):
        name = f"own_system_{next(numbers)}"
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        return name

    return write


def test_a_function_of_the_current_folder(module):
    name = module("import numpy as np\ndef describe(pixels):\n    return pixels.reshape(-1, 3).mean(axis=0)\n")
    vector = load(FunctionOptions(kind="function", function=f"{name}:describe")).describe(PIXELS)
    mean = PIXELS.reshape(-1, 3).mean(axis=0)
    assert vector.dtype == np.float32
    np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), rtol=1e-6)


def test_names_lead_into_packages_and_classes(module, tmp_path):
    name = module("class System:\n    @staticmethod\n    def describe(pixels):\n        return [3, 4]\n")
    assert resolve(f"{name}:System.describe")(PIXELS) == [3, 4]
    assert resolve("os.path:join").__name__ == "join"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([3, 4], [0.6, 0.8]),
        (np.array([-3, 4], np.int8), [-0.6, 0.8]),
        (torch.tensor([3.0, 4.0]), [0.6, 0.8]),
        (np.array([3e200, 4e200]), [0.6, 0.8]),
        (np.array([3e-200, 4e-200]), [0.6, 0.8]),
        ([True, False], [1, 0]),
    ],
)
def test_descriptors_have_length_1(value, expected):
    np.testing.assert_allclose(Function("f", lambda pixels: value).describe(PIXELS), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "name", ["", "os", "os.path.join", ":join", "os:", "os:path:join", "os path:join", "../os:path"]
)
def test_a_name_of_another_form(name):
    with pytest.raises(InputError, match=r"^function: '.*': expected package\.module:function, like "):
        resolve(name)


def test_what_is_not_there(module, tmp_path):
    name = module("def one(pixels): ...\ndef two(pixels): ...\nlength = 3\n")
    with pytest.raises(InputError, match=f"^function: no module nowhere_at_all in {tmp_path} nor installed; expected"):
        resolve("nowhere_at_all:describe")
    with pytest.raises(InputError, match=rf"^function: no module {name}\.deeper in"):
        resolve(f"{name}.deeper:describe")
    with pytest.raises(InputError, match=f"^function: {name} has no three; it has one, two$"):
        resolve(f"{name}:three")
    with pytest.raises(InputError, match=f"^function: {name}:length is a int and cannot be called"):
        resolve(f"{name}:length")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("import not_installed_at_all\n", r"ModuleNotFoundError: No module named 'not_installed_at_all' \(.*line 1\)"),
        ("\n1 / 0\n", r"ZeroDivisionError: division by zero \(.*own_system_\d+\.py, line 2\)"),
        ("def f(:\n", r"SyntaxError: .*own_system_\d+\.py, line 1"),
        ("import sys\nsys.exit(3)\n", r"SystemExit"),
    ],
)
def test_a_module_that_fails_shows_why(module, text, fault):
    name = module(text)
    with pytest.raises(InputError, match=f"^function: importing {name} raised {fault}"):
        resolve(f"{name}:f")


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ([1, float("nan")], r"returned a value that is not finite \(nan\)"),
        ([1, float("-inf")], r"returned a value that is not finite \(-inf\)"),
        ([0.0, 0.0], "returned only zeros, which have no direction"),
        ([[1, 2]], r"returned int64 of shape \(1, 2\), expected a vector of numbers, of one dimension"),
        (3.0, r"returned float64 of shape \(\), expected a vector"),
        ([], r"returned float64 of shape \(0,\), expected a vector"),
        (None, r"returned object of shape \(\), expected a vector"),
        (["a"], r"returned str\d* of shape \(1,\), expected a vector"),
        ([1j], r"returned complex128 of shape \(1,\), expected a vector"),
        ([[1], [2, 3]], "raised ValueError: "),
        (torch.ones(2, requires_grad=True), "raised RuntimeError: Can't call numpy"),
    ],
)
def test_what_is_no_descriptor(value, fault):
    with pytest.raises(InputError, match=f"^mine:f {fault}"):
        Function("mine:f", lambda pixels: value).describe(PIXELS)


def test_the_photo_and_the_fault_are_named(module):
    name = module("def describe(pixels):\n    return pixels.nothing\n")
    system = load(FunctionOptions(kind="function", function=f"{name}:describe"))
    with pytest.raises(
        InputError, match=rf"^tower\.jpg: {name}:describe raised AttributeError: .*{name}\.py, line 2\)"
    ):
        describe_photos([Path("tower.jpg")], system, lambda path: PIXELS)
