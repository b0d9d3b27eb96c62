from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gatewise.network.config import POOLINGS, NetworkConfig
from gatewise.network.model import TextNetwork, build_network, log_probabilities

MASKED = tuple(pooling for pooling in POOLINGS if pooling != "flatten")


def run(network, batch):
    network.eval()
    with torch.no_grad():
        return network(batch).numpy()


# The whole forward pass


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("projection", [0, 5])
@pytest.mark.parametrize("ngram_dimension", [0, 3])
@pytest.mark.parametrize("pooling", MASKED)
def test_logits_are_those_of_plain_loops(
    plain, pooling, ngram_dimension, projection, bidirectional
):
    network = plain.network(
        pooling=pooling,
        ngram_dimension=ngram_dimension,
        projection=projection,
        bidirectional=bidirectional,
    )
    logits = run(network, plain.batch(plain.texts))
    np.testing.assert_allclose(logits, plain.logits(network, plain.texts), rtol=0, atol=1e-12)


@pytest.mark.parametrize("projection", [0, 5])
@pytest.mark.parametrize("ngram_dimension", [0, 3])
@pytest.mark.parametrize("pooling", ["max", "mean", "max-mean"])
def test_logits_with_token_vectors_pooled_beside_the_states(
    plain, pooling, ngram_dimension, projection
):
    network = plain.network(
        pooling=pooling,
        ngram_dimension=ngram_dimension,
        projection=projection,
        pool_vectors=True,
        layers=2,
    )
    logits = run(network, plain.batch(plain.texts, width=9))
    np.testing.assert_allclose(logits, plain.logits(network, plain.texts), rtol=0, atol=1e-12)


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("projection", [0, 5])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_logits_with_zeros_in_front(plain, pooling, projection, bidirectional):
    network = plain.network(
        pooling=pooling, projection=projection, bidirectional=bidirectional, fixed_length=True
    )
    logits = run(network, plain.batch(plain.texts, width=6, front=True))
    np.testing.assert_allclose(logits, plain.logits(network, plain.texts), rtol=0, atol=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_logits_of_stacked_layers(plain, activation, bidirectional):
    network = plain.network(layers=3, activation=activation, bidirectional=bidirectional)
    logits = run(network, plain.batch(plain.texts))
    np.testing.assert_allclose(logits, plain.logits(network, plain.texts), rtol=0, atol=1e-12)


@pytest.mark.parametrize("pooling", MASKED)
def test_padding_changes_nothing(plain, pooling):
    network = plain.network(pooling=pooling, layers=2)
    narrow = run(network, plain.batch(plain.texts))
    wide = run(network, plain.batch(plain.texts, width=13))
    np.testing.assert_allclose(wide, narrow, rtol=0, atol=1e-12)


@pytest.mark.parametrize("pooling", MASKED)
def test_the_order_of_a_batch_and_its_company_change_nothing(plain, pooling):
    network = plain.network(pooling=pooling)
    together = run(network, plain.batch(plain.texts))
    backwards = run(network, plain.batch(plain.texts[::-1]))
    np.testing.assert_allclose(backwards[::-1], together, rtol=0, atol=1e-12)
    for text, expected in zip(plain.texts, together, strict=True):
        np.testing.assert_allclose(
            run(network, plain.batch([text]))[0], expected, rtol=0, atol=1e-12
        )


def test_a_batch_without_any_ngram(plain):
    network = plain.network()
    texts = [[(2, ()), (3, ())], [(4, ())]]
    batch = plain.batch(texts)
    assert len(batch.ngram_ids) == 0
    np.testing.assert_allclose(run(network, batch), plain.logits(network, texts), atol=1e-12)
    network.train()(batch).sum().backward()
    assert not network.ngrams.weight.grad.to_dense().any()


def test_ngrams_need_a_table_and_a_dimension(plain):
    assert plain.network(n_ngrams=0).ngrams is None
    assert plain.network(ngram_dimension=0).ngrams is None
    assert plain.network().ngrams is not None


# Gradients


SHAPES = [
    {"pooling": "max"},
    {"pooling": "mean", "bidirectional": False, "layers": 2},
    {"pooling": "max-mean", "projection": 5, "pool_vectors": True},
    {"pooling": "last", "activation": "relu"},
    {"pooling": "flatten", "activation": "relu", "fixed_length": True, "ngram_dimension": 0},
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape["pooling"])
@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_gradients_are_finite_differences(plain, shape, output):
    network = plain.network(output=output, **shape).train()
    front = network.config.fixed_length
    batch = plain.batch(plain.texts, width=6 if front else None, front=front)
    targets = torch.tensor([0, 2, 1, 1, 0])

    def loss():
        predicted = log_probabilities(network(batch), output)
        return -predicted.gather(1, targets[:, None]).mean()

    loss().backward()
    step = 1e-6  # so short that no maximum passes to another position
    with torch.no_grad():
        for name, weight in network.named_parameters():
            got = weight.grad.to_dense().flatten()
            flat = weight.view(-1)
            for number in range(0, len(flat), max(1, len(flat) // 12)):
                kept = float(flat[number])
                flat[number] = kept + step
                above = float(loss())
                flat[number] = kept - step
                below = float(loss())
                flat[number] = kept
                slope = (above - below) / (2 * step)
                assert float(got[number]) == pytest.approx(slope, abs=1e-8), (name, number)


def test_only_words_of_the_batch_have_a_gradient(plain):
    network = plain.network()
    network.train()(plain.batch(plain.texts[3:])).square().sum().backward()
    gradient = network.words.weight.grad
    assert gradient.is_sparse
    touched = gradient.to_dense().abs().sum(dim=1).nonzero().flatten().tolist()
    assert set(touched) <= {0, 1, 2, 4, 6, 7}
    assert {1, 2, 4, 6, 7} <= set(touched)
    touched = network.ngrams.weight.grad.to_dense().abs().sum(dim=1).nonzero().flatten()
    assert touched.tolist() == [0, 1, 2, 3, 5]


def test_frozen_words_get_no_gradient(plain):
    network = plain.network(frozen_words=True)
    assert not network.words.weight.requires_grad
    network.train()(plain.batch(plain.texts)).square().sum().backward()
    assert network.words.weight.grad is None
    assert network.ngrams.weight.grad.to_dense().any()
    assert all(weight.grad is not None for weight in network.layers.parameters())


# Output


def test_softmax_probabilities():
    logits = torch.tensor([[1.0, -2.0, 0.5], [80.0, -90.0, 3.0]], dtype=torch.float64)
    exponentials = np.exp(logits.numpy() - logits.numpy().max(axis=1, keepdims=True))
    expected = exponentials / exponentials.sum(axis=1, keepdims=True)
    got = log_probabilities(logits, "softmax").exp().numpy()
    np.testing.assert_allclose(got, expected, atol=1e-15)


def test_sigmoid_outputs_are_divided_by_their_sum():
    """As Keras does inside categorical_crossentropy."""
    logits = torch.tensor([[1.0, -2.0, 0.5], [-30.0, -31.0, 4.0]], dtype=torch.float64)
    outputs = 1 / (1 + np.exp(-logits.numpy()))
    expected = outputs / outputs.sum(axis=1, keepdims=True)
    got = log_probabilities(logits, "sigmoid").exp().numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_extreme_logits_stay_finite(output):
    logits = torch.tensor([[-1e4, -2e4], [1e4, 1e4]])
    predicted = log_probabilities(logits, output)
    assert predicted.isfinite().all()
    torch.testing.assert_close(predicted.exp().sum(dim=1), torch.ones(2))


# Dropout


def test_spatial_dropout_hides_whole_channels_of_a_text(plain):
    network = plain.network(spatial_dropout=0.4).train()
    batch = plain.batch([[(2, (0,)), (3, (1,)), (4, (2,))]] * 40)
    kept = network.embed(batch)
    full = network.eval().embed(batch)
    share = kept / full  # (B, T, E)
    torch.testing.assert_close(share.amax(dim=1), share.amin(dim=1))
    values = share[:, 0].flatten()
    hidden = values.abs() < 1e-12
    torch.testing.assert_close(values[~hidden], torch.full_like(values[~hidden], 1 / 0.6))
    assert float(hidden.double().mean()) == pytest.approx(0.4, abs=0.1)
    assert len({tuple(row) for row in hidden.reshape(40, -1).tolist()}) > 10


def test_dropout_of_the_pooled_vector(plain):
    network = plain.network(dropout=0.5).train()
    pooled = torch.ones(200, 6, dtype=torch.float64)
    with torch.no_grad():
        network.dense.weight.copy_(torch.eye(3, 6))
        network.dense.bias.zero_()
    logits = network.decide(pooled)
    assert set(logits.flatten().tolist()) == {0.0, 2.0}
    assert float(logits.detach().mean()) == pytest.approx(1.0, abs=0.15)
    assert network.eval().decide(pooled).unique().tolist() == [1.0]


def test_dropout_repeats_from_the_same_seed_and_leaves_torch_alone(plain):
    network = plain.network(spatial_dropout=0.3, dropout=0.5, recurrent_dropout=0.2).train()
    batch = plain.batch(plain.texts)
    before = torch.random.get_rng_state()
    network.generator.manual_seed(4)
    first, second = network(batch), network(batch)
    network.generator.manual_seed(4)
    assert torch.equal(network(batch), first)
    assert not torch.equal(first, second)
    first.square().sum().backward()
    assert torch.equal(torch.random.get_rng_state(), before)


def test_without_training_there_is_no_dropout(plain):
    dropped = plain.network(spatial_dropout=0.3, dropout=0.5, recurrent_dropout=0.2)
    batch = plain.batch(plain.texts)
    assert np.array_equal(run(dropped, batch), run(plain.network(), batch))


# The start


def make_config(**changes):
    return NetworkConfig(**{"n_words": 50, "n_ngrams": 40, "n_classes": 3} | changes)


def test_the_seed_decides_the_weights_and_nothing_else_does():
    before = torch.random.get_rng_state()
    config = make_config(units=8, projection=16)
    first, again, other = (TextNetwork(config, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["words.weight"], other["words.weight"])
    assert not torch.equal(first["dense.weight"], other["dense.weight"])


def test_initial_tables():
    network = TextNetwork(make_config(), seed=1)
    words = network.words.weight.detach()
    assert not words[0].any()
    assert 0.04 < float(words.abs().max()) <= 0.05
    assert float(network.ngrams.weight.detach().std()) == pytest.approx(0.3, abs=0.02)
    assert not network.dense.bias.any()
    limit = math.sqrt(6 / (256 + 3))
    assert 0.95 * limit < float(network.dense.weight.detach().abs().max()) <= limit
    assert all(weight.dtype == torch.float32 for weight in network.parameters())


# Weights as arrays


def test_a_network_comes_back_with_weights_of_its_own():
    config = NetworkConfig(7, 5, 3, units=2, word_dimension=5, frozen_words=True)
    network = TextNetwork(config, seed=1)
    found = build_network(config, network.arrays(), seed=2)
    assert not found.training
    assert not found.words.weight.requires_grad
    assert found.dense.weight.requires_grad
    for name, weight in network.state_dict().items():
        assert torch.equal(found.state_dict()[name], weight)
        assert found.state_dict()[name].data_ptr() != weight.data_ptr()
        assert found.state_dict()[name].data_ptr() % 64 == 0
