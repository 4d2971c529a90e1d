"""Ground truth: our JSON and the Oxford/Paris pickle, good and bad."""

import json
import os
import pickle

import numpy as np
import pytest
from cvpire.datasets import Query
from cvpire.datasets.ground_truth import MAX_BYTES, read_ground_truth
from cvpire.errors import InputError

NAMES = ["door_1", "door_2", "arch_1", "Türme 3"]


def write(tmp_path, content, name="truth.json"):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def oxford(**changes):
    truth = {
        "imlist": list(NAMES),
        "qimlist": ["arch_1", "door_1"],
        "qidx": [2, 0],
        "gnd": [
            {"ok": [2, 3], "junk": [], "bbx": [1, 2, 30, 40]},
            {"ok": [0, 1], "junk": [3], "bbx": [1.5, 2.5, 30.5, 40.5]},
        ],
    }
    truth.update(changes)
    return truth


EXPECTED = {
    "arch_1": Query(frozenset({"arch_1", "Türme 3"}), frozenset(), (1, 2, 30, 40)),
    "door_1": Query(frozenset({"door_1", "door_2"}), frozenset({"Türme 3"}), (1.5, 2.5, 30.5, 40.5)),
}


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_json_with_all_keys(tmp_path):
    truth = read_ground_truth(
        write(
            tmp_path,
            {
                "database": NAMES,
                "queries": {
                    "door_1": {"relevant": ["door_2", "door_1"], "junk": ["Türme 3"], "box": [1.5, 2.5, 30.5, 40.5]},
                    "arch_1": {"relevant": ["Türme 3", "arch_1"], "box": [1, 2, 30, 40]},
                },
            },
        )
    )
    assert truth.database == ("Türme 3", "arch_1", "door_1", "door_2")
    assert truth.queries == EXPECTED
    assert list(truth.queries) == ["arch_1", "door_1"]


def test_json_with_the_least_keys(tmp_path):
    truth = read_ground_truth(write(tmp_path, {"queries": {"a": {"relevant": ["b"]}}}, "truth.JSON"))
    assert truth.database is None
    assert truth.queries == {"a": Query(frozenset({"b"}), frozenset(), None)}


def test_json_names_are_compared_in_one_unicode_form(tmp_path):
    decomposed, composed = "Tu\u0308rme", "T\u00fcrme"
    truth = read_ground_truth(
        write(tmp_path, {"database": [decomposed], "queries": {decomposed: {"relevant": [composed]}}})
    )
    assert truth.database == (composed,)
    assert truth.queries[composed].relevant == {composed}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        (b'{"queries": "\xff"}', "not valid JSON"),
        ("[]", "expected an object with the keys database and queries, found list"),
        ({}, "queries: Field required"),
        ({"queries": {}}, "queries: .*at least 1"),
        ({"queries": {"a": {"relevant": ["b"]}}, "database": []}, "database: .*at least 1"),
        ({"queries": {"a": {"relevant": ["b"]}}, "databse": ["b"]}, "databse: unknown key"),
        ({"queries": {"a": {"relevant": ["b"], "Junk": []}}}, r"queries\.a\.Junk: unknown key"),
        ({"queries": {"a": {}}}, r"queries\.a\.relevant: Field required"),
        ({"queries": {"a": {"relevant": "b"}}}, r"queries\.a\.relevant: .*tuple"),
        ({"queries": {"a": {"relevant": [1]}}}, r"queries\.a\.relevant\.0: .*string"),
        ({"queries": {"a": {"relevant": ["b"], "junk": ["b"]}}}, r"queries\.a: both relevant and junk: b"),
        ({"queries": {"a": {"relevant": ["b"], "box": [0, 0, 1]}}}, r"queries\.a\.box"),
        ({"queries": {"a": {"relevant": ["b"], "box": [0, 0, 1, True]}}}, r"queries\.a\.box\.3"),
        ({"queries": {"a": {"relevant": ["b"], "box": [5, 0, 1, 1]}}}, r"queries\.a\.box: .*x0 < x1"),
        ('{"queries": {"a": {"relevant": ["b"], "box": [0, 0, 1, NaN]}}}', r"queries\.a\.box\.3: .*finite"),
        ({"queries": {"a": {"relevant": ["b"], "box": [0, 0, 1, 10**400]}}}, r"queries\.a\.box\.3"),
        ({"queries": {"a": {"relevant": ["b"]}}, "database": ["b", "b"]}, "database: named twice: b"),
        ({"queries": {"a": {"relevant": ["b"]}}, "database": ["a"]}, r"queries\.a: .*not in the database: b"),
        ({"queries": {"a": {"relevant": ["b"], "junk": ["c"]}}, "database": ["b"]}, "not in the database: c"),
        ('{"queries": {"a": {"relevant": ["b"]}, "a": {"relevant": ["c"]}}}', "key given twice: a"),
        ('{"queries": {"u\\u0308": {"relevant": ["b"]}, "\\u00fc": {"relevant": ["c"]}}}', "key given twice: ü"),
    ],
)
def test_bad_json_is_one_clear_error(tmp_path, content, message):
    path = write(tmp_path, content)
    with pytest.raises(InputError, match=message) as caught:
        read_ground_truth(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", ".hidden", "..", "folder/photo", "/etc/passwd", "a\nb", "a\0b", "a\tb", "\ud800"])
@pytest.mark.parametrize("place", ["database", "query", "relevant", "junk"])
def test_names_that_no_photo_can_have(tmp_path, name, place):
    content = {"database": ["a", "b"], "queries": {"a": {"relevant": ["b"], "junk": []}}}
    if place == "database":
        content["database"].append(name)
    elif place == "query":
        content["queries"][name] = {"relevant": ["b"]}
    else:
        content["queries"]["a"][place].append(name)
    with pytest.raises(InputError, match="photo's name"):
        read_ground_truth(write(tmp_path, content))


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["truth.json", "truth.pkl"])
def test_missing_file(tmp_path, name):
    with pytest.raises(InputError, match=f"{name}: no such ground-truth file"):
        read_ground_truth(tmp_path / name)


