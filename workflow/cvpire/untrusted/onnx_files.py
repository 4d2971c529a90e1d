"""Read the weights of ONNX files: the numbers that a graph holds, without its being run.

The graph serves as an index only. Exporters keep the names of most weights, but those that they transpose or fold get
new ones, and are known by what is computed from them.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, TensorProto, numpy_helper

from cvpire.errors import InputError, printable, reason

MAX_BYTES = 2**27
"""Larger files are refused: the largest of the networks that are known here has 97 MB."""

MAX_GRAPH = 2**22
"""Bytes besides those of weights; the same networks have 0.5 MB. Two bytes of a node take a hundred in memory."""

_MOST_FIELDS = 2**16
"""Of a graph: nodes and weights."""


class Weights(NamedTuple):
    """Arrays of float32 that an ONNX file holds."""

    by_name: dict[str, np.ndarray]
    """By their own names (the graph's initialisers)."""
    by_output: dict[str, tuple[np.ndarray, ...]]
    """Those that a node takes, in its order, by the name of the node's first output."""


def read_onnx(path: str | Path) -> Weights:
    """Read all float32 weights of an ONNX file; numbers of other types, as of shapes, are left out.

    Returns
    -------
    Weights
        Read-only arrays of the shapes that the file says.

    Raises
    ------
    InputError
        It is missing, truncated, larger than `MAX_BYTES` or no ONNX file; it has its weights in another file, or a
        weight of another number of bytes than its shape needs.
    """
    graph = _read_graph(Path(path))
    weights = {}
    for tensor in graph.initializer:
        name = printable(tensor.name, 80)
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            raise InputError(f"weights: {path}: has {name} in another file; save the network as one ONNX file")
        if tensor.name in weights:
            raise InputError(f"weights: {path}: holds {name} twice")
        if tensor.data_type == TensorProto.FLOAT:
            weights[tensor.name] = _values(tensor, f"weights: {path}: {name}")
    if not weights:
        raise InputError(f"weights: {path}: not an ONNX file of a network, it holds no weights")
    taken = ((node.output, tuple(weights[name] for name in node.input if name in weights)) for node in graph.node)
    return Weights(weights, {output[0]: arrays for output, arrays in taken if output and arrays})


def _read_graph(path: Path) -> GraphProto:
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise InputError(f"weights: {path}: has {size} bytes, more than {MAX_BYTES}, and is no network known here")
        data = path.read_bytes()
        graphs = _fields(memoryview(data), ModelProto.GRAPH_FIELD_NUMBER)
        tensors = (tensor for graph in graphs for tensor in _fields(graph, GraphProto.INITIALIZER_FIELD_NUMBER))
        weights = (len(raw) for tensor in tensors for raw in _fields(tensor, TensorProto.RAW_DATA_FIELD_NUMBER))
        if (rest := len(data) - sum(weights)) > MAX_GRAPH:
            raise ValueError(f"{rest} bytes besides weights, more than {MAX_GRAPH}")
        return onnx.load_model_from_string(data).graph
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"weights: {path}: no such file; set `weights` to where the ONNX file lies") from None
    except Exception as error:  # protobuf's parser and the system raise errors of several kinds
        raise InputError(f"weights: {path}: truncated, or no ONNX file ({reason(error)})") from None


def _fields(message: memoryview, number: int) -> Iterator[memoryview]:
    """Contents of a protobuf message's fields of that number, before memory is taken for what the others hold."""
    place = 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            value |= (byte & 127) << shift
            place, shift = place + 1, shift + 7
            if byte < 128:
                return value

    for _ in range(_MOST_FIELDS):
        if place == len(message):
            return
        field, wire = divmod(varint(), 8)
        if wire == 0:
            varint()
        elif wire in (1, 5):
            place += 8 if wire == 1 else 4
        elif wire == 2:
            length = varint()
            start, place = place, place + length
            if field == number:
                yield message[start:place]
        else:
            raise ValueError("not a protobuf message")
        if place > len(message):
            raise ValueError(f"{place - len(message)} bytes are missing")
    raise ValueError(f"more than {_MOST_FIELDS} nodes and weights")


def _values(tensor: TensorProto, place: str) -> np.ndarray:
    """Values of a tensor of float32 that has as many of them as its shape says."""
    shape = tuple(tensor.dims)
    found = len(tensor.raw_data) / 4 if tensor.HasField("raw_data") else len(tensor.float_data)
    if min(shape, default=0) < 0 or found != math.prod(shape):
        raise InputError(f"{place} has {found:g} numbers, but says that its shape is {list(shape)[:8]}")
    return numpy_helper.to_array(tensor)
