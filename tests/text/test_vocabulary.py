from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gatewise.base.errors import ConfigError
from gatewise.text.vocabulary import PAD, UNKNOWN, Vocabulary, build_vocabulary, spell

WORDS = st.text(st.sampled_from("abcdé'1北京ไกあ"), min_size=1, max_size=7)
TEXTS = st.lists(st.lists(WORDS, max_size=8), max_size=8)
few = settings(max_examples=60)


# Words and ids


@given(st.lists(WORDS, unique=True, max_size=30))
def test_ids_and_words_name_each_other(words):
    vocabulary = Vocabulary(words, [1] * len(words))
    ids = [vocabulary.word_id(word) for word in words]
    assert ids == list(range(2, 2 + len(words)))
    assert [vocabulary.words[number] for number in ids] == words
    assert len(vocabulary) == len(words) + 2
    assert all(word in vocabulary for word in words)


def test_reserved_ids_are_no_words():
    vocabulary = build_vocabulary([["<pad>", "x", "<pad>", "<pad>", "x"]])
    assert (PAD, UNKNOWN) == (0, 1)
    assert vocabulary.words == ("<pad>", "<unknown>", "<pad>", "x")
    assert vocabulary.counts == (0, 0, 3, 2)
    assert vocabulary.word_id("<pad>") == 2
    assert vocabulary.word_id("<unknown>") == UNKNOWN
    assert "<unknown>" not in vocabulary


def test_an_unknown_word():
    vocabulary = Vocabulary(["a"], [5])
    assert vocabulary.word_id("b") == UNKNOWN
    assert "b" not in vocabulary


@pytest.mark.parametrize(
    ("words", "counts", "ngrams", "message"),
    [
        (["a", "b"], [1], [], "2 words came with 1 counts"),
        (["a", "b", "a"], [3, 2, 1], [], "must not hold a word or an n-gram twice"),
        (["a"], [1], ["<a>", "<a>"], "must not hold a word or an n-gram twice"),
    ],
)
def test_what_makes_no_vocabulary(words, counts, ngrams, message):
    with pytest.raises(ConfigError, match=message):
        Vocabulary(words, counts, ngrams)


# Which words are kept


def test_the_commonest_come_first_and_equal_ones_by_code_point():
    texts = [["b", "é", "a", "Z"], ["b", "é"], ["c", "b"]]
    vocabulary = build_vocabulary(texts)
    assert vocabulary.words[2:] == ("b", "é", "Z", "a", "c")
    assert vocabulary.counts[2:] == (3, 2, 1, 1, 1)


@few
@given(TEXTS, st.integers(1, 4), st.integers(1, 6))
def test_min_count_and_max_words(texts, min_count, max_words):
    counts = Counter(word for text in texts for word in text)
    expected = sorted(counts, key=lambda word: (-counts[word], word))
    expected = [word for word in expected if counts[word] >= min_count][:max_words]
    vocabulary = build_vocabulary(texts, min_count=min_count, max_words=max_words)
    assert list(vocabulary.words[2:]) == expected
    assert list(vocabulary.counts[2:]) == [counts[word] for word in expected]
    assert vocabulary.ngrams == ()


def test_no_texts_at_all():
    assert build_vocabulary([]).words == ("<pad>", "<unknown>")
    assert build_vocabulary([[], []], max_ngrams=9).ngrams == ()


# Character n-grams


def test_the_spelling_of_a_word_with_spaces_around_it():
    assert spell("cat") == ["<ca", "cat", "at>", "<cat", "cat>", "<cat>"]
    assert spell("a") == ["<a>"]
    assert spell("it's")[-2:] == ["<it's", "it's>"]


def test_the_spelling_of_a_word_without_spaces_around_it():
    assert spell("北京") == ["北", "京", "北京"]
    assert spell("北京大学") == ["北", "京", "大", "学", "北京", "京大", "大学", "北京大", "京大学"]