def test_folder_instead_of_a_file(tmp_path):
    (tmp_path / "truth.json").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        read_ground_truth(tmp_path / "truth.json")


def test_unknown_suffix(tmp_path):
    with pytest.raises(InputError, match=r"expected a \.json file or an Oxford/Paris \.pkl file"):
        read_ground_truth(write(tmp_path, "{}", "truth.mat"))


@pytest.mark.parametrize("name", ["truth.json", "truth.pkl"])
def test_too_large_file(tmp_path, name):
    path = tmp_path / name
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # sparse: takes no room
    with pytest.raises(InputError, match="too large for ground truth; expected at most 64 MB"):
        read_ground_truth(path)


# --- pickle ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_of_every_protocol(tmp_path, protocol):
    truth = read_ground_truth(write(tmp_path, pickle.dumps(oxford(), protocol), "truth.pkl"))
    assert truth.database == ("Türme 3", "arch_1", "door_1", "door_2")
    assert truth.queries == EXPECTED
    assert list(truth.queries) == ["arch_1", "door_1"]


def test_pickle_without_qidx_and_with_tuples_and_sets(tmp_path):
    content = oxford(imlist=tuple(NAMES), gnd=tuple(oxford()["gnd"]), source="kept by others")
    content["gnd"][0]["ok"] = {2, 3}
    content["gnd"][1]["junk"] = frozenset({3})
    del content["qidx"]
    assert read_ground_truth(write(tmp_path, pickle.dumps(content, 2), "truth.pkl")).queries == EXPECTED


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("integers", ["<i8", ">i4", "<u2", "|i1", "|u1"])
@pytest.mark.parametrize("strings", ["<U9", ">U9", "O"])
def test_pickle_of_numpy_arrays(tmp_path, protocol, integers, strings):
    content = oxford(
        imlist=np.array(NAMES, dtype=strings),
        qimlist=np.array(["arch_1", "door_1"], dtype=strings),
        qidx=np.array([2, 0], dtype=integers),
    )
    for truth, real in zip(content["gnd"], ("<f4", ">f8"), strict=True):
        truth["ok"] = np.array(truth["ok"], dtype=integers)
        truth["junk"] = np.array(truth["junk"], dtype=integers)
        truth["bbx"] = np.array(truth["bbx"], dtype=real)
    truth = read_ground_truth(write(tmp_path, pickle.dumps(content, protocol), "truth.pkl"))
    assert truth.database == ("Türme 3", "arch_1", "door_1", "door_2")
    assert truth.queries == EXPECTED


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_pickle_of_numpy_scalars(tmp_path, protocol):
    content = oxford(imlist=[np.str_(name) for name in NAMES])
    content["gnd"][1] = {
        "ok": [np.int64(0), np.uint8(1)],
        "junk": [np.int16(3)],
        "bbx": [np.float64(1.5), np.float32(2.5), np.float16(30.5), np.dtype(">f8").type(40.5)],
    }
    assert read_ground_truth(write(tmp_path, pickle.dumps(content, protocol), "truth.pkl")).queries == EXPECTED


