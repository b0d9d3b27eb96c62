"""A fitted model for those who only ask it: numpy and ONNX Runtime, no torch, no scikit-learn."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gatewise.classify.blend import Blend
from gatewise.classify.decision import Decision
from gatewise.classify.nearest import RecordIndex
from gatewise.classify.ngrams import NgramModel
from gatewise.classify.reading import RawScores, Reading, blend_scores, read_tokens
from gatewise.classify.scope import Scope, ngram_evidence
from gatewise.classify.texts import check_texts
from gatewise.classify.token_vectors import TokenVectors
from gatewise.network.config import NetworkConfig
from gatewise.network.plain import plain_log_probabilities
from gatewise.text.batches import place_tokens
from gatewise.text.tokens import tokenize
from gatewise.text.vocabulary import PAD, EncodedTexts, Vocabulary

__all__ = ["GraphNetwork", "Predictor", "Session"]

Scores = NDArray[np.float64]
Numbers = NDArray[np.int64]
Vectors = NDArray[np.float32]

_TEXTS_AT_A_TIME = 4096  # their distinct tokens' vectors are held together
_TEXTS_PER_BATCH = 128
_TOKENS_PER_BATCH = 8192  # so that batches of long texts take no more memory
_ROWS_PER_PRODUCT = 16  # libraries of linear algebra take another way for each shape
# What a batch costs besides its tokens, in tokens; and what one of its steps does.
_BATCH_COST, _STEP_COST = 15.0, 0.4


class Session(Protocol):
    """A network that is ready to compute, as ONNX Runtime's ``InferenceSession``."""

    def run(self, output_names: Sequence[str], input_feed: Mapping[str, Any]) -> Sequence[Any]:
        """Compute the outputs asked for."""
        ...


@dataclass(frozen=True, eq=False)
class GraphNetwork:
    """The network as a graph, and the vectors that stand before it.

    Attributes
    ----------
    config : NetworkConfig
        Sizes and parts.
    arrays : dict of str to ndarray of float32
        The tables of vectors and the projection, by their names in
        :class:`gatewise.network.model.TextNetwork`.
    session : Session
        ``vectors`` (B, T, E) and ``lengths`` (B,) -> ``logits`` (B, C) and ``pooled`` (B, P).
    fronted : bool
        It wants, instead of lengths, ``front`` and ``n_front``: the padding that all texts of a
        batch begin with; see :func:`gatewise.store.onnx_model.fronted_bytes`.
    """

    config: NetworkConfig
    arrays: Mapping[str, Vectors]
    session: Session
    fronted: bool = False

    def vectors(self, encoded: EncodedTexts) -> Vectors:
        """Compose the vector of padding and of each distinct token, (1 + U, E)."""
        composed = self.arrays["words.weight"][np.append(PAD, encoded.word_ids)]  # (1 + U, W)
        if "ngrams.weight" in self.arrays:
            table = self.arrays["ngrams.weight"]
            sizes = np.diff(encoded.ngram_offsets)  # (U,)
            spelt = np.zeros((len(composed), table.shape[1]), dtype=np.float32)  # (1 + U, G)
            if some := np.flatnonzero(sizes).tolist():
                starts = encoded.ngram_offsets[some]
                sums = np.add.reduceat(table[encoded.ngram_ids], starts, axis=0)
                spelt[1:][some] = sums / sizes[some, None].astype(np.float32)
            composed = np.concatenate([composed, spelt], axis=1)  # (1 + U, W + G)
        if self.config.projection:
            composed = _product(composed, self.arrays["project.weight"].T)  # (1 + U, E)
            composed += self.arrays["project.bias"]
        return np.asarray(composed)  # (1 + U, E)

    def read(
        self, encoded: EncodedTexts, vectors: Vectors, index: RecordIndex | None
    ) -> tuple[Scores, Vectors]:
        """Score texts, and locate them among the training records.

        Parameters
        ----------
        encoded : EncodedTexts
            N texts.
        vectors : ndarray of float32, shape (1 + U, E)
            Of padding and of their tokens.
        index : RecordIndex or None
            The training records.

        Returns
        -------
        scores : ndarray of float64, shape (N, C)
            Logarithms of probabilities, in nats.
        points : ndarray of float32, shape (N, K)
            Without an index K is 0.
        """
        config = self.config
        logits = np.empty((len(encoded), config.n_classes))  # (N, C)
        points = np.empty((len(encoded), 0 if index is None else index.axes.shape[1]), np.float32)
        for numbers in _batches(encoded.lengths, config):
            names = ["logits"] if index is None else ["logits", "pooled"]
            logits[numbers], *pooled = self.session.run(
                names, self._feed(encoded, numbers, vectors)
            )
            if index is not None:
                points[numbers] = index.locate(pooled[0])  # (B, K)
        return plain_log_probabilities(logits, config.output), points

    def _feed(self, encoded: EncodedTexts, numbers: Numbers, vectors: Vectors) -> dict[str, Any]:
        config = self.config
        places, lengths = place_tokens(
            encoded, numbers, max_length=config.max_length, fixed_length=config.fixed_length
        )
        if not self.fronted:
            return {"vectors": vectors[places], "lengths": lengths.astype(np.int32)}
        n_front = int((places > 0).any(axis=0).argmax())
        return {
            "vectors": vectors[places[:, n_front:]],  # (B, t, E)
            "front": np.repeat(vectors[None, :1], max(n_front, 1), axis=0),
            "n_front": np.array([n_front]),
        }


