"""Tokens -> the columns of the n-grams that a companion knows, for many texts at once.

Words get numbers, so that a pair of words is one whole number and all pairs of all texts are
looked up together; what a single word brings is looked up once, however often it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewise.classify.ngram_terms import (
    REACH,
    character_units,
    count_characters,
    list_runs,
    may_come_again,
)
from gatewise.classify.remembered import Remembered
from gatewise.text.tokens import has_unspaced_script

__all__ = ["FoundNgrams", "NgramLookup"]

Numbers = NDArray[np.int64]

_MOST_REMEMBERED = 1 << 15  # words, and as many pieces of unspaced writing
_CHARACTERS_PER_WORD = 16  # known runs of them, about
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


class _Facts(NamedTuple):
    """What is known of a word; or, as arrays of shape (n,), of many."""

    number: Any  # for pairs
    column: Any  # of the word by itself
    n_characters: Any  # runs of them, known or not
    start: Any  # where its known runs stand among those of all words
    n_spelt: Any  # how many they are
    is_readable: Any
    is_unspaced: Any


class _WordTable:
    """Words in the order in which they came, and what is known of them.

    It only grows, and other threads may read it while it does.
    """

    def __init__(self, n_words: int, describe: Callable[[str], tuple[_Facts, Numbers]]) -> None:
        self.rows: dict[str, int] = {}
        self.facts = np.zeros((len(_Facts._fields), n_words), dtype=np.int64)  # (facts, n_words)
        self.characters = np.empty(_CHARACTERS_PER_WORD * n_words, dtype=np.int64)  # columns
        self._n_spelt = 0
        self._describe = describe

    def has_room_for(self, n_words: int) -> bool:
        return len(self.rows) + n_words <= self.facts.shape[1]

    def add(self, words: Sequence[str]) -> None:
        for word in words:
            self._add(word, *self._describe(word))

    def _add(self, word: str, facts: _Facts, characters: Numbers) -> None:
        start, end = self._n_spelt, self._n_spelt + len(characters)
        if end > len(self.characters):
            grown = np.empty(2 * end, dtype=np.int64)
            grown[:start] = self.characters[:start]
            self.characters = grown
        self.characters[start:end] = characters
        self._n_spelt = end
        self.facts[:, len(self.rows)] = facts._replace(start=start, n_spelt=len(characters))
        self.rows[word] = len(self.rows)  # last, since other threads look here first


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
        self._words = Remembered(
            lambda n_words: _WordTable(max(_MOST_REMEMBERED, n_words), self._describe)
        )
        self._pieces: dict[str, tuple[Numbers, int]] = {}

    def find(self, token_lists: Sequence[Sequence[str]]) -> FoundNgrams:
        """Find the known n-grams of N texts, each as often as it stands there."""
        n_texts = len(token_lists)
        sizes = np.array([len(tokens) for tokens in token_lists], dtype=np.int64)  # (N,)
        rows = np.arange(n_texts).repeat(sizes)  # (n_tokens,)
        words, spelt = self._look_up(token_lists)
        pairs, pair_rows, are_apart = self._find_pairs(words.number, rows, sizes.cumsum())
        spelt_rows = rows.repeat(words.n_spelt)
        n_terms = np.maximum(2 * sizes - 1, 0) + _total(rows, words.n_characters, n_texts)  # (N,)
        if self._characters and words.is_unspaced.any():
            further = self._find_unspaced(token_lists, np.unique(rows[words.is_unspaced > 0]))
            spelt = np.append(spelt, further[0])
            spelt_rows = np.append(spelt_rows, further[1])
            n_terms += further[2]
        known = words.column >= 0  # (n_tokens,)
        single, single_rows = words.column[known], rows[known]
        n_known = _count(np.concatenate([single_rows, pair_rows[~are_apart], spelt_rows]), n_texts)
        n_readable = _count(rows[words.is_readable > 0], n_texts)  # (N,)
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

    def _look_up(self, token_lists: Sequence[Sequence[str]]) -> tuple[_Facts, Numbers]:
        """Say what is known of each word of all texts, and list the runs of its characters."""
        ids, table = self._words.look_up(token_lists)
        words = _Facts(*table.facts.take(_whole(ids), axis=1))  # (n_tokens,) each
        # From where a word's runs stand to where they come to stand.
        shifts = words.start - (words.n_spelt.cumsum() - words.n_spelt)  # (n_tokens,)
        places = shifts.repeat(words.n_spelt)
        places += np.arange(len(places))
        return words, table.characters.take(places)

    def _describe(self, token: str) -> tuple[_Facts, Numbers]:
        """Say what is known of a word, and list the known runs of its characters."""
        is_unspaced = has_unspaced_script(token)
        characters, n_characters = _NO_COLUMNS, 0
        if self._characters and not is_unspaced:
            characters, n_characters = self._spell(*character_units([token]))
        facts = _Facts(
            number=self._numbers.get(token, self._n_words),
            column=self._columns.get(token, _NONE),
            n_characters=n_characters,
            start=0,
            n_spelt=0,
            is_readable=any(map(str.isalnum, token)),
            is_unspaced=is_unspaced,
        )
        return facts, characters

    def _find_unspaced(
        self, token_lists: Sequence[Sequence[str]], rows: Numbers
    ) -> tuple[Numbers, Numbers, Numbers]:
        """Look up what some texts write without spaces, a run of words as one piece of writing.

        The runs of characters: their columns, their texts, how many each text has.
        """
        units = [(row, unit) for row in rows.tolist() for unit in character_units(token_lists[row])]
        at = _whole([row for row, unit in units if unit[0] != " "])
        pieces = [self._piece(unit) for _, unit in units if unit[0] != " "]
        columns = np.concatenate([_NO_COLUMNS, *(found for found, _ in pieces)])
        n_all = _total(at, _whole([number for _, number in pieces]), len(token_lists))  # (N,)
        return columns, at.repeat(_whole([len(found) for found, _ in pieces])), n_all

    def _piece(self, unit: str) -> tuple[Numbers, int]:
        if (piece := self._pieces.get(unit)) is None:
            piece = self._spell(unit)
            if may_come_again(unit):
                _remember(self._pieces, unit, piece)
        return piece

    def _spell(self, unit: str) -> tuple[Numbers, int]:
        known, terms = self._characters, list_runs(unit)
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


def _total(rows: Numbers, numbers: Numbers, n_texts: int) -> Numbers:
    return np.bincount(rows, numbers, n_texts).astype(np.int64)


def _remember(known: dict[str, Any], key: str, value: Any) -> None:
    """Keep a value; of too many, forget all, which is cheap and rare."""
    if len(known) >= _MOST_REMEMBERED:
        known.clear()
    known[key] = value
