"""The network as an ONNX graph, written by hand: vectors and lengths -> logits and pooled states.

torch's exporters fail on an LSTM that reads texts of different lengths in both directions; ONNX's
own LSTM takes their lengths. The vectors of words and n-grams stay outside: they are most of a
model, few of them are needed for a text, and a token's vector is composed once however often it
stands in a batch. In our order the gates are i, f, g, o, and in ONNX's i, o, f, c (their c is g).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gatewise import __version__
from gatewise.network.config import NetworkConfig
from gatewise.store.onnx_format import Array, Attribute, Graph, Node, Value, encode_graph

__all__ = ["LENGTHS", "LOGITS", "ONNX", "POOLED", "VECTORS", "network_graph", "onnx_bytes"]

ONNX = "model.onnx"
VECTORS, LENGTHS, LOGITS, POOLED = "vectors", "lengths", "logits", "pooled"

Weights = Mapping[str, NDArray[np.float32]]

_NOTES = {
    "gatewise.vectors": "of the tokens of each text, composed and projected; then anything",
    "gatewise.lengths": "number of tokens of each text, at least 1",
}


def onnx_bytes(config: NetworkConfig, arrays: Weights) -> bytes:
    """Write a network as an ONNX file.

    Parameters
    ----------
    config : NetworkConfig
        Sizes and parts.
    arrays : mapping of str to ndarray of float32
        Its weights by their names in :class:`gatewise.network.model.TextNetwork`.

    Returns
    -------
    bytes
        Equal weights and an equal version of gatewise give equal bytes.

    Raises
    ------
    ModelFileError
        If the weights are larger than a file of this format can be.
    """
    notes = _NOTES | {"gatewise.output": config.output}
    producer = ("gatewise", __version__)
    return encode_graph(network_graph(config, arrays), producer=producer, notes=notes)


def network_graph(config: NetworkConfig, arrays: Weights) -> Graph:
    """Draw a network: ``vectors`` (B, T, E) and ``lengths`` (B,) -> ``logits`` and ``pooled``.

    Parameters
    ----------
    config, arrays
        As for :func:`onnx_bytes`.

    Returns
    -------
    Graph
    """
    width: int | str = config.max_length if config.fixed_length else "T"
    drawing = _Drawing(config, arrays)
    drawing.draw()
    return Graph(
        name="gatewise",
        nodes=tuple(drawing.nodes),
        weights=drawing.weights,
        inputs=(
            Value(VECTORS, "float32", ("B", width, config.vector_size)),
            Value(LENGTHS, "int32", ("B",)),
        ),
        outputs=(
            Value(LOGITS, "float32", ("B", config.n_classes)),
            Value(POOLED, "float32", ("B", config.pooled_size)),
        ),
    )


class _Drawing:
    """A graph that grows. What a method draws it gives back by its name."""

    def __init__(self, config: NetworkConfig, arrays: Weights) -> None:
        self.config = config
        self.arrays = arrays
        self.nodes: list[Node] = []
        self.weights: dict[str, Array] = {}

    def draw(self) -> None:
        first = self.add("Transpose", [VECTORS], "steps", perm=(1, 0, 2))  # (T, B, E)
        states, ends = first, ""  # (T, B, E)
        for number in range(self.config.layers):
            states, ends = self.layer(number, states)  # (T, B, D * H), (D, B, H)
        if self.config.pool_vectors:
            states = self.add("Concat", [states, first], "read", axis=2)  # (T, B, D * H + E)
        self.pool(states, ends)  # (B, P)
        for part in ("weight", "bias"):
            self.weights[f"dense.{part}"] = self.arrays[f"dense.{part}"]
        self.add("Gemm", [POOLED, "dense.weight", "dense.bias"], LOGITS, transB=1)  # (B, C)

    def layer(self, number: int, inputs: str) -> tuple[str, str]:
        """Draw both directions, (T, B, E) -> (T, B, D * H), and their last states, (D, B, H)."""
        config, name = self.config, f"layers.{number}"
        directions = ("forward", "backward") if config.bidirectional else ("forward",)
        for part in ("input_weights", "recurrent_weights", "bias"):
            found = [self.arrays[f"{name}.{one}_direction.{part}"] for one in directions]
            self.weights[f"{name}.{part}"] = np.stack([_iofc(array) for array in found])
        biases = self.weights[f"{name}.bias"]  # (D, 4H); ONNX has a second one for the states
        self.weights[f"{name}.bias"] = np.concatenate([biases, np.zeros_like(biases)], axis=1)
        activation = "Tanh" if config.activation == "tanh" else "Relu"
        outputs = f"{name}.apart", f"{name}.ends"
        weights = [f"{name}.{part}" for part in ("input_weights", "recurrent_weights", "bias")]
        self.add(
            "LSTM",
            [inputs, *weights, LENGTHS],
            *outputs,
            hidden_size=config.units,
            direction="bidirectional" if config.bidirectional else "forward",
            activations=("Sigmoid", activation, activation) * len(directions),
        )
        aside = self.add("Transpose", [outputs[0]], f"{name}.aside", perm=(0, 2, 1, 3))
        size = self.constant(f"{name}.size", [0, 0, config.state_size])
        return self.add("Reshape", [aside, size], f"{name}.states"), outputs[1]  # (T, B, D * H)

    def pool(self, states: str, ends: str) -> None:
        """Draw the pooled vector of each text, (B, P), and call it that."""
        pooling, size = self.config.pooling, self.config.pooled_size
        if pooling in ("flatten", "last"):
            found = states if pooling == "flatten" else ends
            turned = self.add("Transpose", [found], "of_texts", perm=(1, 0, 2))  # (B, T or D, H)
            shape = self.constant("pooled_size", [-1, size])
            self.add("Reshape", [turned, shape], POOLED)  # (B, P)
            return
        outside = self.outside()  # (T, B, 1)
        parts = []
        if pooling.startswith("max"):
            self.weights["lowest"] = np.array(-np.inf, dtype=np.float32)
            within = self.add("Where", [outside, "lowest", states], "within_max")  # (T, B, P)
            parts.append(self.add("ReduceMax", [within], "max", axes=(0,), keepdims=0))
        if pooling.endswith("mean"):
            self.weights["zero"] = np.array(0, dtype=np.float32)
            within = self.add("Where", [outside, "zero", states], "within_mean")  # (T, B, P)
            axis = self.constant("time", [0])
            total = self.add("ReduceSum", [within, axis], "total", keepdims=0)  # (B, P)
            parts.append(self.add("Div", [total, self.divisors()], "mean"))  # (B, P)
        self.add("Concat", parts, POOLED, axis=1)  # (B, P)

    def outside(self) -> str:
        """Draw which positions are padding, (T, B, 1)."""
        shape = self.add("Shape", [VECTORS], "shape", start=1, end=2)  # (1,)
        self.weights["from"] = np.array(0, dtype=np.int64)
        self.weights["by"] = np.array(1, dtype=np.int64)
        width = self.add("Squeeze", [shape], "width")
        places = self.add("Range", ["from", width, "by"], "places")  # (T,)
        rows = self.constant("rows", [-1, 1])
        positions = self.add("Reshape", [places, rows], "positions")  # (T, 1)
        many = self.add("Cast", [LENGTHS], "lengths_int64", to=7)  # (B,)
        ended = self.add("GreaterOrEqual", [positions, many], "ended")  # (T, B)
        last = self.constant("last_axis", [2])
        return self.add("Unsqueeze", [ended, last], "outside")  # (T, B, 1)

    def divisors(self) -> str:
        """Draw the lengths as a column of float32, (B, 1)."""
        column = self.add("Reshape", [LENGTHS, self.constant("column", [-1, 1])], "lengths_column")
        return self.add("Cast", [column], "divisors", to=1)  # (B, 1)

    def constant(self, name: str, numbers: list[int]) -> str:
        self.weights[name] = np.array(numbers, dtype=np.int64)
        return name

    def add(self, operation: str, inputs: list[str], *outputs: str, **attributes: Attribute) -> str:
        self.nodes.append(Node(operation, tuple(inputs), outputs, attributes))
        return outputs[0]


def _iofc(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring rows that stand gate by gate, i f g o, into ONNX's order."""
    i, f, g, o = np.split(array, 4)
    return np.concatenate([i, o, f, g])
