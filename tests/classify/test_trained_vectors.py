"""The word vectors of a trained network."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gatewise.base.errors import ConfigError, DataError
from gatewise.classify.trained_vectors import trained_neighbours, trained_vectors
from gatewise.text.vocabulary import Vocabulary

ROWS = [[9.0, 9.0], [8.0, 8.0], [1.0, 0.0], [2.0, 0.1], [0.0, 3.0], [-1.0, 0.0]]


@pytest.fixture
def model():
    words = SimpleNamespace(weight=torch.nn.Parameter(torch.tensor(ROWS)))
    return SimpleNamespace(
        vocabulary=Vocabulary(["card", "cards", "über", "money"], [4, 3, 2, 1]),
        network=SimpleNamespace(words=words),
        language="auto",
    )


def test_each_word_has_its_row_and_the_reserved_ones_are_left_out(model):
    vectors = trained_vectors(model)
    assert vectors.words == ("card", "cards", "über", "money")
    np.testing.assert_array_equal(vectors.matrix, np.array(ROWS[2:], dtype=np.float32))


def test_the_nearest_words_come_first(model):
    found = trained_neighbours(model, "card", 3)
    assert [word for word, _ in found] == ["cards", "über", "money"]
    assert found[0][1] == pytest.approx(2.0 / np.hypot(2.0, 0.1), abs=1e-6)
    assert found[2][1] == pytest.approx(-1.0)


@pytest.mark.parametrize("typed", ["Card", "CARD", " card. "])
def test_a_word_is_read_as_texts_are(model, typed):
    assert trained_neighbours(model, typed, 1) == trained_neighbours(model, "card", 1)


def test_an_unknown_word_has_close_spellings(model):
    with pytest.raises(DataError, match=r"'cardz'.*close spellings: 'card"):
        trained_neighbours(model, "cardz")


@pytest.mark.parametrize(
    ("typed", "words"), [("my card", "'my' \\+ 'card'"), ("...", "no word in it"), ("", "no word")]
)
def test_what_is_not_one_word_is_refused(model, typed, words):
    with pytest.raises(DataError, match=f"{words}.*give one word"):
        trained_neighbours(model, typed)


def test_at_least_one_neighbour(model):
    with pytest.raises(ConfigError):
        trained_neighbours(model, "card", 0)
