from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise.text.token_table import LEFT_OUT, TokenTable, join_tables, tabulate
from gatewise.text.vocabulary import build_vocabulary

WORDS = st.text("abc北", min_size=1, max_size=3)
TEXTS = st.lists(st.lists(WORDS, max_size=6), max_size=9)
few = settings(max_examples=60)


@given(TEXTS)
@few
def test_a_table_gives_back_what_it_was_made_of(texts):
    table = tabulate(texts)
    assert len(table) == len(texts)
    assert list(table) == texts
    assert [table[row] for row in range(len(texts))] == texts
    assert table.lengths.tolist() == [len(text) for text in texts]
    assert list(table.words) == list(dict.fromkeys(word for text in texts for word in text))
    assert list(table[1:-1]) == texts[1:-1]


@given(TEXTS)
@few
def test_words_are_counted(texts):
    table = tabulate(texts)
    for word, count in zip(table.words, table.counts(), strict=True):
        assert count == sum(text.count(word) for text in texts)


@given(TEXTS, TEXTS)
@few
def test_joined_tables_are_the_table_of_all_texts(first, second):
    joined, whole = join_tables(tabulate(first), tabulate(second)), tabulate([*first, *second])
    assert list(joined) == [*first, *second]
    assert list(joined.words) == list(whole.words)
    assert joined.numbers.tolist() == whole.numbers.tolist()
    assert joined.offsets.tolist() == whole.offsets.tolist()


@given(TEXTS, st.data())
@few
def test_some_texts_are_taken_without_the_others(texts, data):
    table = tabulate(texts)
    n_first = data.draw(st.integers(0, len(texts)))
    assert list(table.first(n_first)) == texts[:n_first]
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=5)) if texts else []
    taken = table.rows(np.array(rows, dtype=np.int64))
    assert list(taken) == [texts[row] for row in rows]
    assert list(taken[1:]) == [texts[row] for row in rows[1:]]


def test_a_row_from_the_end_and_one_that_is_not_there():
    table = tabulate([["a"], ["b", "a"]])
    assert table[-1] == ["b", "a"]
    with pytest.raises(IndexError):
        table[2]


@given(TEXTS)
@few
def test_a_vocabulary_of_a_table_is_that_of_the_lists(texts):
    found, expected = (build_vocabulary(one, max_ngrams=20) for one in (tabulate(texts), texts))
    assert found.words == expected.words
    assert found.counts == expected.counts
    assert found.ngrams == expected.ngrams
    encoded, again = found.encode_table(tabulate(texts)), found.encode(texts)
    for name in ("word_ids", "ngram_ids", "ngram_offsets", "tokens", "offsets"):
        assert getattr(encoded, name).tolist() == getattr(again, name).tolist()


def test_words_left_out_are_no_words():
    table = TokenTable(
        [LEFT_OUT, "a", "b"], np.array([1, 0, 2, 0], dtype=np.int32), np.array([0, 3, 4])
    )
    assert list(table) == [["a", "b"], []]
    vocabulary = build_vocabulary(table)
    assert vocabulary.words[2:] == ("a", "b")
    encoded = vocabulary.encode_table(table)
    assert encoded.word_ids.tolist() == [1, 2, 3]  # unknown, a, b
    assert encoded.lengths.tolist() == [3, 1]
