"""Files that the pipeline hands from stage to stage, after a disk or a person has changed them."""

import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile.mutations import damaged, misfilled, values
from tests.hostile.test_photos import KINDS, SIDES, npy, npy_of_header

# --- Perturbations ----------------------------------------------------------------------------------------------------

SHAPE = (3, 4)
ARRAYS = {
    "perturbation": np.zeros((2, 1, 3, *SHAPE), np.float32),
    "multipliers": np.array([20.0, 50.0]),
    "iterations": np.array([100]),
    "unit": np.ones(3),
}


def npz(arrays: dict[str, np.ndarray | bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", compression) as archive:
            for name, values in arrays.items():
                archive.writestr(f"{name}.npy", values if isinstance(values, bytes) else npy(values))
        return file.getvalue()


WHOLE = [npz(ARRAYS), npz(ARRAYS, zipfile.ZIP_DEFLATED), npz(ARRAYS, zipfile.ZIP_LZMA), npy(ARRAYS["unit"])]
ODD = st.one_of(
    st.sampled_from([np.float16, np.float64, np.complex64, np.int8, object, "S3", "U3", "M8[s]", bool]).map(
        lambda kind: np.zeros((2, 1, 3, *SHAPE), kind)
    ),
    st.sampled_from([np.nan, np.inf, -np.inf, 1e300, "x", None, True, 2**70]).map(np.array),
    st.lists(st.sampled_from([np.nan, np.inf, -1.0, 0.0, 50.0, 1e300]), max_size=3).map(np.array),
    st.sampled_from([np.full((2, 1, 3, *SHAPE), value, np.float32) for value in (np.nan, np.inf, 1e38)]),
    st.sampled_from([np.zeros((2, 1, 3, *SHAPE), [("a", "f4")]), np.zeros((1, 1)), np.zeros(0), b"", b"text"]),
    st.tuples(KINDS, SIDES, SIDES).map(
        lambda header: npy_of_header(f"{{'descr': {header[0]!r}, 'fortran_order': False, 'shape': {header[1:]}, }}\n")
    ),
)


@given(damaged(WHOLE))
def test_damaged_perturbation(sandbox, data):
    sandbox.read("perturbations", {"a.npz": data}, shape=SHAPE)


@given(st.dictionaries(st.sampled_from(list(ARRAYS)), ODD, max_size=2), st.sampled_from([0, 8]))
def test_perturbation_of_odd_arrays(sandbox, changed, compression):
    sandbox.read("perturbations", {"büro 1.npz": npz({**ARRAYS, **changed}, compression)}, shape=SHAPE)


def test_compressed_perturbation_of_gigabytes(sandbox):
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1, 3, 4096, 16384), }\n"
    large = npz({**ARRAYS, "perturbation": npy_of_header(header, bytes(2**30))}, zipfile.ZIP_DEFLATED)
    assert sandbox.read("perturbations", {"a.npz": large}, shape=SHAPE) == "refused"


# --- Descriptors ------------------------------------------------------------------------------------------------------

UNIT = np.eye(3, 5, dtype=np.float32)
NAMES = "a\nbüro 1\nc\n".encode()
DESCRIPTORS = st.one_of(
    st.sampled_from([np.nan, np.inf, -np.inf, 2.0, 1e38, -1.0, 1e-45]).map(lambda value: npy(UNIT * np.float32(value))),
    st.sampled_from([UNIT[:, :4], UNIT[:0], UNIT[:, :0], UNIT[0], UNIT[None], UNIT.astype(np.float64), UNIT.T]).map(
        npy
    ),
    st.sampled_from([UNIT.astype(kind) for kind in (">f4", "f2", "i4", "c8", "S2", object)]).map(npy),
    st.sampled_from([npy(np.asfortranarray(UNIT)), npz({"a": UNIT}), b"", NAMES]),
    st.tuples(KINDS, SIDES, SIDES).map(
        lambda header: npy_of_header(f"{{'descr': {header[0]!r}, 'fortran_order': False, 'shape': {header[1:]}, }}\n")
    ),
)


