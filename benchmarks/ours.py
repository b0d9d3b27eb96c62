"""``TextClassifier`` under the benchmark: at its defaults, or with the forum's recipe."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from data_sets import Split
from gatewise.base.errors import ConfigError
from gatewise.classify.classifier import TextClassifier
from tasks import Outcome, Task

__all__ = ["run"]


def run(task: Task, split: Split) -> Outcome:
    """Fit on the training records; answer with the LSTM, the n-grams and the blend.

    Raises
    ------
    ConfigError
        If a setting is not a parameter of TextClassifier.
    """
    known = sorted(TextClassifier().get_params())
    if unknown := sorted(set(task.settings) - set(known)):
        raise ConfigError(
            f"TextClassifier has no parameter {unknown[0]!r}; it has {', '.join(known)}"
        )
    classifier = TextClassifier(random_state=task.seed, **task.settings)
    started = time.perf_counter()
    classifier.fit(split.train_texts, split.train_labels)
    fitted = time.perf_counter()
    parts = classifier.predict_parts(split.test_texts)
    if parts.ngrams is None:
        scores = {"model": parts.blend}
    else:
        scores = {"lstm": parts.lstm, "ngrams": parts.ngrams, "blend": parts.blend}
    predictions = {
        part: [str(label) for label in classifier.classes_[values.argmax(axis=1)]]
        for part, values in scores.items()
    }
    seconds = {"fit_seconds": fitted - started, "predict_seconds": time.perf_counter() - fitted}
    return Outcome(predictions, {**seconds, **_details(classifier)})


def _details(classifier: TextClassifier) -> dict[str, Any]:
    """Tell how the fit went, so that a surprising number can be looked into later."""
    model = classifier.model_
    return {
        "precision": model.precision.describe(),
        "recipe": asdict(model.recipe),
        "blend": asdict(model.blend),
        "n_weights": sum(weights.numel() for weights in model.network.parameters()),
        "n_epochs": len(model.history),
        "facts": model.facts,
    }
