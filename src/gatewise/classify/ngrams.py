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

from gatewise.text.tokens import has_unspaced_script

__all__ = [
    "REACH",
    "NgramModel",
    "NgramReading",
    "count_characters",
    "ngram_terms",
    "pairs_apart",
    "pairs_of_neighbours",
]

REACH = 6  # two words so many places apart still make a pair

_SPACED_ORDERS = (2, 3, 4, 5)
_UNSPACED_ORDERS = (1, 2, 3)
_MOST_REMEMBERED = 1 << 15  # words whose n-grams need not be looked up again


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
        scores = np.empty((len(token_lists), len(self.intercepts)))
        outside = None if self.outside is None else np.empty(len(token_lists))
        familiarity = np.empty(len(token_lists))
        for row, tokens in enumerate(token_lists):
            found, apart, n_terms = self._find(tokens)
            familiarity[row] = _share_known(tokens, len(found), n_terms)
            columns, values = self._weigh([*found, *apart])
            scores[row] = values @ self.weights[columns] + self.intercepts
            if outside is not None and self.outside is not None:
                outside[row] = values @ self.outside[columns] + self.outside[-1]
        return NgramReading(scores, outside, familiarity)

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
        return self._weigh(self.columns_of(tokens))

    def columns_of(self, tokens: Sequence[str]) -> list[int]:
        """List the known n-grams of one text by their columns, each as often as it stands there."""
        found, apart, _ = self._find(tokens)
        return [*found, *apart]

    def familiarity(self, tokens: Sequence[str]) -> float:
        """Tell which share of a text's n-grams is known, from 0 to 1; pairs that stand apart aside.

        Of a text without a letter or digit it is 0: signs are known wherever one stood once.
        """
        found, _, n_terms = self._find(tokens)
        return _share_known(tokens, len(found), n_terms)

    def _find(self, tokens: Sequence[str]) -> tuple[list[int], list[int], int]:
        """List the columns of known n-grams and of known pairs apart, and count all n-grams."""
        known, n_terms = self._columns, max(0, 2 * len(tokens) - 1)
        terms = itertools.chain((f"w:{token}" for token in tokens), pairs_of_neighbours(tokens))
        found = [known[term] for term in terms if term in known]
        apart = (
            [known[pair] for pair in pairs_apart(tokens) if pair in known] if self._apart else []
        )
        if self.n_characters:
            for unit in _character_units(tokens):
                columns, n_in_unit = self._find_characters(unit)
                found.extend(columns)
                n_terms += n_in_unit
        return found, apart, n_terms

    def _find_characters(self, unit: str) -> tuple[tuple[int, ...], int]:
        """Do the same for one word; words come again and again."""
        remembered = self._remembered
        if (found := remembered.get(unit)) is None:
            known, terms = self._columns, _character_terms(unit)
            found = tuple(known[term] for term in terms if term in known), len(terms)
            if len(remembered) >= _MOST_REMEMBERED:
                remembered.clear()
            remembered[unit] = found
        return found

    def _weigh(self, found: list[int]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Count and weigh columns; see :meth:`features`."""
        in_order = np.array([-1, *found], dtype=np.int64)  # with one that differs from the first
        in_order.sort()
        firsts = np.flatnonzero(in_order[1:] != in_order[:-1]) + 1
        columns = in_order[firsts]
        ends = np.append(firsts[1:], len(in_order))[: len(firsts)]
        values = (1.0 + np.log(ends - firsts)) * self.idf[columns]
        border = int(np.searchsorted(columns, self.n_characters))
        for block in (values[:border], values[border:]):
            block /= np.sqrt(block @ block) or 1.0
        return columns, values

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what follows from the rest."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @functools.cached_property
    def n_characters(self) -> int:
        """How many of the n-grams are of characters."""
        return count_characters(self.terms)

    @functools.cached_property
    def _columns(self) -> dict[str, int]:
        return {term: column for column, term in enumerate(self.terms)}

    @functools.cached_property
    def _remembered(self) -> dict[str, tuple[tuple[int, ...], int]]:
        return {}

    @functools.cached_property
    def _apart(self) -> bool:
        return any(term.startswith("p:") for term in self.terms)


def count_characters(terms: Sequence[str]) -> int:
    """Count the n-grams of characters, which come first."""
    return sum(term.startswith("c:") for term in terms)


def _share_known(tokens: Sequence[str], n_known: int, n_terms: int) -> float:
    if not any(character.isalnum() for token in tokens for character in token):
        return 0.0
    return n_known / max(1, n_terms)


def ngram_terms(tokens: Sequence[str], *, characters: bool, apart: bool = False) -> list[str]:
    """List the n-grams of one text.

    Parameters
    ----------
    tokens : sequence of str
        The text.
    characters : bool
        With the n-grams of characters.
    apart : bool
        With the pairs of words that are not neighbours, whichever comes first.

    Returns
    -------
    list of str
        Words, pairs of neighbours in their order, and what was asked for.
    """
    terms = [f"w:{token}" for token in tokens]
    terms.extend(pairs_of_neighbours(tokens))
    if apart:
        terms.extend(pairs_apart(tokens))
    if characters:
        for token in _character_units(tokens):
            terms.extend(_character_terms(token))
    return terms


def pairs_of_neighbours(tokens: Sequence[str]) -> Iterator[str]:
    """List the pairs of words that follow each other, in their order."""
    return (f"w:{first} {second}" for first, second in itertools.pairwise(tokens))


def pairs_apart(tokens: Sequence[str]) -> Iterator[str]:
    """List the pairs of words that stand near each other, whichever comes first."""
    for place, first in enumerate(tokens):
        for second in tokens[place + 2 : place + REACH + 1]:
            if first != second:
                yield f"p:{first} {second}" if first < second else f"p:{second} {first}"


def _character_units(tokens: Sequence[str]) -> Iterator[str]:
    """Words of spaced scripts one by one; a run of unspaced words as one piece of writing."""
    for unspaced, run in itertools.groupby(tokens, _is_unspaced):
        if unspaced:
            yield "".join(run)
        else:
            yield from (f" {token} " for token in run)


_is_unspaced = functools.lru_cache(maxsize=1 << 17)(has_unspaced_script)


@functools.lru_cache(maxsize=1 << 17)
def _character_terms(letters: str) -> tuple[str, ...]:
    orders = _SPACED_ORDERS if letters[0] == " " else _UNSPACED_ORDERS
    return tuple(
        f"c:{letters[start : start + order]}"
        for order in orders
        for start in range(len(letters) - order + 1)
    )
