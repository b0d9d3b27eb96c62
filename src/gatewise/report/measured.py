"""The records that a report measures a model on: those held out while training, or a file's."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gatewise.base.errors import DataError
from gatewise.classify.blend import Blend
from gatewise.classify.held_out import FOLDS, TRAINING, HeldOut
from gatewise.classify.model import (
    FittedModel,
    RawScores,
    blend_scores,
    raw_scores,
    read_tokens,
)
from gatewise.evaluate.trust import NO_CLASS
from gatewise.text.corpus import Corpus
from gatewise.text.tokens import tokenize

__all__ = ["FILE", "Measured", "held_out_records", "labelled_records"]

FILE = "file"  # beside the sources of held-out records

_MOST_NAMED = 5  # labels in a message

Numbers = NDArray[np.int64]
Scores = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Measured:
    """What a model says of N labelled records.

    Attributes
    ----------
    source : str
        ``FILE``, or where the held-out records come from.
    name : str
        Of the file; empty for held-out records.
    truth : tuple of str
        The records' labels.
    targets : ndarray of int64, shape (N,)
        Their classes; ``NO_CLASS`` where the model does not have the label.
    network : ndarray of float64, shape (N, C)
        Calibrated logarithms of probabilities of the network alone.
    ngrams : ndarray of float64, shape (N, C), or None
        Those of the companion alone.
    blend : ndarray of float64, shape (N, C)
        Those of both together: the model's answers.
    uncalibrated : ndarray of float64, shape (N, C)
        Those of both together with all temperatures 1.
    in_scope : ndarray of float64, shape (N,), or None
        In-scope scores.
    texts : tuple of str or None
        Their texts, where they are known.
    lines : tuple of int or None
        Where they stand in their file.
    """

    source: str
    name: str
    truth: tuple[str, ...]
    targets: Numbers
    network: Scores
    ngrams: Scores | None
    blend: Scores
    uncalibrated: Scores
    in_scope: Scores | None
    texts: tuple[str, ...] | None
    lines: tuple[int, ...] | None

    @property
    def answers(self) -> Numbers:
        """The most probable class of each record, shape (N,)."""
        answers: Numbers = self.blend.argmax(axis=1)
        return answers

    @property
    def confidences(self) -> Scores:
        """Its probability, shape (N,)."""
        confidences: Scores = np.exp(self.blend.max(axis=1))
        return confidences

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether it is the label, shape (N,)."""
        right: NDArray[np.bool_] = self.answers == self.targets
        return right

    @property
    def given(self) -> Scores:
        """The probability of the record's own label, 0 where the model lacks it, shape (N,)."""
        known = self.targets != NO_CLASS
        own = self.blend[np.arange(len(self.targets)), np.where(known, self.targets, 0)]  # (N,)
        return np.where(known, np.exp(own), 0.0)


def held_out_records(model: FittedModel, corpus: Corpus | None = None) -> Measured | None:
    """Take the records that were held out while the model was trained.

    Parameters
    ----------
    model : FittedModel
        The model.
    corpus : Corpus, optional
        What it was trained on, for the texts; without it they are known only if the model keeps
        them.

    Returns
    -------
    Measured or None
        None if nothing was held out.
    """
    held_out = model.held_out
    if held_out is None or not len(held_out.targets):
        return None
    ngrams = held_out.ngrams
    raw = RawScores(
        held_out.network.astype(np.float64), None if ngrams is None else ngrams.astype(np.float64)
    )
    in_scope = held_out.in_scope
    texts, lines = _held_out_texts(model, held_out, corpus)
    return _measured(
        model,
        raw,
        source=held_out.source,
        targets=held_out.targets,
        truth=tuple(model.labels[number] for number in held_out.targets),
        in_scope=None if in_scope is None else in_scope.astype(np.float64),
        texts=texts,
        lines=lines,
    )


def labelled_records(model: FittedModel, corpus: Corpus) -> Measured:
    """Let a model classify labelled records that it was not trained on.

    Parameters
    ----------
    model : FittedModel
        The model.
    corpus : Corpus
        The records; labels that the model does not have are allowed.

    Returns
    -------
    Measured

    Raises
    ------
    DataError
        If no record has a label that the model knows.
    """
    number_of = {label: number for number, label in enumerate(model.labels)}
    targets = np.array([number_of.get(label, NO_CLASS) for label in corpus.labels])
    if (targets == NO_CLASS).all():
        raise DataError(
            f"{corpus.source}: no record has a label that the model knows; it knows "
            f"{_named(model.labels)}, and the file has {_named(tuple(corpus.label_counts))}; name "
            "the column of the labels, or give the data of this model"
        )
    token_lists = [tokenize(text, model.language) for text in corpus.texts]
    raw = raw_scores(model, token_lists)
    measured = _measured(
        model,
        raw,
        source=FILE,
        targets=targets,
        truth=tuple(corpus.labels),
        in_scope=None,
        texts=tuple(corpus.texts),
        lines=tuple(corpus.lines),
        name=str(corpus.source),
    )
    if model.scope is None:
        return measured
    return replace(measured, in_scope=read_tokens(model, token_lists).in_scope)


def _named(labels: tuple[str, ...]) -> str:
    named = ", ".join(map(repr, labels[:_MOST_NAMED]))
    n_more = len(labels) - _MOST_NAMED
    return f"{named} and {n_more:,} more" if n_more > 0 else named


def _measured(
    model: FittedModel,
    raw: RawScores,
    *,
    source: str,
    targets: Numbers,
    truth: tuple[str, ...],
    in_scope: Scores | None,
    texts: tuple[str, ...] | None,
    lines: tuple[int, ...] | None,
    name: str = "",
) -> Measured:
    parts = blend_scores(raw, model.blend)
    plain = blend_scores(raw, Blend(ngram_weight=model.blend.ngram_weight))
    return Measured(
        source=source,
        name=name,
        truth=truth,
        targets=targets,
        network=parts.lstm,
        ngrams=parts.ngrams,
        blend=parts.blend,
        uncalibrated=plain.blend,
        in_scope=in_scope,
        texts=texts,
        lines=lines,
    )


def _held_out_texts(
    model: FittedModel, held_out: HeldOut, corpus: Corpus | None
) -> tuple[tuple[str, ...] | None, tuple[int, ...] | None]:
    """Find the records' texts and lines; validation records are not among those learnt from.

    A model that keeps its texts knows their order, and not where they stood in the file.
    """
    rows = held_out.rows.tolist()
    if held_out.source not in (TRAINING, FOLDS):
        return None, None
    if corpus is not None and max(rows) < len(corpus.texts):
        return tuple(corpus.texts[row] for row in rows), tuple(corpus.lines[row] for row in rows)
    index = model.index
    if index is not None and index.texts is not None:
        kept = dict(zip(index.rows.tolist(), index.texts, strict=True))
        if kept.keys() >= set(rows):
            return tuple(kept[row] for row in rows), None
    return None, None
