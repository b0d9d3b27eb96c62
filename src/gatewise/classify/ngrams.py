"""The linear companion: tf-idf of word and character n-grams -> one score per class.

It errs where the LSTM does not: it has no order beyond two words, but every rare spelling is a
feature of its own. In short texts it also sees which two words stand near each other, in either
order. The features are those of the tokens, so it reads exactly what the network reads.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.classify.ngram_lookup import FoundNgrams, NgramLookup
from gatewise.classify.ngram_terms import count_characters

__all__ = ["NgramModel", "NgramReading"]

_TOKENS_AT_A_TIME = 1 << 15  # so that what is found in them takes little memory
_TOO_LARGE = np.iinfo(np.int32).max


@dataclass(frozen=True, eq=False)
class NgramReading:
    """What a companion finds in N texts.

    Attributes
    ----------
    scores : ndarray of float64, shape (N, C)
        Margins.
    outside : ndarray of float64, shape (N,), or None
        Margins of "none of the classes"; None where it was not learnt.
    familiarity : ndarray of float64, shape (N,)
        Shares of the n-grams that are known.
    """

    scores: NDArray[np.float64]
    outside: NDArray[np.float64] | None
    familiarity: NDArray[np.float64]


@dataclass(frozen=True)
class NgramModel:
    """A fitted companion.

    Attributes
    ----------
    terms : tuple of str
        The F n-grams in column order: first those of characters, ``c:`` before them, then pairs
        of words that stand apart, ``p:`` before them, then words and pairs of neighbours, ``w:``
        before them.
    idf : ndarray of float32, shape (F,)
        Inverse document frequencies.
    weights : ndarray of float32, shape (F, C)
        One column per class.
    intercepts : ndarray of float32, shape (C,)
    outside : ndarray of float32, shape (F + 1,), or None
        The column of "none of the classes" and its intercept, if there were texts of that kind to
        learn it from. It is no class: it only tells how far outside a text lies.
    """

    terms: tuple[str, ...]
    idf: NDArray[np.float32]
    weights: NDArray[np.float32]
    intercepts: NDArray[np.float32]
    outside: NDArray[np.float32] | None = None

    def read(self, token_lists: Sequence[Sequence[str]]) -> NgramReading:
        """Find all that there is to say of some texts, listing the n-grams of each once.

        Parameters
        ----------
        token_lists : sequence of sequence of str
            N texts.

        Returns
        -------
        NgramReading
        """
        parts = [self._read(token_lists[part]) for part in _parts(token_lists)]
        outside = [part.outside for part in parts if part.outside is not None]
        return NgramReading(
            scores=np.concatenate([part.scores for part in parts]),
            outside=np.concatenate(outside) if outside else None,
            familiarity=np.concatenate([part.familiarity for part in parts]),
        )

    def scores(self, token_lists: Sequence[Sequence[str]]) -> NDArray[np.float64]:
        """Compute the margins of each text, float64, shape (N, C)."""
        return self.read(token_lists).scores

    def outside_scores(self, token_lists: Sequence[Sequence[str]]) -> NDArray[np.float64]:
        """Compute the margins of "none of the classes", float64, shape (N,); 0 where not learnt."""
        found = self.read(token_lists).outside
        return np.zeros(len(token_lists)) if found is None else found

    def features(self, tokens: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Weigh the known n-grams of one text.

        Parameters
        ----------
        tokens : sequence of str
            The text.

        Returns
        -------
        columns : ndarray of int64, shape (n,)
            The n-grams it has, ascending.
        values : ndarray of float64, shape (n,)
            (1 + log count) * idf of each. Characters and words each get length 1: the characters
            of a text outnumber its words by far, and would drown them in a common length.
        """
        found = self._lookup.find([tokens])
        _, columns, values = self._weigh(found, 1)
        return columns, values

    def columns_of(self, tokens: Sequence[str]) -> list[int]:
        """List the known n-grams of one text by their columns, each as often as it stands there."""
        columns: list[int] = self._lookup.find([tokens]).columns.tolist()
        return columns

    def _read(self, token_lists: Sequence[Sequence[str]]) -> NgramReading:
        found = self._lookup.find(token_lists)
        rows, columns, values = self._weigh(found, len(token_lists))  # (n,) each
        bounds = np.searchsorted(rows, np.arange(len(token_lists) + 1)).tolist()  # (N + 1,)
        scores = np.empty((len(token_lists), len(self.intercepts)))  # (N, C)
        outside = None if self.outside is None else np.empty(len(token_lists))  # (N,)
        weighed = values.astype(np.float32)  # (n,); or all weights would be converted
        for row, (start, end) in enumerate(itertools.pairwise(bounds)):
            mine, shares = columns[start:end], weighed[start:end]
            scores[row] = shares @ self.weights.take(mine, axis=0)
            if outside is not None and self.outside is not None:
                outside[row] = shares @ self.outside.take(mine) + self.outside[-1]
        scores += self.intercepts
        return NgramReading(scores, outside, found.familiarity)

    def _weigh(
        self, found: FoundNgrams, n_texts: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Count and weigh what was found: rows, columns, values, all (n,); see :meth:`features`."""
        n_terms = max(1, len(self.terms))
        kind = np.int32 if n_texts * n_terms < _TOO_LARGE else np.int64  # half the time to sort
        in_order = (found.rows * n_terms + found.columns).astype(kind)
        in_order.sort()
        is_first = np.ones(len(in_order), dtype=np.bool_)
        np.not_equal(in_order[1:], in_order[:-1], out=is_first[1:])
        firsts = is_first.nonzero()[0]
        counts = np.append(firsts[1:], len(in_order)) - firsts
        keys = in_order[firsts].astype(np.int64)
        rows = keys // n_terms
        columns = keys - rows * n_terms
        values = (1.0 + np.log(counts)) * self.idf[columns]
        blocks = 2 * rows + (columns >= self.n_characters)
        lengths = np.sqrt(np.bincount(blocks, values * values, 2 * n_texts))  # (2 N,)
        return rows, columns, values / lengths[blocks]

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what follows from the rest."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @functools.cached_property
    def n_characters(self) -> int:
        """How many of the n-grams are of characters."""
        return count_characters(self.terms)

    @functools.cached_property
    def _lookup(self) -> NgramLookup:
        return NgramLookup(self.terms)


def _parts(token_lists: Sequence[Sequence[str]]) -> Iterator[slice]:
    """Part texts into pieces of not too many tokens; of none, make one piece of none."""
    start = n_tokens = 0
    for row, tokens in enumerate(token_lists):
        if n_tokens and n_tokens + len(tokens) > _TOKENS_AT_A_TIME:
            yield slice(start, row)
            start, n_tokens = row, 0
        n_tokens += len(tokens)
    yield slice(start, len(token_lists))
