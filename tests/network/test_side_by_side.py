from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import torch

from gatewise.network.lstm import LSTMLayer
from gatewise.network.pooling import pool_over_time
from gatewise.network.side_by_side import run_side_by_side, threads_are_shared_out, two_lanes


@pytest.fixture(autouse=True)
def _two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def make_layer(**changes):
    settings = {"bidirectional": True, "activation": "tanh", "recurrent_dropout": 0.0} | changes
    return LSTMLayer(5, 4, **settings, generator=torch.Generator().manual_seed(3))


def states_and_gradients(layer, *, bf16=False):
    inputs = torch.randn((3, 6, 5), generator=torch.Generator().manual_seed(1)).requires_grad_()
    layer.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        states = layer(inputs, torch.tensor([6, 2, 4]))
    states.float().square().sum().backward()
    return [states, inputs.grad, *(weight.grad.clone() for weight in layer.parameters())]


@pytest.mark.parametrize("bf16", [False, True])
def test_the_same_bits_as_one_after_the_other(bf16):
    with two_lanes("cpu"):
        assert threads_are_shared_out()
        got = states_and_gradients(make_layer(), bf16=bf16)
    assert not threads_are_shared_out()
    torch.set_num_threads(1)
    wanted = states_and_gradients(make_layer(), bf16=bf16)
    assert got[0].dtype == wanted[0].dtype
    assert all(torch.equal(one, other) for one, other in zip(got, wanted, strict=True))


@pytest.mark.parametrize("lanes", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_directions_are_pooled_where_they_are_read(lanes, activation):
    """Value and gradients are those of pooling the states of both, side by side."""
    lengths = torch.tensor([6, 2, 4])
    found = []
    for apart in (True, False):
        layer = make_layer(activation=activation).double()
        draw = torch.Generator().manual_seed(1)
        inputs = torch.randn((3, 6, 5), generator=draw).double().requires_grad_()
        weights = torch.randn((3, 8), generator=draw).double()
        with two_lanes("cpu", wanted=lanes):
            if apart:
                parts = layer.each_direction(inputs, lengths, partial(pool_states, lengths))
                pooled = torch.cat(parts, dim=1)
            else:
                pooled = pool_states(lengths, layer(inputs, lengths))
            (pooled * weights).sum().backward()
        gradients = [weight.grad for weight in layer.parameters()]
        found.append([pooled.detach(), inputs.grad, *gradients])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def pool_states(lengths, states):
    return pool_over_time(states, lengths, largest=False, mean=True) + pool_over_time(
        states, lengths, largest=True, mean=False
    )


@pytest.mark.parametrize("n_threads", [2, 4, 5])
def test_each_lane_has_half_of_the_threads_and_all_else_one(n_threads):
    torch.set_num_threads(n_threads)
    one = (torch.zeros(1),)
    with two_lanes("cpu"):
        assert torch.get_num_threads() == 1
        counts = run_side_by_side(lambda _: torch.tensor(torch.get_num_threads()), one, one)
    assert [int(count) for count in counts] == [n_threads // 2] * 2
    assert torch.get_num_threads() == n_threads
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == n_threads


def test_lanes_end_with_an_error():
    with pytest.raises(ZeroDivisionError), two_lanes("cpu"):
        raise ZeroDivisionError
    assert torch.get_num_threads() == 2
    assert not threads_are_shared_out()


@pytest.mark.parametrize(
    ("device", "wanted", "n_threads"), [("cuda", True, 2), ("cpu", False, 2), ("cpu", True, 1)]
)
def test_no_lanes(device, wanted, n_threads):
    torch.set_num_threads(n_threads)
    with two_lanes(device, wanted=wanted):
        assert not threads_are_shared_out()
        assert torch.get_num_threads() == n_threads


def test_nothing_is_recorded_where_nothing_is_learnt():
    layer = make_layer().eval()
    with torch.no_grad(), two_lanes("cpu"):
        states = layer(torch.ones(2, 3, 5), torch.tensor([3, 1]))
    torch.set_num_threads(1)
    assert torch.equal(states, layer(torch.ones(2, 3, 5), torch.tensor([3, 1])))
    assert not states.requires_grad


def test_frozen_inputs_get_no_gradient():
    fixed, learnt = torch.tensor([2.0]), torch.tensor([3.0], requires_grad=True)
    with two_lanes("cpu"):
        both = run_side_by_side(torch.mul, (fixed, learnt), (learnt, learnt))
    (both[0] + both[1]).backward()
    assert learnt.grad.item() == 2.0 + 2 * 3.0
    assert fixed.grad is None


def test_an_error_in_a_lane_comes_out():
    three, two = torch.ones(3), torch.ones(2)
    with two_lanes("cpu"), pytest.raises(RuntimeError):
        run_side_by_side(torch.mul, (two, three), (two, two))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, True),
        ({"bidirectional": False}, False),
        ({"activation": "relu"}, False),
        ({"recurrent_dropout": 0.5}, False),
    ],
)
def test_which_layers_fill_two_lanes(settings, expected):
    assert make_layer(**settings).train().fills_two_lanes is expected


def _in_child(queue):
    one = (torch.ones(1),)
    with two_lanes("cpu"):
        queue.put(float(run_side_by_side(torch.neg, one, one)[1]))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
def test_a_forked_process_has_lanes_of_its_own():
    one = (torch.ones(1),)
    with two_lanes("cpu"):
        run_side_by_side(torch.neg, one, one)
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    process = context.Process(target=_in_child, args=(queue,))
    process.start()
    process.join(30)
    assert process.exitcode == 0
    assert queue.get() == -1.0
