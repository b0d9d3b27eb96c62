from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gatewise.network.lstm import LSTMDirection, LSTMLayer, _in_one_piece, reverse_texts

B, T, E, H = 4, 6, 5, 3
LENGTHS = [6, 1, 4, 3]


def randomise(module, seed=0):
    """Give every weight, biases too, its own random value in float64."""
    generator = torch.Generator().manual_seed(seed)
    module = module.double()
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator, dtype=torch.float64) * 0.6)
    return module


def make_direction(activation="tanh", recurrent_dropout=0.0, seed=3):
    direction = LSTMDirection(
        E,
        H,
        activation=activation,
        recurrent_dropout=recurrent_dropout,
        generator=torch.Generator().manual_seed(seed),
    )
    return randomise(direction)


def make_layer(bidirectional=True, activation="tanh"):
    layer = LSTMLayer(
        E,
        H,
        bidirectional=bidirectional,
        activation=activation,
        recurrent_dropout=0.0,
        generator=torch.Generator().manual_seed(3),
    )
    return randomise(layer)


def torch_twin(direction, bidirectional=None):
    """Make torch's LSTM with the same weights."""
    twin = nn.LSTM(E, H, batch_first=True, bidirectional=bidirectional is not None).double()
    with torch.no_grad():
        for suffix, source in (("", direction), ("_reverse", bidirectional)):
            if source is not None:
                getattr(twin, f"weight_ih_l0{suffix}").copy_(source.input_weights)
                getattr(twin, f"weight_hh_l0{suffix}").copy_(source.recurrent_weights)
                getattr(twin, f"bias_ih_l0{suffix}").copy_(source.bias)
                getattr(twin, f"bias_hh_l0{suffix}").zero_()
    return twin


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(9)
    values = torch.randn(B, T, E, generator=generator, dtype=torch.float64)
    return values.requires_grad_()


@pytest.fixture
def upstream():
    """Make a random direction in which gradients are taken."""
    return torch.randn(B, T, H, generator=torch.Generator().manual_seed(8), dtype=torch.float64)


def gradients(states, upstream, *leaves):
    return torch.autograd.grad((states * upstream).sum(), leaves)


# One direction


