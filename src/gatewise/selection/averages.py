"""Averaged word vectors and a logistic regression: what word2vec brings without an LSTM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gatewise.classify.inputs import record_weights
from gatewise.classify.plan import settle_recipe
from gatewise.classify.starting_vectors import own_vectors
from gatewise.network.recipes import Recipe
from gatewise.vectors.word_vectors import WordVectors

__all__ = ["AveragedVectors"]

_MAX_ITERATIONS = 2000


class AveragedVectors:
    """A text's vector is the mean of its words'; a logistic regression reads it.

    Parameters
    ----------
    recipe : Recipe
        How word2vec is trained; nothing else of it is used.
    seed : int
        The user's seed.
    vectors : WordVectors, optional
        Word vectors from elsewhere, instead of own ones.
    """

    def __init__(self, recipe: Recipe, *, seed: int, vectors: WordVectors | None = None) -> None:
        self._recipe, self._seed, self._given = recipe, seed, vectors
        self._fitted: tuple[WordVectors, Any] | None = None

    def fit(
        self,
        token_lists: Sequence[Sequence[str]],
        labels: Sequence[str],
        unlabelled: Sequence[Sequence[str]] = (),
        class_weight: dict[str, float] | str | None = None,
    ) -> AveragedVectors:
        """Learn vectors and regression from tokenised texts, those of a class with its weight."""
        vectors = self._given
        if vectors is None:
            lengths = np.array([len(tokens) for tokens in token_lists])
            further = sum(map(len, unlabelled))
            recipe, _ = settle_recipe(self._recipe, lengths, n_unlabelled_tokens=further)
            everything = [*token_lists, *unlabelled]
            vectors = own_vectors(everything, recipe, seed=self._seed).vectors
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=_MAX_ITERATIONS))
        known = np.array(labels)
        weights = record_weights(known, np.unique(known), None, class_weight)
        averages = _averages(vectors, token_lists)
        self._fitted = (
            vectors,
            model.fit(averages, labels, logisticregression__sample_weight=weights),
        )
        return self

    @property
    def classes(self) -> list[str]:
        """The C classes it has seen, sorted."""
        return [str(label) for label in self._parts()[1].classes_]

    @property
    def n_parameters(self) -> int:
        """How many numbers it has learnt, the vectors included."""
        vectors, regression = self._parts()
        last = regression[-1]
        return int(vectors.matrix.size + last.coef_.size + last.intercept_.size)

    def log_probabilities(self, token_lists: Sequence[Sequence[str]]) -> NDArray[np.float64]:
        """Compute the logarithms of the class probabilities, shape (N, C), in nats."""
        vectors, regression = self._parts()
        return np.asarray(regression.predict_log_proba(_averages(vectors, token_lists)))

    def _parts(self) -> tuple[WordVectors, Any]:
        if self._fitted is None:
            raise NotFittedError("call fit first")
        return self._fitted


def _averages(vectors: WordVectors, token_lists: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """Average the vectors of the words that have one; zeros where none has."""
    averages = np.zeros((len(token_lists), vectors.dimension))  # (N, E)
    for row, tokens in enumerate(token_lists):
        found = [vectors.vector(token) for token in tokens if token in vectors]
        if found:
            averages[row] = np.mean(found, axis=0)
    return averages
