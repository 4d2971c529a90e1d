"""Ground truth: our JSON, and the Oxford/Paris pickle and MATLAB file, original and revisited, good and bad."""

import json
import os
import pickle

import numpy as np
import pytest
import scipy.io
from cvpire.datasets import Query, revisited_answers
from cvpire.datasets.ground_truth import MAX_BYTES, read_ground_truth
from cvpire.errors import InputError
from cvpire.retrieval.average_precision import average_precision
from cvpire.retrieval.ranking import without_junk

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


def revisited(**changes):
    """Queries beside the database; the second has no easy photo."""
    truth = {
        "imlist": list(NAMES),
        "qimlist": ["door_9", "arch_9"],
        "gnd": [
            {"easy": [0], "hard": [1], "junk": [3], "bbx": [1.5, 2.5, 30.5, 40.5]},
            {"easy": [], "hard": [2], "junk": [], "bbx": [1, 2, 30, 40]},
        ],
    }
    truth.update(changes)
    return truth


def answers(relevant, junk=()):
    return frozenset(relevant), frozenset(junk)


DIFFICULTIES = {
    "arch_9": {"easy": answers([], ["arch_1"]), "medium": answers(["arch_1"]), "hard": answers(["arch_1"])},
    "door_9": {
        "easy": answers(["door_1"], ["door_2", "Türme 3"]),
        "medium": answers(["door_1", "door_2"], ["Türme 3"]),
        "hard": answers(["door_2"], ["door_1", "Türme 3"]),
    },
}


def matlab(path, content, first=1, **options):
    """Write the content of a pickle as MATLAB writes it: cells of texts, a column of structs, 1-based rows."""
    content = dict(content)
    for key in {"imlist", "qimlist"} & content.keys():
        content[key] = np.array(content[key], dtype=object)
    if "qidx" in content:
        content["qidx"] = np.add(content["qidx"], first)
    keys = list(content["gnd"][0])
    structs = np.empty((len(content["gnd"]), 1), dtype=[(key, object) for key in keys])
    for struct, truth in zip(structs[:, 0], content["gnd"], strict=True):
        for key in keys:
            struct[key] = np.array(truth[key]) + (0 if key == "bbx" else first)
    scipy.io.savemat(path, {**content, "gnd": structs, "user": "final", "priorindex_db": np.arange(9)}, **options)
    return path


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


@pytest.mark.parametrize("difficulty", ["easy", "medium", "hard"])
def test_json_that_tells_easy_from_hard(tmp_path, difficulty):
    queries = {
        "door_9": {"relevant": ["door_1", "door_2"], "easy": ["door_1"], "junk": ["Türme 3"]},
        "arch_9": {"relevant": ["arch_1"], "easy": []},
    }
    truth = read_ground_truth(write(tmp_path, {"queries": queries}), difficulty)
    for name, query in truth.queries.items():
        assert query == Query(*DIFFICULTIES[name][difficulty], None, DIFFICULTIES[name])


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
        ("[]", "expected an object with the key queries, found a list"),
        ("null", "expected an object with the key queries, found null"),
        ({}, "queries: is missing$"),
        ({"queries": {}}, "queries: must have at least 1 entry$"),
        ({"queries": {"a": {"relevant": ["b"]}}, "database": []}, "database: must have at least 1 entry"),
        ({"queries": {"a": {"relevant": ["b"]}}, "databse": ["b"]}, "databse: unknown key"),
        ({"queries": {"a": {"relevant": ["b"], "Junk": []}}}, r"queries\.a\.Junk: unknown key"),
        ({"queries": {"a": {}}}, r"queries\.a\.relevant: is missing$"),
        ({"queries": {"a": {"relevant": "b"}}}, r"queries\.a\.relevant: must be a list \(given: 'b'\)$"),
        (
            {"queries": {"a": {"relevant": [1]}}},
            r"queries\.a\.relevant\.0: must be text; it is read as a number unless it stands in quotes",
        ),
        ({"queries": {"a": {"relevant": ["b"], "junk": ["b"]}}}, r"queries\.a: both relevant and junk: b"),
        ({"queries": {"a": {"relevant": ["b"], "easy": ["c"]}}}, r"queries\.a: easy, but not relevant: c"),
        ({"queries": ["a"]}, r"queries: must be keys with values \(given: \['a'\]\)$"),
        ({"queries": {"a": ["b"]}}, r"queries\.a: must be keys with values \(given: \['b'\]\)$"),
        (
            {"queries": {"a/b": {"relevant": ["b"]}}},
            r"queries\.a/b: expected a photo's name: its file name without folder",
        ),
        (
            {"queries": {"a": {"relevant": ["b"], "box": [0, 0, 1]}}},
            r"queries\.a\.box: expected four numbers \[x0, y0, ",
        ),
        (
            {"queries": {"a": {"relevant": ["b"], "box": "0 0 1 1"}}},
            r"queries\.a\.box: expected four numbers \[x0, y0, ",
        ),
        (
            {"queries": {"a": {"relevant": ["b"], "box": [0, 0, 1, True]}}},
            r"queries\.a\.box\.3: must be a number \(given: T",
        ),
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


