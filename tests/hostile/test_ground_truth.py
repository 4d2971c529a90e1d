"""Ground truth in JSON, pickles and MATLAB files that are damaged, misfilled, or programs."""

import io
import json
import pickle
import struct
import zlib

import numpy as np
import pytest
import scipy.io
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile.mutations import WORDS, damaged, misfilled, pickles, values

JSON = {
    "database": ["a", "b", "büro 1", "d"],
    "queries": {
        "a": {"relevant": ["a", "b"], "junk": ["d"], "easy": ["b"], "box": [0.5, 1, 20, 30]},
        "d": {"relevant": ["büro 1"]},
    },
}


def oxford(first: int = 0, **answers) -> dict:
    truth = {"bbx": [0.5, 1.0, 20.0, 30.0], **answers}
    return {"imlist": ["a", "b", "c", "d"], "qimlist": ["a", "d"], "gnd": [truth, truth]}


ORIGINAL = oxford(ok=[0, 1], junk=[2])
REVISITED = oxford(easy=[1], hard=[2], junk=[])
ARRAYS = oxford(ok=np.array([0, 1]), junk=np.array([2], np.uint8))
PICKLES = [pickle.dumps(ORIGINAL, protocol) for protocol in range(6)]
PICKLES += [pickle.dumps({**ARRAYS, "imlist": np.array(["a", "b", "c", "d"])}, protocol) for protocol in (2, 4, 5)]
PICKLES += [pickle.dumps(REVISITED, 4)]


def matlab(compressed: bool) -> bytes:
    one_based = oxford(ok=np.array([1.0, 2.0]), junk=np.array([3.0]))
    content = {key: np.array(value, object) for key, value in one_based.items()}
    with io.BytesIO() as file:
        scipy.io.savemat(file, content, do_compression=compressed)
        return file.getvalue()


MATLAB = [matlab(False), matlab(True)]
difficulties = st.sampled_from(["easy", "medium", "hard"])


@given(damaged([json.dumps(JSON).encode(), json.dumps(JSON, ensure_ascii=False, indent=1).encode()]), difficulties)
def test_damaged_json(sandbox, data, difficulty):
    sandbox.read("ground_truth", {"truth.json": data}, difficulty=difficulty)


@given(misfilled(JSON), difficulties)
def test_misfilled_json(sandbox, content, difficulty):
    sandbox.read("ground_truth", {"büro.json": json.dumps(content).encode()}, difficulty=difficulty)


LONG = {
    "list in list": b"[" * 2**20,
    "object in object": b'{"queries":' * 2**18,
    "nested entry": b'{"queries": {"a": {"relevant": ' + b"[" * 900 + b"]" * 900 + b"}}}",
    "digits": b'{"queries": {"a": {"relevant": [' + b"9" * 2**20 + b"]}}}",
    "exponent": b'{"queries": {"a": {"relevant": [], "box": [0, 0, 1, 1e' + b"9" * 2**20 + b"]}}}",
    "name": b'{"queries": {"a": {"relevant": ["' + b"a" * 2**24 + b'/"]}}}',
    "name of a query": b'{"queries": {"' + b"a" * 2**24 + b'": 1}}',
    "text": b'{"queries": "' + b"a" * 2**24 + b'"}',
    "key": b'{"' + b"a" * 2**24 + b'": 1, "queries": {}}',
    "list": b'{"queries": [' + b"0," * 2**20 + b"0]}",
    "wrong names": b'{"queries": {"a": {"relevant": [' + b"0," * 2**17 + b"0]}}}",
    "wrong queries": json.dumps({"queries": {str(i): 0 for i in range(2**16)}}).encode(),
    "name of a key twice": b'{"' + b"a" * 2**20 + b'": 1, "' + b"a" * 2**20 + b'": 1}',
    "control characters": b'{"queries": {"\\u001b[2J\\u202e": {"relevant": ["\\u0000"]}, "\\ud800": 1}}',
    "unprintable keys": b'{"\\u001b[2J": 1, "queries": {"a": {"relevant": [], "\\n\\n": "\\r"}}}',
    "unprintable words": b'{"queries": {"a": {"relevant": ["b"], "junk": ["b\\u2028b", "b"], "easy": ["\\u2029"]}}}',
}


@pytest.mark.parametrize("kind", LONG)
def test_absurdly_long_json(sandbox, kind):
    assert sandbox.read("ground_truth", {"truth.json": LONG[kind]}, megabytes=1024) == "refused"


@given(damaged(PICKLES), difficulties)
def test_damaged_pickle(sandbox, data, difficulty):
    sandbox.read("ground_truth", {"truth.pkl": data}, difficulty=difficulty)


