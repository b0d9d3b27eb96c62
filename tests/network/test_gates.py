from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.special import expit

from gatewise.network.gates import GATES, LSTMWeights, lstm_step, sigmoid
from gatewise.network.lstm import LSTMDirection

E, H, T = 5, 4, 7


@pytest.fixture
def stacked():
    """Random, unequal weights: constant ones would hide a wrong order of the gates."""
    generator = np.random.default_rng(3)
    sizes = (4 * H, E), (4 * H, H), (4 * H,)
    return tuple(generator.normal(0.0, 0.8, size) for size in sizes)


@pytest.fixture
def inputs():
    return np.random.default_rng(4).normal(0.0, 1.5, (T, E))


def read(inputs, weights):
    """All steps of a text, one after the other."""
    h = c = np.zeros(weights.n_units)
    steps = []
    for x in inputs:
        step = lstm_step(x, h, c, weights)
        h, c = step.h, step.c
        steps.append(step)
    return steps


def torch_states(inputs, stacked):
    """Hidden and cell states by torch's own module, in float64."""
    lstm = torch.nn.LSTM(E, H, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for name, array in zip(
            ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0"), stacked, strict=True
        ):
            getattr(lstm, name).copy_(torch.from_numpy(array))
        lstm.bias_hh_l0.zero_()
        h, c = torch.zeros(1, 1, H, dtype=torch.float64), torch.zeros(1, 1, H, dtype=torch.float64)
        states = []
        for x in torch.from_numpy(inputs):
            _, (h, c) = lstm(x[None, None], (h, c))
            states.append((h.numpy().ravel().copy(), c.numpy().ravel().copy()))
    return states


def test_states_are_those_of_torch(inputs, stacked):
    steps = read(inputs, LSTMWeights.from_stacked(*stacked, activation="tanh"))
    for step, (h, c) in zip(steps, torch_states(inputs, stacked), strict=True):
        np.testing.assert_allclose(step.h, h, rtol=0, atol=1e-14)
        np.testing.assert_allclose(step.c, c, rtol=0, atol=1e-14)


def test_no_other_order_of_the_gates_gives_them(inputs, stacked):
    """The check above would notice."""
    h, _ = torch_states(inputs, stacked)[-1]
    for order in itertools.permutations(range(4)):
        rows = np.concatenate([np.arange(gate * H, gate * H + H) for gate in order])
        weights = LSTMWeights.from_stacked(*(part[rows] for part in stacked), activation="tanh")
        same = np.abs(read(inputs, weights)[-1].h - h).max() < 1e-3
        assert same == (order == (0, 1, 2, 3))


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_states_are_those_of_our_layer(inputs, stacked, activation):
    layer = LSTMDirection(
        E, H, activation=activation, recurrent_dropout=0.0, generator=torch.Generator()
    ).double()
    with torch.no_grad():
        for name, array in zip(
            ("input_weights", "recurrent_weights", "bias"), stacked, strict=True
        ):
            getattr(layer, name).copy_(torch.from_numpy(array))
        expected = layer(torch.from_numpy(inputs)[None])[0].numpy()
    steps = read(inputs, LSTMWeights.from_stacked(*stacked, activation=activation))
    np.testing.assert_allclose([step.h for step in steps], expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_every_gate_is_its_formula(inputs, stacked, activation):
    """Gate by gate, with arrays of our own."""
    from_input, from_hidden, bias = stacked
    act = np.tanh if activation == "tanh" else lambda values: np.where(values > 0, values, 0)
    generator = np.random.default_rng(5)
    h, c = generator.normal(size=H), generator.normal(size=H)
    step = lstm_step(inputs[0], h, c, LSTMWeights.from_stacked(*stacked, activation=activation))
    z = from_input @ inputs[0] + from_hidden @ h + bias
    np.testing.assert_allclose(step.before.ravel(), z, atol=1e-14)
    for letter, rows, function in (
        ("i", slice(0, H), expit),
        ("f", slice(H, 2 * H), expit),
        ("g", slice(2 * H, 3 * H), act),
        ("o", slice(3 * H, 4 * H), expit),
    ):
        np.testing.assert_allclose(getattr(step, letter), function(z[rows]), atol=1e-14)
    np.testing.assert_allclose(step.c, step.f * c + step.i * step.g, atol=1e-14)
    np.testing.assert_allclose(step.h, step.o * act(step.c), atol=1e-14)


def test_gates_have_names(stacked):
    weights = LSTMWeights.from_stacked(*stacked, activation="tanh")
    for number, gate in enumerate(GATES):
        rows = slice(number * H, number * H + H)
        np.testing.assert_array_equal(getattr(weights, gate).from_input, stacked[0][rows])
        np.testing.assert_array_equal(getattr(weights, gate).from_hidden, stacked[1][rows])
        np.testing.assert_array_equal(getattr(weights, gate).bias, stacked[2][rows])


def test_sigmoid_of_large_numbers():
    values = np.array([-1e4, -750.0, -30.0, 0.0, 30.0, 750.0, 1e4])
    np.testing.assert_allclose(sigmoid(values), expit(values), rtol=1e-14)


def test_float32_weights_are_computed_with_in_float64(stacked):
    weights = LSTMWeights.from_stacked(*(part.astype("f4") for part in stacked), activation="tanh")
    assert weights.output.from_input.dtype == np.float64
