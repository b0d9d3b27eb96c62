"""Choosing temperatures and the weight of the blend on records that no model was trained on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from gatewise.classify.blend import HIGHEST, LOWEST, Blend
from gatewise.network.plain import log_softmax

__all__ = ["fit_blend", "fit_temperature", "log_loss"]

Scores = NDArray[np.float64]
Targets = NDArray[np.int64]

_WEIGHTS = np.linspace(0.0, 1.0, 21)
# Where one model is right ten points more often than the other, it gets 0.3 more of the weight.
_WEIGHT_PER_LEAD, _EXPECTED = 3.0, (0.2, 0.8)
_CLEAR, _BEARABLE = 3.0, 2.0  # standard errors


def fit_temperature(scores: Scores, targets: Targets) -> float:
    """Find the temperature with the smallest log loss, were one more record answered wrongly.

    Where every answer is right the best temperature would be zero, and the next wrong answer as
    sure as the right ones. So to N records comes one more, by the rule of succession: it is as
    likely to be any of the texts, and its true class is the one that the scores put second. With
    hundreds of records, some of them wrong, it makes no difference.

    Parameters
    ----------
    scores : ndarray of float64, shape (N, C)
        Logits, margins or logarithms of probabilities.
    targets : ndarray of int64, shape (N,)
        The true classes.

    Returns
    -------
    float
        From 0.02 to 50.
    """
    seconds = np.argsort(-scores, axis=1, kind="stable")[:, 1]  # (N,)
    found = minimize_scalar(
        lambda logarithm: _cautious_loss(scores / np.exp(logarithm), targets, seconds),
        bounds=(np.log(LOWEST), np.log(HIGHEST)),
        method="bounded",
    )
    return float(np.exp(found.x))


def _cautious_loss(scores: Scores, targets: Targets, seconds: Targets) -> float:
    n_records = len(targets)
    loss = n_records * log_loss(scores, targets) + log_loss(scores, seconds)
    return loss / (n_records + 1)


def fit_blend(network_scores: Scores, ngram_scores: Scores | None, targets: Targets) -> Blend:
    """Choose both temperatures, the weight and the blend's temperature on held-out records.

    Parameters
    ----------
    network_scores : ndarray of float64, shape (N, C)
        The network's logarithms of probabilities.
    ngram_scores : ndarray of float64, shape (N, C), or None
        The companion's margins; None without a companion.
    targets : ndarray of int64, shape (N,)
        The true classes of records that neither model was trained on.

    Returns
    -------
    Blend
    """
    network_temperature = fit_temperature(network_scores, targets)
    if ngram_scores is None:
        return Blend(network_temperature=network_temperature)
    ngram_temperature = fit_temperature(ngram_scores, targets)
    first = log_softmax(network_scores / network_temperature)
    second = log_softmax(ngram_scores / ngram_temperature)
    ngram_weight = _choose_weight(first, second, targets)
    mixed = (1.0 - ngram_weight) * first + ngram_weight * second
    blend_temperature = fit_temperature(mixed, targets)
    return Blend(network_temperature, ngram_temperature, blend_temperature, ngram_weight)


def _choose_weight(first: Scores, second: Scores, targets: Targets) -> float:
    """Choose the second model's weight: the expected one, unless another is clearly better.

    The weight with the smallest log loss is no guide by itself: it favours the better calibrated of
    the two, and is not the one with the fewest errors. But a weight whose loss is larger by more
    than two standard errors is not kept: the nearest that is not so bad is taken. The errors of a
    few hundred records are noisier, so by them another weight must lead by more than three. Each
    counts together with its neighbours there, lest a single lucky one win.
    """
    mixes = (log_softmax((1.0 - w) * first + w * second) for w in _WEIGHTS)
    places = np.arange(len(targets))
    found = [(mixed.argmax(axis=1) == targets, -mixed[places, targets]) for mixed in mixes]
    right = np.array([one for one, _ in found], dtype=np.float64)  # (n_weights, N)
    losses = np.array([one for _, one in found])  # (n_weights, N)
    start = _nearest_bearable(losses, _expected_place(right))
    padded = np.pad(right, ((1, 1), (0, 0)), mode="edge")
    smooth = (padded[:-2] + padded[1:-1] + padded[2:]) / 3.0  # (n_weights, N)
    leads = smooth - smooth[start]  # (n_weights, N)
    best = int(leads.mean(axis=1).argmax())
    return float(_WEIGHTS[best if leads[best].mean() > _CLEAR * _error(leads[best]) else start])


def _expected_place(right: NDArray[np.float64]) -> int:
    """Find the weight to expect by how often each model is right, (n_weights, N) -> its place.

    A half where both are right as often, and more for the one that is righter. The network is
    flattered by held-out records, whose words word2vec has read: one standard error is taken off,
    which is much where they are few.
    """
    lead = float(right[-1].mean() - right[0].mean() + _error(right[0]))
    expected = 0.5 + _WEIGHT_PER_LEAD * lead
    return round(float(np.clip(expected, *_EXPECTED)) * (len(_WEIGHTS) - 1))


def _nearest_bearable(losses: NDArray[np.float64], start: int) -> int:
    """Go from one weight towards that of the smallest loss, as far as is clearly better.

    Not beyond the weights that may be expected: the loss of a network that has hardly learnt falls
    to the very end.
    """
    lowest, highest = (round(weight * (len(_WEIGHTS) - 1)) for weight in _EXPECTED)
    best = lowest + int(losses[lowest : highest + 1].mean(axis=1).argmin())
    for place in range(start, best, 1 if best > start else -1):
        excess = losses[place] - losses[best]  # (N,)
        if excess.mean() <= _BEARABLE * _error(excess):
            return place
    return best


def _error(values: NDArray[np.float64]) -> float:
    """Compute the standard error of a mean."""
    return float(values.std() / np.sqrt(len(values)))


def log_loss(scores: Scores, targets: Targets) -> float:
    """Compute the mean negative logarithm of the true class's probability, in nats."""
    log_probabilities = log_softmax(scores)
    return float(-log_probabilities[np.arange(len(targets)), targets].mean())
