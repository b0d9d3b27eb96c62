from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from gatewise.network.config import POOLINGS, NetworkConfig
from gatewise.network.model import TextNetwork, log_probabilities
from gatewise.network.plain import PlainNetwork, log_softmax, plain_log_probabilities


def as_plain(network):
    return PlainNetwork(network.config, network.arrays())


def read(network, text):
    """Trace a text of (word id, n-gram ids) tokens."""
    plain = as_plain(network)
    text = list(text) or [(0, ())]
    if network.config.fixed_length:
        text = [(0, ())] * (network.config.max_length - len(text)) + text
    word_ids, ngram_ids = zip(*text, strict=True)
    return plain.trace(plain.vectors(word_ids, ngram_ids))


# Against the network in torch


@pytest.mark.parametrize("pooling", [p for p in POOLINGS if p != "flatten"])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_logits_are_those_of_the_network(plain, pooling, bidirectional, layers, activation):
    network = plain.network(
        pooling=pooling, bidirectional=bidirectional, layers=layers, activation=activation
    )
    expected = network.eval()(plain.batch(plain.texts)).detach().numpy()
    for text, row in zip(plain.texts, expected, strict=True):
        np.testing.assert_allclose(read(network, text).logits, row, rtol=0, atol=1e-12)


@pytest.mark.parametrize("changes", [{"projection": 5}, {"ngram_dimension": 0}])
@pytest.mark.parametrize("pool_vectors", [True, False])
def test_the_logits_with_other_parts(plain, changes, pool_vectors):
    network = plain.network(pooling="max-mean", pool_vectors=pool_vectors, **changes)
    expected = network.eval()(plain.batch(plain.texts)).detach().numpy()
    for text, row in zip(plain.texts, expected, strict=True):
        np.testing.assert_allclose(read(network, text).logits, row, rtol=0, atol=1e-12)


def test_the_logits_with_padding_in_front(plain):
    network = plain.network(pooling="flatten", fixed_length=True, layers=2)
    batch = plain.batch(plain.texts, width=6, front=True)
    expected = network.eval()(batch).detach().numpy()
    for text, row in zip(plain.texts, expected, strict=True):
        np.testing.assert_allclose(read(network, text).logits, row, rtol=0, atol=1e-12)


@st.composite
def architectures(draw):
    pooling = draw(st.sampled_from(POOLINGS))
    fixed = pooling == "flatten" or draw(st.booleans())
    length = draw(st.integers(1, 200))
    config = NetworkConfig(
        n_words=30,
        n_ngrams=12,
        n_classes=draw(st.integers(2, 6)),
        word_dimension=draw(st.integers(1, 9)),
        ngram_dimension=draw(st.integers(0, 5)),
        projection=draw(st.sampled_from([0, 7])),
        units=draw(st.integers(1, 8)),
        layers=draw(st.integers(1, 3)),
        bidirectional=draw(st.booleans()),
        activation=draw(st.sampled_from(["tanh", "relu"])),
        pooling=pooling,
        pool_vectors=pooling in ("max", "mean", "max-mean") and draw(st.booleans()),
        max_length=length,
        fixed_length=fixed,
        output=draw(st.sampled_from(["softmax", "sigmoid"])),
    )
    return config, length, draw(st.integers(0, 2**31))


@settings(max_examples=60)
@given(architectures())
def test_the_logits_of_any_architecture(drawn):
    """In float64 to 1e-10; as it is trained, in float32, to 1e-5 of their size."""
    config, length, seed = drawn
    generator = np.random.default_rng(seed)
    network = TextNetwork(config, seed=seed % 1000).eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.2 * torch.from_numpy(generator.normal(size=weight.shape)).float()
    vectors = generator.normal(size=(length, config.vector_size))
    trace = as_plain(network).trace(vectors)
    lengths = torch.tensor([length])
    for number_format, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
        copy = TextNetwork(config, seed=0).eval()
        copy.load_state_dict(network.state_dict())
        copy = copy.to(number_format)
        given_vectors = torch.from_numpy(vectors)[None].to(number_format)
        pooled = copy.summarise(given_vectors, lengths)
        expected = copy.decide(pooled)[0].detach().double().numpy()
        scale = max(1.0, float(np.abs(expected).max()))
        assert np.abs(trace.logits - expected).max() <= tolerance * scale


# What a trace holds