@pytest.mark.parametrize("path", ["fused", "loop"])
def test_outputs_and_gradients_are_those_of_torch(inputs, upstream, path):
    direction = make_direction()
    twin = torch_twin(direction)
    states = direction(inputs) if path == "fused" else direction._loop(inputs, 0.0)
    expected = twin(inputs)[0]
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-10)

    own = (inputs, direction.input_weights, direction.recurrent_weights, direction.bias)
    theirs = (inputs, twin.weight_ih_l0, twin.weight_hh_l0, twin.bias_ih_l0)
    for got, wanted in zip(
        gradients(states, upstream, *own), gradients(expected, upstream, *theirs), strict=True
    ):
        torch.testing.assert_close(got, wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_states_are_those_of_the_written_out_recurrence(inputs, plain, activation):
    direction = make_direction(activation)
    states = direction(inputs).detach().numpy()
    for row in range(B):
        expected = plain.direction(
            inputs[row].detach().numpy(), plain.weights(direction), activation
        )
        np.testing.assert_allclose(states[row], expected, rtol=0, atol=1e-12)


def test_relu_is_another_function_than_tanh(inputs):
    states = make_direction("relu")(inputs)
    assert not torch.allclose(states, make_direction("tanh")(inputs), atol=0.01)
    assert float(states.detach().min()) == 0.0


def test_the_gradients_of_the_relu_loop(inputs):
    direction = make_direction("relu")

    def run(values, weights, recurrent, bias):
        names = ("input_weights", "recurrent_weights", "bias")
        chosen = dict(zip(names, (weights, recurrent, bias), strict=True))
        return torch.func.functional_call(direction, chosen, (values,))

    assert torch.autograd.gradcheck(
        run, (inputs, direction.input_weights, direction.recurrent_weights, direction.bias)
    )


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_text_alone_is_read_as_in_a_batch(inputs, activation):
    direction = make_direction(activation)
    together = direction(inputs)
    for row in range(B):
        alone = direction(inputs[row : row + 1, : LENGTHS[row]])
        torch.testing.assert_close(alone[0], together[row, : LENGTHS[row]], rtol=0, atol=1e-12)


# Recurrent dropout


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_recurrent_dropout_hides_the_same_units_at_all_steps(inputs, plain, activation):
    direction = make_direction(activation, recurrent_dropout=0.4).train()
    direction.generator.manual_seed(77)
    states = direction(inputs).detach().numpy()
    draws = torch.rand(B, H, generator=torch.Generator().manual_seed(77))
    masks = np.where(draws.numpy() >= 0.4, 1 / 0.6, 0.0)
    assert 0 < (masks == 0).sum() < masks.size
    for row in range(B):
        expected = plain.direction(
            inputs[row].detach().numpy(), plain.weights(direction), activation, masks[row]
        )
        np.testing.assert_allclose(states[row], expected, rtol=0, atol=1e-7)


def test_recurrent_dropout_repeats_from_the_same_seed(inputs):
    direction = make_direction(recurrent_dropout=0.5).train()
    first, second = (direction(inputs) for _ in range(2))
    assert not torch.equal(first, second)
    direction.generator.manual_seed(5)
    third = direction(inputs)
    direction.generator.manual_seed(5)
    assert torch.equal(third, direction(inputs))


def test_recurrent_dropout_is_off_while_scoring(inputs):
    direction = make_direction(recurrent_dropout=0.5).eval()
    assert torch.equal(direction(inputs), make_direction().eval()(inputs))


def test_recurrent_dropout_keeps_the_mean():
    """What is kept is scaled up, so that training and scoring agree on average."""
    direction = make_direction(recurrent_dropout=0.25)
    masks = torch.stack([direction._dropout_mask(torch.zeros(50, H), 0.25) for _ in range(100)])
    assert masks.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert float(masks.mean()) == pytest.approx(1.0, abs=0.02)


# Both directions


@pytest.mark.parametrize("lengths", [LENGTHS, [T] * B], ids=["unequal", "full"])
def test_both_directions_are_those_of_torch(inputs, lengths):
    layer = make_layer()
    twin = torch_twin(layer.forward_direction, layer.backward_direction)
    packed = nn.utils.rnn.pack_padded_sequence(
        inputs, torch.tensor(lengths), batch_first=True, enforce_sorted=False
    )
    expected, _ = nn.utils.rnn.pad_packed_sequence(twin(packed)[0], batch_first=True)
    states = layer(inputs, torch.tensor(lengths))
    inside = (torch.arange(T) < torch.tensor(lengths)[:, None])[:, :, None]
    torch.testing.assert_close(states * inside, expected, rtol=0, atol=1e-10)

    upstream = torch.randn(B, T, 2 * H, dtype=torch.float64, generator=torch.Generator())
    got = gradients(states * inside, upstream, inputs, *layer.backward_direction.parameters())
    wanted = gradients(
        expected,
        upstream,
        inputs,
        twin.weight_ih_l0_reverse,
        twin.weight_hh_l0_reverse,
        twin.bias_ih_l0_reverse,
    )
    for own, theirs in zip(got, wanted, strict=True):
        torch.testing.assert_close(own, theirs, rtol=0, atol=1e-10)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_backwards_is_forwards_over_each_text_turned_round(inputs, activation):
    layer = make_layer(activation=activation)
    states = layer(inputs, torch.tensor(LENGTHS))
    for row, length in enumerate(LENGTHS):
        turned = torch.stack([inputs[row, length - 1 - at] for at in range(length)])
        expected = layer.backward_direction(turned[None])[0].flip(0)
        torch.testing.assert_close(states[row, :length, H:], expected, rtol=0, atol=1e-12)


def test_one_direction_has_no_second_half(inputs):
    layer = make_layer(bidirectional=False)
    assert layer.backward_direction is None
    states = layer(inputs, torch.tensor(LENGTHS))
    assert torch.equal(states, layer.forward_direction(inputs))


# Turning round


@given(st.lists(st.integers(1, 7), min_size=1, max_size=6), st.integers(0, 3))
def test_turning_round_by_hand_and_back(lengths, extra):
    width = max(lengths) + extra
    values = torch.arange(len(lengths) * width * 2.0).reshape(len(lengths), width, 2)
    turned = reverse_texts(values, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        own = values[row].tolist()
        assert turned[row].tolist() == own[:length][::-1] + own[length:]
    assert torch.equal(reverse_texts(turned, torch.tensor(lengths)), values)


# The start


def test_initial_weights():
    """As Keras: forget bias 1, other biases 0, orthogonal recurrent weights, Glorot inputs."""
    direction = LSTMDirection(
        40,
        30,
        activation="tanh",
        recurrent_dropout=0.0,
        generator=torch.Generator().manual_seed(1),
    )
    bias = direction.bias.detach().reshape(4, 30)
    assert bias.tolist() == [[0.0] * 30, [1.0] * 30, [0.0] * 30, [0.0] * 30]
    recurrent = direction.recurrent_weights.detach()
    torch.testing.assert_close(recurrent.T @ recurrent, torch.eye(30), rtol=0, atol=1e-5)
    limit = (6 / (40 + 120)) ** 0.5
    largest = float(direction.input_weights.detach().abs().max())
    assert 0.98 * limit < largest <= limit


def test_initial_weights_are_drawn_from_the_generator_given():
    before = torch.random.get_rng_state()
    first, second, other = (make_weights(seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def make_weights(seed):
    generator = torch.Generator().manual_seed(seed)
    direction = LSTMDirection(E, H, activation="tanh", recurrent_dropout=0.0, generator=generator)
    return torch.cat([weight.flatten() for weight in direction.parameters()])


def test_weights_in_one_piece_are_the_same_weights():
    weights = [weight.requires_grad_() for weight in (torch.randn(4, 3), torch.randn(5))]
    pieces = _in_one_piece(weights)
    assert all(torch.equal(piece, weight) for piece, weight in zip(pieces, weights, strict=True))
    first, second = pieces
    assert second.data_ptr() == first.data_ptr() + 4 * first.numel()
    (first.sum() + (second * second).sum()).backward()
    assert torch.equal(weights[0].grad, torch.ones(4, 3))
    assert torch.equal(weights[1].grad, 2 * weights[1].detach())
