"""The companion's scores of many variants of one text, none of them counted anew.

A token that is added or dropped changes the n-grams around it and no others, so each variant is
told by a few differences of counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gatewise.classify.ngram_terms import REACH
from gatewise.classify.ngrams import NgramModel

__all__ = ["scores_as_it_grows", "scores_without"]

Array = NDArray[np.float64]


def scores_as_it_grows(
    model: NgramModel, tokens: Sequence[str], lengths: Sequence[int]
) -> NDArray[np.float64]:
    """Compute the margins of the beginnings of a text.

    Parameters
    ----------
    model : NgramModel
        The companion.
    tokens : sequence of str
        The text.
    lengths : sequence of int
        How many tokens each beginning has, ascending.

    Returns
    -------
    ndarray of float64, shape (len(lengths), C)
    """
    tally, found, at = _Tally(model), [], 0
    for length in lengths:
        for end in range(at, length):
            window = tokens[max(0, end - REACH - 1) : end + 1]
            tally.keep(tally.difference(window[:-1], window))
        at = length
        found.append(tally.scores())
    return np.array(found).reshape(len(found), len(model.intercepts))


def scores_without(
    model: NgramModel, tokens: Sequence[str], places: Sequence[int]
) -> NDArray[np.float64]:
    """Compute the margins of a text with one of its tokens dropped.

    Parameters
    ----------
    model : NgramModel
        The companion.
    tokens : sequence of str
        The text.
    places : sequence of int
        Which token is dropped each time.

    Returns
    -------
    ndarray of float64, shape (len(places), C)
    """
    tally = _Tally(model)
    tally.keep(tally.difference((), tokens))
    found = []
    for place in places:
        start, end = max(0, place - REACH - 1), place + REACH + 2
        window = tokens[start:end]
        rest = [*window[: place - start], *window[place - start + 1 :]]
        found.append(tally.scores(tally.difference(window, rest)))
    return np.array(found).reshape(len(found), len(model.intercepts))


class _Tally:
    """The counts of a text, and the sums its scores are made of.

    Characters and words are normalised apart, so there are two sums and two lengths.
    """

    def __init__(self, model: NgramModel) -> None:
        self.model = model
        self._counts: dict[int, int] = {}
        self._sums = np.zeros((2, len(model.intercepts)))  # (2, C)
        self._squares = np.zeros(2)

    def difference(self, before: Sequence[str], after: Sequence[str]) -> dict[int, int]:
        """Find by how much each column's count differs between two pieces of text."""
        change = Counter(self.model.columns_of(after))
        change.subtract(self.model.columns_of(before))
        return {column: count for column, count in change.items() if count}

    def keep(self, change: dict[int, int]) -> None:
        """Take a difference over."""
        self._sums, self._squares = self._changed(change)
        for column, count in change.items():
            self._counts[column] = self._counts.get(column, 0) + count

    def scores(self, change: dict[int, int] | None = None) -> Array:
        """Compute the margins, with a difference that is not kept, (C,)."""
        sums, squares = self._changed(change or {})
        # What is left of a sum whose parts have all gone again is rounding.
        lengths = np.sqrt(np.where(squares > 1e-9, squares, np.inf))[:, None]  # (2, 1)
        return np.asarray((sums / lengths).sum(axis=0) + self.model.intercepts)

    def _changed(self, change: dict[int, int]) -> tuple[Array, Array]:
        if not change:
            return self._sums, self._squares
        columns = np.fromiter(change, dtype=np.int64)  # (n,)
        old = np.array([self._counts.get(column, 0) for column in change])  # (n,)
        new = old + np.fromiter(change.values(), dtype=np.int64)  # (n,)
        idf = self.model.idf[columns].astype(np.float64)  # (n,)
        before, after = _weighed(old) * idf, _weighed(new) * idf  # (n,)
        weights = self.model.weights[columns].astype(np.float64)  # (n, C)
        sums, squares, border = self._sums.copy(), self._squares.copy(), self.model.n_characters
        for block, inside in enumerate((columns < border, columns >= border)):
            sums[block] += (after - before)[inside] @ weights[inside]
            squares[block] += (after[inside] ** 2 - before[inside] ** 2).sum()
        return sums, squares


def _weighed(counts: NDArray[np.int64]) -> Array:
    return np.where(counts > 0, 1.0 + np.log(np.maximum(counts, 1)), 0.0)
