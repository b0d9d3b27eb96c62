"""Tokens <-> ids, counts, and the character n-grams that spell a word.

A text becomes a row of *distinct tokens*: every distinct token of a set of texts is looked up
and spelt once, and the texts refer to it by position. What the network later does once per
distinct token it need not do once per occurrence.
"""

from __future__ import annotations

import itertools
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.base.errors import ConfigError
from gatewise.text.token_table import LEFT_OUT, TokenTable, tabulate
from gatewise.text.tokens import has_unspaced_script

__all__ = [
    "LONGEST_SPELT",
    "PAD",
    "UNKNOWN",
    "EncodedTexts",
    "Vocabulary",
    "build_vocabulary",
    "spell",
]

PAD = 0
UNKNOWN = 1
_RESERVED = ("<pad>", "<unknown>")
_SPACED_ORDERS = (3, 4, 5)
_UNSPACED_ORDERS = (1, 2, 3)
_MOST_SPELT = 300_000  # words whose n-grams are counted
# Letters of a word that are spelt: what is longer is data, and a megabyte of it has millions.
LONGEST_SPELT = 256

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class EncodedTexts:
    """Texts as positions into the distinct tokens they use.

    Attributes
    ----------
    word_ids : ndarray of int64, shape (U,)
        Vocabulary id of each distinct token; UNKNOWN for one outside the vocabulary.
    ngram_ids : ndarray of int64, shape (n_ngrams,)
        The n-grams of all distinct tokens, one token behind the other.
    ngram_offsets : ndarray of int64, shape (U + 1,)
        Where each distinct token's n-grams begin in ``ngram_ids``.
    tokens : ndarray of int32 or int64, shape (n_tokens,)
        All texts, one behind the other, as positions into ``word_ids``.
    offsets : ndarray of int64, shape (N + 1,)
        Where each text begins in ``tokens``.
    """

    word_ids: Ids
    ngram_ids: Ids
    ngram_offsets: Ids
    tokens: NDArray[np.integer[Any]]
    offsets: Ids

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Ids:
        """Number of tokens of each text, int64, shape (N,)."""
        return np.diff(self.offsets)


class Vocabulary:
    """The words and character n-grams a model knows.

    Parameters
    ----------
    words : sequence of str
        The words in the order of their ids, without the two reserved ones.
    counts : sequence of int
        How often each of them stood in the training texts.
    ngrams : sequence of str
        The character n-grams in the order of their ids.

    Raises
    ------
    ConfigError
        If a word or n-gram stands twice, or words and counts differ in number.
    """

    def __init__(
        self, words: Sequence[str], counts: Sequence[int], ngrams: Sequence[str] = ()
    ) -> None:
        if len(words) != len(counts):
            raise ConfigError(f"{len(words)} words came with {len(counts)} counts")
        self.words: tuple[str, ...] = (*_RESERVED, *words)
        self.counts: tuple[int, ...] = (0, 0, *counts)
        self.ngrams: tuple[str, ...] = tuple(ngrams)
        # The reserved names are not words: a text that holds "<pad>" does not mean padding.
        self._word_ids = {word: number for number, word in enumerate(words, start=len(_RESERVED))}
        self._ngram_ids = {ngram: number for number, ngram in enumerate(self.ngrams)}
        if len(self._word_ids) != len(words) or len(self._ngram_ids) != len(self.ngrams):
            raise ConfigError("a vocabulary must not hold a word or an n-gram twice")

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self._word_ids

    def word_id(self, token: str) -> int:
        """Look up a token's id; UNKNOWN if it is not in the vocabulary."""
        return self._word_ids.get(token, UNKNOWN)

    def known_ngrams(self, token: str) -> list[int]:
        """List the ids of a token's character n-grams that the vocabulary holds."""
        known = self._ngram_ids
        return [known[ngram] for ngram in spell(token) if ngram in known] if known else []

    def encode(self, token_lists: Iterable[Sequence[str]]) -> EncodedTexts:
        """Turn tokenised texts into ids.

        Parameters
        ----------
        token_lists : iterable of sequence of str
            One sequence of tokens per text.

        Returns
        -------
        EncodedTexts
            The distinct tokens in the order in which they first stand.
        """
        places: dict[str, int] = {}
        tokens: list[int] = []
        offsets = [0]
        for text in token_lists:
            tokens.extend(places.setdefault(token, len(places)) for token in text)
            offsets.append(len(tokens))
        return self._encoded(places, _array(tokens), _array(offsets))

    def encode_table(self, table: TokenTable) -> EncodedTexts:
        """Turn a table of tokens into ids; its numbers are used as they are, wherever they lie."""
        return self._encoded(table.words, table.numbers, table.offsets)

    def _encoded(
        self, distinct: Iterable[str], tokens: NDArray[np.integer[Any]], offsets: Ids
    ) -> EncodedTexts:
        word_ids, ngram_ids, ngram_offsets = array("q"), array("q"), array("q", [0])
        for token in distinct:
            word_ids.append(self.word_id(token))
            ngram_ids.extend(self.known_ngrams(token))
            ngram_offsets.append(len(ngram_ids))
        return EncodedTexts(
            word_ids=np.array(word_ids, dtype=np.int64),
            ngram_ids=np.array(ngram_ids, dtype=np.int64),
            ngram_offsets=np.array(ngram_offsets, dtype=np.int64),
            tokens=tokens,
            offsets=offsets,
        )


