from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise.classify.ngram_terms import ngram_terms
from gatewise.classify.ngram_variants import scores_as_it_grows, scores_without
from gatewise.classify.ngrams import NgramModel

WORDS = ["my", "old", "card", "卡", "丢了", "ok", "zzq", "card's"]


def make_model(*, characters=True, apart=True):
    generator = np.random.default_rng(3)
    terms = set()
    for _ in range(40):
        tokens = [str(word) for word in generator.choice(WORDS[:-2], 12)]
        terms |= set(ngram_terms(tokens, characters=characters, apart=apart))
    draw = generator.normal(size=(len(terms), 4)).astype(np.float32)
    return NgramModel(
        tuple(sorted(terms)), 1 + abs(draw[:, 3]), draw[:, :3], np.float32([0.5, -1.0, 2.0])
    )


MODELS = [make_model(characters=c, apart=a) for c in (True, False) for a in (True, False)]


@settings(max_examples=60)
@given(st.sampled_from(MODELS), st.lists(st.sampled_from(WORDS), max_size=30))
def test_each_beginning_has_the_scores_of_a_text(model, tokens):
    lengths = list(range(1, len(tokens) + 1))
    found = scores_as_it_grows(model, tokens, lengths)
    expected = model.scores([tokens[:length] for length in lengths])
    np.testing.assert_allclose(found, expected, atol=1e-6)


@settings(max_examples=60)
@given(st.sampled_from(MODELS), st.lists(st.sampled_from(WORDS), min_size=1, max_size=30))
def test_each_text_without_a_token_has_its_scores(model, tokens):
    places = list(range(len(tokens)))
    found = scores_without(model, tokens, places)
    expected = model.scores([[*tokens[:place], *tokens[place + 1 :]] for place in places])
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("lengths", [[], [0], [0, 3, 3, 9]])
def test_some_beginnings_only(lengths):
    tokens = ["my", "old", "card"] * 3
    found = scores_as_it_grows(MODELS[0], tokens, lengths)
    assert found.shape == (len(lengths), 3)
    np.testing.assert_allclose(
        found, MODELS[0].scores([tokens[:length] for length in lengths]), atol=1e-6
    )


def test_no_text_is_left():
    np.testing.assert_allclose(
        scores_without(MODELS[0], ["card"], [0])[0], MODELS[0].intercepts, atol=1e-12
    )
