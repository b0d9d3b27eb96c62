from __future__ import annotations

import multiprocessing
import os

import pytest
import torch

from gatewise.network.lstm import LSTMLayer
from gatewise.network.side_by_side import can_run_side_by_side, run_side_by_side


@pytest.fixture
def two_threads(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def make_layer():
    return LSTMLayer(
        5,
        4,
        bidirectional=True,
        activation="tanh",
        recurrent_dropout=0.0,
        generator=torch.Generator().manual_seed(3),
    )


def states_and_gradients(layer, *, bf16=False):
    inputs = torch.randn((3, 6, 5), generator=torch.Generator().manual_seed(1)).requires_grad_()
    layer.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        states = layer(inputs, torch.tensor([6, 2, 4]))
    states.float().square().sum().backward()
    return [states, inputs.grad, *(weight.grad.clone() for weight in layer.parameters())]


@pytest.mark.parametrize("bf16", [False, True])
def test_the_same_bits_as_one_after_the_other(bf16, two_threads):
    assert can_run_side_by_side(torch.zeros(1))
    got = states_and_gradients(make_layer(), bf16=bf16)
    torch.set_num_threads(1)
    assert not can_run_side_by_side(torch.zeros(1))
    wanted = states_and_gradients(make_layer(), bf16=bf16)
    assert got[0].dtype == wanted[0].dtype
    assert all(torch.equal(one, other) for one, other in zip(got, wanted, strict=True))


def test_not_where_threads_do_not_sleep(two_threads, monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    assert not can_run_side_by_side(torch.zeros(1))
    monkeypatch.delenv("OMP_WAIT_POLICY")
    assert not can_run_side_by_side(torch.zeros(1))


def test_each_has_half_of_the_threads_and_the_rest_is_as_before(two_threads):
    torch.set_num_threads(4)
    first = torch.zeros(1), torch.zeros(1)
    counts = run_side_by_side(lambda _: torch.tensor(torch.get_num_threads()), first[:1], first[1:])
    assert [int(count) for count in counts] == [2, 2]
    assert torch.get_num_threads() == 4


def test_nothing_is_recorded_where_nothing_is_learnt(two_threads):
    with torch.no_grad():
        layer = make_layer().eval()
        states = layer(torch.ones(2, 3, 5), torch.tensor([3, 1]))
        torch.set_num_threads(1)
        assert torch.equal(states, layer(torch.ones(2, 3, 5), torch.tensor([3, 1])))
    assert not states.requires_grad


def test_frozen_inputs_get_no_gradient(two_threads):
    fixed, learnt = torch.tensor([2.0]), torch.tensor([3.0], requires_grad=True)
    both = run_side_by_side(torch.mul, (fixed, learnt), (learnt, learnt))
    (both[0] + both[1]).backward()
    assert learnt.grad.item() == 2.0 + 2 * 3.0
    assert fixed.grad is None


def test_an_error_in_one_of_them_comes_out(two_threads):
    with pytest.raises(RuntimeError):
        run_side_by_side(torch.mul, (torch.ones(2), torch.ones(3)), (torch.ones(1), torch.ones(1)))


def _in_child(queue):
    torch.set_num_threads(2)
    queue.put(float(run_side_by_side(torch.neg, (torch.ones(1),), (torch.ones(1),))[1]))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own(two_threads):
    run_side_by_side(torch.neg, (torch.ones(1),), (torch.ones(1),))
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    process = context.Process(target=_in_child, args=(queue,))
    process.start()
    process.join(30)
    assert process.exitcode == 0
    assert queue.get() == -1.0
