"""Checkpoints that are damaged, misfilled, programs, or hold numbers that no network has."""

import io
import json
import pickle
import struct
import zipfile
from functools import cache

import numpy as np
import pytest
import safetensors.torch
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile.mutations import damaged, pickles, values


def saved(content: object, **options) -> bytes:
    with io.BytesIO() as file:
        torch.save(content, file, **options)
        return file.getvalue()


STATE = {
    "meta": {
        "architecture": "resnet18",
        "mean": [0.5, 0.5, 0.5],
        "Lw": {"x": {"ss": {"P": np.eye(3), "m": np.ones(3)}}},
    },
    "state_dict": {"features.0.weight": torch.arange(6.0).reshape(2, 3), "pool.p": torch.tensor([3.0])},
}
WHOLE = [saved(STATE), saved(STATE["state_dict"]), saved(STATE, pickle_protocol=5)]
OLD = [saved(STATE, _use_new_zipfile_serialization=False, pickle_protocol=protocol) for protocol in (2, 5)]


@given(damaged(WHOLE))
def test_damaged_checkpoint(sandbox, data):
    sandbox.read("checkpoint", {"büro.pth": data})


@given(damaged(OLD))
def test_damaged_checkpoint_of_the_old_container(sandbox, data):
    sandbox.read("checkpoint", {"old.pth": data})


SAFE = safetensors.torch.save({"conv1.weight": torch.arange(6.0).reshape(2, 3), "fc.bias": torch.ones(2).half()})


@given(damaged([SAFE]))
def test_damaged_safetensors(sandbox, data):
    sandbox.read("checkpoint", {"a.safetensors": data})


@given(values(), st.binary(max_size=64))
def test_safetensors_of_any_header(sandbox, header, numbers):
    text = json.dumps({"a": header}, default=str).encode()
    sandbox.read("checkpoint", {"a.safetensors": len(text).to_bytes(8, "little") + text + numbers})


def container(code: bytes, compression: int = zipfile.ZIP_STORED, **others: bytes) -> bytes:
    """The zip that torch writes, with any pickle in it."""
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", compression) as archive:
            entries = {"data.pkl": code, "byteorder": b"little", "data/0": bytes(64), "version": b"3\n", **others}
            for name, data in entries.items():
                archive.writestr(f"archive/{name}", data)
        return file.getvalue()


with zipfile.ZipFile(io.BytesIO(WHOLE[0])) as archive:
    (CODE,) = (archive.read(name) for name in archive.namelist() if name.endswith("data.pkl"))


@given(damaged([CODE]))
def test_damaged_pickle_in_a_whole_container(sandbox, code):
    sandbox.read("checkpoint", {"a.pth": container(code)})


@given(pickles())
def test_pickle_of_any_operations(sandbox, code):
    sandbox.read("checkpoint", {"a.pth": container(code)})


@given(pickles())
def test_pickle_of_any_operations_without_container(sandbox, code):
    sandbox.read("checkpoint", {"a.pth": code})


MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}(X\x0d\x00\x00\x00little_endianq\x00\x88u."


@given(pickles())
def test_pickle_of_any_operations_in_the_old_container(sandbox, code):
    sandbox.read("checkpoint", {"a.pth": MAGIC + code})


PAIRS = b"".join(b"h\x00\x86q\x00" for _ in range(60))
RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
BOMBS = {
    "compressed weights": lambda: container(CODE, zipfile.ZIP_DEFLATED, **{"data/1": bytes(2**30)}),
    "compressed pickle": lambda: container(b"(" * 2**28 + b".", zipfile.ZIP_DEFLATED),
    "key of pairs": lambda: container(b"\x80\x02})q\x00" + PAIRS + b"Ns."),
    "set of pairs": lambda: container(b"\x80\x02c__builtin__\nset\n(])q\x00" + PAIRS + b"atR."),
    "list in list": lambda: container(b"\x80\x02" + b"](" * 2**16 + b"N" + b"e" * 2**16 + b"."),
    "memo": lambda: container(b"\x80\x02Nr\xff\xff\xff\xff."),
    "text": lambda: container(b"\x80\x02X\xff\xff\xff\xff."),
    "bytearray": lambda: container(b"\x80\x02c__builtin__\nbytearray\n\x8a\x05\0\0\0\0\x02\x85R."),
    "array": lambda: container(b"\x80\x02" + RECONSTRUCT + b"(cnumpy\nndarray\n\x8a\x05\0\0\0\0\x02\x85C\x01btR."),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_checkpoint_that_asks_for_more_than_it_has(sandbox, kind):
    assert sandbox.read("checkpoint", {"a.pth": BOMBS[kind]()}) == "refused"


def build_of_a_dtype(code: bytes, flags: int) -> bytes:
    """A numpy type that is told that pointers to objects are plain numbers, and an array of it."""
    text = lambda word: b"X" + struct.pack("<I", len(word)) + word  # noqa: E731
    kind = b"cnumpy\ndtype\n(" + text(code) + b"K\0K\1tR"
    objects = b"cnumpy\ndtype\n(X\1\0\0\0OK\0K\1tR"
    fields = b"}X\1\0\0\0a" + objects + b"K\0\x86s"
    state = (
        b"(K\3X\1\0\0\0|" + b"N" + b"X\1\0\0\0a\x85" + fields + b"K\x08K\x01" + struct.pack("<BB", 0x4B, flags) + b"t"
    )
    encode = b"c_codecs\nencode\n"
    array = RECONSTRUCT + b"(cnumpy\nndarray\nK\0\x85" + encode + b"X\1\0\0\0bX\6\0\0\0latin1\x86RtR"
    content = encode + b"X\x08\0\0\0AAAAAAAAX\6\0\0\0latin1\x86R"
    return b"\x80\x02}X\1\0\0\0a" + array + b"(K\1K\1\x85" + kind + state + b"b\x89" + content + b"tbs."


@pytest.mark.parametrize("code", [b"f8", b"f4", b"i8", b"V8", b"O"])
@pytest.mark.parametrize("flags", [0, 16, 63])
def test_numpy_types_that_are_told_lies(sandbox, code, flags):
    assert sandbox.read("checkpoint", {"a.pth": container(build_of_a_dtype(code, flags))}) == "refused"


# --- Weights ----------------------------------------------------------------------------------------------------------


@cache
def resnet18() -> dict[str, torch.Tensor]:
    """Features as GeM's authors number them; every tensor is one number, seen many times, so that the file is small."""
    with torch.device("meta"):
        network = torchvision.models.resnet18(weights=None)
    children = torch.nn.Sequential(*list(network.children())[:-2])
    state = {
        f"features.{name}": torch.ones((), dtype=value.dtype).expand(value.shape)
        for name, value in children.state_dict().items()
    }
    return state | {"pool.p": torch.tensor([3.0])}


def odd_tensors(*shape: int) -> st.SearchStrategy:
    few = torch.ones(())
    return st.one_of(
        st.sampled_from([float("nan"), float("inf"), -float("inf"), 1e38, -1.0, 0.0]).map(
            lambda value: torch.full((), value).expand(shape)
        ),
        st.sampled_from([torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.bool, torch.complex64]).map(
            lambda kind: few.to(kind).expand(shape)
        ),
        st.sampled_from(
            [
                few.expand(2**40),
                few.expand(2**20, 2**20),
                few.expand(*shape[:-1], 1),
                few,
                torch.empty(0),
                torch.ones(2, 2).to_sparse(),
                torch.quantize_per_tensor(torch.ones(1), 1.0, 0, torch.qint8),
                torch.empty(shape, device="meta"),
                torch.nn.Parameter(few.expand(shape)),
            ]
        ),
        values(),
        st.sampled_from([np.ones(shape[:1] or 1), np.full(3, np.nan), np.float64("inf"), np.int64(2), np.ones((2, 2))]),
    )


METAS = {
    "architecture": "resnet18",
    "pooling": "gem",
    "mean": [0.5, 0.5, 0.5],
    "std": [0.2, 0.2, 0.2],
    "outputdim": 512,
    "whitening": False,
    "Lw": {"x": {"ss": {"P": torch.eye(1).expand(4, 512), "m": torch.ones(1).expand(512, 1)}}},
}


def load(sandbox, meta: object, state: object, **options) -> str:
    return sandbox.read(
        "network", {"a.pth": saved({"meta": meta, "state_dict": state})}, architecture="resnet18", **options
    )


def test_the_network_that_is_damaged_can_be_read(sandbox):
    assert load(sandbox, METAS, resnet18(), whitening="learned") == "read"


@given(st.sampled_from(sorted(resnet18())), st.data())
def test_a_weight_that_no_network_has(sandbox, name, data):
    load(sandbox, METAS, {**resnet18(), name: data.draw(odd_tensors(*resnet18()[name].shape))})


@given(
    st.sampled_from(["pool.p", "whiten.weight", "whiten.bias", "features", "", "lwhiten.weight"]), odd_tensors(512, 512)
)
def test_a_part_that_no_network_has(sandbox, name, value):
    load(sandbox, {**METAS, "outputdim": 512}, {**resnet18(), "whiten.bias": torch.ones(1).expand(512), name: value})


@given(st.sampled_from(sorted(METAS)), odd_tensors(3), st.sampled_from([None, "learned", "layer"]))
def test_a_description_that_no_network_has(sandbox, key, value, whitening):
    load(sandbox, {**METAS, key: value}, resnet18(), whitening=whitening)


@given(st.sampled_from(["P", "m"]), odd_tensors(4, 512))
def test_a_whitening_that_nobody_learned(sandbox, key, value):
    learned = {**METAS["Lw"]["x"]["ss"], key: value}
    load(sandbox, {**METAS, "Lw": {"x": {"ss": learned}}}, resnet18(), whitening="learned")


@given(values(), values())
def test_any_content(sandbox, meta, state):
    load(sandbox, meta, state)


@given(st.binary(max_size=200), st.sampled_from([b"", b"PK\3\4", b"\x80\x02", MAGIC, pickle.dumps({})]))
def test_any_bytes(sandbox, data, start):
    sandbox.read("checkpoint", {"a.pth": start + data})