@given(damaged([npy(UNIT)]), damaged([NAMES]) | st.just(NAMES))
def test_damaged_shard(sandbox, data, names):
    sandbox.read("shard", {"shard-000.npy": data, "shard-000.txt": names}, dimensions=5)


@given(DESCRIPTORS, st.sampled_from([NAMES, b"", b"\n" * 3, b"a\r\nb\r\nc\r\n", b"a\nb\nc", b"\xff\n" * 3]))
def test_shard_of_odd_descriptors(sandbox, data, names):
    sandbox.read("shard", {"shard-000.npy": data, "shard-000.txt": names}, dimensions=5)


# --- Listings ---------------------------------------------------------------------------------------------------------

LISTING = {
    "notes": ["left out"],
    "queries": {
        "a": {"relevant": ["b"], "junk": ["a"], "box": [0.5, 1, 2, 3], "easy": ["b"], "hard": []},
        "büro 1": {"relevant": ["a"], "junk": [], "box": None},
    },
    "database": ["a", "b", "büro 1"],
    "photos": {"a": "photos/a.jpg", "b": "photos/b.jpg", "büro 1": "photos/büro 1.jpg"},
}


@given(damaged([json.dumps(LISTING).encode(), json.dumps(LISTING, ensure_ascii=False).encode()]))
def test_damaged_listing(sandbox, data):
    sandbox.read("listing", {"dataset.json": data})


@given(misfilled(LISTING) | values())
def test_misfilled_listing(sandbox, content):
    sandbox.read("listing", {"dataset.json": json.dumps(content).encode()})


@pytest.mark.parametrize("data", [b"[" * 2**20, b'{"queries": ' * 2**16, b"9" * 2**16, b'"' + b"a" * 2**22 + b'"'])
def test_absurd_listing(sandbox, data):
    assert sandbox.read("listing", {"dataset.json": data}) == "refused"


# --- Tables -----------------------------------------------------------------------------------------------------------

COLUMNS = "dataset,network,attack,label,victim,query,multiplier,iteration,headline,ap,ap_sum,ap_trapezoid,ap_reversed,"
COLUMNS += "among_last,ssim,ssim_range_1,ssim_range_2,mse,nrmse,psnr,ciede2000,top,landmark,ap_easy,ap_medium,ap_hard\n"
RESULTS = COLUMNS + "demo,n,original,Original,n,büro 1,,,True,1.0,1.0,1.0,1.0,1.0,1,1,1,0,0,inf,0,a/b,x,,,\n"
RESULTS += (
    'demo,n,cv,"CV, ""best""",n,büro 1,50.0,100,True,0.5,0.5,0.4,0.2,1.0,0.9,0.9,0.9,1e-3,0.1,40,1.2,c/d,x,0.1,0.2,\n'
)
CELLS = st.sampled_from(
    ["", "nan", "inf", "-1", "2", "1e999", "x", "9" * 400, '"', ",", "a\nb", "\x1b[2J", "=1+1", "True"]
)


@given(damaged([RESULTS.encode()]))
def test_damaged_results(sandbox, data):
    sandbox.read("results", {"queries.csv": data})


@given(st.lists(CELLS, min_size=26, max_size=26), st.lists(st.integers(0, 25), max_size=20))
def test_results_of_any_cells(sandbox, cells, kept):
    whole = RESULTS.splitlines()[1].split(",")
    row = [whole[place] if place in kept else cell for place, cell in enumerate(cells)]
    sandbox.read("results", {"queries.csv": (RESULTS + ",".join(row) + "\n").encode()})


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"\0" * 99, b'"' * 99, b"a," * 2**18, b"\xff\xfe", b"a\n" + b"b," * 2**16]
)
def test_results_that_are_no_table(sandbox, data):
    assert sandbox.read("results", {"queries.csv": data}) == "refused"


EVALUATION = "a.jpg : 0.5\nbüro 1.jpg: 1e-3\n-----\nmean: 0.2\n".encode()


@given(damaged([EVALUATION]))
def test_damaged_published_measurements(sandbox, data):
    sandbox.read("evaluation", {"map_score.txt": data})
