"""Tokens -> the columns of the n-grams that a companion knows, for many texts at once.

Words get numbers, so that a pair of words is one whole number and all pairs of all texts are
looked up together; what a single word brings is looked up once, however often it comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewise.classify.ngram_terms import (
    REACH,
    character_terms,
    character_units,
    count_characters,
)
from gatewise.text.tokens import has_unspaced_script

__all__ = ["FoundNgrams", "NgramLookup"]

Numbers = NDArray[np.int64]

_MOST_REMEMBERED = 1 << 15  # words, and as many pieces of unspaced writing
_NONE = -1
_LAST = np.iinfo(np.int64).max  # behind all keys
_NO_COLUMNS = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class FoundNgrams:
    """The known n-grams of N texts.

    Attributes
    ----------
    rows : ndarray of int64, shape (n,)
        The text that each stands in.
    columns : ndarray of int64, shape (n,)
        Which n-gram it is.
    familiarity : ndarray of float64, shape (N,)
        Share of each text's n-grams that are known, pairs that stand apart aside. Of a text
        without a letter or digit it is 0: signs are known wherever one stood once.
    """

    rows: Numbers
    columns: Numbers
    familiarity: NDArray[np.float64]


class _Word(NamedTuple):
    number: int  # for pairs
    column: int  # of the word by itself
    characters: Numbers  # columns of its runs of characters
    n_characters: int  # known or not
    is_readable: bool
    is_unspaced: bool


class _Words(NamedTuple):
    """The same of several words."""

    number: Sequence[int]
    column: Sequence[int]
    characters: Sequence[Numbers]
    n_characters: Sequence[int]
    is_readable: Sequence[bool]
    is_unspaced: Sequence[bool]


_NO_WORDS = _Words((), (), (), (), (), ())


class NgramLookup:
    """Finds n-grams by their columns.

    Parameters
    ----------
    terms : sequence of str
        The n-grams in column order; see :class:`gatewise.classify.ngrams.NgramModel`.
    """

    def __init__(self, terms: Sequence[str]) -> None:
        n_characters = count_characters(terms)
        self._characters = {term: column for column, term in enumerate(terms[:n_characters])}
        self._numbers: dict[str, int] = {}
        self._columns: dict[str, int] = {}
        pairs: list[tuple[bool, int, int, int]] = []
        for column, term in enumerate(terms[n_characters:], start=n_characters):
            first, space, second = term[2:].partition(" ")
            number = self._numbers.setdefault(first, len(self._numbers))
            if space:
                other = self._numbers.setdefault(second, len(self._numbers))
                pairs.append((term[0] == "p", number, other, column))
            else:
                self._columns[first] = column
        self._distances = np.arange(1, (REACH if any(pair[0] for pair in pairs) else 1) + 1)
        self._n_words = len(self._numbers)  # and the number of every other word
        keys, columns = self._pair_keys(pairs)
        order = np.argsort(keys)
        self._keys = np.append(keys[order], _LAST)
        self._key_columns = columns[order]
        self._words: dict[str, _Word] = {}
        self._pieces: dict[str, tuple[Numbers, int]] = {}

    def find(self, token_lists: Sequence[Sequence[str]]) -> FoundNgrams:
        """Find the known n-grams of N texts, each as often as it stands there."""
        n_texts = len(token_lists)
        words = [self._word(token) for tokens in token_lists for token in tokens]
        parts = _Words(*zip(*words, strict=True)) if words else _NO_WORDS
        sizes = np.array([len(tokens) for tokens in token_lists], dtype=np.int64)  # (N,)
        rows = np.repeat(np.arange(n_texts), sizes)  # (n_tokens,)
        pairs, pair_rows, are_apart = self._find_pairs(_whole(parts.number), rows, sizes.cumsum())
        spelt, spelt_rows, n_spelt = self._find_characters(parts, rows, token_lists)
        single = _whole(parts.column)  # (n_tokens,)
        known = single >= 0  # (n_tokens,)
        single, single_rows = single[known], rows[known]
        n_known = _count(np.concatenate([single_rows, pair_rows[~are_apart], spelt_rows]), n_texts)
        n_terms = np.maximum(2 * sizes - 1, 0) + n_spelt  # (N,)
        n_readable = _count(rows[np.array(parts.is_readable, dtype=np.bool_)], n_texts)  # (N,)
        return FoundNgrams(
            rows=np.concatenate([spelt_rows, pair_rows, single_rows]),
            columns=np.concatenate([spelt, pairs, single]),
            familiarity=np.where(n_readable > 0, n_known / np.maximum(n_terms, 1), 0.0),
        )

    def _find_pairs(
        self, numbers: Numbers, rows: Numbers, ends: Numbers
    ) -> tuple[Numbers, Numbers, NDArray[np.bool_]]:
        """Look all pairs up: their columns, their texts, and whether they stand apart."""
        # Behind a text stand words that are in no pair.
        padded = np.append(numbers, np.full(len(self._distances), self._n_words))
        places = np.arange(len(numbers))[:, None] + self._distances  # (n, distances)
        others = np.where(places < ends[rows][:, None], padded[places], self._n_words)
        keys = self._key(self._distances > 1, numbers[:, None], others)  # (n, distances)
        at = self._keys.searchsorted(keys)  # (n, distances)
        found = self._keys[at] == keys  # (n, distances)
        first, distance = found.nonzero()
        return self._key_columns[at[found]], rows[first], distance > 0

    def _find_characters(
        self, words: _Words, rows: Numbers, token_lists: Sequence[Sequence[str]]
    ) -> tuple[Numbers, Numbers, Numbers]:
        """Look all runs of characters up: their columns, their texts, how many a text has."""
        n_texts = len(token_lists)
        if not self._characters or not len(rows):
            return _NO_COLUMNS, _NO_COLUMNS, np.zeros(n_texts, dtype=np.int64)
        pieces, n_all = words.characters, words.n_characters
        if any(words.is_unspaced):
            unspaced = np.unique(rows[np.array(words.is_unspaced)])
            further = list(self._unspaced_pieces(token_lists, unspaced))
            rows = np.append(rows, _whole([row for row, _ in further]))
            pieces = [*pieces, *(piece for _, (piece, _) in further)]
            n_all = [*n_all, *(number for _, (_, number) in further)]
        sizes = [len(piece) for piece in pieces]
        in_text = np.bincount(rows, n_all, n_texts).astype(np.int64)  # (N,)
        return np.concatenate(pieces), np.repeat(rows, sizes), in_text

    def _unspaced_pieces(
        self, token_lists: Sequence[Sequence[str]], rows: Iterable[int]
    ) -> Iterator[tuple[int, tuple[Numbers, int]]]:
        """Look up what is written without spaces, a run of words as one piece of writing."""
        for row in rows:
            for unit in character_units(token_lists[row]):
                if unit[0] != " ":
                    yield row, self._piece(unit)

    def _word(self, token: str) -> _Word:
        if (word := self._words.get(token)) is None:
            unspaced = has_unspaced_script(token)
            characters, n_characters = _NO_COLUMNS, 0
            if self._characters and not unspaced:
                characters, n_characters = self._spell(f" {token} ")
            word = _Word(
                self._numbers.get(token, self._n_words),
                self._columns.get(token, _NONE),
                characters,
                n_characters,
                any(map(str.isalnum, token)),
                unspaced,
            )
            _remember(self._words, token, word)
        return word

    def _piece(self, unit: str) -> tuple[Numbers, int]:
        if (piece := self._pieces.get(unit)) is None:
            piece = self._spell(unit)
            _remember(self._pieces, unit, piece)
        return piece

    def _spell(self, unit: str) -> tuple[Numbers, int]:
        known, terms = self._characters, character_terms(unit)
        found = [known[term] for term in terms if term in known]
        return np.array(found, dtype=np.int64), len(terms)

    def _pair_keys(self, pairs: Sequence[tuple[bool, int, int, int]]) -> tuple[Numbers, Numbers]:
        if not pairs:
            return _NO_COLUMNS, _NO_COLUMNS
        are_apart, one, other, columns = np.array(pairs, dtype=np.int64).T  # (n_pairs,) each
        return self._key(are_apart.astype(np.bool_), one, other), columns

    def _key(self, are_apart: NDArray[np.bool_], one: Numbers, other: Numbers) -> Numbers:
        """Make one number of two: of neighbours in their order, of words apart in any."""
        low = np.where(are_apart, np.minimum(one, other), one)
        high = np.where(are_apart, np.maximum(one, other), other)
        n_numbers = self._n_words + 1
        keys: Numbers = (are_apart * n_numbers + low) * n_numbers + high
        return keys


def _whole(numbers: Sequence[int]) -> Numbers:
    return np.array(numbers, dtype=np.int64)


def _count(rows: Numbers, n_texts: int) -> Numbers:
    return np.bincount(rows, minlength=n_texts)


def _remember(known: dict[str, Any], key: str, value: Any) -> None:
    """Keep a value; of too many, forget all, which is cheap and rare."""
    if len(known) >= _MOST_REMEMBERED:
        known.clear()
    known[key] = value
