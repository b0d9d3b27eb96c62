"""The linear peers: tf-idf of n-grams and a linear support vector machine, from scikit-learn."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

from data_sets import Split
from gatewise.text.tokens import has_unspaced_script
from tasks import Outcome, Task

__all__ = ["is_unspaced", "run"]


def run(task: Task, split: Split) -> Outcome:
    """Fit on the training records and name a label for each test record."""
    kind = "unspaced" if is_unspaced(split.train_texts) else "vectors"
    vectorizers = [_vectorizer(options) for options in task.settings[kind]]
    model = make_pipeline(make_union(*vectorizers), LinearSVC(random_state=task.seed))
    started = time.perf_counter()
    model.fit(split.train_texts, split.train_labels)
    fitted = time.perf_counter()
    predicted = [str(label) for label in model.predict(split.test_texts)]
    details = {
        "fit_seconds": fitted - started,
        "predict_seconds": time.perf_counter() - fitted,
        "vectors": task.settings[kind],
        "n_features": int(model[-1].n_features_in_),
    }
    return Outcome({"model": predicted}, details)


def is_unspaced(texts: Sequence[str]) -> bool:
    """Say whether most texts have letters of a script that writes words without spaces."""
    return 2 * sum(map(has_unspaced_script, texts)) > len(texts)


def _vectorizer(options: Mapping[str, Any]) -> TfidfVectorizer:
    # scikit-learn wants a pair where JSON has a list.
    return TfidfVectorizer(**{**options, "ngram_range": tuple(options["ngram_range"])})
