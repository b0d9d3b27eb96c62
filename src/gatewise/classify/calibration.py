"""Scores -> probabilities one can read: temperatures, and the blend of two models.

A temperature divides all scores of a model before the softmax and so makes it surer or less
sure without changing its answers (Guo et al. 2017). The blend adds the two models' logarithms
of probability with a weight, as a product of experts does, and has a temperature of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from gatewise.base.config import check_range

__all__ = ["Blend", "blend_log_probabilities", "fit_blend", "fit_temperature", "log_loss"]

Scores = NDArray[np.float64]
Targets = NDArray[np.int64]

_LOWEST, _HIGHEST = 0.02, 50.0
_WEIGHTS = np.linspace(0.0, 1.0, 21)


@dataclass(frozen=True)
class Blend:
    """How the network's and the companion's scores become one probability.

    Attributes
    ----------
    network_temperature, ngram_temperature, blend_temperature : float
        What the scores of each, and of both together, are divided by.
    ngram_weight : float
        Share of the companion, 0 to 1.
    """

    network_temperature: float = 1.0
    ngram_temperature: float = 1.0
    blend_temperature: float = 1.0
    ngram_weight: float = 0.0

    def __post_init__(self) -> None:
        for name in ("network_temperature", "ngram_temperature", "blend_temperature"):
            check_range(name, getattr(self, name), _LOWEST / 2, _HIGHEST * 2)
        check_range("ngram_weight", self.ngram_weight, 0.0, 1.0)


def fit_temperature(scores: Scores, targets: Targets) -> float:
    """Find the temperature with the smallest log loss.

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
    found = minimize_scalar(
        lambda logarithm: log_loss(scores / np.exp(logarithm), targets),
        bounds=(np.log(_LOWEST), np.log(_HIGHEST)),
        method="bounded",
    )
    return float(np.exp(found.x))


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
    first = log_softmax(network_scores / network_temperature, axis=1)
    second = log_softmax(ngram_scores / ngram_temperature, axis=1)
    ngram_weight = _choose_weight(first, second, targets)
    mixed = (1.0 - ngram_weight) * first + ngram_weight * second
    blend_temperature = fit_temperature(mixed, targets)
    return Blend(network_temperature, ngram_temperature, blend_temperature, ngram_weight)


def _choose_weight(first: Scores, second: Scores, targets: Targets) -> float:
    """Choose the second model's weight: a half, unless another one is clearly righter.

    The log loss is no guide here: it favours the better calibrated of the two, and that is not
    the weight with the fewest errors. The errors of a few hundred records are a noisy one, so
    another weight must lead one half by more than two standard errors of that lead. Each
    weight counts together with its neighbours, lest a single lucky one win.
    """
    right = np.stack(
        [((1.0 - w) * first + w * second).argmax(axis=1) == targets for w in _WEIGHTS]
    ).astype(np.float64)  # (n_weights, N)
    padded = np.pad(right, ((1, 1), (0, 0)), mode="edge")
    smooth = (padded[:-2] + padded[1:-1] + padded[2:]) / 3.0  # (n_weights, N)
    half = len(_WEIGHTS) // 2
    lead = smooth - smooth[half]  # (n_weights, N)
    best = int(lead.mean(axis=1).argmax())
    error = lead[best].std() / np.sqrt(len(targets))
    return float(_WEIGHTS[best if lead[best].mean() > 2.0 * error else half])


def blend_log_probabilities(
    network_scores: Scores, ngram_scores: Scores | None, blend: Blend
) -> Scores:
    """Compute calibrated logarithms of probabilities, float64, shape (N, C)."""
    mixed = log_softmax(network_scores / blend.network_temperature, axis=1)
    if ngram_scores is not None:
        second = log_softmax(ngram_scores / blend.ngram_temperature, axis=1)
        mixed = (1.0 - blend.ngram_weight) * mixed + blend.ngram_weight * second
        mixed = mixed / blend.blend_temperature
    return np.asarray(log_softmax(mixed, axis=1))


def log_loss(scores: Scores, targets: Targets) -> float:
    """Compute the mean negative logarithm of the true class's probability, in nats."""
    log_probabilities = log_softmax(scores, axis=1)
    return float(-log_probabilities[np.arange(len(targets)), targets].mean())
