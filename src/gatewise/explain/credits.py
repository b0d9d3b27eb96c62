"""The exact split of a model's scores over the tokens and n-grams of one text.

A class's score is a sum: the dense layer adds up the pooled vector, and the companion adds up
its n-grams. So each score can be split without anything left over, if each number of the pooled
vector is given to positions of the text:

    max over time   all of it to the position that supplied the maximum
    flatten         each state to its own position
    last, mean      a state h = o * act(c), and c is a sum over the steps so far of what they
                    wrote, input gate x candidate, times the forget gates of the steps after
                    them; h is shared out in the proportions of that sum

What such a split means: how the sum came about, given all gates as they were. What it does not
mean: that the answer would change by so much without the token, for gates and maxima would change
too (that is what :mod:`gatewise.explain.variants` tries), nor that a position knows only its own
token, for its state has read the text up to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.classify.plain_model import PlainModel
from gatewise.network.config import NetworkConfig
from gatewise.network.plain import DirectionTrace, PlainNetwork, Trace

__all__ = ["Credits", "network_credits", "split_scores"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Credits:
    """The scores of all classes and what they are made of, in float64 and in nats.

    Attributes
    ----------
    steps : ndarray, shape (T, C)
        Share of each step of the network, padding included.
    ngrams : ndarray, shape (n, C)
        Share of each n-gram of the companion.
    terms : tuple of str
        Those n n-grams.
    pooled : ndarray, shape (P, C)
        The steps' shares once more, by the numbers of the pooled vector.
    bias : ndarray, shape (C,)
        What every text has: the bias of the dense layer and the companion's intercept.
    scores : ndarray, shape (C,)
        The sums of all of these; their softmax is the calibrated probability.
    """

    steps: Array
    ngrams: Array
    terms: tuple[str, ...]
    pooled: Array
    bias: Array
    scores: Array


def split_scores(model: PlainModel, trace: Trace, tokens: Sequence[str]) -> Credits:
    """Split the blended scores of a text.

    Parameters
    ----------
    model : PlainModel
        The model.
    trace : Trace
        What its network computed of the text.
    tokens : sequence of str
        All tokens of the text, for the companion.

    Returns
    -------
    Credits

    Notes
    -----
    The blend divides by temperatures and weighs, so all shares are scaled alike. Sigmoid outputs
    are not a sum: there a class's shares are scaled to sum to the logarithm of its output.
    """
    network, blend = model.network, model.blend
    bias = network.arrays["dense.bias"].astype(np.float64)  # (C,)
    scale = np.full(len(bias), 1.0 / blend.network_temperature)  # (C,)
    if network.config.output == "sigmoid":
        secant, rest = _secant_of_log_sigmoid(trace.logits)  # (C,), scalar
        bias = bias + rest / secant  # (C,)
        scale *= secant  # (C,)
    terms: tuple[str, ...] = ()
    intercepts = np.zeros_like(bias)  # (C,)
    ngrams = np.zeros((0, len(bias)))  # (n, C)
    if model.ngrams is not None:
        scale *= (1.0 - blend.ngram_weight) / blend.blend_temperature  # (C,)
        other = blend.ngram_weight / (blend.ngram_temperature * blend.blend_temperature)
        columns, values = model.ngrams.features(tokens)
        terms = tuple(model.ngrams.terms[column] for column in columns)
        ngrams = other * values[:, None] * model.ngrams.weights[columns]  # (n, C)
        intercepts = other * model.ngrams.intercepts.astype(np.float64)  # (C,)
    bias = scale * bias + intercepts  # (C,)
    steps = scale * network_credits(network, trace)  # (T, C)
    pooled = scale * (network.arrays["dense.weight"] * trace.pooled).T  # (P, C)
    scores = steps.sum(axis=0) + ngrams.sum(axis=0) + bias  # (C,)
    return Credits(steps, ngrams, terms, pooled, bias, scores)


def network_credits(network: PlainNetwork, trace: Trace) -> Array:
    """Split the network's logits over the steps, float64, shape (T, C); the bias is left out."""
    config = network.config
    weights = network.arrays["dense.weight"].astype(np.float64)  # (C, P)
    n_steps = len(trace.vectors)
    top = trace.layers[-1]
    if config.pooling == "flatten":
        blocks = (trace.pooled * weights).reshape(len(weights), n_steps, -1)  # (C, T, D * H)
        return np.asarray(blocks.sum(axis=2).T)  # (T, C)
    if config.pooling == "last":
        shares = [_written(one, _at_the_end(one)) for one in top.directions]
        return np.asarray(np.concatenate(shares, axis=1) @ weights.T)  # (T, C)
    split = np.zeros((n_steps, len(weights)))
    n_values = config.pooled_size // (2 if config.pooling == "max-mean" else 1)
    if config.pooling.startswith("max"):
        gains = (trace.pooled * weights)[:, :n_values]  # (C, P)
        np.add.at(split, trace.taken_from[:n_values], gains.T)
    if config.pooling.endswith("mean"):
        split += _mean_shares(config, trace) @ weights[:, -n_values:].T  # (T, C)
    return split


def _mean_shares(config: NetworkConfig, trace: Trace) -> Array:
    """How much of the mean of all states each position supplied, (T, D * H)."""
    n_steps = len(trace.vectors)
    even = np.full((n_steps, 1), 1.0 / n_steps)
    shares = [_written(one, even) for one in trace.layers[-1].directions]
    if config.pool_vectors:
        shares.append(trace.vectors / n_steps)
    return np.concatenate(shares, axis=1)


def _at_the_end(direction: DirectionTrace) -> Array:
    """Weights of the states when only the last one that is read counts, (T, 1)."""
    weights = np.zeros((len(direction.h), 1))
    weights[0 if direction.backward else -1] = 1.0
    return weights


def _written(direction: DirectionTrace, weights: Array) -> Array:
    """How much of a weighted sum of the states each step wrote into the cells, (T, H).

    Parameters
    ----------
    direction : DirectionTrace
        What was computed.
    weights : ndarray, shape (T, 1)
        Of the state at each position.
    """
    with np.errstate(invalid="ignore"):
        per_cell = np.where(direction.c == 0.0, direction.o, direction.h / direction.c)
    shown = weights * per_cell  # (T, H): how much of a cell shows at each position
    order = range(len(shown)) if direction.backward else range(len(shown) - 1, -1, -1)
    shares = np.zeros_like(shown)
    still = np.zeros(shown.shape[1])  # (H,)
    for position in order:  # from the last step to the first
        still = shown[position] + still  # (H,)
        shares[position] = direction.i[position] * direction.g[position] * still
        still = direction.f[position] * still  # what the step before left in the cell
    return shares


def _secant_of_log_sigmoid(logits: Array) -> tuple[Array, float]:
    """Find s and r with log sigmoid(z) = s * z + r, where r is its value at 0."""
    at_zero = float(np.log(0.5))
    near = np.clip(logits, -1.0, 1.0)  # where the difference of the logarithms would lose digits
    rise = np.where(
        logits == near,
        -np.log1p(np.expm1(-near) / 2.0),
        -np.logaddexp(0.0, -logits) - at_zero,
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(logits == 0.0, 0.5, rise / logits), at_zero