@dataclass(frozen=True, eq=False)
class Predictor:
    """A fitted model that reads texts and cannot be fitted.

    Attributes
    ----------
    language : str
        How texts are cut into tokens.
    classes : ndarray of shape (C,)
        The labels as they were given, in the order of their numbers.
    vocabulary : Vocabulary
        Words and character n-grams.
    network : GraphNetwork
        The trained network.
    ngrams : NgramModel or None
        The linear companion.
    blend : Blend
        Temperatures and the companion's weight.
    decision : Decision
        When no answer is given.
    scope : Scope or None
        How far texts lie inside what it knows.
    index : RecordIndex or None
        Its training records.
    """

    language: str
    classes: NDArray[Any]
    vocabulary: Vocabulary
    network: GraphNetwork
    ngrams: NgramModel | None
    blend: Blend
    decision: Decision = field(default_factory=Decision)
    scope: Scope | None = None
    index: RecordIndex | None = None

    @functools.cached_property
    def labels(self) -> tuple[str, ...]:
        """The classes as strings."""
        return tuple(str(label) for label in self.classes)

    def tokens(self, text: str) -> list[str]:
        """Cut a text into the tokens that are read."""
        return tokenize(text, self.language)

    def read(self, texts: Sequence[str]) -> Reading:
        """Compute all that the model says of each text: probabilities, in-scope score, decision.

        Parameters
        ----------
        texts : sequence of str, length N

        Returns
        -------
        Reading

        Raises
        ------
        DataError
            If these are no texts.
        """
        return self.read_tokens(self._tokens(texts))

    def read_tokens(self, token_lists: Sequence[Sequence[str]]) -> Reading:
        """Do the same with texts that are tokens already."""
        return read_tokens(self, token_lists)

    def predict_proba(self, texts: Sequence[str]) -> Scores:
        """Compute the calibrated probability of each class, float64, shape (N, C)."""
        return np.exp(blend_scores(self.raw_scores(self._tokens(texts)), self.blend).blend)

    def predict(self, texts: Sequence[str], *, abstain: bool = False) -> NDArray[Any]:
        """Name the most probable class of each text.

        Parameters
        ----------
        texts : sequence of str, length N
            The texts.
        abstain : bool
            Name none where the text lies outside what the model knows, or the probability is too
            small.

        Returns
        -------
        ndarray of shape (N,)
            Classes; if it may abstain, of dtype object, with None for a text without an answer.
        """
        if not abstain:
            return np.asarray(self.classes[self.predict_proba(texts).argmax(axis=1)])
        reading = self.read(texts)
        found = self.classes[reading.parts.blend.argmax(axis=1)].astype(object)
        found[~reading.answers] = None
        return np.asarray(found)

    def raw_scores(self, token_lists: Sequence[Sequence[str]]) -> RawScores:
        """Score tokenised texts by each part; see :func:`gatewise.classify.reading.read_tokens`."""
        reading = self.ngrams.read(token_lists) if self.ngrams else None
        found = [
            self.network.read(*self._vectors.look_up(token_lists[start:end]), self.index)
            for start, end in _chunks(len(token_lists))
        ]
        scores, points = (np.concatenate(part) for part in zip(*found, strict=True))
        return RawScores(
            network=scores,
            ngrams=reading.scores if reading else None,
            points=None if self.index is None else points,
            evidence=ngram_evidence(reading),
        )

    def reference_probabilities(self, texts: Sequence[str]) -> Scores:
        """Classify texts, to be held against what the model said when it was saved, (N, C)."""
        return self.predict_proba(texts)

    @functools.cached_property
    def _vectors(self) -> TokenVectors:
        return TokenVectors(self.vocabulary, self.network.vectors)

    def _tokens(self, texts: Sequence[str]) -> list[list[str]]:
        return [self.tokens(text) for text in check_texts(texts)]


def _product(rows: Vectors, weights: Vectors) -> Vectors:
    """Multiply (n, W) by (W, E) so that no row's last bits depend on how many others there are."""
    n_blocks = -(-len(rows) // _ROWS_PER_PRODUCT)
    blocks = np.zeros((n_blocks, _ROWS_PER_PRODUCT, rows.shape[1]), dtype=np.float32)
    blocks.reshape(-1, rows.shape[1])[: len(rows)] = rows
    found: Vectors = blocks @ weights  # (n_blocks, rows of a block, E)
    return found.reshape(-1, weights.shape[1])[: len(rows)]  # (n, E)


def _chunks(n_texts: int) -> list[tuple[int, int]]:
    """Part N texts; of none, make one part of none."""
    starts = range(0, max(n_texts, 1), _TEXTS_AT_A_TIME)
    return [(start, min(start + _TEXTS_AT_A_TIME, n_texts)) for start in starts]


def _batches(lengths: Numbers, config: NetworkConfig) -> list[Numbers]:
    """Group texts into batches of about one length, from the shortest to the longest.

    The graph reads every text to the end of the longest of its batch, so a text begins another one
    where the padding of those before it would cost more than that.
    """
    order = np.argsort(lengths, kind="stable")
    if config.fixed_length:
        widths = [config.max_length] * len(order)
    else:
        widths = np.minimum(np.maximum(lengths[order], 1), config.max_length).tolist()
    batches, start = [], 0
    while start < len(order):
        end, n_padding = start + 1, 0
        while end < min(start + _TEXTS_PER_BATCH, len(order)):
            width = widths[end]
            n_padding += (end - start) * (width - widths[end - 1])
            if n_padding > _BATCH_COST + _STEP_COST * width:
                break
            if (end - start + 1) * width > _TOKENS_PER_BATCH:
                break
            end += 1
        batches.append(order[start:end])
        start = end
    return batches
