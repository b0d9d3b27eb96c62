"""Tokenised texts as numbers: 4 bytes a token, in memory or mapped from a file.

A list of Python strings takes some sixty bytes a token. Here every distinct token is kept once,
and a text is a row of numbers that becomes a list of strings again only while it is looked at.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEFT_OUT", "TokenRows", "TokenTable", "join_tables", "tabulate"]

# Stands for words that were left out of the count because there were too many; it is no token.
LEFT_OUT = ""
_TEXTS_AT_A_TIME = 4_096
_TOKENS_AT_A_TIME = 1 << 22


@dataclass(frozen=True, eq=False)
class TokenTable(Sequence[list[str]]):
    """N tokenised texts; as a sequence, their lists of tokens.

    Attributes
    ----------
    words : sequence of str
        The U distinct tokens in the order in which they first stand; ``LEFT_OUT`` for one that
        was too rare to be kept.
    numbers : ndarray of int32, shape (n_tokens,)
        All texts, one behind the other, as positions in ``words``.
    offsets : ndarray of int64, shape (N + 1,)
        Where each text begins.
    """

    words: Sequence[str]
    numbers: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, row: int) -> list[str]: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[list[str]]: ...

    def __getitem__(self, row: int | slice) -> list[str] | Sequence[list[str]]:
        if isinstance(row, slice):
            return self.rows(np.arange(len(self))[row])
        row = range(len(self))[row]
        return self._spell(self.numbers[self.offsets[row] : self.offsets[row + 1]].tolist())

    def __iter__(self) -> Iterator[list[str]]:
        for start in range(0, len(self), _TEXTS_AT_A_TIME):
            offsets = self.offsets[start : start + _TEXTS_AT_A_TIME + 1]
            numbers = self.numbers[offsets[0] : offsets[-1]].tolist()
            places = (offsets - offsets[0]).tolist()
            for begin, end in itertools.pairwise(places):
                yield self._spell(numbers[begin:end])

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of tokens of each text, int64, shape (N,)."""
        return np.diff(self.offsets)

    def rows(self, numbers: NDArray[np.int64]) -> TokenRows:
        """Take some of the texts, without copying them."""
        return TokenRows(self, numbers)

    def first(self, n_texts: int) -> TokenTable:
        """Take the first texts, without copying them; ``words`` stay the same."""
        offsets = self.offsets[: n_texts + 1]
        return TokenTable(self.words, self.numbers[: offsets[-1]], offsets)

    def counts(self) -> NDArray[np.int64]:
        """Count how often each of ``words`` stands, int64, shape (U,)."""
        found = np.zeros(len(self.words), dtype=np.int64)
        for start in range(0, len(self.numbers), _TOKENS_AT_A_TIME):
            part = self.numbers[start : start + _TOKENS_AT_A_TIME]
            found += np.bincount(part, minlength=len(found))
        return found

    def _spell(self, numbers: list[int]) -> list[str]:
        words = self.words
        return [word for number in numbers if (word := words[number])]


@dataclass(frozen=True, eq=False)
class TokenRows(Sequence[list[str]]):
    """Some texts of a table; see :meth:`TokenTable.rows`."""

    table: TokenTable
    numbers: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, row: int) -> list[str]: ...

    @overload
    def __getitem__(self, row: slice) -> TokenRows: ...

    def __getitem__(self, row: int | slice) -> list[str] | TokenRows:
        if isinstance(row, slice):
            return TokenRows(self.table, self.numbers[row])
        return self.table[int(self.numbers[row])]


def tabulate(token_lists: Iterable[Sequence[str]]) -> TokenTable:
    """Make a table of lists of tokens, which are held no longer than one at a time."""
    places: dict[str, int] = {}
    numbers, offsets = array("i"), array("q", [0])
    for text in token_lists:
        numbers.extend([places.setdefault(token, len(places)) for token in text])
        offsets.append(len(numbers))
    return TokenTable(
        list(places), np.array(numbers, dtype=np.int32), np.array(offsets, dtype=np.int64)
    )


def join_tables(first: TokenTable, second: TokenTable) -> TokenTable:
    """Put the texts of a second table behind those of a first; the result lies in memory."""
    if not len(second):
        return first
    words = list(first.words)
    places = {word: number for number, word in enumerate(words)}
    moved = np.empty(len(second.words), dtype=np.int32)
    for number, word in enumerate(second.words):
        moved[number] = place = places.setdefault(word, len(words))
        if place == len(words):
            words.append(word)
    numbers = np.concatenate([first.numbers, moved[second.numbers]])
    return TokenTable(
        words, numbers, np.concatenate([first.offsets, second.offsets[1:] + first.offsets[-1]])
    )
