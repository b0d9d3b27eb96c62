"""All that a companion finds in a text, listed once: against the parts by themselves."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gatewise.classify import ngram_lookup, ngrams
from gatewise.classify.ngram_terms import ngram_terms
from gatewise.classify.ngrams import NgramModel
from gatewise.classify.scope import more_evidence, ngram_evidence

SENTENCES = [
    "my old card is lost my card",
    "the old old house",
    "is it my house ok",
    "卡在机器里 ok",
]
TEXTS = [*SENTENCES, "my new card", "zzz", "", "! ?", "卡 card", "card " * 40]


def make_model(*, outside, characters=True):
    tokens = [text.split() for text in SENTENCES]
    terms = {term for one in tokens for term in ngram_terms(one, characters=characters, apart=True)}
    kept = tuple(sorted(terms))[::2]
    draw = np.random.default_rng(4).normal(size=(len(kept) + 1, 5)).astype(np.float32)
    columns = draw[:-1]
    idf, column = 1 + abs(columns[:, 3]), draw[:, 4] if outside else None
    return NgramModel(kept, idf, columns[:, :3], np.float32([0.5, -1.0, 2.0]), column)


def share_known(model, tokens):
    if not any(letter.isalnum() for token in tokens for letter in token):
        return 0.0
    terms = ngram_terms(tokens, characters=any(term[0] == "c" for term in model.terms))
    return np.mean([term in model.terms for term in terms])


@pytest.mark.parametrize("outside", [True, False])
@pytest.mark.parametrize("characters", [True, False])
def test_a_reading_by_its_definition(outside, characters):
    model = make_model(outside=outside, characters=characters)
    token_lists = [text.split() for text in TEXTS]
    reading = model.read(token_lists)
    assert (reading.outside is None) is not outside
    for row, tokens in enumerate(token_lists):
        columns, values = model.features(tokens)
        terms = ngram_terms(tokens, characters=characters, apart=True)
        assert set(columns) == {model.terms.index(term) for term in terms if term in model.terms}
        expected = values @ model.weights[columns].astype(float) + model.intercepts
        np.testing.assert_allclose(reading.scores[row], expected, rtol=1e-6, atol=1e-6)
        assert reading.familiarity[row] == pytest.approx(share_known(model, tokens))
        if outside:
            column = model.outside[:-1][columns].astype(float)
            assert reading.outside[row] == pytest.approx(values @ column + model.outside[-1])
    assert model.outside_scores(token_lists) == pytest.approx(
        reading.outside if outside else np.zeros(len(TEXTS))
    )
    evidence = ngram_evidence(reading)
    assert evidence.keys() == ({"familiarity", "belonging"} if outside else {"familiarity"})
    for kind, values in more_evidence(token_lists, None, model, None).items():
        np.testing.assert_array_equal(values, evidence[kind])


def test_what_is_remembered_changes_nothing_and_stays_small(monkeypatch):
    monkeypatch.setattr(ngram_lookup, "_MOST_REMEMBERED", 3)
    model, token_lists = make_model(outside=True), [text.split() for text in TEXTS]
    expected = make_model(outside=True).read(token_lists).scores
    monkeypatch.setattr(ngrams, "_TOKENS_AT_A_TIME", 1)  # each text by itself
    for _ in range(2):
        np.testing.assert_array_equal(model.read(token_lists).scores, expected)
    assert 0 < len(model._lookup._words.table.rows) <= max(len(set(one)) for one in token_lists)
    assert 0 < len(model._lookup._pieces) <= 3


@pytest.mark.parametrize("most", [4, 1000])
def test_several_threads_remember_together(monkeypatch, most):
    monkeypatch.setattr(ngram_lookup, "_MOST_REMEMBERED", most)
    draw = np.random.default_rng(2)
    words = sorted({word for text in TEXTS for word in text.split()}) + [f"w{n}" for n in range(40)]
    given = [[draw.choice(words, 6).tolist() for _ in range(5)] for _ in range(60)]
    expected = [make_model(outside=True).read(token_lists).scores for token_lists in given]
    model = make_model(outside=True)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda one: model.read(one).scores, given))
    for scores, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(scores, wanted)


def test_runs_of_characters_of_any_number(monkeypatch):
    """More of them than there is room for at first."""
    model, token_lists = make_model(outside=True), [text.split() for text in TEXTS]
    expected = model.read(token_lists).scores
    monkeypatch.setattr(ngram_lookup, "_CHARACTERS_PER_WORD", 0)
    np.testing.assert_array_equal(make_model(outside=True).read(token_lists).scores, expected)


@pytest.mark.parametrize("most", [1, 7, 20])
def test_how_many_are_read_at_a_time_changes_nothing(monkeypatch, most):
    model, token_lists = make_model(outside=True), [text.split() for text in TEXTS]
    expected = model.read(token_lists)
    monkeypatch.setattr(ngrams, "_TOKENS_AT_A_TIME", most)
    found = model.read(token_lists)
    np.testing.assert_array_equal(found.scores, expected.scores)
    np.testing.assert_array_equal(found.outside, expected.outside)
    np.testing.assert_array_equal(found.familiarity, expected.familiarity)


def test_a_model_that_knows_nothing():
    none = np.zeros((0, 2), np.float32)
    model = NgramModel((), none[:, 0], none, np.float32([0.5, -1.0]))
    reading = model.read([["my", "card"], []])
    np.testing.assert_array_equal(reading.scores, [[0.5, -1.0], [0.5, -1.0]])
    np.testing.assert_array_equal(reading.familiarity, [0.0, 0.0])


def test_a_copy_leaves_out_what_is_remembered():
    model = make_model(outside=True)
    before = pickle.dumps(model)
    expected = model.read([["my", "card"]]).scores
    assert pickle.dumps(model) == before
    np.testing.assert_array_equal(pickle.loads(before).read([["my", "card"]]).scores, expected)


def test_no_texts():
    reading = make_model(outside=True).read([])
    assert reading.scores.shape == (0, 3)
    assert reading.outside.shape == reading.familiarity.shape == (0,)
    assert ngram_evidence(None) == {}


def test_a_token_that_begins_with_a_space():
    """Only who cuts texts up by hand can have one; it has no runs of characters."""
    reading = make_model(outside=True).read([[" 卡", "my"]])
    assert reading.scores.shape == (1, 3)
    assert np.isfinite(reading.scores).all()
