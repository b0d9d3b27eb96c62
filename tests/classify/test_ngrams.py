from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise.classify import ngram_terms as ngram_terms_module
from gatewise.classify.companion import CompanionConfig, fit_ngrams
from gatewise.classify.ngram_terms import character_terms, ngram_terms
from gatewise.classify.ngrams import NgramModel
from gatewise.text.vocabulary import spell

ZERO = np.zeros(2, dtype=np.float32)


def test_terms_of_a_sentence():
    assert ngram_terms(["a", "cat"], characters=False) == ["w:a", "w:cat", "w:a cat"]
    with_characters = ngram_terms(["ab"], characters=True)
    assert with_characters == ["w:ab", "c: a", "c:ab", "c:b ", "c: ab", "c:ab ", "c: ab "]
    assert ngram_terms([], characters=True, apart=True) == []
    pairs = ngram_terms(["lost", "my", "card"], characters=False, apart=True)
    assert pairs == ["w:lost", "w:my", "w:card", "w:lost my", "w:my card", "p:card lost"]


@settings(max_examples=60)
@given(
    st.lists(st.text("abcé'1:", min_size=1, max_size=9), max_size=12), st.booleans(), st.booleans()
)
def test_terms_by_their_definition(plain_terms, tokens, characters, apart):
    terms = ngram_terms(tokens, characters=characters, apart=apart)
    assert terms == plain_terms(tokens, characters=characters, apart=apart)


def test_words_without_spaces_are_read_as_one_piece_of_writing():
    """However ICU cuts them: the characters' n-grams run over its borders."""
    terms = ngram_terms(["我", "爱", "北京", "ok", "卡"], characters=True)
    assert {"c:我", "c:我爱", "c:爱北", "c:我爱北", "c:北京", "c: ok", "c:卡"} <= set(terms)
    assert not any(term.startswith("c:") and "京o" in term for term in terms)
    assert not any(term.startswith("c: 我") for term in terms)


# The features and scores of a text


@pytest.fixture
def model():
    """Every term of a few sentences, some left out, with random weights."""
    sentences = ["my old card is lost my card", "the old old house", "is it my house ok ok ok"]
    terms = {
        term
        for text in sentences
        for term in ngram_terms(text.split(), characters=True, apart=True)
    }
    kept = tuple(sorted(terms))[::2]
    draw = np.random.default_rng(4).normal(size=(len(kept), 4)).astype(np.float32)
    return NgramModel(kept, 1 + abs(draw[:, 3]), draw[:, :3], np.float32([0.5, -1.0, 2.0]))


@pytest.mark.parametrize(
    "text", ["my card is old", "ok ok ok is it my old my old card", "zzz", "", "house"]
)
def test_features_by_their_definition(plain_terms, model, text):
    columns, values = model.features(text.split())
    counts = Counter(plain_terms(text.split(), characters=True, apart=True))
    known = {term: model.terms.index(term) for term in counts if term in model.terms}
    assert columns.tolist() == sorted(known.values())
    expected = {
        column: (1 + np.log(counts[term])) * model.idf[column] for term, column in known.items()
    }
    for prefix in ("c:", "wp"):
        block = [column for column in expected if model.terms[column][0] in prefix]
        length = np.sqrt(sum(expected[column] ** 2 for column in block))
        for column in block:
            found = values[columns.tolist().index(column)]
            assert found == pytest.approx(expected[column] / length, rel=1e-12)


def test_scores_are_the_weighted_features(model):
    texts = [["my", "card"], [], ["ok", "ok", "house"]]
    scores = model.scores(texts)
    assert scores.dtype == np.float64
    assert scores.shape == (3, 3)
    np.testing.assert_array_equal(scores[1], model.intercepts)
    for row, tokens in enumerate(texts):
        columns, values = model.features(tokens)
        expected = [values @ model.weights[columns, k] for k in range(3)] + model.intercepts
        np.testing.assert_allclose(scores[row], expected, rtol=1e-6, atol=1e-6)


def test_a_text_has_the_same_scores_alone_and_among_others(model):
    texts = [["my", "old", "card"], ["ok"], ["is", "it", "my", "house"]]
    together = model.scores(texts)
    for row, tokens in enumerate(texts):
        np.testing.assert_array_equal(model.scores([tokens])[0], together[row])


def test_no_texts_have_no_scores(model):
    assert model.scores([]).shape == (0, 3)


def test_a_megabyte_without_a_space_has_few_ngrams():
    """A word of 100,000 letters, once among short texts, took 5 GB of memory."""
    terms = ngram_terms(["f0" * 500_000], characters=True)
    assert 1_000 < len(terms) < 1_100
    model = NgramModel(("c:f0", "w:a"), np.ones(2, np.float32), np.eye(2, dtype=np.float32), ZERO)
    assert model.columns_of(["f0" * 500_000]).count(0) == 128
    assert len(spell("f0" * 500_000)) < 800


def test_what_hardly_comes_again_is_not_remembered():
    """Whole texts of Chinese were, 130,000 of them with all of their n-grams."""
    before = ngram_terms_module._remembered_terms.cache_info().currsize
    character_terms("我爱北京" * 20)
    assert ngram_terms_module._remembered_terms.cache_info().currsize == before
    model = NgramModel(("c:我", "w:我"), np.ones(2, np.float32), np.eye(2, dtype=np.float32), ZERO)
    model.scores([["我爱北京" * 20]])
    assert not model._lookup._pieces


def test_neither_a_fit_nor_a_model_holds_on_to_the_runs_of_all_words():
    """A service kept those of 130,000 words, which took 350 MB, beside what it needed of them."""
    model = fit_ngrams(
        [["card", "lost"], ["money", "sent"]],
        np.array([0, 1]),
        CompanionConfig(),
        n_classes=2,
        seed=1,
    )
    model.scores([["strange", "words", "来信"]])
    assert ngram_terms_module._remembered_terms.cache_info().currsize == 0
