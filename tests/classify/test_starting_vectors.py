from __future__ import annotations

import numpy as np
import pytest
import torch

from gatewise.classify import starting_vectors
from gatewise.classify.starting_vectors import measure_coverage, own_vectors, put_into
from gatewise.network.checkpoint import Checkpoint
from gatewise.network.config import NetworkConfig
from gatewise.network.model import TextNetwork
from gatewise.network.recipes import choose_recipe
from gatewise.text.vocabulary import Vocabulary, build_vocabulary
from gatewise.vectors.word2vec import Word2VecConfig, train_word2vec
from gatewise.vectors.word_vectors import WordVectors

TEXTS = [["the", "cat", "sat"], ["the", "dog", "sat"], ["the", "\ud800", "ran"]] * 5
RECIPE = choose_recipe(
    "modern",
    word_dimension=6,
    word2vec_passes=3,
    word2vec_window=2,
    word2vec_sample=1e-3,
    word2vec_algorithm="cbow",
    min_count=2,
)


@pytest.fixture
def vocabulary():
    return Vocabulary(["the", "cat", "dog", "unseen"], [15, 5, 4, 1])


@pytest.fixture
def vectors():
    generator = np.random.default_rng(0)
    matrix = generator.normal(3, 2, (4, 6)).astype(np.float32)
    return WordVectors(["dog", "zebra", "the", "cat"], matrix)


def make_network(vocabulary, ngram_dimension=100):
    config = NetworkConfig(
        n_words=len(vocabulary),
        n_ngrams=len(vocabulary.ngrams),
        n_classes=2,
        word_dimension=6,
        ngram_dimension=ngram_dimension,
        units=3,
    )
    return TextNetwork(config, seed=1)


# word2vec


def test_own_vectors_are_word2vec_by_the_recipe():
    config = Word2VecConfig(dimension=6, algorithm="cbow", window=2, passes=3, min_count=2)
    expected = train_word2vec(TEXTS, config, seed=5)
    found = own_vectors(TEXTS, RECIPE, seed=5)
    assert found.vectors.words == expected.vectors.words
    assert np.array_equal(found.vectors.matrix, expected.vectors.matrix)
    assert found.losses == expected.losses


def test_kept_vectors_are_not_trained_again(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path, "run")
    first = own_vectors(TEXTS, RECIPE, seed=5, checkpoint=checkpoint)

    def fail(*arguments, **settings):
        raise AssertionError("trained again")

    monkeypatch.setattr(starting_vectors, "train_word2vec", fail)
    second = own_vectors(TEXTS, RECIPE, seed=5, checkpoint=checkpoint)
    assert second.vectors.words == first.vectors.words
    assert np.array_equal(second.vectors.matrix, first.vectors.matrix)
    assert second.losses == first.losses


# Coverage


def test_coverage_counts_words_and_occurrences(vocabulary, vectors):
    coverage = measure_coverage(vocabulary, vectors)
    assert coverage.words == 3 / 4
    assert coverage.occurrences == 24 / 25


def test_coverage_of_an_empty_vocabulary(vectors):
    coverage = measure_coverage(Vocabulary([], []), vectors)
    assert (coverage.words, coverage.occurrences) == (0.0, 0.0)


# Into the network


@pytest.mark.parametrize("scale", [0.0, 0.3])
def test_each_word_gets_its_own_row(vocabulary, vectors, scale):
    network = make_network(vocabulary)
    before = network.words.weight.detach().clone()
    put_into(network, vocabulary, vectors, scale)
    after = network.words.weight.detach()
    known = ["the", "cat", "dog"]
    factor = scale / np.stack([vectors.vector(word) for word in known]).std() if scale else 1.0
    for word in known:
        expected = torch.tensor(vectors.vector(word) * factor)
        torch.testing.assert_close(after[vocabulary.word_id(word)], expected)
    for row in (0, 1, vocabulary.word_id("unseen")):  # padding, unknown, without a vector
        assert torch.equal(after[row], before[row])
    assert network.words.weight.requires_grad


def test_scaled_vectors_have_the_deviation_asked_for(vocabulary, vectors):
    network = make_network(vocabulary)
    put_into(network, vocabulary, vectors, 0.7)
    assert float(network.words.weight.detach()[2:5].std(correction=0)) == pytest.approx(0.7)


def test_long_vectors_are_shortened_in_their_own_direction(vocabulary):
    """As word2vec gives them to the commonest words."""
    matrix = np.random.default_rng(0).normal(0.0, 1.0, (3, 6))
    matrix[0] *= 20.0
    network = make_network(vocabulary)
    put_into(network, vocabulary, WordVectors(["the", "cat", "dog"], matrix), 0.3)
    rows = [network.words.weight.detach()[vocabulary.word_id(w)].numpy() for w in ("the", "cat")]
    assert rows[0].std() == pytest.approx(0.4)
    assert rows[0] @ matrix[0] == pytest.approx(
        np.linalg.norm(rows[0]) * np.linalg.norm(matrix[0]), rel=1e-5
    )
    np.testing.assert_allclose(rows[1], matrix[1] * 0.3 / matrix.std(), rtol=1e-5)