def test_a_trace_is_what_the_steps_compute(plain):
    network = plain.network(layers=2, units=3)
    trace = read(network, plain.texts[0])
    weights = plain.weights(network)
    assert len(trace.layers) == 2
    ahead = trace.layers[0].forward
    assert (ahead.backward, trace.layers[0].backward.backward) == (False, True)
    inputs = {
        name: weights[f"layers.0.forward_direction.{name}"]
        for name in ("input_weights", "recurrent_weights", "bias")
    }
    expected = plain.direction(trace.vectors, inputs, "tanh")
    np.testing.assert_allclose(ahead.h, expected, atol=1e-12)
    before = trace.vectors[0] @ inputs["input_weights"].T + inputs["bias"]
    np.testing.assert_allclose(ahead.before[0].ravel(), before, atol=1e-12)
    earlier = np.vstack([np.zeros(3), ahead.c[:-1]])
    np.testing.assert_allclose(ahead.c, ahead.f * earlier + ahead.i * ahead.g, atol=1e-12)
    np.testing.assert_allclose(ahead.h, ahead.o * np.tanh(ahead.c), atol=1e-12)
    np.testing.assert_allclose(trace.layers[0].states[:, :3], ahead.h)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_where_the_pooled_vector_comes_from(plain, pooling):
    network = plain.network(pooling=pooling, max_length=5, fixed_length=pooling == "flatten")
    trace = read(network, plain.texts[0])
    states = trace.layers[-1].states
    columns = np.arange(len(trace.pooled)) % states.shape[1]
    for value, step, column in zip(trace.pooled, trace.taken_from, columns, strict=True):
        expected = states[:, column].mean() if step < 0 else states[step, column]
        assert value == pytest.approx(expected, abs=1e-14)
        if pooling == "max":
            assert value == states[:, column].max()
    assert (trace.taken_from < 0).any() == (pooling in ("mean", "max-mean"))


# Many texts at once


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_variants_have_the_logits_of_their_traces(
    plain, pooling, layers, activation, bidirectional
):
    network = plain.network(
        pooling=pooling,
        layers=layers,
        activation=activation,
        bidirectional=bidirectional,
        pool_vectors=pooling == "max",
        max_length=7,
    )
    generator = np.random.default_rng(1)
    numpy_network = PlainNetwork(network.config, network.float().arrays())
    vectors = generator.normal(size=(9, network.config.vector_size))
    if pooling == "flatten":
        texts = [generator.permutation(9)[:7] for _ in range(70)]
    else:
        texts = [generator.permutation(9)[: 1 + n % 9] for n in range(70)]
    found = numpy_network.logits(vectors, texts)
    for text, row in zip(texts, found, strict=True):
        np.testing.assert_allclose(row, numpy_network.trace(vectors[text]).logits, atol=2e-5)


def test_no_variants_have_no_logits(plain):
    network = as_plain(plain.network())
    assert network.logits(np.zeros((2, network.config.vector_size)), []).shape == (0, 3)


def test_huge_numbers_do_not_overflow(plain):
    network = plain.network().float()
    with torch.no_grad():
        network.layers[0].forward_direction.bias.fill_(-500.0)
        network.layers[0].backward_direction.bias.fill_(500.0)
    numpy_network = as_plain(network)
    vectors = np.ones((4, numpy_network.config.vector_size))
    found = numpy_network.logits(vectors, [np.arange(4)])
    np.testing.assert_allclose(found[0], numpy_network.trace(vectors).logits, atol=1e-5)


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_probabilities_are_those_of_the_network(output):
    logits = np.random.default_rng(0).normal(0, 30, (20, 5))
    expected = log_probabilities(torch.from_numpy(logits), output).numpy()
    np.testing.assert_allclose(plain_log_probabilities(logits, output), expected, atol=1e-12)
    far = plain_log_probabilities(np.array([[-2000.0, 2000.0]]), output)
    assert np.isfinite(far).all()


def test_vectors_of_tokens(plain):
    network = plain.network(projection=0)
    config = replace(network.config)
    weights = plain.weights(network)
    vectors = as_plain(network).vectors([3, 1, 0], [[0, 2], [], []])
    assert vectors.shape == (3, config.vector_size)
    expected = np.concatenate(
        [weights["words.weight"][3], weights["ngrams.weight"][[0, 2]].mean(axis=0)]
    )
    np.testing.assert_allclose(vectors[0], expected, atol=1e-14)
    assert not vectors[1, config.word_dimension :].any()


def test_the_softmax_is_that_of_scipy():
    scores = np.random.default_rng(0).normal(0, 450, (400, 4))
    np.testing.assert_allclose(log_softmax(scores), special.log_softmax(scores, axis=1), atol=1e-9)
