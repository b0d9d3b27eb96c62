"""A fitted classifier and labelled texts -> its scores, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.base.errors import DataError
from gatewise.base.progress import Progress, SilentProgress
from gatewise.classify.classifier import TextClassifier
from gatewise.evaluate.metrics import Metrics, measure_answers
from gatewise.text.tokens import tokenize

__all__ = ["Evaluation", "evaluate"]

_CHUNK = 2048  # texts scored at a time

# The answers of a chunk and their probabilities.
_Best = tuple[NDArray[np.int64], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The scores of a classifier on some labelled texts.

    Attributes
    ----------
    lstm : Metrics
        Of the network alone.
    ngrams : Metrics or None
        Of the linear companion alone; None for a model without one.
    blend : Metrics
        Of both together: of the model's answers.
    n_wordless : int
        Texts without a word or number. The model can only guess, and its guess counts, though
        ``gatewise predict`` leaves them unanswered.
    """

    lstm: Metrics
    ngrams: Metrics | None
    blend: Metrics
    n_wordless: int = 0

    @property
    def parts(self) -> dict[str, Metrics | None]:
        """The three of them by name."""
        return {"lstm": self.lstm, "ngrams": self.ngrams, "blend": self.blend}

    def as_dict(self) -> dict[str, Any]:
        """Give what ``gatewise evaluate --json`` writes; shares are from 0 to 1."""
        return {
            "n_records": self.blend.n_records,
            "n_wordless": self.n_wordless,
            "accuracy": self.blend.accuracy,
            "macro_f1": self.blend.macro_f1,
            "calibration_error": self.blend.calibration.error,
            "calibration_error_by_chance": self.blend.calibration.by_chance,
            "parts": {
                name: part
                and {
                    "accuracy": part.accuracy,
                    "macro_f1": part.macro_f1,
                    "calibration_error": part.calibration.error,
                    "calibration_error_by_chance": part.calibration.by_chance,
                }
                for name, part in self.parts.items()
            },
            "confused": [asdict(pair) for pair in self.blend.confused],
            "unknown": self.blend.unknown,
            "per_class": {name: asdict(one) for name, one in self.blend.per_class.items()},
        }


def evaluate(
    classifier: TextClassifier,
    texts: Sequence[str],
    labels: Sequence[str],
    *,
    progress: Progress | None = None,
) -> Evaluation:
    """Score a fitted classifier on labelled texts.

    Parameters
    ----------
    classifier : TextClassifier
        A fitted one.
    texts : sequence of str
        N texts.
    labels : sequence of str
        Their labels. One that the classifier was not trained on counts as answered wrongly, and
        stands in ``blend.unknown``.
    progress : Progress, optional
        Told of the texts scored.

    Returns
    -------
    Evaluation

    Raises
    ------
    DataError
        If there is no text, or not one label per text.
    """
    if not len(texts):
        raise DataError("there are no records to score; give at least one")
    progress = progress or SilentProgress()
    truth = [str(label) for label in labels]
    progress.start("scoring", len(texts), "texts")
    best: dict[str, list[_Best]] = {"lstm": [], "ngrams": [], "blend": []}
    for start in range(0, len(texts), _CHUNK):
        chunk = texts[start : start + _CHUNK]
        parts = classifier.predict_parts(chunk)
        for name, found in best.items():
            found.extend(_best_of(getattr(parts, name)))
        progress.advance(len(chunk))
    classes, language = classifier.model_.labels, classifier.model_.language
    # A text with a letter or digit has a word, and most begin with one.
    doubtful = (text for text in texts if not any(map(str.isalnum, text)))
    n_wordless = sum(not tokenize(text, language) for text in doubtful)
    scores = {
        name: measure_answers(truth, classes, *map(np.concatenate, zip(*found, strict=True)))
        for name, found in best.items()
        if found
    }
    return Evaluation(scores["lstm"], scores.get("ngrams"), scores["blend"], n_wordless)


def _best_of(log_probabilities: NDArray[np.float64] | None) -> Iterator[_Best]:
    """Keep the answers and their probabilities, each of shape (N,): far less than (N, C)."""
    if log_probabilities is not None:
        yield log_probabilities.argmax(axis=1), np.exp(log_probabilities.max(axis=1))
