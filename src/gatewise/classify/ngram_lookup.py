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
        self._n_words = len(self._numbers)
        keys, columns = self._pair_keys(pairs)
        order = np.argsort(keys)
        self._keys, self._key_columns = keys[order], columns[order]
        self._words: dict[str, _Word] = {}
        self._pieces: dict[str, tuple[Numbers, int]] = {}

    def find(self, token_lists: Sequence[Sequence[str]]) -> FoundNgrams:
        """Find the known n-grams of N texts, each as often as it stands there."""
        n_texts = len(token_lists)
        words = [self._word(token) for tokens in token_lists for token in tokens]
        sizes = np.fromiter(map(len, token_lists), np.int64, n_texts)  # (N,)
        rows = np.repeat(np.arange(n_texts), sizes)  # (n_tokens,)
        single = np.fromiter((word.column for word in words), np.int64, len(words))  # (n_tokens,)
        pairs, pair_rows, are_apart = self._find_pairs(words, rows, np.cumsum(sizes))
        spelt, spelt_rows, n_spelt = self._find_characters(words, rows, token_lists)
        known = single >= 0  # (n_tokens,)
        n_known = _count(np.concatenate([rows[known], pair_rows[~are_apart], spelt_rows]), n_texts)
        n_terms = np.maximum(2 * sizes - 1, 0) + n_spelt  # (N,)
        readable = np.fromiter((word.is_readable for word in words), np.bool_, len(words))
        n_readable = _count(rows[readable], n_texts)  # (N,)
        return FoundNgrams(
            rows=np.concatenate([spelt_rows, pair_rows, rows[known]]),
            columns=np.concatenate([spelt, pairs, single[known]]),
            familiarity=np.where(n_readable > 0, n_known / np.maximum(n_terms, 1), 0.0),
        )

    def _find_pairs(
        self, words: Sequence[_Word], rows: Numbers, ends: Numbers
    ) -> tuple[Numbers, Numbers, NDArray[np.bool_]]:
        """Look all pairs up: their columns, their texts, and whether they stand apart."""
        numbers = np.fromiter((word.number for word in words), np.int64, len(words))  # (n,)
        places = np.arange(len(words))[:, None] + self._distances  # (n, distances)
        inside = places < ends[rows][:, None]  # (n, distances)
        first, distance = np.nonzero(inside)
        one, other = numbers[first], numbers[places[inside]]  # (m,) each
        are_apart = distance > 0  # (m,)
        wanted = (one >= 0) & (other >= 0) & ~(are_apart & (one == other))  # (m,)
        first, one, other, are_apart = (
            part[wanted] for part in (first, one, other, are_apart)
        )  # (m,) each
        keys = self._key(are_apart, one, other)  # (m,)
        if not len(self._keys):
            return _NO_COLUMNS, _NO_COLUMNS, np.zeros(0, dtype=np.bool_)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)  # (m,)
        found = self._keys[at] == keys  # (m,)
        return self._key_columns[at[found]], rows[first[found]], are_apart[found]

    def _find_characters(
        self, words: Sequence[_Word], rows: Numbers, token_lists: Sequence[Sequence[str]]
    ) -> tuple[Numbers, Numbers, Numbers]:
        """Look all runs of characters up: their columns, their texts, how many a text has."""
        n_texts = len(token_lists)
        if not self._characters:
            return _NO_COLUMNS, _NO_COLUMNS, np.zeros(n_texts, dtype=np.int64)
        pieces: list[tuple[Numbers, int]] = [(word.characters, word.n_characters) for word in words]
        unspaced = np.fromiter((word.is_unspaced for word in words), np.bool_, len(words))
        if unspaced.any():
            further = list(self._unspaced_pieces(token_lists, np.unique(rows[unspaced])))
            rows = np.append(rows, np.array([row for row, _ in further], dtype=np.int64))
            pieces += [piece for _, piece in further]
        if not pieces:
            return _NO_COLUMNS, _NO_COLUMNS, np.zeros(n_texts, dtype=np.int64)
        columns = np.concatenate([piece for piece, _ in pieces])
        sizes = np.fromiter((len(piece) for piece, _ in pieces), np.int64, len(pieces))
        n_all = np.fromiter((number for _, number in pieces), np.int64, len(pieces))
        in_text = np.bincount(rows, n_all, n_texts).astype(np.int64)  # (N,)
        return columns, np.repeat(rows, sizes), in_text

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
                self._numbers.get(token, _NONE),
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
        keys: Numbers = (are_apart * self._n_words + low) * self._n_words + high
        return keys


def _count(rows: Numbers, n_texts: int) -> Numbers:
    return np.bincount(rows, minlength=n_texts)


def _remember(known: dict[str, Any], key: str, value: Any) -> None:
    """Keep a value; of too many, forget all, which is cheap and rare."""
    if len(known) >= _MOST_REMEMBERED:
        known.clear()
    known[key] = value
