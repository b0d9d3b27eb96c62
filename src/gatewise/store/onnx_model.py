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

__all__ = [
    "FRONT",
    "LENGTHS",
    "LOGITS",
    "N_FRONT",
    "ONNX",
    "POOLED",
    "VECTORS",
    "fronted_bytes",
    "onnx_bytes",
    "reads_front_once",
]

ONNX = "model.onnx"
VECTORS, LENGTHS, LOGITS, POOLED = "vectors", "lengths", "logits", "pooled"
FRONT, N_FRONT = "front", "n_front"
_LSTM_PARTS = ("input_weights", "recurrent_weights", "bias")
_N_INPUTS_OF_LSTM = 8  # of which we leave the last, or the last three, out
_OF_ONNX_RUNTIME = "com.microsoft"
_LARGEST_INT8 = 127

Weights = Mapping[str, NDArray[np.float32]]

_NOTES = {
    "gatewise.vectors": "of the tokens of each text, composed and projected; then anything",
    "gatewise.lengths": "number of tokens of each text, at least 1",
}


def onnx_bytes(
    config: NetworkConfig,
    arrays: Weights,
    *,
    int8: bool = False,
    notes: Mapping[str, str] | None = None,
) -> bytes:
    """Write a network as an ONNX file.

    Parameters
    ----------
    config : NetworkConfig
        Sizes and parts.
    arrays : mapping of str to ndarray of float32
        Its weights by their names in :class:`gatewise.network.model.TextNetwork`.
    int8 : bool
        The LSTM multiplies with numbers of eight bits, in an operation that only ONNX Runtime has.
    notes : mapping of str to str, optional
        Kept in the file's metadata.

    Returns
    -------
    bytes
        From ``vectors`` (B, T, E) and ``lengths`` (B,) to ``logits`` (B, C) and ``pooled`` (B, P).
        Equal weights and an equal version of gatewise give equal bytes.

    Raises
    ------
    ModelFileError
        If the weights are larger than a file of this format can be.
    """
    inputs = (
        Value(VECTORS, "float32", ("B", _width(config), config.vector_size)),
        Value(LENGTHS, "int32", ("B",)),
    )
    return _written(_Drawing(config, arrays, int8=int8), inputs, notes or {})


def fronted_bytes(config: NetworkConfig, arrays: Weights, *, int8: bool = False) -> bytes:
    """Write a network that reads the padding in front of all texts of a batch only once.

    Where texts are filled up to a fixed length and read forward, the states of the padding are the
    same for all: texts of 12 tokens in 82 positions then take a fifth of the arithmetic.

    Parameters
    ----------
    config, arrays, int8
        As for :func:`onnx_bytes`; see :func:`reads_front_once`.

    Returns
    -------
    bytes
        From ``front`` (at least 1, 1, E), vectors of padding, ``n_front`` (1,), how many of them
        stand in front of all texts (T - t), and ``vectors`` (B, t, E) to the same outputs.

    Raises
    ------
    ModelFileError
        As there.
    """
    inputs = (
        Value(VECTORS, "float32", ("B", "t", config.vector_size)),
        Value(FRONT, "float32", ("front", 1, config.vector_size)),
        Value(N_FRONT, "int64", (1,)),
    )
    return _written(_FrontedDrawing(config, arrays, int8=int8), inputs, {})


def reads_front_once(config: NetworkConfig) -> bool:
    """Say whether the states of padding in front do not depend on the text behind it."""
    return config.fixed_length and not config.bidirectional


def _width(config: NetworkConfig) -> int | str:
    return config.max_length if config.fixed_length else "T"


def _written(drawing: _Drawing, inputs: tuple[Value, ...], notes: Mapping[str, str]) -> bytes:
    config = drawing.config
    drawing.draw()
    graph = Graph(
        name="gatewise",
        nodes=tuple(drawing.nodes),
        weights=drawing.weights,
        inputs=inputs,
        outputs=(
            Value(LOGITS, "float32", ("B", config.n_classes)),
            Value(POOLED, "float32", ("B", config.pooled_size)),
        ),
    )
    notes = {**_NOTES, "gatewise.output": config.output, **notes}
    return encode_graph(graph, producer=("gatewise", __version__), notes=notes)