def build_vocabulary(
    token_lists: Iterable[Sequence[str]],
    *,
    min_count: int = 1,
    max_words: int = 1_000_000,
    max_ngrams: int = 0,
    min_ngram_words: int = 1,
) -> Vocabulary:
    """Collect the words of tokenised texts, commonest first (equal counts: by code point).

    Parameters
    ----------
    token_lists : iterable of sequence of str
        One sequence of tokens per text.
    min_count : int
        Rarer words are left out; their n-grams still count.
    max_words, max_ngrams : int
        At most so many are kept; 0 n-grams means none.
    min_ngram_words : int
        An n-gram of fewer distinct words says nothing about a new word and is left out.

    Returns
    -------
    Vocabulary
        Its n-grams are those of the 300,000 commonest words: the memory for counting them grows
        with the number of words.
    """
    table = token_lists if isinstance(token_lists, TokenTable) else tabulate(token_lists)
    counts = table.counts()
    common = _by_count(
        (table.words[place], int(counts[place]))
        for place in np.flatnonzero(counts).tolist()
        if table.words[place] != LEFT_OUT
    )
    kept = list(itertools.takewhile(lambda item: item[1] >= min_count, common[:max_words]))
    ngrams: list[str] = []
    if max_ngrams:
        spread = Counter(
            ngram for word, _ in common[:_MOST_SPELT] for ngram in dict.fromkeys(spell(word))
        )
        common_ngrams = (
            ngram for ngram, n_words in _by_count(spread.items()) if n_words >= min_ngram_words
        )
        ngrams = list(itertools.islice(common_ngrams, max_ngrams))
    return Vocabulary([word for word, _ in kept], [count for _, count in kept], ngrams)


def spell(word: str) -> list[str]:
    """List a word's character n-grams.

    Words of spaced scripts give 3- to 5-grams with ``<`` and ``>`` at the word's ends, as
    fastText does (Bojanowski et al. 2017); words of unspaced scripts, where one character
    already means something, give 1- to 3-grams. Of longer ones only the first 256 letters count.
    """
    word = word[:LONGEST_SPELT]
    unspaced = has_unspaced_script(word)
    orders = _UNSPACED_ORDERS if unspaced else _SPACED_ORDERS
    letters = word if unspaced else f"<{word}>"
    return [
        letters[start : start + order]
        for order in orders
        for start in range(len(letters) - order + 1)
    ]


def _by_count(counts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(counts, key=lambda item: (-item[1], item[0]))


def _array(values: Iterable[int]) -> Ids:
    return np.fromiter(values, dtype=np.int64)
