import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity

from gatewise.classify import twins
from gatewise.classify.twins import fresh_records, largest_similarities


def tokens(*texts):
    return [text.split() for text in texts]


def test_the_similarity_is_that_of_scikit_learn(make_tickets):
    known, asked = make_tickets(150)[0], make_tickets(40, seed=4)[0]
    vectoriser = TfidfVectorizer(
        ngram_range=(1, 2), tokenizer=str.split, token_pattern=None, sublinear_tf=True
    )
    theirs = vectoriser.fit_transform(known)
    expected = cosine_similarity(vectoriser.transform(asked), theirs).max(axis=1)
    found = largest_similarities(
        [text.lower().split() for text in known], [text.lower().split() for text in asked]
    )
    assert found == pytest.approx(expected, abs=1e-5)
    assert 0 < found.min() < found.max() <= 1 + 1e-6


def test_a_twin_is_alike_and_a_stranger_is_not():
    known = tokens("my card was swallowed", "what is my balance")
    alike, related, strange, empty = largest_similarities(
        known, tokens("my card was swallowed", "my card was stolen", "plugh xyzzy", "")
    )
    assert alike == pytest.approx(1.0, abs=1e-6)
    assert 0.2 < related < 0.9
    assert strange == empty == 0.0


def test_without_a_known_word_nothing_is_alike():
    assert largest_similarities([[], []], tokens("my card", "")).tolist() == [0.0, 0.0]


def test_of_many_texts_some_are_compared(monkeypatch):
    known = tokens("a b c", "d e f")
    asked = tokens(*["x y"] * 10)
    monkeypatch.setattr(twins, "_MOST_ASKED", 4)
    found = largest_similarities(known, asked)
    assert (found == 0.0).sum() == 4
    assert (found == 1.0).sum() == 6
    assert found[0] == found[-1] == 0.0


def test_parts_of_the_product_make_no_difference(monkeypatch, make_tickets):
    known, asked = ([text.split() for text in make_tickets(60, seed)[0]] for seed in (1, 2))
    whole = largest_similarities(known, asked)
    monkeypatch.setattr(twins, "_AT_A_TIME", 7)
    assert (largest_similarities(known, asked) == whole).all()


def test_close_records_are_not_fresh_unless_too_few_are():
    similarities = np.linspace(0, 1, 400)
    fresh = fresh_records(similarities)
    assert fresh.tolist() == (similarities < 0.6).tolist()
    assert fresh_records(similarities[250:]).all()
