"""Vectors that are remembered, against vectors that are composed anew."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gatewise.classify import token_vectors
from gatewise.classify.token_vectors import TokenVectors
from gatewise.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary(["my", "card", "lost"], [3, 2, 1], ["<ca", "car", "rd>"])
WORDS = np.random.default_rng(3).normal(size=(5, 6)).astype(np.float32)  # (V, E)
NGRAMS = np.random.default_rng(4).normal(size=(3, 6)).astype(np.float32)  # (n-grams, E)


def compose(encoded):
    spelt = [
        NGRAMS[encoded.ngram_ids[start:end]].sum(axis=0)
        for start, end in zip(encoded.ngram_offsets, encoded.ngram_offsets[1:], strict=False)
    ]
    spelt = np.array(spelt, dtype=np.float32).reshape(-1, 6)
    return np.concatenate([WORDS[:1], WORDS[encoded.word_ids] + spelt])


def vectors_of(looked_up):
    """Lay the vectors of each text side by side."""
    encoded, vectors = looked_up
    return [
        vectors[1 + encoded.tokens[start:end]]
        for start, end in zip(encoded.offsets, encoded.offsets[1:], strict=False)
    ]


def plain(token_lists):
    return [
        np.array(
            [
                WORDS[VOCABULARY.word_id(token)]
                + NGRAMS[VOCABULARY.known_ngrams(token)].sum(axis=0)
                for token in tokens
            ]
        ).reshape(-1, 6)
        for tokens in token_lists
    ]


@pytest.mark.parametrize("most", [2, 5, 1000])
def test_vectors_are_those_of_their_tokens(monkeypatch, most):
    monkeypatch.setattr(token_vectors, "_MOST_REMEMBERED", most)
    known = TokenVectors(VOCABULARY, compose)
    draw = np.random.default_rng(5)
    tokens = ["my", "card", "lost", "cars", "zzz", "<pad>", "卡", "carcar"]
    for _ in range(30):
        texts = [list(draw.choice(tokens, draw.integers(0, 6))) for _ in range(draw.integers(0, 5))]
        for found, expected in zip(vectors_of(known.look_up(texts)), plain(texts), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-6)
        assert len(known.look_up([["my"]])[1]) <= 1 + max(most, len(tokens))
    np.testing.assert_array_equal(known.look_up([])[1][0], WORDS[0])


def test_a_token_is_composed_once():
    asked = []

    def noting(encoded):
        asked.append(len(encoded.word_ids))
        return compose(encoded)

    known = TokenVectors(VOCABULARY, noting)
    known.look_up([["my", "card", "my"]])
    known.look_up([["card"], ["my"]])
    known.look_up([["card", "lost"]])
    assert asked == [0, 2, 1]


def test_threads_do_not_get_each_others_vectors(monkeypatch):
    monkeypatch.setattr(token_vectors, "_MOST_REMEMBERED", 8)
    known = TokenVectors(VOCABULARY, compose)

    def ask(seed):
        draw = np.random.default_rng(seed)
        for _ in range(100):
            texts = [[f"card{number}" for number in draw.integers(0, 30, 4)] + ["my"]]
            for found, expected in zip(vectors_of(known.look_up(texts)), plain(texts), strict=True):
                np.testing.assert_allclose(found, expected, rtol=1e-6)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(8)))
