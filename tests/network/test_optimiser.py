from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch

from gatewise.network.optimiser import NetworkOptimiser, learning_rate_factor

RATES = {"learning_rate": 0.05, "word_rate": 0.2, "weight_decay": 0.1, "gradient_clip": 0.0}
BETA1, BETA2, EPSILON = 0.9, 0.99, 1e-7


def make_optimiser(network, **changes):
    return NetworkOptimiser(network, **{**RATES, "beta2": BETA2, "epsilon": EPSILON} | changes)


def update(optimiser, loss, factor):
    optimiser.zero_grad()
    loss.backward()
    optimiser.step(factor)


def take_steps(plain, network, optimiser, n_steps, first=0):
    """Take steps on batches that use other words each time."""
    for step in range(first, first + n_steps):
        texts = [plain.texts[step % 2], plain.texts[3 + step % 2]]
        loss = network.train()(plain.batch(texts)).square().sum()
        update(optimiser, loss, 1.0 / (1 + step))


def snapshot(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


# The updates


def test_updates_are_those_written_out(plain):
    """AdamW for dense weights; for rows of a table Adam, and only in steps that use them."""
    network = plain.network()
    shadow = copy.deepcopy(network)
    optimiser = make_optimiser(network)
    moments = {
        name: [np.zeros_like(value.numpy()) for _ in range(2)]
        for name, value in snapshot(network).items()
    }
    for step in range(4):
        texts = [plain.texts[step % 2], plain.texts[3 + step % 2]]
        factor = 1.0 / (1 + step)
        shadow.zero_grad()
        shadow.train()(plain.batch(texts)).square().sum().backward()
        for name, weight in shadow.named_parameters():
            write_out_step(weight, name, moments[name], step + 1, factor)
        update(optimiser, network.train()(plain.batch(texts)).square().sum(), factor)
        for (name, got), wanted in zip(
            network.named_parameters(), shadow.parameters(), strict=True
        ):
            torch.testing.assert_close(got, wanted, rtol=0, atol=1e-12, msg=name)


def write_out_step(weight, name, moments, step, factor):
    sparse = weight.grad.is_sparse
    gradient = weight.grad.to_dense().numpy()
    used = np.ones(len(gradient), dtype=bool)
    if sparse:
        used = np.zeros(len(gradient), dtype=bool)
        used[weight.grad.coalesce().indices()[0].numpy()] = True
    rate = RATES["learning_rate"] * factor
    rate *= RATES["word_rate"] if name == "words.weight" else 1.0
    first, second = moments
    first[used] = BETA1 * first[used] + (1 - BETA1) * gradient[used]
    second[used] = BETA2 * second[used] + (1 - BETA2) * gradient[used] ** 2
    values = weight.detach().numpy()
    if sparse:  # torch's SparseAdam puts epsilon beside the moment that is not corrected
        size = rate * math.sqrt(1 - BETA2**step) / (1 - BETA1**step)
        values[used] -= size * first[used] / (np.sqrt(second[used]) + EPSILON)
    else:
        values *= 1 - rate * RATES["weight_decay"]
        corrected = first / (1 - BETA1**step), second / (1 - BETA2**step)
        values -= rate * corrected[0] / (np.sqrt(corrected[1]) + EPSILON)


def test_updates_are_those_of_torch(plain):
    network = plain.network()
    shadow = copy.deepcopy(network)
    tables = [shadow.words.weight, shadow.ngrams.weight]
    dense = [weight for weight in shadow.parameters() if all(weight is not one for one in tables)]
    common = {"lr": 0.05, "betas": (BETA1, BETA2), "eps": EPSILON}
    adam = torch.optim.AdamW(dense, weight_decay=0.1, **common)
    lazy = torch.optim.SparseAdam(
        [{"params": [tables[0]], "lr": 0.05 * 0.2}, {"params": [tables[1]]}], **common
    )
    optimiser = make_optimiser(network)
    for step in range(3):
        batch = plain.batch(plain.texts[step:])
        update(optimiser, network.train()(batch).square().sum(), 1.0)
        for one in (adam, lazy):
            one.zero_grad()
        shadow.train()(batch).square().sum().backward()
        for one in (adam, lazy):
            one.step()
    for got, wanted in zip(network.parameters(), shadow.parameters(), strict=True):
        torch.testing.assert_close(got, wanted, rtol=0, atol=1e-14)


@pytest.mark.parametrize("clip", [0.0, 0.1])
def test_rows_that_no_batch_uses_keep_every_bit(plain, clip):
    network = plain.network()
    optimiser = make_optimiser(network, gradient_clip=clip)
    before = snapshot(network)
    for _ in range(3):
        loss = network.train()(plain.batch(plain.texts[3:4])).square().sum()  # words 1, 4, 7
        update(optimiser, loss, 1.0)
    after = snapshot(network)
    words = (after["words.weight"] != before["words.weight"]).any(dim=1).nonzero().flatten()
    ngrams = (after["ngrams.weight"] != before["ngrams.weight"]).any(dim=1).nonzero().flatten()
    assert words.tolist() == [1, 4, 7]
    assert ngrams.tolist() == [0, 1, 2, 5]
    assert all((after[name] != before[name]).any() for name in after)


def test_a_row_that_rests_keeps_its_moments(plain):
    """Used in steps 1 and 3: in step 2, in which dense Adam would drift on, it stays."""
    network = plain.network()
    optimiser = make_optimiser(network)
    take_steps(plain, network, optimiser, 1)
    row = network.words.weight[5].clone()
    take_steps(plain, network, optimiser, 1, first=1)
    assert torch.equal(network.words.weight[5], row)
    take_steps(plain, network, optimiser, 1, first=2)
    assert not torch.equal(network.words.weight[5], row)


def test_frozen_words_stay_and_the_rest_learns(plain):
    network = plain.network(frozen_words=True)
    before = snapshot(network)
    take_steps(plain, network, make_optimiser(network), 2)
    after = snapshot(network)
    assert torch.equal(after["words.weight"], before["words.weight"])
    assert not torch.equal(after["ngrams.weight"], before["ngrams.weight"])
    assert not torch.equal(after["dense.weight"], before["dense.weight"])


def test_a_word_rate_of_zero_leaves_the_words(plain):
    network = plain.network()
    before = network.words.weight.detach().clone()
    take_steps(plain, network, make_optimiser(network, word_rate=0.0), 2)
    assert torch.equal(network.words.weight, before)


def test_a_factor_of_zero_changes_nothing(plain):
    network = plain.network()
    before = snapshot(network)
    optimiser = make_optimiser(network)
    update(optimiser, network.train()(plain.batch(plain.texts)).square().sum(), 0.0)
    assert all(torch.equal(value, before[name]) for name, value in snapshot(network).items())


# Clipping


@pytest.mark.parametrize("limit", [0.5, 3.0, 1e6])
@pytest.mark.parametrize("shape", [{}, {"frozen_words": True}, {"ngram_dimension": 0}])
def test_clipping_is_that_of_torch_on_dense_copies(plain, limit, shape):
    network = plain.network(**shape)
    shadow = copy.deepcopy(network)
    loss = network.train()(plain.batch(plain.texts)).square().sum()
    update(make_optimiser(network, gradient_clip=limit), loss, 1.0)
    shadow.train()(plain.batch(plain.texts)).square().sum().backward()
    copies = []
    for weight in shadow.parameters():
        if weight.grad is not None:
            dense = torch.nn.Parameter(torch.zeros_like(weight))
            dense.grad = weight.grad.to_dense()
            copies.append(dense)
    norm = torch.nn.utils.clip_grad_norm_(copies, limit)
    assert (norm > limit) == (limit < 1e6)
    got = [weight.grad.to_dense() for weight in network.parameters() if weight.grad is not None]
    for own, theirs in zip(got, copies, strict=True):
        torch.testing.assert_close(own, theirs.grad, rtol=1e-12, atol=1e-15)


def test_weights_that_a_loss_does_not_use_are_passed_over(plain):
    network = plain.network()
    before = snapshot(network)
    update(make_optimiser(network, gradient_clip=0.1), network.dense.weight.square().sum(), 1.0)
    changed = [name for name, value in snapshot(network).items() if (value != before[name]).any()]
    assert changed == ["dense.weight"]


def test_without_a_limit_gradients_stay_as_they_are(plain):
    network = plain.network()
    shadow = copy.deepcopy(network)
    loss = network.train()(plain.batch(plain.texts)).sum() * 1e4
    update(make_optimiser(network), loss, 1.0)
    (shadow.train()(plain.batch(plain.texts)).sum() * 1e4).backward()
    for got, wanted in zip(network.parameters(), shadow.parameters(), strict=True):
        assert torch.equal(got.grad.to_dense(), wanted.grad.to_dense())


# The schedule


def test_the_schedule_rises_straight_and_falls_as_a_cosine():
    factors = [learning_rate_factor(step, 100, 0.1) for step in range(100)]
    assert factors[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    expected = [(1 + math.cos(math.pi * step / 90)) / 2 for step in range(90)]
    assert factors[10:] == pytest.approx(expected)
    assert factors[-1] < 0.001
    assert max(factors) == 1.0


def test_without_warmup_the_rate_is_constant():
    assert {learning_rate_factor(step, 50, 0.0) for step in range(60)} == {1.0}


@pytest.mark.parametrize("n_steps", [1, 2, 3])
def test_the_schedule_of_few_steps(n_steps):
    factors = [learning_rate_factor(step, n_steps, 0.1) for step in range(n_steps)]
    assert factors[0] == 1.0
    assert all(0.0 <= factor <= 1.0 for factor in factors)


# Kept and restored


@pytest.mark.parametrize(
    "shape", [{}, {"frozen_words": True}, {"frozen_words": True, "ngram_dimension": 0}]
)
def test_a_restored_optimiser_takes_the_same_steps(plain, shape):
    network = plain.network(**shape).float()
    optimiser = make_optimiser(network, gradient_clip=1.0)
    take_steps(plain, network, optimiser, 3)
    kept = {name: value.clone() for name, value in optimiser.state().items()}

    twin = copy.deepcopy(network)
    restored = make_optimiser(twin, gradient_clip=1.0)
    restored.restore(kept)
    take_steps(plain, network, optimiser, 3, first=3)
    take_steps(plain, twin, restored, 3, first=3)
    assert all(
        torch.equal(value, snapshot(twin)[name]) for name, value in snapshot(network).items()
    )
    fresh = copy.deepcopy(network)
    take_steps(plain, fresh, make_optimiser(fresh, gradient_clip=1.0), 1, first=6)
    take_steps(plain, network, optimiser, 1, first=6)
    assert not torch.equal(fresh.dense.weight, network.dense.weight)


def test_the_state_is_tensors_under_flat_names(plain):
    network = plain.network()
    optimiser = make_optimiser(network)
    assert optimiser.state() == {}
    take_steps(plain, network, optimiser, 2)
    state = optimiser.state()
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    assert {name.rpartition(".")[2] for name in state} == {"step", "exp_avg", "exp_avg_sq"}
    n_weights = len(list(network.parameters()))
    assert len(state) == 3 * n_weights
