from __future__ import annotations

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from gatewise.network.recipes import choose_recipe
from gatewise.selection.averages import AveragedVectors
from gatewise.vectors.word_vectors import WordVectors

VECTORS = WordVectors(
    ["red", "green", "blue"], np.array([[1, 0], [0, 2], [3, 3]], dtype=np.float32)
)
TOKENS = [["red", "green"], ["blue"], ["blue", "plugh", "red"], ["green"], ["xyzzy"], []]
LABELS = ["a", "b", "b", "a", "a", "b"]


def test_the_regression_reads_the_means_of_known_words():
    model = AveragedVectors(choose_recipe("modern"), seed=0, vectors=VECTORS).fit(TOKENS, LABELS)
    means = np.array([[0.5, 1], [3, 3], [2, 1.5], [0, 2], [0, 0], [0, 0]])
    scaler = StandardScaler().fit(means)
    expected = LogisticRegression(max_iter=2000).fit(scaler.transform(means), LABELS)
    found = model.log_probabilities(TOKENS)
    np.testing.assert_allclose(found, expected.predict_log_proba(scaler.transform(means)))
    assert model.classes == ["a", "b"]
    assert model.n_parameters == 6 + 2 + 1


def test_a_class_counts_as_much_as_its_weight():
    model = AveragedVectors(choose_recipe("modern"), seed=0, vectors=VECTORS)
    plain = model.fit(TOKENS, LABELS).log_probabilities(TOKENS)
    balanced = model.fit(TOKENS, LABELS, class_weight="balanced").log_probabilities(TOKENS)
    np.testing.assert_allclose(balanced, plain)  # three of each
    weighted = model.fit(TOKENS, LABELS, class_weight={"a": 3.0}).log_probabilities(TOKENS)
    means = np.array([[0.5, 1], [3, 3], [2, 1.5], [0, 2], [0, 0], [0, 0]])
    scaled = StandardScaler().fit_transform(means)
    weights = [1.5 if label == "a" else 0.5 for label in LABELS]  # of mean 1
    expected = LogisticRegression(max_iter=2000).fit(scaled, LABELS, sample_weight=weights)
    np.testing.assert_allclose(weighted, expected.predict_log_proba(scaled))


def test_it_has_to_be_fitted_first():
    with pytest.raises(NotFittedError):
        AveragedVectors(choose_recipe("modern"), seed=0).log_probabilities(TOKENS)
