"""What the model says of variants of a text: its beginnings, and the text without one token.

Both ask the model itself, in float32, and so know what no split of the score can: what the other
gates would have done.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gatewise.classify.ngram_variants import scores_as_it_grows, scores_without
from gatewise.classify.plain_model import PlainModel

__all__ = ["choose_lengths", "choose_places", "probabilities_as_it_reads", "probabilities_without"]

Array = NDArray[np.float64]

# A line needs no more points, and nobody reads more tokens one by one.
_MOST_LENGTHS, _ALL_UP_TO, _LONGEST = 100, 200, 1000
_MOST_PLACES, _DROPPED_TOKENS = 64, 40_000


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


def probabilities_as_it_reads(
    model: PlainModel, tokens: Sequence[str], lengths: Sequence[int]
) -> Array:
    """Compute the probabilities of the beginnings of a text, each as a text of its own.

    Parameters
    ----------
    model : PlainModel
        The model.
    tokens : sequence of str
        The text.
    lengths : sequence of int
        How many tokens each beginning has, ascending.

    Returns
    -------
    ndarray of float64, shape (len(lengths), C)
    """
    margins = scores_as_it_grows(model.ngrams, tokens, lengths) if model.ngrams else None
    return _probabilities(model, tokens, [np.arange(length) for length in lengths], margins)


def probabilities_without(model: PlainModel, tokens: Sequence[str], places: Sequence[int]) -> Array:
    """Compute the probabilities of a text with one of its tokens dropped.

    Parameters
    ----------
    model : PlainModel
        The model.
    tokens : sequence of str
        The text.
    places : sequence of int
        Which token is dropped each time.

    Returns
    -------
    ndarray of float64, shape (len(places), C)
    """
    margins = scores_without(model.ngrams, tokens, places) if model.ngrams else None
    everything = np.arange(len(tokens))
    variants = [np.delete(everything, place) for place in places]
    return _probabilities(model, tokens, variants, margins)


def _probabilities(
    model: PlainModel,
    tokens: Sequence[str],
    variants: Sequence[NDArray[np.int64]],
    margins: Array | None,
) -> Array:
    vectors = model.vectors(tokens)  # (1 + n, E)
    steps = [model.steps(variant) + 1 for variant in variants]
    return model.blended(model.network.logits(vectors, steps), margins)  # (N, C)