def test_vectors_of_one_length_keep_their_directions(vocabulary):
    matrix = np.random.default_rng(0).normal(0.0, 1.0, (3, 6))
    matrix[0] *= 20.0
    matrix[2] = 0.0
    network = make_network(vocabulary)
    vectors = WordVectors(["the", "cat", "dog"], matrix)
    put_into(network, vocabulary, vectors, 0.3, one_length=True)
    rows = network.words.weight.detach()[[vocabulary.word_id(w) for w in vectors.words]].numpy()
    np.testing.assert_allclose(rows[:2], 0.3 * matrix[:2] / matrix[:2].std(1)[:, None], rtol=1e-5)
    assert not rows[2].any()


def test_vectors_all_alike_are_not_divided_by_zero(vocabulary):
    network = make_network(vocabulary)
    put_into(network, vocabulary, WordVectors(["the", "cat"], np.full((2, 6), 0.5)), 0.3)
    assert (network.words.weight[2:4] == 0.5).all()


def test_vectors_of_other_words_change_nothing(vocabulary):
    network = make_network(vocabulary)
    before = network.words.weight.detach().clone()
    put_into(network, vocabulary, WordVectors(["zebra"], np.ones((1, 6))), 0.3)
    assert torch.equal(network.words.weight, before)


def test_the_vectors_given_are_not_written_to(vocabulary, vectors):
    network = make_network(vocabulary)
    kept = vectors.matrix.copy()
    put_into(network, vocabulary, vectors, 0.0)
    with torch.no_grad():
        network.words.weight.zero_()
    assert np.array_equal(vectors.matrix, kept)


# Character n-grams


SPELT_ALIKE = ["walked", "walking", "walks", "talked", "talking", "talks", "blue", "green", "grey"]


@pytest.fixture
def spelling():
    """A vocabulary with its n-grams, and vectors in which kinds of words lie together."""
    words = build_vocabulary([SPELT_ALIKE * 2], max_ngrams=1000, min_ngram_words=2)
    kinds = np.random.default_rng(0).normal(0.0, 1.0, (3, 6)).repeat(3, axis=0)  # (9, 6)
    near = kinds + np.random.default_rng(1).normal(0.0, 0.1, kinds.shape)
    return words, WordVectors(SPELT_ALIKE, near)


def spelt(network, vocabulary, word):
    """What the network's n-grams say of a word."""
    return network.ngrams.weight.detach()[vocabulary.known_ngrams(word)].mean(dim=0).numpy()


def cosine(first, second):
    return first @ second / np.linalg.norm(first) / np.linalg.norm(second)


def test_an_unseen_word_starts_near_those_that_are_spelt_like_it(spelling):
    vocabulary, vectors = spelling
    network = make_network(vocabulary, ngram_dimension=4)
    put_into(network, vocabulary, vectors, 0.3)
    unseen = spelt(network, vocabulary, "walker")
    assert "walker" not in vocabulary
    assert cosine(unseen, spelt(network, vocabulary, "walks")) > 0.9
    assert cosine(unseen, spelt(network, vocabulary, "talking")) < 0.5
    assert cosine(unseen, spelt(network, vocabulary, "green")) < 0.5


def test_ngrams_start_as_large_as_chance_made_them(spelling):
    vocabulary, vectors = spelling
    network = make_network(vocabulary, ngram_dimension=4)
    put_into(network, vocabulary, vectors, 0.0)
    table = network.ngrams.weight.detach().numpy()
    assert table.std() == pytest.approx(0.3, rel=1e-5)
    np.testing.assert_allclose(table.mean(axis=0), 0.0, atol=1e-6)


def test_numbers_that_word_vectors_cannot_fill_stay_random(spelling):
    vocabulary, vectors = spelling
    network = make_network(vocabulary, ngram_dimension=8)
    before = network.ngrams.weight.detach().clone()
    put_into(network, vocabulary, vectors, 0.3)
    after = network.ngrams.weight.detach()
    assert torch.equal(after[:, 6:], before[:, 6:])
    assert not torch.isclose(after[:, :6], before[:, :6]).any()


def test_ngrams_of_words_without_a_vector_stay_random(spelling):
    vocabulary, vectors = spelling
    network = make_network(vocabulary, ngram_dimension=4)
    before = network.ngrams.weight.detach().clone()
    put_into(network, vocabulary, vectors.restricted_to(SPELT_ALIKE[:6]), 0.3)
    same = (network.ngrams.weight.detach() == before).all(dim=1)
    of_colours = {n for word in SPELT_ALIKE[6:] for n in vocabulary.known_ngrams(word)}
    of_others = {n for word in SPELT_ALIKE[:6] for n in vocabulary.known_ngrams(word)}
    assert set(same.nonzero()[:, 0].tolist()) == of_colours - of_others
    assert of_colours - of_others


@pytest.mark.parametrize("words", [SPELT_ALIKE[:1], SPELT_ALIKE])
def test_vectors_that_tell_nothing_leave_the_ngrams_random(spelling, words):
    vocabulary, _ = spelling
    network = make_network(vocabulary, ngram_dimension=4)
    before = network.ngrams.weight.detach().clone()
    put_into(network, vocabulary, WordVectors(words, np.full((len(words), 6), 0.5)), 0.3)
    assert torch.equal(network.ngrams.weight, before)
