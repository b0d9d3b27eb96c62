"""The graph of a network, held against the network in numpy, in float64 and step by step."""

import itertools

import numpy as np
import onnx
import pytest

from gatewise.network.config import POOLINGS, NetworkConfig
from gatewise.network.plain import PlainNetwork
from gatewise.store.arrays import network_shapes
from gatewise.store.onnx_model import (
    FRONT,
    LENGTHS,
    LOGITS,
    N_FRONT,
    POOLED,
    VECTORS,
    fronted_bytes,
    onnx_bytes,
    reads_front_once,
)
from gatewise.store.onnx_session import open_session

LENGTHS_OF_TEXTS = [6, 1, 3, 2, 5]


def make_config(**changes):
    sizes = {"n_words": 9, "n_ngrams": 0, "n_classes": 3, "word_dimension": 4, "units": 3}
    return NetworkConfig(**{**sizes, "max_length": 6, **changes})


def draw_weights(config, seed=0):
    """Random and unequal, biases too."""
    generator = np.random.default_rng(seed)
    return {
        name: (0.7 * generator.normal(size=shape)).astype(np.float32)
        for name, shape in network_shapes(config).items()
    }


def draw_texts(config, seed=1):
    generator = np.random.default_rng(seed)
    lengths = [config.max_length] * 5 if config.fixed_length else LENGTHS_OF_TEXTS
    vectors = generator.normal(size=(5, config.max_length, config.vector_size))
    return vectors.astype(np.float32), np.array(lengths, dtype=np.int32)


def run(session, vectors, lengths):
    return session.run([LOGITS, POOLED], {VECTORS: vectors, LENGTHS: lengths})


def options():
    for pooling, pool_vectors, fixed in itertools.product(POOLINGS, (False, True), (False, True)):
        if (pool_vectors and pooling in ("last", "flatten")) or (
            pooling == "flatten" and not fixed
        ):
            continue
        yield {"pooling": pooling, "pool_vectors": pool_vectors, "fixed_length": fixed}


PARTS = [
    {"activation": activation, "bidirectional": both, "layers": layers}
    for activation, both, layers in itertools.product(("tanh", "relu"), (True, False), (1, 3))
]


@pytest.mark.parametrize("parts", PARTS, ids=str)
def test_every_network_says_the_same_as_a_graph(parts):
    for pooling in options():
        config = make_config(**parts, **pooling)
        weights = draw_weights(config)
        written = onnx_bytes(config, weights)
        onnx.checker.check_model(onnx.load_model_from_string(written), full_check=True)
        vectors, lengths = draw_texts(config)
        logits, pooled = run(open_session(written), vectors, lengths)
        plain = PlainNetwork(config, weights)
        for row, length in enumerate(lengths):
            trace = plain.trace(vectors[row, :length].astype(np.float64))
            np.testing.assert_allclose(pooled[row], trace.pooled, rtol=2e-5, atol=2e-5)
            np.testing.assert_allclose(logits[row], trace.logits, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("pooling", ["max", "mean", "last"])
@pytest.mark.parametrize("layers", [1, 2])
def test_what_stands_behind_a_text_makes_no_difference(pooling, layers):
    """Not a bit, whatever it is: so a text says alone what it says in a batch."""
    config = make_config(pooling=pooling, layers=layers, pool_vectors=pooling != "last")
    session = open_session(onnx_bytes(config, draw_weights(config)))
    vectors, lengths = draw_texts(config)
    together = run(session, vectors, lengths)
    for row, length in enumerate(lengths):
        vectors[row, length:] = 1e6
    for one, other in zip(run(session, vectors, lengths), together, strict=True):
        np.testing.assert_array_equal(one, other)
    for row, length in enumerate(lengths):
        alone = run(session, vectors[row : row + 1, :length], lengths[row : row + 1])
        for one, other in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one[0], other[row])


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("layers", [1, 3])
def test_padding_in_front_is_read_once(activation, layers):
    """However much of it all texts of a batch have, none too."""
    for pooling in options():
        pooling = {**pooling, "fixed_length": True}
        config = make_config(**pooling, activation=activation, layers=layers, bidirectional=False)
        assert reads_front_once(config)
        weights = draw_weights(config)
        written = fronted_bytes(config, weights)
        onnx.checker.check_model(onnx.load_model_from_string(written), full_check=True)
        session, plain = open_session(written), PlainNetwork(config, weights)
        vectors, _ = draw_texts(config)
        for n_front in (0, 1, 4, 5):
            vectors[:, :n_front] = vectors[0, 0]
            feed = {
                VECTORS: vectors[:, n_front:],
                FRONT: np.repeat(vectors[:1, :1], max(n_front, 1), axis=0).reshape(-1, 1, 4),
                N_FRONT: np.array([n_front]),
            }
            logits, pooled = session.run([LOGITS, POOLED], feed)
            for row, text in enumerate(vectors.astype(np.float64)):
                trace = plain.trace(text)
                np.testing.assert_allclose(pooled[row], trace.pooled, rtol=2e-5, atol=2e-5)
                np.testing.assert_allclose(logits[row], trace.logits, rtol=2e-5, atol=2e-5)