@pytest.mark.parametrize("name", ["truth.json", "truth.pkl", "truth.mat"])
def test_missing_file(tmp_path, name):
    with pytest.raises(InputError, match=f"{name}: no such ground-truth file"):
        read_ground_truth(tmp_path / name)


def test_folder_instead_of_a_file(tmp_path):
    (tmp_path / "truth.json").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        read_ground_truth(tmp_path / "truth.json")


def test_unknown_suffix(tmp_path):
    with pytest.raises(InputError, match=r"expected a \.json file or an Oxford/Paris \.pkl or \.mat"):
        read_ground_truth(write(tmp_path, "{}", "truth.txt"))


@pytest.mark.parametrize("name", ["truth.json", "truth.pkl", "truth.mat"])
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


def test_pickle_with_qidx_in_place_of_qimlist(tmp_path):
    assert read_ground_truth(write(tmp_path, pickle.dumps(without("qimlist")), "truth.pkl")).queries == EXPECTED


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


@pytest.mark.parametrize("difficulty", ["easy", "medium", "hard"])
@pytest.mark.parametrize("arrays", [False, True])
def test_revisited_pickle(tmp_path, difficulty, arrays):
    content = revisited()
    if arrays:
        content["gnd"] = [{key: np.array(value) for key, value in truth.items()} for truth in content["gnd"]]
        content["gnd"][1]["easy"] = content["gnd"][1]["junk"] = np.array([], dtype=int)
    path = write(tmp_path, pickle.dumps(content), "truth.pkl")
    truth = read_ground_truth(path, difficulty)
    assert truth.database == ("Türme 3", "arch_1", "door_1", "door_2"), "without the queries"
    assert truth.queries == {
        "arch_9": Query(*DIFFICULTIES["arch_9"][difficulty], (1, 2, 30, 40), DIFFICULTIES["arch_9"]),
        "door_9": Query(*DIFFICULTIES["door_9"][difficulty], (1.5, 2.5, 30.5, 40.5), DIFFICULTIES["door_9"]),
    }
    if difficulty == "medium":
        assert read_ground_truth(path) == truth, "the default"
    assert truth.names == {*NAMES, "arch_9", "door_9"}


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


def without(*keys):
    content = oxford()
    return {key: content[key] for key in content.keys() - keys}


def with_entry(content=None, **changes):
    content = content or oxford()
    content["gnd"][1].update(changes)
    return content


def without_in_entry(key, content=None):
    content = content or oxford()
    del content["gnd"][1][key]
    return content


def without_qimlist(content):
    del content["qimlist"]
    return content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1], "expected the content to be a dict, found list"),
        (without("imlist"), "imlist is missing; expected imlist, qimlist, and gnd"),
        (without("qimlist", "qidx"), "qimlist is missing"),
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
        (without_in_entry("easy", revisited()), r"gnd\[1\]\.easy is missing"),
        (without_in_entry("hard", revisited()), r"gnd\[1\]\.hard is missing"),
        (without_in_entry("junk", revisited()), r"gnd\[1\]\.junk is missing"),
        (with_entry(revisited(), easy=[4]), r"gnd\[1\]\.easy: expected 0-based indices into imlist, below 4, found 4"),
        (with_entry(revisited(), hard=[4]), r"gnd\[1\]\.hard: expected 0-based"),
        (with_entry(revisited(), easy=[2]), r"gnd\[1\]: both easy and hard: arch_1"),
        (with_entry(revisited(), easy=[0], junk=[0]), r"queries\.arch_9: both relevant and junk: door_1"),
        (without_qimlist(revisited()), "qimlist is missing"),
        (without_qimlist(oxford(qidx=[2, 2])), "qimlist: named twice: arch_1"),
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


