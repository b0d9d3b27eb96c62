"""A fitted model as arrays: all that it takes to score or explain a text, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gatewise.classify.blend import Blend, blend_log_probabilities
from gatewise.classify.decision import Decision
from gatewise.classify.nearest import RecordIndex
from gatewise.classify.ngrams import NgramModel
from gatewise.classify.scope import Scope, more_evidence, score_evidence
from gatewise.network.plain import PlainNetwork, Trace, plain_log_probabilities
from gatewise.text.batches import kept_tokens
from gatewise.text.tokens import Token, token_spans
from gatewise.text.vocabulary import PAD, Vocabulary

if TYPE_CHECKING:
    from gatewise.classify.model import FittedModel

__all__ = ["PlainModel", "plain_model"]

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class PlainModel:
    """A fitted model as arrays.

    Attributes
    ----------
    language : str
        How texts are cut into tokens.
    classes : ndarray of shape (C,)
        The labels as they were given, in the order of their numbers.
    vocabulary : Vocabulary
        Words and character n-grams.
    network : PlainNetwork
        The trained network.
    ngrams : NgramModel or None
        The linear companion.
    blend : Blend
        Temperatures and the companion's weight.
    drops_unknown : bool
        Words that are not in the vocabulary are left out, as the Tokenizer of Keras does.
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
    network: PlainNetwork
    ngrams: NgramModel | None
    blend: Blend
    drops_unknown: bool = False
    decision: Decision = field(default_factory=Decision)
    scope: Scope | None = None
    index: RecordIndex | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes as strings."""
        return tuple(str(label) for label in self.classes)

    def tokens(self, text: str) -> list[Token]:
        """Cut a text into the tokens that are read."""
        found = token_spans(text, self.language)
        if self.drops_unknown:
            return [token for token in found if token.text in self.vocabulary]
        return found

    def steps(self, places: Numbers) -> Numbers:
        """Say what the network reads of a text: cut, and filled up with padding.

        Parameters
        ----------
        places : ndarray of int64, shape (n,)
            The tokens that make up the text, as places in a longer one.

        Returns
        -------
        ndarray of int64, shape (T,)
            The token read at each step, -1 for padding.
        """
        config = self.network.config
        if config.fixed_length:  # the last tokens, with padding in front, as Keras has it
            kept = places[max(0, len(places) - config.max_length) :]
            return np.concatenate([np.full(config.max_length - len(kept), -1), kept])
        kept = places[kept_tokens(len(places), config.max_length)]
        return kept if len(kept) else np.array([-1])

    def vectors(self, tokens: Sequence[str], steps: Numbers) -> NDArray[np.float64]:
        """Compose the vectors of some of a text's tokens.

        Parameters
        ----------
        tokens : sequence of str
            The text.
        steps : ndarray of int64, shape (T,)
            Places of the tokens; -1 for padding.

        Returns
        -------
        ndarray of float64, shape (T, E)
        """
        vocabulary, read = self.vocabulary, [None if at < 0 else tokens[at] for at in steps]
        word_ids = [PAD if token is None else vocabulary.word_id(token) for token in read]
        spelt = [[] if token is None else vocabulary.known_ngrams(token) for token in read]
        return self.network.vectors(word_ids, spelt)  # (T, E)

    def trace(self, tokens: Sequence[str]) -> Trace:
        """Let the network read a text step by step, keeping everything."""
        return self.network.trace(self.vectors(tokens, self.steps(np.arange(len(tokens)))))

    def blended(
        self, logits: NDArray[np.float64], margins: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        """Compute calibrated probabilities of logits and the companion's margins, (N, C)."""
        return np.exp(self.log_blended(logits, margins))

    def log_blended(
        self, logits: NDArray[np.float64], margins: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        """Compute the logarithms of :meth:`blended`, (N, C), in nats."""
        scores = plain_log_probabilities(logits, self.network.config.output)
        return blend_log_probabilities(scores, margins, self.blend)

    def in_scope(
        self, tokens: Sequence[str], trace: Trace, margins: NDArray[np.float64] | None
    ) -> float | None:
        """Compute how far inside what it knows a text lies, 0 to 1; None if it cannot tell.

        Parameters
        ----------
        tokens : sequence of str
            The text.
        trace : Trace
            The network's reading of it.
        margins : ndarray of float64, shape (1, C), or None
            The companion's scores of it.
        """
        if self.scope is None:
            return None
        log_probabilities = self.log_blended(trace.logits[None], margins)  # (1, C)
        points = None
        if self.index is not None:
            points = self.index.locate(trace.pooled[None].astype(np.float32))  # (1, K)
        further = more_evidence([tokens], points, self.ngrams, self.index)
        return float(self.scope.score(score_evidence(log_probabilities, margins) | further)[0])

    def reference_probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Classify texts one by one, in float64: slow and exact.

        Parameters
        ----------
        texts : sequence of str
            N texts.

        Returns
        -------
        ndarray of float64, shape (N, C)
        """
        found = np.zeros((len(texts), len(self.labels)))
        for row, text in enumerate(texts):
            tokens = [token.text for token in self.tokens(text)]
            margins = self.ngrams.scores([tokens]) if self.ngrams else None
            found[row] = self.blended(self.trace(tokens).logits[None], margins)[0]
        return found


def plain_model(model: FittedModel) -> PlainModel:
    """Take the arrays out of a fitted model.

    Parameters
    ----------
    model : FittedModel
        With a network in torch, on any device.

    Returns
    -------
    PlainModel
        With copies of the weights, if the network is not on the processor, and else a view.
    """
    return PlainModel(
        language=model.language,
        classes=np.array(model.labels),
        vocabulary=model.vocabulary,
        network=PlainNetwork(model.network.config, model.network.arrays()),
        ngrams=model.ngrams,
        blend=model.blend,
        decision=model.decision,
        scope=model.scope,
        index=model.index,
    )