def row_errors(found, expected):
    return np.abs(found - expected).max(axis=-1) / np.abs(expected).max()


@pytest.mark.parametrize("parts", PARTS, ids=str)
def test_eight_bits_round_and_change_nothing_else(parts):
    """Against the network whose weights are rounded; what it reads is rounded, too."""
    for pooling in options():
        config = make_config(**parts, **pooling)
        weights = draw_weights(config)
        written = onnx_bytes(config, weights, int8=True)
        vectors, lengths = draw_texts(config)
        logits, pooled = run(open_session(written), vectors, lengths)
        plain = PlainNetwork(config, rounded_weights(weights))
        traces = [
            plain.trace(row[:n].astype(float)) for row, n in zip(vectors, lengths, strict=True)
        ]
        for found, kind in ((pooled, "pooled"), (logits, "logits")):
            errors = row_errors(found, np.array([getattr(trace, kind) for trace in traces]))
            assert 0 < errors.max() < 0.1
        if reads_front_once(config):
            session = open_session(fronted_bytes(config, weights, int8=True))
            front = np.repeat(vectors[:1, :1], 2, axis=0).reshape(-1, 1, 4)
            vectors[:, :2] = vectors[0, 0]
            (logits,) = session.run(
                [LOGITS], {VECTORS: vectors[:, 2:], FRONT: front, N_FRONT: np.array([2])}
            )
            expected = np.array([plain.trace(row.astype(float)).logits for row in vectors])
            assert 0 < row_errors(logits, expected).max() < 0.1


def rounded_weights(weights):
    """Each row of an LSTM's matrix to multiples of a 127th of its largest weight."""
    rounded = dict(weights)
    for name, array in weights.items():
        if name.endswith(("input_weights", "recurrent_weights")):
            step = np.abs(array).max(axis=1, keepdims=True) / 127
            rounded[name] = np.rint(array / step) * step
    return rounded


def test_weights_of_eight_bits_are_the_nearest():
    config = make_config(layers=2, units=5)
    weights = draw_weights(config)
    for name, array in weights.items():
        if name.endswith("recurrent_weights"):
            array[2] = 0  # a row of which there is no largest
    model = onnx.load_model_from_string(onnx_bytes(config, weights, int8=True))
    tensors = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    for part in ("input_weights", "recurrent_weights"):
        found, scales = tensors[f"layers.1.{part}"], tensors[f"layers.1.{part}.scale"]
        assert found.dtype == np.int8
        assert np.abs(found.astype(int)).max() == 127
        assert not tensors[f"layers.1.{part}.zero"].any()
        i, o, f, g = np.split(found.transpose(0, 2, 1) * scales[:, :, None], 4, axis=1)
        ours = np.concatenate([i, f, g, o], axis=1)
        for number, direction in enumerate(("forward", "backward")):
            wanted = weights[f"layers.1.{direction}_direction.{part}"]
            step = np.abs(wanted).max(axis=1, keepdims=True) / 127
            assert (np.abs(ours[number] - wanted) <= 0.501 * step).all()
    domains = {node.domain for node in model.graph.node if "LSTM" in node.op_type}
    assert domains == {"com.microsoft"}
    assert [(one.domain, one.version) for one in model.opset_import] == [
        ("", 17),
        ("com.microsoft", 1),
    ]


def test_which_padding_is_the_same_for_all_texts():
    assert not reads_front_once(make_config(fixed_length=True))
    assert not reads_front_once(make_config(bidirectional=False))


def test_states_below_zero_are_not_hidden_by_padding():
    """All states of a text can be negative, and zero would be their maximum."""
    config = make_config(pooling="max", units=1, bidirectional=False)
    weights = draw_weights(config)
    weights["layers.0.forward_direction.input_weights"][:] = 0
    weights["layers.0.forward_direction.bias"][:] = [5, 0, -5, 5]
    vectors, lengths = draw_texts(config)
    _, pooled = run(open_session(onnx_bytes(config, weights)), vectors, lengths)
    assert (pooled < -0.5).all()


def test_equal_networks_give_equal_bytes():
    config = make_config(layers=2, output="sigmoid")
    assert onnx_bytes(config, draw_weights(config)) == onnx_bytes(config, draw_weights(config))
    assert onnx_bytes(config, draw_weights(config)) != onnx_bytes(config, draw_weights(config, 1))


def test_the_file_tells_what_goes_in_and_comes_out():
    config = make_config(output="sigmoid", fixed_length=True)
    model = onnx.load_model_from_string(onnx_bytes(config, draw_weights(config)))
    notes = {one.key: one.value for one in model.metadata_props}
    assert notes["gatewise.output"] == "sigmoid"
    assert {one.name for one in model.graph.input} == {VECTORS, LENGTHS}
    assert {one.name for one in model.graph.output} == {LOGITS, POOLED}
    assert model.producer_name == "gatewise"
    assert not any(tensor.external_data for tensor in model.graph.initializer)