# --- MATLAB ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("content", [oxford(), without("qimlist"), without("qidx"), revisited()])
def test_a_matlab_file_says_the_same_as_a_pickle(tmp_path, content, compressed):
    path = matlab(tmp_path / "truth.mat", content, do_compression=compressed)
    truth = read_ground_truth(path, "hard")
    assert truth == read_ground_truth(write(tmp_path, pickle.dumps(content), "truth.pkl"), "hard")
    assert truth.database == ("Türme 3", "arch_1", "door_1", "door_2")
    assert list(truth.queries) in (["arch_1", "door_1"], ["arch_9", "door_9"])


def test_matlab_numbers_may_be_doubles(tmp_path):
    content = revisited()
    for truth in content["gnd"]:
        truth.update({key: np.array(truth[key], dtype=float) for key in ("easy", "hard", "junk")})
    truth = read_ground_truth(matlab(tmp_path / "truth.mat", content))
    assert {name: query.difficulties for name, query in truth.queries.items()} == DIFFICULTIES


def test_one_photo_and_one_query_are_still_lists(tmp_path):
    content = {"imlist": ["a"], "qimlist": ["q"], "gnd": [{"ok": [0], "junk": [], "bbx": [0, 0, 5, 5]}]}
    truth = read_ground_truth(matlab(tmp_path / "truth.mat", content))
    assert truth.database == ("a",)
    assert truth.queries == {"q": Query(frozenset("a"), frozenset(), (0, 0, 5, 5))}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (with_entry(revisited(), easy=[-1]), r"gnd\[1\]\.easy: expected 1-based indices .*, below 5, found 0"),
        (with_entry(revisited(), hard=[4]), r"gnd\[1\]\.hard: expected 1-based indices .*, below 5, found 5"),
        (with_entry(revisited(), easy=[0.5]), r"gnd\[1\]\.easy: .*found float"),
        (with_entry(revisited(), easy=[np.nan]), r"gnd\[1\]\.easy: .*found float"),
        (with_entry(revisited(), bbx=[1, 2, 3]), r"gnd\[1\]\.bbx: expected four numbers"),
        (oxford(qidx=[3, 1]), "different queries; expected 1-based"),
        (oxford(imlist=[*NAMES[:3], 3.0]), r"imlist\[3\]: expected a photo's name, found list"),
        (oxford(imlist=[*NAMES[:3], ""]), r"imlist\[3\]: expected a photo's name"),
        (revisited(gnd=revisited()["gnd"][:1]), "expected one entry of gnd for each of qimlist, found 1 and 2"),
    ],
)
def test_bad_matlab_content_is_one_clear_error(tmp_path, content, message):
    path = matlab(tmp_path / "truth.mat", content)
    with pytest.raises(InputError, match=message) as caught:
        read_ground_truth(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"imlist": np.arange(3)}, r"imlist\[0\]: expected a photo's name, found int"),
        ({"imlist": np.array(["ab", "cd"])}, "imlist: expected a list, found str"),
        ({"imlist": np.array(["a", "b"], dtype=object)}, "qimlist is missing"),
        ({"imlist": scipy.sparse.eye(2).tocsc()}, "not the Oxford/Paris ground truth"),
        ({"x": 1}, "imlist is missing"),
    ],
)
def test_other_matlab_variables(tmp_path, variables, message):
    scipy.io.savemat(tmp_path / "truth.mat", variables)
    with pytest.raises(InputError, match=message):
        read_ground_truth(tmp_path / "truth.mat")


@pytest.fixture
def valid(tmp_path):
    """The bytes of a good MATLAB file."""
    return matlab(tmp_path / "valid.mat", without("qimlist"), do_compression=True).read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: b"<html>Not found</html>" * 20, id="a web page"),
        pytest.param(lambda data: data[:-40], id="truncated"),
        pytest.param(lambda data: data[:130], id="truncated in an element's header"),
        pytest.param(lambda data: data[:150] + b"\xff" * 9 + data[159:], id="corrupt"),
        pytest.param(lambda data: data + data[128:], id="every variable twice"),
        pytest.param(lambda data: data[:124] + b"\x00\x02IM" + bytes(600), id="version 7.3, which is HDF5"),
    ],
)
def test_damaged_matlab_file(tmp_path, valid, damage):
    path = write(tmp_path, damage(valid), "truth.mat")
    with pytest.raises(InputError, match=r"not the Oxford/Paris ground truth .*; expected a MATLAB file of version 5"):
        read_ground_truth(path)


