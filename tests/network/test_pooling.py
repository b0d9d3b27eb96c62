from __future__ import annotations

import pytest
import torch

from gatewise.network.pooling import pool_over_time

LENGTHS = torch.tensor([4, 1, 3])
KINDS = [(True, False), (False, True), (True, True)]


def make_states(kind=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return torch.randn((3, 4, 5), generator=generator, dtype=torch.float64).to(kind)


def pooled_one_by_one(states, largest, mean):
    rows = []
    for text, length in zip(states, LENGTHS, strict=True):
        own = text[:length]
        rows.append(torch.cat([*[own.amax(0)] * largest, *[own.mean(0)] * mean]))
    return torch.stack(rows)


@pytest.mark.parametrize(("largest", "mean"), KINDS)
def test_values_and_gradients_are_those_of_each_text_alone(largest, mean):
    states = make_states().requires_grad_()
    got = pool_over_time(states, LENGTHS, largest=largest, mean=mean)
    wanted = pooled_one_by_one(states, largest, mean)
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-15)
    weights = torch.linspace(-1.0, 2.0, got.numel(), dtype=torch.float64).view_as(got)
    (of_got,) = torch.autograd.grad((got * weights).sum(), states)
    (of_wanted,) = torch.autograd.grad((wanted * weights).sum(), states)
    torch.testing.assert_close(of_got, of_wanted, rtol=0, atol=1e-15)
    assert not of_got[1, 1:].any(), "padding has no gradient"


def test_a_maximum_at_two_positions_shares_its_gradient():
    states = torch.tensor([[[1.0, 2.0], [1.0, 0.0], [5.0, 5.0]]], requires_grad=True)
    pool_over_time(states, torch.tensor([2]), largest=True, mean=False).sum().backward()
    assert states.grad.tolist() == [[[0.5, 1.0], [0.5, 0.0], [0.0, 0.0]]]


@pytest.mark.parametrize("padding", [float("inf"), -1e30])
def test_what_stands_in_the_padding_does_not_matter_to_the_maximum(padding):
    states = make_states()
    wanted = pool_over_time(states, LENGTHS, largest=True, mean=False)
    states[1, 1:] = -abs(padding)
    assert torch.equal(pool_over_time(states, LENGTHS, largest=True, mean=False), wanted)


def test_bfloat16_is_pooled_in_float32_and_goes_back_as_it_came():
    states = make_states(torch.bfloat16).requires_grad_()
    pooled = pool_over_time(states, LENGTHS, largest=True, mean=True)
    assert pooled.dtype == torch.float32
    wanted = pooled_one_by_one(states.detach().float(), True, True)
    torch.testing.assert_close(pooled, wanted, rtol=1e-6, atol=1e-7)
    pooled.sum().backward()
    assert states.grad.dtype == torch.bfloat16
