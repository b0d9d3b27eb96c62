"""Texts that are moved towards a larger loss, and what is learnt from them."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional

from gatewise.network.adversarial import moved_vectors
from gatewise.network.batch_gradients import BatchGradients
from gatewise.network.precision import Precision
from gatewise.network.training import TrainingConfig, train_network

SHARE = 0.2
TARGETS = torch.tensor([2, 0, 1, 1, 0])


def random_vectors(dtype=torch.float64):
    generator = torch.Generator().manual_seed(4)
    vectors, gradients = (torch.randn(3, 5, 4, generator=generator).to(dtype) for _ in range(2))
    return vectors, gradients, torch.tensor([5, 2, 1])


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e20])
def test_a_text_is_moved_along_its_gradient_by_a_share_of_its_length(scale):
    vectors, gradients, lengths = random_vectors()
    moves = (moved_vectors(vectors, gradients * scale, lengths, SHARE) - vectors).numpy()
    for number, length in enumerate(lengths.tolist()):
        wanted = gradients[number, :length].numpy()
        wanted = wanted / np.sqrt((wanted**2).sum())
        wanted *= SHARE * np.sqrt((vectors[number, :length].numpy() ** 2).sum())
        np.testing.assert_allclose(moves[number, :length], wanted, rtol=1e-9)
        assert not moves[number, length:].any()


def test_a_text_without_a_gradient_stays_where_it_is():
    vectors, gradients, lengths = random_vectors()
    gradients[1] = 0.0
    moved = moved_vectors(vectors, gradients, lengths, SHARE)
    assert torch.equal(moved[1], vectors[1])
    assert not torch.equal(moved[0], vectors[0])


def test_moves_are_computed_in_float32_at_least():
    vectors, gradients, lengths = random_vectors()
    exact = moved_vectors(vectors, gradients, lengths, SHARE)
    rounded = moved_vectors(vectors.bfloat16(), gradients.bfloat16() * 1e-30, lengths, SHARE)
    assert rounded.dtype == torch.bfloat16
    np.testing.assert_allclose(rounded.double().numpy(), exact.numpy(), rtol=0.02, atol=0.02)


def batch_gradients(network, batch, weights=None, n_records=5):
    return BatchGradients(
        network,
        batch,
        TARGETS,
        weights,
        n_records=n_records,
        rows=slice(0, 5),
        precision=Precision(),
        label_smoothing=0.1,
    )


def plain_loss(network, vectors, batch):
    logits = network.decide(network.summarise(vectors, batch.lengths))
    return functional.cross_entropy(logits, TARGETS, reduction="none", label_smoothing=0.1)


def found_gradients(network):
    return {
        name: weight.grad.to_dense() if weight.grad.is_sparse else weight.grad
        for name, weight in network.named_parameters()
        if weight.grad is not None
    }


@pytest.mark.parametrize(
    "changes",
    [{}, {"projection": 4}, {"frozen_words": True, "n_ngrams": 0, "ngram_dimension": 0}],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_gradients_are_those_of_both_losses(plain, changes, weighted):
    network, batch = plain.network(**changes), plain.batch(plain.texts)
    weights = torch.tensor([0.5, 2.0, 0.0, 1.0, 3.0], dtype=torch.float64) if weighted else None
    reading = batch_gradients(network, batch, weights, n_records=7)
    losses, predicted = reading.learn_adversarially(SHARE)

    # Written out: one loss of both, with autograd from end to end.
    shadow = copy.deepcopy(network)
    shadow.zero_grad()
    vectors = shadow.embed(batch)
    here = vectors.detach().requires_grad_()
    (slopes,) = torch.autograd.grad(plain_loss(shadow, here, batch).sum(), here)
    if weighted:
        slopes = slopes * (weights > 0)[:, None, None]
    moves = moved_vectors(here.detach(), slopes, batch.lengths, SHARE) - here.detach()
    clean, worse = plain_loss(shadow, vectors, batch), plain_loss(shadow, vectors + moves, batch)
    counts = torch.ones(5) if weights is None else weights
    (((clean + worse) / 2 * counts).sum() / 7).backward()

    torch.testing.assert_close(losses, clean.detach() * counts)
    assert predicted.exp().sum(dim=1).tolist() == pytest.approx([1.0] * 5)
    wanted, found = found_gradients(shadow), found_gradients(network)
    assert set(found) == set(wanted)
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-9, atol=1e-12, msg=name)
    assert (worse[counts > 0] > clean[counts > 0]).all()


def test_without_a_move_both_ways_learn_the_same(plain):
    batch, networks = plain.batch(plain.texts), [plain.network() for _ in range(2)]
    batch_gradients(networks[0], batch).learn()
    batch_gradients(networks[1], batch).learn_adversarially(0.0)
    one, other = map(found_gradients, networks)
    for name, gradient in one.items():
        torch.testing.assert_close(other[name], gradient, rtol=1e-10, atol=1e-13, msg=name)


def test_training_learns_from_moved_texts(dropping, make_records):
    """Beside the labels it learns to give the same answer around a text."""
    losses = {}
    for share in (0.0, 0.5):
        network, records = dropping(), make_records()
        settings = TrainingConfig(
            epochs=40, batch_size=15, learning_rate=0.02, patience=0, adversarial=share
        )
        history = train_network(network, records, settings, seed=1)
        assert history[-1].accuracy > 0.9, history[-1].accuracy
        batch = records.batch(np.arange(len(records.texts)))
        targets = torch.from_numpy(records.targets)
        network.eval()
        here = network.embed(batch).detach().requires_grad_()
        score = functional.cross_entropy(
            network.decide(network.summarise(here, batch.lengths)), targets, reduction="sum"
        )
        (slopes,) = torch.autograd.grad(score, here)
        moved = moved_vectors(here.detach(), slopes, batch.lengths, 0.5)
        logits = network.decide(network.summarise(moved, batch.lengths))
        losses[share] = float(functional.cross_entropy(logits, targets).detach())
    assert losses[0.5] < 0.8 * losses[0.0]
