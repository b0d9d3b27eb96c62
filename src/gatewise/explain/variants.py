"""What the model says of variants of a text: its beginnings, and the text without one token.

Both ask the model itself, in float32, and so know what no split of the score can: what the other
gates would have done.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.classify.ngram_variants import scores_as_it_grows, scores_without
from gatewise.classify.plain_model import PlainModel

__all__ = ["Reading", "Variants", "choose_lengths", "choose_places"]

Array = NDArray[np.float64]

# A line needs no more points, and nobody reads more tokens one by one.
_MOST_LENGTHS, _ALL_UP_TO, _LONGEST = 100, 200, 1000
_MOST_PLACES, _DROPPED_TOKENS = 64, 40_000


@dataclass(frozen=True)
class Reading:
    """The probabilities after each beginning of a text.

    Attributes
    ----------
    lengths : list of int
        How many tokens had been read, ascending.
    probabilities : ndarray of float64, shape (len(lengths), C)
        Of each such beginning as a text of its own.
    """

    lengths: list[int]
    probabilities: Array


@dataclass(frozen=True)
class Variants:
    """The variants of one text, asked for when they are needed.

    Attributes
    ----------
    model : PlainModel
        The model.
    tokens : sequence of str
        The text.
    shares : ndarray of float64, shape (T,)
        Credit of each step of the network for the class decided for.
    """

    model: PlainModel
    tokens: Sequence[str]
    shares: Array

    @functools.cached_property
    def reading(self) -> Reading:
        """As it reads."""
        lengths = choose_lengths(len(self.tokens))
        margins = None
        if self.model.ngrams:
            margins = scores_as_it_grows(self.model.ngrams, self.tokens, lengths)
        beginnings = [np.arange(length) for length in lengths]
        return Reading(lengths, self._probabilities(beginnings, margins))

    @functools.cached_property
    def without(self) -> dict[int, Array]:
        """Step -> the probabilities without its token, for those with the largest credits, (C,)."""
        everything = np.arange(len(self.tokens))
        read = self.model.steps(everything)  # (T,)
        steps = np.flatnonzero(read >= 0)
        steps = steps[choose_places(self.shares[steps], len(self.tokens))]
        places = [int(place) for place in read[steps]]
        margins = None
        if self.model.ngrams:
            margins = scores_without(self.model.ngrams, self.tokens, places)
        variants = [np.delete(everything, place) for place in places]
        found = self._probabilities(variants, margins)
        return {int(step): row for step, row in zip(steps, found, strict=True)}

    def _probabilities(self, variants: Sequence[NDArray[np.int64]], margins: Array | None) -> Array:
        read = [self.model.steps(variant) for variant in variants]
        places = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *read]))  # (n,)
        vectors = self.model.vectors(self.tokens, places)  # (n, E)
        texts = [np.searchsorted(places, steps) for steps in read]
        return self.model.blended(self.model.network.logits(vectors, texts), margins)


def choose_lengths(n_tokens: int) -> list[int]:
    """Choose which beginnings of a text are looked at: all, or evenly spaced ones."""
    end = min(n_tokens, _LONGEST)
    if end <= _ALL_UP_TO:
        return list(range(1, end + 1))
    return [int(length) for length in np.linspace(1, end, _MOST_LENGTHS).round()]


def choose_places(shares: Array, n_tokens: int) -> list[int]:
    """Choose which tokens are dropped in turn.

    Parameters
    ----------
    shares : ndarray of float64, shape (n,)
        Credits of the tokens that the network reads, for the class decided for.
    n_tokens : int
        Of the whole text; the longer it is, the fewer are tried.

    Returns
    -------
    list of int
        Places of the tokens with the largest credits of either sign, ascending.
    """
    most = max(1, min(_MOST_PLACES, _DROPPED_TOKENS // max(1, n_tokens)))
    return sorted(int(place) for place in np.argsort(-np.abs(shares), kind="stable")[:most])