@pytest.mark.parametrize("shape", [b"\1\0\0\0\3\0\0\0", b"\1\0\0\0\5\0\0\0"])
def test_a_matlab_array_of_another_size_than_its_shape(tmp_path, shape):
    data = matlab(tmp_path / "truth.mat", oxford()).read_bytes()
    path = write(tmp_path, data.replace(b"\1\0\0\0\4\0\0\0", shape, 1), "truth.mat")
    with pytest.raises(InputError, match="another number of values than the shape says"):
        read_ground_truth(path)


def test_a_small_file_cannot_ask_for_much_memory(tmp_path):
    path = tmp_path / "truth.mat"
    scipy.io.savemat(path, {"imlist": np.zeros(MAX_BYTES + 1, dtype=np.uint8)}, do_compression=True)
    assert path.stat().st_size < MAX_BYTES / 500
    with pytest.raises(InputError, match="more than 64 MB when decompressed"):
        read_ground_truth(path)


# --- the revisited protocol ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("difficulty", "expected"),
    [
        # Ranked: hard, junk, easy, wrong, easy. What is neither relevant nor junk stays in the ranking.
        ("easy", (1 / 1 + 2 / 3) / 2),  # easy, wrong, easy
        ("medium", (1 / 1 + 2 / 2 + 3 / 4) / 3),  # hard, easy, wrong, easy
        ("hard", 1.0),  # hard, wrong
    ],
)
def test_average_precision_of_the_revisited_protocol(difficulty, expected):
    difficulties = revisited_answers(frozenset({"easy 1", "easy 2"}), frozenset({"hard"}), frozenset({"junk"}))
    names = ["hard", "junk", "easy 1", "wrong", "easy 2"]
    relevant, junk = (np.array([names.index(name) for name in part], dtype=int) for part in difficulties[difficulty])
    assert average_precision(without_junk(relevant, junk), "sum") == pytest.approx(expected)


# --- pickles that ask for more than they are --------------------------------------------------------------------------

PAIRS = b")q\x00" + b"h\x00\x86q\x00" * 60  # a tuple of two of a tuple of two ..., 60 times over
BOMBS = {
    "memo": (b"Nr\xff\xff\xff\xff.", "expected the content to be a dict"),
    "bytearray": (b"\x96" + (2**40).to_bytes(8, "little") + b".", "EOFError"),
    "key": (b"}" + PAIRS + b"Ns.", "refused to load a tuple as a key or in a set"),
    "keys": (b"}(" + PAIRS + b"Nu.", "refused to load a tuple as a key or in a set"),
    "dict": (b"(" + PAIRS + b"Nd.", "refused to load a tuple as a key or in a set"),
    "set": (b"\x8f(" + PAIRS + b"\x90.", "refused to load a tuple as a key or in a set"),
    "frozenset": (b"(" + PAIRS + b"\x91.", "refused to load a tuple as a key or in a set"),
    "set by name": (b"cbuiltins\nset\n](" + PAIRS + b"e\x85R.", "refused to load a tuple as a key or in a set"),
    "type": (b"cnumpy\ndtype\n" + PAIRS + b"\x85R.", "refused to load numpy values of type"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_pickle_takes_no_more_memory_and_time_than_it_has_bytes(tmp_path, bomb):
    data, message = BOMBS[bomb]
    with pytest.raises(InputError, match=message):
        read_ground_truth(write(tmp_path, data, "truth.pkl"))


def test_an_array_is_not_read_over_and_over(tmp_path):
    numbers, kind = b"B\x00\x10\x00\x00" + bytes(4096) + b"q\x00", b"cnumpy\ndtype\nX\x02\x00\x00\x00f8\x85R"
    array = b"cnumpy._core.numeric\n_frombuffer\n(%b" + kind + b"M\x00\x02\x85X\x01\x00\x00\x00CtR0"
    first, next_ = array % numbers, array % b"h\x00"
    with pytest.raises(InputError, match="expected the content to be a dict"):
        read_ground_truth(write(tmp_path, first + b"N.", "truth.pkl"))
    with pytest.raises(InputError, match="refused to load arrays that are larger than the file"):
        read_ground_truth(write(tmp_path, first + next_ * 100 + b"N.", "truth.pkl"))