class _Drawing:
    """A graph that grows. What a method draws it gives back by its name."""

    def __init__(self, config: NetworkConfig, arrays: Weights, *, int8: bool) -> None:
        self.config = config
        self.arrays = arrays
        self.int8 = int8
        self.nodes: list[Node] = []
        self.weights: dict[str, Array] = {}

    def draw(self) -> None:
        vectors = self.add("Transpose", [VECTORS], "steps", perm=(1, 0, 2))  # (T, B, E)
        states, vectors, ends = self.read(vectors)
        if self.config.pool_vectors:
            states = self.add("Concat", [states, vectors], "read", axis=2)  # (T, B, D * H + E)
        self.pool(states, ends)  # (B, P)
        for part in ("weight", "bias"):
            self.weights[f"dense.{part}"] = self.arrays[f"dense.{part}"]
        self.add("Gemm", [POOLED, "dense.weight", "dense.bias"], LOGITS, transB=1)  # (B, C)

    def read(self, vectors: str) -> tuple[str, str, str]:
        """Draw all layers: states (T, B, D * H), vectors (T, B, E), last states (D, B, H)."""
        states, ends = vectors, ""
        for number in range(self.config.layers):
            self.take_weights(number)
            states, ends, _ = self.lstm(number, states, lengths=LENGTHS)
        return states, vectors, ends

    def take_weights(self, number: int) -> None:
        """Put one layer's weights into ONNX's order."""
        directions = ("forward", "backward") if self.config.bidirectional else ("forward",)
        name = f"layers.{number}"
        for part in _LSTM_PARTS:
            found = [self.arrays[f"{name}.{one}_direction.{part}"] for one in directions]
            self.weights[f"{name}.{part}"] = np.stack([_iofc(array) for array in found])
        biases = self.weights[f"{name}.bias"]  # (D, 4H); ONNX has a second one for the states
        self.weights[f"{name}.bias"] = np.concatenate([biases, np.zeros_like(biases)], axis=1)
        if self.int8:
            for part in _LSTM_PARTS[:2]:
                self.round(f"{name}.{part}")

    def round(self, name: str) -> None:
        """Put weights of eight bits in the place of some, and a scale for each row beside them."""
        weights = self.weights[name]  # (D, 4H, E or H)
        largest = np.abs(weights).max(axis=2)  # (D, 4H)
        scales = np.maximum(largest, np.finfo(np.float32).tiny) / np.float32(_LARGEST_INT8)
        rounded = np.rint(weights / scales[:, :, None]).astype(np.int8)  # (D, 4H, E or H)
        self.weights[name] = rounded.transpose(0, 2, 1)  # (D, E or H, 4H)
        self.weights[f"{name}.scale"] = scales
        self.weights[f"{name}.zero"] = np.zeros(scales.shape, dtype=np.int8)

    def lstm(
        self, number: int, inputs: str, *, lengths: str = "", start: tuple[str, ...] = ()
    ) -> tuple[str, str, str]:
        """Draw one layer: states (T, B, D * H), last hidden and last cell states (D, B, H)."""
        config, weights = self.config, [f"layers.{number}.{part}" for part in _LSTM_PARTS]
        name = f"layers.{number}.{'on' if start else 'read'}"
        activation = "Tanh" if config.activation == "tanh" else "Relu"
        outputs = [f"{name}.apart", f"{name}.hidden", f"{name}.cells"]
        given = [inputs, *weights, lengths, *start]
        if self.int8:
            given += [""] * (_N_INPUTS_OF_LSTM - len(given))
            given += [f"{part}.{more}" for part in weights[:2] for more in ("scale", "zero")]
        self.add(
            "DynamicQuantizeLSTM" if self.int8 else "LSTM",
            given,
            *outputs,
            domain=_OF_ONNX_RUNTIME if self.int8 else "",
            hidden_size=config.units,
            direction="bidirectional" if config.bidirectional else "forward",
            activations=("Sigmoid", activation, activation) * (2 if config.bidirectional else 1),
        )
        aside = self.add("Transpose", outputs[:1], f"{name}.aside", perm=(0, 2, 1, 3))
        size = self.constant(f"{name}.size", [0, 0, config.state_size])
        states = self.add("Reshape", [aside, size], f"{name}.states")
        return states, outputs[1], outputs[2]

    def pool(self, states: str, ends: str) -> None:
        """Draw the pooled vector of each text, (B, P), and call it that."""
        pooling, size = self.config.pooling, self.config.pooled_size
        if pooling in ("flatten", "last"):
            found = states if pooling == "flatten" else ends
            turned = self.add("Transpose", [found], "of_texts", perm=(1, 0, 2))  # (B, T or D, H)
            shape = self.constant("pooled_size", [-1, size])
            self.add("Reshape", [turned, shape], POOLED)  # (B, P)
            return
        outside = "" if self.config.fixed_length else self.outside()  # (T, B, 1)
        parts = []
        if pooling.startswith("max"):
            within = self.within(states, outside, "lowest", -np.inf)  # (T, B, P)
            parts.append(self.add("ReduceMax", [within], "max", axes=(0,), keepdims=0))
        if pooling.endswith("mean"):
            within = self.within(states, outside, "zero", 0.0)  # (T, B, P)
            axis = self.constant("time", [0])
            total = self.add("ReduceSum", [within, axis], "total", keepdims=0)  # (B, P)
            parts.append(self.add("Div", [total, self.divisors()], "mean"))  # (B, P)
        self.add("Concat", parts, POOLED, axis=1)  # (B, P)

    def within(self, states: str, outside: str, name: str, filling: float) -> str:
        """Draw states with something in the place of padding; padding in front is read."""
        if not outside:
            return states
        self.weights[name] = np.array(filling, dtype=np.float32)
        return self.add("Where", [outside, name, states], f"with_{name}")  # (T, B, P)

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
        if self.config.fixed_length:
            self.weights["divisors"] = np.array([[self.config.max_length]], dtype=np.float32)
            return "divisors"
        column = self.add("Reshape", [LENGTHS, self.constant("column", [-1, 1])], "lengths_column")
        return self.add("Cast", [column], "divisors", to=1)  # (B, 1)

    def constant(self, name: str, numbers: list[int]) -> str:
        self.weights[name] = np.array(numbers, dtype=np.int64)
        return name

    def add(
        self,
        operation: str,
        inputs: list[str],
        *outputs: str,
        domain: str = "",
        **attributes: Attribute,
    ) -> str:
        self.nodes.append(Node(operation, tuple(inputs), outputs, attributes, domain))
        return outputs[0]


