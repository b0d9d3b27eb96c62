"""What a fit leaves behind, and how it turns texts into probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gatewise.classify.blend import Blend
from gatewise.classify.decision import Decision
from gatewise.classify.held_out import HeldOut
from gatewise.classify.nearest import RecordIndex
from gatewise.classify.ngrams import NgramModel
from gatewise.classify.reading import PartScores, RawScores, Reading, blend_scores, read_tokens
from gatewise.classify.records import EncodedRecords
from gatewise.classify.scope import Scope, ngram_evidence
from gatewise.network.model import TextNetwork, build_network
from gatewise.network.precision import Precision
from gatewise.network.recipes import Recipe
from gatewise.network.scoring import read_records, score_records
from gatewise.network.training import EpochResult
from gatewise.text.tokens import tokenize
from gatewise.text.vocabulary import Vocabulary

__all__ = [
    "FittedModel",
    "PartScores",
    "RawScores",
    "Reading",
    "blend_scores",
    "raw_scores",
    "read_tokens",
    "score_texts",
    "score_tokens",
]

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class FittedModel:
    """Everything that is needed to classify a text.

    Attributes
    ----------
    recipe : Recipe
        The settings it was made with, nothing left open.
    language : str
        How texts are cut into tokens.
    labels : tuple of str
        The C classes in the order of their numbers.
    vocabulary : Vocabulary
        Words and character n-grams.
    network : TextNetwork
        The trained network.
    ngrams : NgramModel or None
        The linear companion.
    blend : Blend
        Temperatures and the companion's weight.
    history : list of EpochResult
        How the training went.
    facts : dict
        What was measured on the way: coverage, held-out scores, seconds, notes.
    seed : int
        The user's seed.
    precision : Precision
        Where and how the network computes.
    decision : Decision
        When no answer is given.
    scope : Scope or None
        How far texts lie inside what it knows; None: nothing was held out to learn it from.
    index : RecordIndex or None
        Its training records by their pooled states; None where these are too long.
    held_out : HeldOut or None
        What it said of records that it had not learnt from.
    """

    recipe: Recipe
    language: str
    labels: tuple[str, ...]
    vocabulary: Vocabulary
    network: TextNetwork
    ngrams: NgramModel | None
    blend: Blend
    history: list[EpochResult]
    facts: dict[str, Any]
    seed: int
    precision: Precision = field(default_factory=Precision)
    decision: Decision = field(default_factory=Decision)
    scope: Scope | None = None
    index: RecordIndex | None = None
    held_out: HeldOut | None = None

    def raw_scores(self, token_lists: Sequence[Sequence[str]]) -> RawScores:
        """Score tokenised texts by each part; see :func:`gatewise.classify.reading.read_tokens`."""
        return raw_scores(self, token_lists)

    def read_tokens(self, token_lists: Sequence[Sequence[str]]) -> Reading:
        """Classify tokenised texts; see :func:`gatewise.classify.reading.read_tokens`."""
        return read_tokens(self, token_lists)

    @torch.no_grad()
    def logits(self, token_lists: Sequence[Sequence[str]]) -> Scores:
        """Compute the network's raw scores of tokenised texts, without bfloat16, (N, C)."""
        batch = _records(self, token_lists).batch(np.arange(len(token_lists)))
        logits = self.network.eval()(batch)  # (N, C)
        return np.asarray(logits.double().cpu().numpy())

    def reference_probabilities(self, texts: Sequence[str]) -> Scores:
        """Classify texts on the processor in float32, wherever the network lies, (N, C)."""
        network = self.network
        if network.words.weight.device.type != "cpu":
            network = build_network(network.config, network.arrays(), seed=self.seed)
        model = replace(self, network=network, precision=Precision())
        return np.exp(score_texts(model, texts).blend)


def score_texts(model: FittedModel, texts: Sequence[str]) -> PartScores:
    """Classify texts.

    Parameters
    ----------
    model : FittedModel
        A fitted model.
    texts : sequence of str
        N texts.

    Returns
    -------
    PartScores
    """
    return score_tokens(model, [tokenize(text, model.language) for text in texts])


def score_tokens(model: FittedModel, token_lists: Sequence[Sequence[str]]) -> PartScores:
    """Classify texts that are tokens already; see :func:`score_texts`."""
    return blend_scores(raw_scores(model, token_lists), model.blend)


def raw_scores(model: FittedModel, token_lists: Sequence[Sequence[str]]) -> RawScores:
    """Score tokenised texts by each part; see :func:`score_texts`."""
    index = model.index
    if not token_lists:
        nothing = np.zeros((0, len(model.labels)))
        points = None if index is None else np.zeros((0, index.axes.shape[1]), dtype=np.float32)
        evidence = ngram_evidence(model.ngrams.read([]) if model.ngrams else None)
        return RawScores(nothing, nothing if model.ngrams else None, points, evidence)
    records, precision = _records(model, token_lists), model.precision
    reading = model.ngrams.read(token_lists) if model.ngrams else None
    margins, evidence = reading.scores if reading else None, ngram_evidence(reading)
    if index is None:
        network = score_records(model.network, records, precision=precision)
        return RawScores(network, margins, evidence=evidence)
    network, points = read_records(model.network, records, index.locate, precision=precision)
    return RawScores(network, margins, points, evidence)


def _records(model: FittedModel, token_lists: Sequence[Sequence[str]]) -> EncodedRecords:
    n_texts = len(token_lists)
    return EncodedRecords(
        encoded=model.vocabulary.encode(token_lists),
        rows=np.arange(n_texts),
        targets=np.zeros(n_texts, dtype=np.int64),
        weights=None,
        max_length=model.network.config.max_length,
        fixed_length=model.recipe.fixed_length,
        device=model.precision.device,
    )