def test_pickle_as_python_2_and_old_numpy_write_it(tmp_path):
    # Python 2's strings have opcodes of their own, and numpy's module had no underscore.
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
        b"(K\x01(K\x02tcnumpy\ndtype\n(U\x02i2K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x04\x00\x00\x01\x00tb"
    )
    entry = b"(U\x02ok" + array + b"U\x04junk(lU\x03bbx(K\x00K\x00K\x05K\x05ld"
    data = b"\x80\x02(U\x06imlist(U\x01aU\x01blU\x07qimlist(U\x01alU\x03gnd(" + entry + b"ld."
    truth = read_ground_truth(write(tmp_path, data, "truth.pkl"))
    assert truth.database == ("a", "b")
    assert truth.queries == {"a": Query(frozenset({"a", "b"}), frozenset(), (0, 0, 5, 5))}


def without(key):
    content = oxford()
    del content[key]
    return content


def with_entry(**changes):
    content = oxford()
    content["gnd"][1].update(changes)
    return content


def without_in_entry(key):
    content = oxford()
    del content["gnd"][1][key]
    return content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1], "expected the pickle to be a dict, found list"),
        (without("imlist"), "imlist is missing; expected imlist, qimlist, and gnd"),
        (without("qimlist"), "qimlist is missing"),
        (without("gnd"), "gnd is missing"),
        (without_in_entry("ok"), r"gnd\[1\]\.ok is missing"),
        (without_in_entry("junk"), r"gnd\[1\]\.junk is missing"),
        (without_in_entry("bbx"), r"gnd\[1\]\.bbx is missing"),
        (oxford(imlist="door_1"), "imlist: expected a list, found str"),
        (oxford(imlist=set(NAMES)), "imlist: expected a list, found set"),
        (oxford(imlist=["a", b"b"]), r"imlist\[1\]: expected a photo's name, found bytes"),
        (oxford(imlist=[*NAMES[:3], "../x"]), r"imlist\[3\]: expected a photo's name"),
        (oxford(imlist=[*NAMES[:3], "door_2"]), "imlist: named twice: door_2"),
        (oxford(gnd={}), "gnd: expected a list, found dict"),
        (oxford(gnd=[1, 2]), r"expected gnd\[0\] to be a dict, found int"),
        (oxford(gnd=oxford()["gnd"][:1]), "expected one entry of gnd for each of qimlist, found 1 and 2"),
        (oxford(qimlist=["arch_1", "arch_1"]), "qimlist: named twice: arch_1"),
        (oxford(qidx=[3, 1]), "qidx and qimlist name different queries; expected 0-based"),
        (oxford(qidx=[2]), "qidx and qimlist name different queries"),
        (with_entry(ok=[0, 4]), r"gnd\[1\]\.ok: expected 0-based indices into imlist, below 4, found 4"),
        (with_entry(junk=[-1]), r"gnd\[1\]\.junk: expected 0-based indices into imlist, below 4, found -1"),
        (with_entry(ok=[1.0]), r"gnd\[1\]\.ok: .*found float"),
        (with_entry(ok=[True]), r"gnd\[1\]\.ok: .*found bool"),
        (with_entry(ok="01"), r"gnd\[1\]\.ok: expected a list, found str"),
        (with_entry(ok=np.zeros((1, 2), int)), "one dimension"),
        (with_entry(ok=np.zeros(2, complex)), "refused to load numpy values of type 'c16'"),
        (with_entry(ok=[0, 3]), "both relevant and junk: Türme 3"),
        (with_entry(bbx=[1, 2, 3]), r"gnd\[1\]\.bbx: expected four numbers"),
        (with_entry(bbx=[1, 2, 3, "4"]), r"gnd\[1\]\.bbx: expected four numbers"),
        (with_entry(bbx=[1, 2, 3, float("nan")]), r"gnd\[1\]\.bbx: expected four numbers"),
        (with_entry(bbx=[1, 2, 3, 10**9999]), r"gnd\[1\]\.bbx: expected four numbers"),
        (with_entry(ok=[10**9999]), r"gnd\[1\]\.ok: expected 0-based indices into imlist, below 4, found int"),
        (with_entry(bbx=[10, 2, 3, 4]), "door_1.box: .*x0 < x1"),
    ],
)
def test_bad_pickle_content_is_one_clear_error(tmp_path, content, message):
    path = write(tmp_path, pickle.dumps(content), "truth.pkl")
    with pytest.raises(InputError, match=message) as caught:
        read_ground_truth(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [b"", b".", b"{}", b"\x80\x04", pickle.dumps(oxford())[:-20], b"\x80\x04h\x00.", b"\x80\x09N.", b"\x80\x02Pid\n."],
)
def test_damaged_pickle(tmp_path, data):
    with pytest.raises(InputError, match=r"not the Oxford/Paris ground truth .*; expected a pickle of"):
        read_ground_truth(write(tmp_path, data, "truth.pkl"))


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_malicious_pickle_executes_nothing(tmp_path, protocol):
    marker = tmp_path / "executed"
    data = pickle.dumps(oxford(gnd=Call(os.system, f"touch {marker}")), protocol)
    pickle.loads(data)
    assert marker.exists(), "this pickle is dangerous, or the test shows nothing"
    marker.unlink()
    with pytest.raises(InputError, match=r"refused to load (posix|nt)\.system"):
        read_ground_truth(write(tmp_path, data, "truth.pkl"))
    assert not marker.exists()


