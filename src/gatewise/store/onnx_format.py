"""A graph -> the bytes of an ONNX file, by the few rules of its format that we need.

Written by hand for two reasons. Equal graphs give equal bytes, whatever versions of other packages
are installed. And a base installation, which has no package ``onnx``, can write the graph of a
saved model once more: ONNX Runtime is only ever given bytes that were written here, never a file
that came from elsewhere. The tests hold the bytes against the package ``onnx``.

A message of the format (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) is a row of fields.
Each has a number, and a whole number or so many bytes as its value; a message inside a message is
bytes. The numbers below are those of that file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gatewise.base.errors import ModelFileError

__all__ = ["MOST_BYTES", "Attribute", "Graph", "Node", "Value", "encode_graph"]

MOST_BYTES = (1 << 31) - 1  # a protobuf message is no longer
OPSET, _IR_VERSION = 17, 8  # of 2022: any ONNX Runtime since 1.12 reads them
_ELEMENT_TYPES = {"float32": 1, "int8": 3, "int32": 6, "int64": 7}
_OWN_VERSION = 1  # of the operations that only ONNX Runtime has
_INT, _STRING, _INTS, _STRINGS = 2, 3, 7, 8  # kinds of attributes

Attribute = int | str | tuple[int, ...] | tuple[str, ...]
Array = NDArray[np.float32] | NDArray[np.int8] | NDArray[np.int32] | NDArray[np.int64]


@dataclass(frozen=True)
class Node:
    """One operation.

    Attributes
    ----------
    operation : str
        Its name.
    inputs, outputs : tuple of str
        Names of values; an empty one is left out.
    attributes : dict of str to int, str or a tuple of them
    domain : str
        The set of operations that it belongs to; ONNX's standard set has none.
    """

    operation: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    domain: str = ""


@dataclass(frozen=True)
class Value:
    """An input or output of the graph.

    Attributes
    ----------
    name : str
    dtype : {"float32", "int32", "int64"}
    shape : tuple of int or str
        A name stands for a size that differs from run to run.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class Graph:
    """Operations in the order in which they are computed.

    Attributes
    ----------
    name : str
    nodes : tuple of Node
    weights : dict of str to ndarray
        Values that stand in the file.
    inputs, outputs : tuple of Value
    """

    name: str
    nodes: tuple[Node, ...]
    weights: Mapping[str, Array]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]


def encode_graph(graph: Graph, *, producer: tuple[str, str], notes: Mapping[str, str]) -> bytes:
    """Write a graph as an ONNX model.

    Parameters
    ----------
    graph : Graph
    producer : (str, str)
        Who made it: name and version.
    notes : mapping of str to str
        Kept in the model's metadata.

    Returns
    -------
    bytes
        A ModelProto.

    Raises
    ------
    ModelFileError
        If it would be longer than a file of this format can be.
    """
    n_bytes = sum(array.nbytes for array in graph.weights.values())
    if n_bytes > MOST_BYTES - (1 << 20):
        raise ModelFileError(
            f"the network's weights take {n_bytes:,} bytes and an ONNX file holds at most "
            f"{MOST_BYTES:,}; fit with fewer units, or with a pooling other than flatten"
        )
    domains = {node.domain for node in graph.nodes if node.domain}
    return b"".join(
        [
            _number(1, _IR_VERSION),
            _text(2, producer[0]),
            _text(3, producer[1]),
            _bytes(7, _graph(graph)),
            _bytes(8, _text(1, "") + _number(2, OPSET)),
            *(_bytes(8, _text(1, one) + _number(2, _OWN_VERSION)) for one in sorted(domains)),
            *(_bytes(14, _text(1, key) + _text(2, notes[key])) for key in sorted(notes)),
        ]
    )


def _graph(graph: Graph) -> bytes:
    return b"".join(
        [
            *(_bytes(1, _node(node)) for node in graph.nodes),
            _text(2, graph.name),
            *(_bytes(5, _tensor(name, array)) for name, array in graph.weights.items()),
            *(_bytes(11, _value(value)) for value in graph.inputs),
            *(_bytes(12, _value(value)) for value in graph.outputs),
        ]
    )


def _node(node: Node) -> bytes:
    return b"".join(
        [
            *(_text(1, name) for name in node.inputs),
            *(_text(2, name) for name in node.outputs),
            _text(3, node.outputs[0] or node.outputs[-1]),
            _text(4, node.operation),
            *(_bytes(5, _attribute(*item)) for item in node.attributes.items()),
            *([_text(7, node.domain)] if node.domain else []),
        ]
    )


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, _INT)
    if isinstance(value, str):
        return _text(1, name) + _text(4, value) + _number(20, _STRING)
    numbers = [part for part in value if isinstance(part, int)]
    if numbers:
        return _text(1, name) + _numbers(8, numbers) + _number(20, _INTS)
    return _text(1, name) + b"".join(_text(9, str(one)) for one in value) + _number(20, _STRINGS)


def _tensor(name: str, array: Array) -> bytes:
    kind = _ELEMENT_TYPES[array.dtype.name]
    raw = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    return _numbers(1, array.shape) + _number(2, kind) + _text(8, name) + _bytes(9, raw)


def _value(value: Value) -> bytes:
    sizes = [_text(2, size) if isinstance(size, str) else _number(1, size) for size in value.shape]
    shape = b"".join(_bytes(1, size) for size in sizes)
    tensor = _number(1, _ELEMENT_TYPES[value.dtype]) + _bytes(2, shape)
    return _text(1, value.name) + _bytes(2, _bytes(1, tensor))


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _numbers(number: int, values: Iterable[int]) -> bytes:
    """Write each by itself: both readings of a repeated field take that."""
    return b"".join(_number(number, value) for value in values)


def _text(number: int, value: str) -> bytes:
    return _bytes(number, value.encode("utf-8"))


def _bytes(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    """Write seven bits at a time, the lowest first; a negative number as one of 64 bits."""
    value &= (1 << 64) - 1
    groups: Sequence[int] = [value >> shift & 0x7F for shift in range(0, 64, 7) if value >> shift]
    groups = groups or [0]
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])
