"""What a model says of texts: scores of its parts, the in-scope score, and which answers stand.

The same for the model that was fitted and for the light one that is served, so without torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gatewise.base.errors import ModelFileError
from gatewise.classify.blend import Blend, mix_log_probabilities
from gatewise.classify.decision import Decision
from gatewise.classify.nearest import RecordIndex
from gatewise.classify.ngrams import NgramModel
from gatewise.classify.scope import Scope, record_evidence, score_evidence
from gatewise.network.plain import log_softmax

__all__ = ["PartScores", "RawScores", "Reader", "Reading", "blend_scores", "read_tokens"]

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class PartScores:
    """Calibrated logarithms of probabilities of each part, float64, shape (N, C), in nats.

    Attributes
    ----------
    lstm : ndarray
        Of the network alone.
    ngrams : ndarray or None
        Of the companion alone.
    blend : ndarray
        Of both together: the model's answer.
    """

    lstm: Scores
    ngrams: Scores | None
    blend: Scores


@dataclass(frozen=True)
class RawScores:
    """Scores of each part before any temperature, float64, shape (N, C).

    Attributes
    ----------
    network : ndarray
        Logarithms of probabilities, in nats.
    ngrams : ndarray or None
        Margins; None for a model without a companion.
    points : ndarray of float32, shape (N, K), or None
        Where the texts lie among the training records; None for a model without an index of them.
    evidence : dict of str to ndarray of float64, shape (N,)
        What the companion has found besides; see :func:`gatewise.classify.scope.ngram_evidence`.
    """

    network: Scores
    ngrams: Scores | None
    points: NDArray[np.float32] | None = None
    evidence: Mapping[str, Scores] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """All that a model says of N texts.

    Attributes
    ----------
    parts : PartScores
        Of each class.
    in_scope : ndarray of float64, shape (N,), or None
        How far inside what it knows they lie, 0 to 1; None for a model that cannot tell.
    answers : ndarray of bool, shape (N,)
        Whether the most probable class is given as the answer.
    points : ndarray of float32, shape (N, K), or None
        As of :class:`RawScores`.
    """

    parts: PartScores
    in_scope: Scores | None
    answers: NDArray[np.bool_]
    points: NDArray[np.float32] | None = None


class Reader(Protocol):
    """A model that reads texts, with torch or without."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The C classes in the order of their numbers."""
        ...

    @property
    def language(self) -> str:
        """How texts are cut into tokens."""
        ...

    @property
    def ngrams(self) -> NgramModel | None:
        """The linear companion."""
        ...

    @property
    def blend(self) -> Blend:
        """How the scores of the parts become probabilities."""
        ...

    @property
    def decision(self) -> Decision:
        """When no answer is given."""
        ...

    @property
    def scope(self) -> Scope | None:
        """How far texts lie inside what it knows."""
        ...

    @property
    def index(self) -> RecordIndex | None:
        """Its training records."""
        ...

    def raw_scores(self, token_lists: Sequence[Sequence[str]]) -> RawScores:
        """Score tokenised texts by each part."""
        ...


def read_tokens(model: Reader, token_lists: Sequence[Sequence[str]]) -> Reading:
    """Classify tokenised texts, and tell which of the answers stand.

    Parameters
    ----------
    model : FittedModel or Predictor
        A fitted model.
    token_lists : sequence of sequence of str
        N texts.

    Returns
    -------
    Reading

    Raises
    ------
    ModelFileError
        As :func:`blend_scores`.
    """
    raw = model.raw_scores(token_lists)
    parts = blend_scores(raw, model.blend)
    in_scope = None
    if model.scope is not None:
        evidence = score_evidence(parts.blend, raw.ngrams)
        evidence |= record_evidence(raw.points, model.index)
        in_scope = model.scope.score({**evidence, **raw.evidence})
    answers = model.decision.answers(np.exp(parts.blend.max(axis=1)), in_scope)
    return Reading(parts, in_scope, answers, raw.points)


def blend_scores(raw: RawScores, blend: Blend) -> PartScores:
    """Calibrate the parts and blend them.

    Raises
    ------
    ModelFileError
        If a probability is no number, as with weights that are too large to compute with.
    """
    lstm = log_softmax(raw.network / blend.network_temperature)
    parts = PartScores(lstm, None, lstm)
    if raw.ngrams is not None:
        ngrams = log_softmax(raw.ngrams / blend.ngram_temperature)
        parts = PartScores(lstm, ngrams, mix_log_probabilities(lstm, ngrams, blend))
    if np.isnan(parts.blend).any():
        raise ModelFileError(
            "the model gives probabilities that are no numbers, so its weights are damaged or were "
            "made by something else; train it anew"
        )
    return parts