@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        (eval, ("1",), "builtins.eval"),
        (getattr, ("", "join"), "builtins.getattr"),
        (bytearray, (10,), "builtins.bytearray"),
        (np.load, ("file.npy",), "numpy.load"),
        (np.memmap, ("file.npy",), "numpy.memmap"),
        (pickle.loads, (b"N.",), "_pickle.loads"),
    ],
)
def test_whatever_is_not_data_is_refused(tmp_path, function, arguments, name):
    path = write(tmp_path, pickle.dumps(Call(function, *arguments)), "truth.pkl")
    with pytest.raises(InputError, match=f"refused to load {name}"):
        read_ground_truth(path)


def test_attributes_of_what_is_allowed_are_refused(tmp_path):
    data = b"\x80\x04\x8c\x05numpy\x8c\x19ndarray.__init_subclass__\x93."
    with pytest.raises(InputError, match=r"refused to load numpy\.ndarray\.__init_subclass__"):
        read_ground_truth(write(tmp_path, data, "truth.pkl"))


class Pointers:
    """An object dtype that says its elements are no pointers: numpy itself reads the address 0x4141414141414141."""

    def __reduce__(self):
        return np.dtype, ("O", False, True), (3, "|", None, None, None, -1, -1, 0)


@pytest.mark.parametrize(
    "array",
    [
        Call(np._core.numeric._frombuffer, b"AAAAAAAA", Pointers(), (1,), "C"),
        Call(np._core.multiarray.scalar, Pointers(), b"AAAAAAAA"),
        Call(np._core.numeric._frombuffer, 10**15, np.dtype("i8"), (10**15,), "C"),
    ],
)
def test_arrays_never_become_memory_addresses_or_sizes(tmp_path, array):
    content = with_entry(ok=array)
    with pytest.raises(InputError, match=r"refused to load a numpy array from a (bytes|int)"):
        read_ground_truth(write(tmp_path, pickle.dumps(content), "truth.pkl"))
