"""Safetensors: told by their content, and refused where header and numbers do not fit."""

import json

import pytest
import torch
from cvpire.errors import InputError
from cvpire.untrusted.checkpoints import read_checkpoint
from safetensors.torch import save_file


def described(header, numbers=b"\0" * 16):
    """A safetensors file with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + numbers


def entry(kind="F32", shape=(4,), start=0, end=16):
    return {"dtype": kind, "shape": list(shape), "data_offsets": [start, end]}


def test_safetensors_are_told_by_their_content(tmp_path):
    state = {"a": torch.arange(6.0).view(2, 3), "b": torch.ones(2, dtype=torch.float16), "c": torch.tensor(3)}
    save_file(state, tmp_path / "a.safetensors", metadata={"format": "pt"})
    (tmp_path / "a.safetensors").rename(tmp_path / "a.pth")

    read = read_checkpoint(tmp_path / "a.pth")

    assert read.keys() == state.keys()
    for key, value in state.items():
        assert read[key].dtype == value.dtype
        assert torch.equal(read[key], value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (described({"a": entry()})[:40], "a safetensors file that ends within its header, 40 of"),
        ((2**39).to_bytes(8, "little") + b'{"a":{}}', "a safetensors file that ends within its header"),
        (described({"a": entry()})[:-1], ""),
        (described({"a": entry()}) + b"more", ""),
        (described({"a": entry(end=2**60, shape=(2**58,))}), ""),
        (described({"a": entry(shape=(2**40, 2**40))}), ""),
        (described({"a": entry(shape=(-4,))}), ""),
        (described({"a": entry(), "b": entry()}), ""),
        (described({"a": entry(kind="PICKLE")}), ""),
        (described(b'{"a": nonsense}'), ""),
        (described({"a": entry(start=16, end=0)}), ""),
        (described({"meta": entry()}), "expected `meta` to be a mapping"),
        (described({"state_dict": entry()}), "expected a state dict"),
        (described(b'{"__metadata__": {"x": "' + b"y" * 2**24 + b'"}}', b""), "more than 16777216"),
    ],
)
def test_safetensors_that_lie(content, message, tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)

    with pytest.raises(InputError, match=rf"weights: .*a\.safetensors: .*{message}") as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.001, 0.3, 0.999])
def test_a_download_that_broke_off(share, tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({"conv1.weight": torch.rand(64, 3, 7, 7)}, path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    with pytest.raises(InputError, match=r"a\.safetensors: not a readable checkpoint"):
        read_checkpoint(path)
