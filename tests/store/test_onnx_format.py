"""Our writer of ONNX files, held against the package ``onnx``."""

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper

from gatewise.base.errors import ModelFileError
from gatewise.store import onnx_format
from gatewise.store.onnx_format import Graph, Node, Value, encode_graph

WEIGHTS = {
    "matrix": np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32),
    "turned": np.arange(6, dtype=np.float32).reshape(3, 2).T,
    "numbers": np.array([-1, 0, 2**40], dtype=np.int64),
    "one": np.array(-np.inf, dtype=np.float32),
    "short": np.array([7], dtype=np.int32),
    "none": np.zeros((0, 4), dtype=np.float32),
}
GRAPH = Graph(
    name="drawing",
    nodes=(
        Node("Gemm", ("x", "matrix", ""), ("y",), {"transB": 1, "alpha": -3}),
        Node("LSTM", ("y",), ("", "z"), {"direction": "forward", "activations": ("Tanh", "Relu")}),
        Node("Transpose", ("z",), ("end",), {"perm": (1, 0, 300)}),
    ),
    weights=WEIGHTS,
    inputs=(Value("x", "float32", ("B", 2)),),
    outputs=(Value("end", "int32", (3, "T", 1)),),
)


@pytest.fixture(scope="module")
def model():
    written = encode_graph(GRAPH, producer=("us", "1.2"), notes={"b": "ä", "a": ""})
    return onnx.load_model_from_string(written)


def test_the_head(model):
    assert (model.producer_name, model.producer_version) == ("us", "1.2")
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 17)]
    assert model.ir_version == 8
    assert [(one.key, one.value) for one in model.metadata_props] == [("a", ""), ("b", "ä")]
    assert model.graph.name == "drawing"


def test_the_nodes(model):
    for found, node in zip(model.graph.node, GRAPH.nodes, strict=True):
        assert (found.op_type, found.domain) == (node.operation, "")
        assert (tuple(found.input), tuple(found.output)) == (node.inputs, node.outputs)
        for attribute in found.attribute:
            value, wanted = onnx.helper.get_attribute_value(attribute), node.attributes
            if isinstance(value, bytes):
                value = value.decode()
            if isinstance(value, list):
                value = tuple(one.decode() if isinstance(one, bytes) else one for one in value)
            assert value == wanted[attribute.name]
        assert len(found.attribute) == len(node.attributes)


def test_the_weights(model):
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    assert list(found) == list(WEIGHTS)
    for name, array in WEIGHTS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_inputs_and_outputs(model):
    make = onnx.helper.make_tensor_value_info
    assert list(model.graph.input) == [make("x", onnx.TensorProto.FLOAT, ("B", 2))]
    assert list(model.graph.output) == [make("end", onnx.TensorProto.INT32, (3, "T", 1))]


@given(st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_of_any_size(number):
    written = onnx_format._text(1, "n") + onnx_format._number(3, number)
    assert onnx.AttributeProto.FromString(written).i == number


def test_what_no_file_can_hold_is_refused(monkeypatch):
    monkeypatch.setattr(onnx_format, "MOST_BYTES", (1 << 20) + 50)
    with pytest.raises(ModelFileError, match="an ONNX file holds at most 1,048,626"):
        encode_graph(GRAPH, producer=("us", "1"), notes={})