class _FrontedDrawing(_Drawing):
    """The same with the padding in front read once."""

    def read(self, vectors: str) -> tuple[str, str, str]:
        self.weights |= {"none": np.zeros(1, np.int64), "nothing": np.array(0, np.float32)}
        there = self.add("Greater", [N_FRONT, "none"], "there")  # (1,)
        front, states, ends = FRONT, vectors, ""  # (T - t or 1, 1, E), (t, B, E)
        for number in range(self.config.layers):
            self.take_weights(number)
            front, *last = self.lstm(number, front)  # (T - t or 1, 1, H), twice (1, 1, H)
            # Without any padding in front a text begins with zeros. (ONNX Runtime takes a row of
            # no steps, too, but leaves its last state to chance.)
            start = [self.add("Where", [there, one, "nothing"], f"{one}.there") for one in last]
            start = [self.for_all(one) for one in start]  # (1, B, H) each
            states, ends, _ = self.lstm(number, states, start=tuple(start))  # (t, B, H)
        states = self.behind(front, states)  # (T, B, H)
        if self.config.pool_vectors:
            vectors = self.behind(FRONT, vectors)  # (T, B, E)
        return states, vectors, ends

    def behind(self, front: str, name: str) -> str:
        """Draw what follows behind what stands in front of all texts, (T, B, H)."""
        cut = self.add("Slice", [front, "none", N_FRONT, "none"], f"{front}.cut")  # (T - t, 1, H)
        return self.add("Concat", [self.for_all(cut), name], f"{name}.whole", axis=0)

    def for_all(self, name: str) -> str:
        """Draw something of one text for each of the batch, (n, 1, H) -> (n, B, H)."""
        if "one" not in self.weights:
            many = self.add("Shape", [VECTORS], "many", start=0, end=1)  # (1,)
            one = self.constant("one", [1])
            self.add("Concat", [one, many, one], "for_all", axis=0)  # (3,)
        return self.add("Expand", [name, "for_all"], f"{name}.for_all")  # (n, B, H)


def _iofc(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring rows that stand gate by gate, i f g o, into ONNX's order."""
    i, f, g, o = np.split(array, 4)
    return np.concatenate([i, o, f, g])
