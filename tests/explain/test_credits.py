from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest
import torch

from gatewise.classify.model import score_texts
from gatewise.explain.credits import _secant_of_log_sigmoid, network_credits, split_scores
from gatewise.text.tokens import tokenize

TEXTS = [
    "my card was swallowed by the machine",
    "card",
    "",
    "zzqq 我的卡 balance? my machinery, my account and my money abroad now please",
]


@pytest.mark.parametrize("text", TEXTS)
def test_the_parts_sum_to_the_scores_and_these_to_the_probabilities(plain, fitted, case, text):
    model = plain(case)
    tokens = tokenize(text)
    split = split_scores(model, model.trace(tokens), tokens)
    total = split.steps.sum(axis=0) + split.ngrams.sum(axis=0) + split.bias
    np.testing.assert_allclose(split.scores, total, atol=1e-12)
    found = np.exp(split.scores - split.scores.max())
    expected = np.exp(score_texts(fitted(case), [text]).blend[0])
    np.testing.assert_allclose(found / found.sum(), expected, atol=1e-5)
    assert len(split.terms) == len(split.ngrams)
    np.testing.assert_allclose(split.pooled.sum(axis=0), split.steps.sum(axis=0), atol=1e-12)


@pytest.mark.parametrize("text", TEXTS)
def test_the_steps_and_the_bias_sum_to_the_logits(plain, case, text):
    model = plain(case)
    trace = model.trace(tokenize(text))
    total = network_credits(model.network, trace).sum(axis=0)
    total += model.network.arrays["dense.bias"]
    np.testing.assert_allclose(total, trace.logits, atol=1e-12)


def test_a_maximum_is_credited_to_the_step_it_comes_from(plain):
    model = plain("modern, two layers")
    trace = model.trace(tokenize(TEXTS[0]))
    found = network_credits(model.network, trace)
    weights = model.network.arrays["dense.weight"].astype(np.float64)
    states = trace.layers[-1].states
    expected = np.zeros_like(found)
    for unit in range(states.shape[1]):
        step = int(states[:, unit].argmax())
        expected[step] += weights[:, unit] * states[step, unit]
    np.testing.assert_allclose(found, expected, atol=1e-13)


def test_flattened_states_are_credited_to_their_own_step(plain):
    model = plain("classic")
    trace = model.trace(tokenize(TEXTS[0]))
    found = network_credits(model.network, trace)
    states = trace.layers[-1].states
    weights = model.network.arrays["dense.weight"].reshape(3, *states.shape)
    for step, row in enumerate(states):
        np.testing.assert_allclose(found[step], weights[:, step].astype(float) @ row, atol=1e-13)


@pytest.mark.parametrize("case", ["modern, last", "modern, mean", "minimal"])
def test_the_way_through_the_cell_state(plain, case):
    """Each step's share of a cell by its definition: written, then kept by later forget gates."""
    model = plain(case)
    trace = model.trace(tokenize(TEXTS[3]))
    n_steps, pooling = len(trace.vectors), model.network.config.pooling
    act = np.tanh if model.network.config.activation == "tanh" else lambda c: np.maximum(c, 0)
    blocks = []
    for one in trace.layers[-1].directions:
        order = list(range(n_steps))[:: -1 if one.backward else 1]
        shares = np.zeros_like(one.h)
        for place, read in enumerate(order):
            weight = 1 / n_steps if pooling == "mean" else float(place == n_steps - 1)
            for earlier in range(place + 1):
                step = order[earlier]
                kept = np.prod([one.f[order[n]] for n in range(earlier + 1, place + 1)], axis=0)
                part = one.i[step] * one.g[step] * kept
                cell = one.c[read]
                ratio = np.divide(act(cell), cell, out=np.ones_like(cell), where=cell != 0)
                shares[step] += weight * one.o[read] * ratio * part
        blocks.append(shares)
    if model.network.config.pool_vectors:
        blocks.append(trace.vectors / n_steps)
    expected = np.concatenate(blocks, axis=1) @ model.network.arrays["dense.weight"].T
    np.testing.assert_allclose(network_credits(model.network, trace), expected, atol=1e-12)


def test_the_companions_parts_are_its_own(plain):
    model = plain("modern")
    tokens = tokenize(TEXTS[0])
    split = split_scores(model, model.trace(tokens), tokens)
    blend = model.blend
    scale = blend.ngram_weight / (blend.ngram_temperature * blend.blend_temperature)
    margins = model.ngrams.scores([tokens])[0] - model.ngrams.intercepts
    np.testing.assert_allclose(split.ngrams.sum(axis=0), scale * margins, atol=1e-6)
    assert "w:my card" in split.terms


def test_a_sigmoid_keeps_the_signs_of_the_credits(plain):
    model = plain("minimal, sigmoid")
    tokens = tokenize(TEXTS[0])
    trace = model.trace(tokens)
    split, raw = split_scores(model, trace, tokens), network_credits(model.network, trace)
    assert (np.sign(split.steps) == np.sign(raw)).all()
    blend = model.blend
    scale = (1 - blend.ngram_weight) / (blend.network_temperature * blend.blend_temperature)
    network_part = split.steps.sum(axis=0) + split.bias - scale_of_intercepts(model)
    expected = scale * torch.nn.functional.logsigmoid(torch.from_numpy(trace.logits)).numpy()
    np.testing.assert_allclose(network_part, expected, atol=1e-12)


@pytest.mark.parametrize("size", [0.0, 1e-300, 1e-17, 3e-16, 1e-9, 0.1, 1.0, 1.1, 30.0, 800.0])
def test_the_secant_of_a_sigmoid_has_all_its_digits(size):
    logits = np.array([size, -size])
    scale, at_zero = _secant_of_log_sigmoid(logits)
    with localcontext() as context:
        context.prec = 400
        for found, logit in zip(scale.tolist(), map(Decimal, logits.tolist()), strict=True):
            rise = -(1 + (-logit).exp()).ln() + Decimal(2).ln()
            expected = rise / logit if logit else Decimal("0.5")
            assert found == pytest.approx(float(expected), rel=1e-14)
    assert at_zero == np.log(0.5)


def scale_of_intercepts(model):
    blend = model.blend
    return (
        blend.ngram_weight
        / (blend.ngram_temperature * blend.blend_temperature)
        * model.ngrams.intercepts.astype(float)
    )
