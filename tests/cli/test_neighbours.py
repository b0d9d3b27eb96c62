"""``gatewise neighbours``: the nearest words."""

import pytest

from gatewise.classify.trained_vectors import trained_neighbours
from gatewise.store.archive import load


@pytest.mark.parametrize(("typed", "n"), [("Card", 3), ("card", 10)])
def test_the_nearest_words_with_their_cosines(gatewise, model, typed, n):
    result = gatewise(f"neighbours -n {n}", model, typed)
    lines = [line.split() for line in result.stdout.splitlines()]
    expected = trained_neighbours(load(model).model_, "card", n)
    assert lines == [["word", "cosine"], *([word, f"{cosine:.3f}"] for word, cosine in expected)]
    assert len(lines) == n + 1


def test_a_word_that_is_not_known(fails, model):
    told = fails("neighbours", model, "swalowed")
    assert told.startswith("the word 'swalowed' is not among the ")
    assert "'swallowed'" in told


@pytest.mark.parametrize(
    ("options", "word", "words"),
    [("", "two words", "give one word"), ("-n 0", "card", "n=0 is not allowed")],
)
def test_what_cannot_be_asked(fails, model, options, word, words):
    assert words in fails(f"neighbours {options}", model, word)
