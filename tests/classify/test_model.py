from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import log_softmax

from gatewise.classify.fitting import fit_model
from gatewise.classify.model import score_texts, score_tokens
from gatewise.classify.request import FitRequest, LabelledTexts
from gatewise.network.recipes import choose_recipe
from gatewise.text.tokens import tokenize

LABELS = ("balance", "card", "transfer")


@pytest.fixture(scope="module", params=[True, False], ids=["companion", "alone"])
def model(request, make_tickets):
    """A fitted model. Nobody may change it."""
    texts, labels = make_tickets(60)
    recipe = choose_recipe(
        "modern",
        units=4,
        word_dimension=8,
        ngram_dimension=4,
        projection=0,
        epochs=2,
        word2vec_passes=2,
        companion=request.param,
    )
    targets = np.array([LABELS.index(label) for label in labels])
    return fit_model(LabelledTexts(texts, targets), FitRequest(recipe, LABELS, seed=3))


@pytest.fixture(scope="module")
def texts(make_tickets):
    return [*make_tickets(30, seed=8)[0], "", "zzz", "card"]


def test_each_part_gives_probabilities(model, texts):
    scores = score_texts(model, texts)
    for part in (scores.lstm, scores.ngrams, scores.blend):
        if part is not None:
            assert part.shape == (33, 3)
            assert part.dtype == np.float64
            np.testing.assert_allclose(np.exp(part).sum(axis=1), 1.0, atol=1e-9)
    assert (scores.ngrams is None) == (model.ngrams is None)


def test_the_blend_is_made_of_the_parts(model, texts):
    scores, blend = score_texts(model, texts), model.blend
    if scores.ngrams is None:
        assert np.array_equal(scores.blend, scores.lstm)
        return
    mixed = (1 - blend.ngram_weight) * scores.lstm + blend.ngram_weight * scores.ngrams
    expected = log_softmax(mixed / blend.blend_temperature, axis=1)
    np.testing.assert_allclose(scores.blend, expected, atol=1e-9)


def test_the_parts_are_calibrated_scores(model, texts):
    token_lists = [tokenize(text) for text in texts]
    scores = score_texts(model, texts)
    if model.ngrams is not None:
        margins = model.ngrams.scores(token_lists)
        expected = log_softmax(margins / model.blend.ngram_temperature, axis=1)
        np.testing.assert_allclose(scores.ngrams, expected, atol=1e-9)
    sharper = replace(model, blend=replace(model.blend, network_temperature=0.5))
    raw = replace(model, blend=replace(model.blend, network_temperature=1.0))
    expected = log_softmax(score_texts(raw, texts).lstm / 0.5, axis=1)
    np.testing.assert_allclose(score_texts(sharper, texts).lstm, expected, atol=1e-9)


def test_a_text_alone_is_scored_as_among_others(model, texts):
    together = score_texts(model, texts)
    for number in (0, 7, 30, 32):
        alone = score_texts(model, [texts[number]])
        np.testing.assert_allclose(alone.blend[0], together.blend[number], atol=1e-5)
    turned = score_texts(model, texts[::-1])
    np.testing.assert_allclose(turned.blend[::-1], together.blend, atol=1e-5)


def test_texts_are_cut_into_tokens_by_the_models_language(model):
    tokens = [["the", "machine", "kept", "my", "card"]]
    assert np.array_equal(
        score_texts(model, ["The MACHINE kept, my card"]).blend, score_tokens(model, tokens).blend
    )
    as_is = replace(model, language="pretokenized")
    assert np.array_equal(
        score_texts(as_is, ["Card."]).blend, score_tokens(model, [["Card."]]).blend
    )


def test_no_texts_at_all(model):
    scores = score_texts(model, [])
    assert scores.blend.shape == scores.lstm.shape == (0, 3)
    assert (scores.ngrams is None) == (model.ngrams is None)


def test_texts_without_a_known_word_are_scored_alike(model):
    scores = score_texts(model, ["", "  ...  ", "\x00"]).blend
    assert np.isfinite(scores).all()
    assert np.array_equal(scores[0], scores[1])
    assert np.array_equal(scores[0], scores[2])


def test_scoring_does_not_change_the_model(model, texts):
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    first = score_texts(model, texts).blend
    assert np.array_equal(score_texts(model, texts).blend, first)
    assert all((value == before[name]).all() for name, value in model.network.state_dict().items())