@given(WORDS | st.text(max_size=12))
@example("")
def test_the_spelling_by_its_definition(word):
    unspaced = any(letter in "北京ไกあ" or ord(letter) >= 0xE00 for letter in word)
    if unspaced and not any(letter in "北京ไกあ" for letter in word):
        return  # a script that this test does not know
    marked = word if unspaced else "<" + word + ">"
    expected = [
        marked[start:end]
        for n in ((1, 2, 3) if unspaced else (3, 4, 5))
        for start in range(len(marked))
        for end in [start + n]
        if end <= len(marked)
    ]
    assert spell(word) == expected


@few
@given(TEXTS, st.integers(1, 40), st.integers(1, 3))
def test_max_ngrams_and_min_ngram_words(texts, max_ngrams, min_words):
    words = {word for text in texts for word in text}
    spread = Counter(ngram for word in words for ngram in set(spell(word)))
    expected = sorted(
        (ngram for ngram, n_words in spread.items() if n_words >= min_words),
        key=lambda ngram: (-spread[ngram], ngram),
    )
    vocabulary = build_vocabulary(texts, max_ngrams=max_ngrams, min_ngram_words=min_words)
    assert list(vocabulary.ngrams) == expected[:max_ngrams]


def test_ngrams_of_rare_words_count():
    """A word too rare for a vector of its own still says what spellings there are."""
    vocabulary = build_vocabulary([["cats", "cats", "cat"]], min_count=2, max_ngrams=100)
    assert vocabulary.words[2:] == ("cats",)
    assert "at>" in vocabulary.ngrams


def test_known_ngrams_keep_their_order_and_their_repetitions():
    vocabulary = Vocabulary([], [], ["ana", "<ba", "nan"])
    assert vocabulary.known_ngrams("banana") == [1, 0, 2, 0]
    assert vocabulary.known_ngrams("zebra") == []
    assert Vocabulary(["banana"], [1]).known_ngrams("banana") == []


# Encoding


@few
@given(TEXTS, TEXTS)
def test_encoding_against_a_plain_loop(known, texts):
    vocabulary = build_vocabulary(known, max_words=6, max_ngrams=25)
    encoded = vocabulary.encode(texts)
    distinct = list(dict.fromkeys(word for text in texts for word in text))

    assert len(encoded) == len(texts)
    assert encoded.lengths.tolist() == [len(text) for text in texts]
    assert encoded.word_ids.tolist() == [vocabulary.word_id(word) for word in distinct]
    for number, text in enumerate(texts):
        places = encoded.tokens[encoded.offsets[number] : encoded.offsets[number + 1]]
        assert [distinct[place] for place in places] == text
    for place, word in enumerate(distinct):
        start, end = encoded.ngram_offsets[place : place + 2]
        spelt = [vocabulary.ngrams[number] for number in encoded.ngram_ids[start:end]]
        assert spelt == [ngram for ngram in spell(word) if ngram in vocabulary.ngrams]
    assert encoded.ngram_offsets[-1] == len(encoded.ngram_ids)


@few
@given(TEXTS)
def test_ids_lead_back_to_the_tokens(texts):
    vocabulary = build_vocabulary(texts)
    encoded = vocabulary.encode(texts)
    ids = encoded.word_ids[encoded.tokens]
    words = [vocabulary.words[number] for number in ids]
    assert words == [word for text in texts for word in text]


def test_encoding_takes_an_iterator_and_gives_whole_numbers():
    encoded = Vocabulary(["a"], [1]).encode(iter([["a", "b"], [], ["b"]]))
    assert encoded.word_ids.tolist() == [2, UNKNOWN]
    assert encoded.tokens.tolist() == [0, 1, 1]
    assert encoded.offsets.tolist() == [0, 2, 2, 3]
    for array in vars(encoded).values():
        assert array.dtype == np.int64


def test_encoding_nothing():
    encoded = Vocabulary([], []).encode([])
    assert len(encoded) == 0
    assert encoded.lengths.tolist() == []
    assert encoded.ngram_offsets.tolist() == [0]