@given(misfilled(ORIGINAL) | misfilled(REVISITED), st.integers(2, 5))
def test_misfilled_pickle(sandbox, content, protocol):
    sandbox.read("ground_truth", {"truth.pkl": pickle.dumps(content, protocol)})


@given(pickles())
def test_pickle_of_any_operations(sandbox, data):
    """No operation runs code, takes memory that the file does not have, or time that grows with a power of its size."""
    sandbox.read("ground_truth", {"truth.pkl": data})


PAIRS = b"".join(b"h\x00\x86q\x00" for _ in range(60))
"""After a value in memo 0: a pair of it with itself, 60 times over."""

BOMBS = {
    "memo": b"N" + b"r" + struct.pack("<I", 2**27) + b".",
    "largest memo": b"N" + b"r" + struct.pack("<I", 2**32 - 1) + b".",
    "bytes": b"\x8e" + struct.pack("<Q", 2**40) + b".",
    "bytearray": b"\x96" + struct.pack("<Q", 2**31) + b".",
    "text": b"\x8d" + struct.pack("<Q", 2**40) + b".",
    "number": b"\x8b" + struct.pack("<i", 2**31 - 1) + b".",
    "frame": b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N.",
    "digits": b"L" + b"9" * 2**22 + b"L\n.",
    "key of pairs": b"}K\x00K\x00\x86q\x00".replace(b"K\x00K\x00\x86", b")") + PAIRS + b"Ns.",
    "set of pairs": b"\x8f()q\x00" + PAIRS + b"\x90.",
    "frozenset of pairs": b"()q\x00" + PAIRS + b"\x91.",
    "set by name": b"cbuiltins\nset\n(])q\x00" + PAIRS + b"atR.",
    "list in list": b"](" * 2**18 + b".",
    "tuple in tuple": b")" + b"\x85" * 2**18 + b".",
    "text of a large array": pickle.dumps(oxford(ok=np.zeros(10), junk=[]), 4).replace(b"f8", b"U9"),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_pickle_that_asks_for_more_than_it_has(sandbox, kind):
    assert sandbox.read("ground_truth", {"truth.pkl": BOMBS[kind]}) == "refused"


@given(damaged(MATLAB), difficulties)
def test_damaged_matlab(sandbox, data, difficulty):
    sandbox.read("ground_truth", {"truth.mat": data}, difficulty=difficulty)


@given(damaged([zlib.decompress(MATLAB[1][136:]), MATLAB[0][128:]]), st.sampled_from(WORDS))
def test_damaged_matlab_before_compression(sandbox, data, word):
    packed = zlib.compress(data)
    sandbox.read("ground_truth", {"truth.mat": MATLAB[0][:128] + struct.pack("<II", 15, len(packed)) + packed})


def element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def matrix(kind: int, shape: list[int], name: bytes, *content: bytes) -> bytes:
    flags = element(6, struct.pack("<II", kind, 0))
    parts = [flags, element(5, struct.pack(f"<{len(shape)}i", *shape)), element(1, name), *content]
    return element(14, b"".join(parts))


SHAPES = st.lists(st.sampled_from([0, 1, 2, -1, 2**31 - 1]), max_size=3)
FIELDS = [element(5, b"\4\0\0\0"), element(1, b"ok\0\0bbx\0")]
NUMBERS = st.tuples(st.integers(0, 17), SHAPES, st.integers(0, 19), st.binary(max_size=24)).map(
    lambda given: matrix(given[0], given[1], b"", element(given[2], given[3]))
)
MATRICES = st.recursive(
    NUMBERS,
    lambda inner: st.tuples(st.sampled_from([1, 2]), SHAPES, st.lists(inner, max_size=3)).map(
        lambda given: matrix(given[0], given[1], b"", *(FIELDS if given[0] == 2 else []), *given[2])
    ),
    max_leaves=6,
)


@given(st.lists(st.tuples(st.sampled_from([b"imlist", b"qimlist", b"gnd", b"qidx"]), SHAPES, MATRICES), max_size=4))
def test_matlab_of_any_elements(sandbox, variables):
    data = b"".join(matrix(1, shape, name, content) for name, shape, content in variables)
    sandbox.read("ground_truth", {"truth.mat": MATLAB[0][:128] + data})


def test_matlab_cells_in_cells(sandbox):
    cell = matrix(6, [0, 0], b"", element(9, b""))
    for _ in range(3000):
        cell = matrix(1, [1, 1], b"imlist", cell)
    assert sandbox.read("ground_truth", {"truth.mat": MATLAB[0][:128] + cell}) == "refused"


@given(values(), st.sampled_from([".json", ".pkl"]))
def test_any_value(sandbox, content, suffix):
    data = pickle.dumps(content) if suffix == ".pkl" else json.dumps(content).encode()
    assert sandbox.read("ground_truth", {f"truth{suffix}": data}) == "refused"
