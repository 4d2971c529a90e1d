"""ONNX files: their weights are read, and what is no such file, or asks for more than it has, is refused."""

import numpy as np
import onnx
import pytest
from cvpire.errors import InputError
from cvpire.untrusted import onnx_files
from cvpire.untrusted.onnx_files import read_onnx
from onnx import TensorProto, helper, numpy_helper

ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.float32([1, 2, 3]), "of a shape": np.int64([2, 3])}


def network(**replaced):
    """A graph y = x a + b, reshaped; `replaced` are its tensors by name."""
    tensors = {name: numpy_helper.from_array(values, name) for name, values in ARRAYS.items()} | replaced
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["/scope/product"], name="Product"),
        helper.make_node("Add", ["b", "/scope/product"], ["/scope/sum"]),
        helper.make_node("Reshape", ["/scope/sum", "of a shape"], ["y"]),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", length]) for name, length in (("x", 2), ("y", 3))
    ]
    return helper.make_model(helper.make_graph(nodes, "graph", ends[:1], ends[1:], list(tensors.values())))


def refused(tmp_path, content):
    """Say why a file of that content, a model or bytes, is refused."""
    path = tmp_path / "network.onnx"
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    with pytest.raises(InputError) as caught:
        read_onnx(path)
    message = str(caught.value)
    assert message.startswith(f"weights: {path}: ") and "\n" not in message
    return message


def tensor(name, **fields):
    """A tensor of float32 as no exporter writes it."""
    return TensorProto(name=name, data_type=TensorProto.FLOAT, **fields)


def test_weights_are_known_by_their_names_and_by_what_is_made_of_them(tmp_path):
    path = tmp_path / "network.onnx"
    onnx.save(network(), path)

    weights = read_onnx(path)

    assert set(weights.by_name) == {"a", "b"}
    assert set(weights.by_output) == {"/scope/product", "/scope/sum"}
    for name, output in (("a", "/scope/product"), ("b", "/scope/sum")):
        np.testing.assert_array_equal(weights.by_name[name], ARRAYS[name])
        np.testing.assert_array_equal(weights.by_output[output], [ARRAYS[name]])


def test_numbers_may_be_written_one_by_one(tmp_path):
    path = tmp_path / "network.onnx"
    onnx.save(network(b=tensor("b", dims=[3], float_data=[1, 2, 3])), path)

    np.testing.assert_array_equal(read_onnx(path).by_name["b"], ARRAYS["b"])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"missing\.onnx: no such file; set `weights`"):
        read_onnx(tmp_path / "missing.onnx")


@pytest.mark.parametrize(
    "content",
    [b"<html>not found</html>", b"\x80\x02}q\x00.", b"PK\3\4" + bytes(40), bytes(64), b"\xff" * 64],
    ids=["page", "pickle", "zip", "zeros", "ones"],
)
def test_another_file_is_refused(tmp_path, content):
    assert "truncated, or no ONNX file (" in refused(tmp_path, content)


def test_a_file_that_is_cut_anywhere_is_refused(tmp_path):
    whole = network().SerializeToString()
    end = len(network().graph.SerializeToString()) + whole.index(network().graph.SerializeToString())
    for length in range(end):
        assert "truncated, or no ONNX file" in (message := refused(tmp_path, whole[:length])) or "no weights" in message


def test_a_network_without_weights_is_refused(tmp_path):
    empty = network()
    del empty.graph.initializer[:]

    assert "not an ONNX file of a network, it holds no weights" in refused(tmp_path, empty)


@pytest.mark.parametrize("location", ["/etc/passwd", "../weights.bin", "weights.bin"])
def test_weights_in_another_file_are_refused(tmp_path, location):
    outside = tensor("b", dims=[3], data_location=TensorProto.EXTERNAL)
    outside.external_data.add(key="location", value=location)
    (tmp_path / "weights.bin").write_bytes(ARRAYS["b"].tobytes())
    unsaid = TensorProto()
    unsaid.CopyFrom(outside)
    unsaid.ClearField("data_location")

    for reference in (outside, unsaid):
        assert "has b in another file; save the network as one ONNX file" in refused(tmp_path, network(b=reference))


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"dims": [2**40], "raw_data": bytes(12)}, "b has 3 numbers, but says that its shape is [1099511627776]"),
        ({"dims": [2**62] * 40, "raw_data": bytes(12)}, "b has 3 numbers, but says that its shape is [46116860"),
        ({"dims": [-1], "raw_data": bytes(12)}, "b has 3 numbers, but says that its shape is [-1]"),
        ({"dims": [-3, -1], "raw_data": bytes(12)}, "b has 3 numbers, but says that its shape is [-3, -1]"),
        ({"dims": [3], "raw_data": bytes(11)}, "b has 2.75 numbers, but says that its shape is [3]"),
        ({"dims": [2], "raw_data": bytes(12)}, "b has 3 numbers, but says that its shape is [2]"),
        ({"dims": [2**40], "float_data": [1, 2]}, "b has 2 numbers, but says that its shape is [1099511627776]"),
        ({"dims": [3]}, "b has 0 numbers, but says that its shape is [3]"),
    ],
)
def test_a_weight_has_the_numbers_that_its_shape_says(tmp_path, fields, fault):
    assert fault in refused(tmp_path, network(b=tensor("b", **fields)))


def test_two_weights_of_one_name_are_refused(tmp_path):
    assert "holds a twice" in refused(tmp_path, network(b=tensor("a", dims=[0], raw_data=b"")))


def test_a_name_that_a_terminal_obeys_is_written_out(tmp_path):
    assert r"\x1b[2J has 0 numbers" in refused(tmp_path, network(b=tensor("\x1b[2J", dims=[1], raw_data=b"")))


def test_a_large_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "network.onnx"
    with path.open("wb") as file:
        file.truncate(2**40)

    with pytest.raises(InputError, match="has 1099511627776 bytes, more than 134217728"):
        read_onnx(path)


def test_a_graph_that_would_take_much_more_memory_than_bytes_is_refused(tmp_path, monkeypatch):
    """Two bytes of an empty node become a hundred when they are parsed."""
    many = network()
    for _ in range(2**16):
        many.graph.node.add()
    assert "more than 65536 nodes and weights" in refused(tmp_path, many)

    long = network()
    long.graph.doc_string = "x" * 2**22
    assert "bytes besides weights, more than 4194304" in refused(tmp_path, long)

    monkeypatch.setattr(onnx_files.onnx, "load_model_from_string", lambda data: pytest.fail("parsed"))
    refused(tmp_path, many)
    refused(tmp_path, long)
