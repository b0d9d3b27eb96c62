"""Scores of two models -> calibrated probabilities.

A temperature divides all scores of a model before the softmax and so makes it surer or less
sure without changing its answers (Guo et al. 2017). The blend adds the two models' logarithms
of probability with a weight, as a product of experts does, and has a temperature of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.base.config import check_range
from gatewise.network.plain import log_softmax

__all__ = ["HIGHEST", "LOWEST", "Blend", "blend_log_probabilities", "mix_log_probabilities"]

Scores = NDArray[np.float64]

LOWEST, HIGHEST = 0.02, 50.0  # temperatures that are looked at


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
            check_range(name, getattr(self, name), LOWEST / 2, HIGHEST * 2)
        check_range("ngram_weight", self.ngram_weight, 0.0, 1.0)


def blend_log_probabilities(
    network_scores: Scores, ngram_scores: Scores | None, blend: Blend
) -> Scores:
    """Compute calibrated logarithms of probabilities, float64, shape (N, C)."""
    first = log_softmax(network_scores / blend.network_temperature)
    if ngram_scores is None:
        return first
    return mix_log_probabilities(first, log_softmax(ngram_scores / blend.ngram_temperature), blend)


def mix_log_probabilities(first: Scores, second: Scores, blend: Blend) -> Scores:
    """Mix those of the network with those of the companion, float64, shape (N, C)."""
    mixed = (1.0 - blend.ngram_weight) * first + blend.ngram_weight * second
    return log_softmax(mixed / blend.blend_temperature)
