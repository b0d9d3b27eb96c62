"""Vectors of n-grams against means and singular vectors in plain numpy."""

import numpy as np
import pytest

from gatewise.vectors.ngram_vectors import ngram_vectors

# Five words; n-gram 2 is in none of them, 0 twice in the first.
SPELT = [[0, 1, 0], [1, 3], [4], [], [3, 4, 0]]
IDS = np.array([number for word in SPELT for number in word])
OFFSETS = np.cumsum([0, *map(len, SPELT)])


@pytest.fixture
def words():
    rows = np.random.default_rng(0).normal(0.0, 1.0, (5, 4)) * [3.0, 0.1, 2.0, 0.5] + 7.0
    return rows.astype(np.float32)


def plain_means(words):
    """The mean of the words of n-grams 0, 1, 3 and 4, less the mean of these."""
    means = np.stack(
        [
            (2 * words[0] + words[4]) / 3,
            (words[0] + words[1]) / 2,
            (words[1] + words[4]) / 2,
            (words[2] + words[4]) / 2,
        ]
    ).astype(float)
    return means - means.mean(axis=0)


def test_all_directions_keep_every_distance(words):
    numbers, vectors = ngram_vectors(words, IDS, OFFSETS, 4)
    assert numbers.tolist() == [0, 1, 3, 4]
    assert vectors.dtype == np.float32
    expected = plain_means(words)
    np.testing.assert_allclose(vectors @ vectors.T, expected @ expected.T, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_main_directions_are_the_singular_vectors_of_the_words(words, size):
    _, vectors = ngram_vectors(words, IDS, OFFSETS, size)
    _, _, directions = np.linalg.svd(words - words.mean(axis=0))
    expected = plain_means(words) @ directions[:size].T
    assert vectors.shape == (4, size)
    signs = np.sign((vectors * expected).sum(axis=0))
    np.testing.assert_allclose(vectors * signs, expected, rtol=1e-4, atol=1e-4)


def test_there_are_no_more_numbers_than_the_words_have(words):
    assert ngram_vectors(words, IDS, OFFSETS, 100)[1].shape == (4, 4)


def test_few_words_span_few_directions(words):
    assert ngram_vectors(words[:2], IDS[:5], OFFSETS[:3], 100)[1].shape == (3, 2)


@pytest.mark.parametrize("n_words", [0, 1])
def test_there_is_nothing_to_compare_with(words, n_words):
    numbers, vectors = ngram_vectors(
        words[:n_words], IDS[: OFFSETS[n_words]], OFFSETS[: n_words + 1], 3
    )
    assert (len(numbers), len(vectors)) == (0, 0)


def test_words_without_a_known_ngram(words):
    none = np.empty(0, dtype=np.int64)
    numbers, vectors = ngram_vectors(words, none, np.zeros(6, dtype=np.int64), 3)
    assert (len(numbers), len(vectors)) == (0, 0)
