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
        self._recipe, self._seed, self._vectors = recipe, seed, vectors
        self._regression: Any = None

    def fit(
        self,
        token_lists: Sequence[Sequence[str]],
        labels: Sequence[str],
        unlabelled: Sequence[Sequence[str]] = (),
    ) -> AveragedVectors:
        """Learn vectors and regression from tokenised texts."""
        if self._vectors is None:
            lengths = np.array([len(tokens) for tokens in token_lists])
            recipe, _ = settle_recipe(self._recipe, lengths)
            everything = [*token_lists, *unlabelled]
            self._vectors = own_vectors(everything, recipe, seed=self._seed).vectors
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=_MAX_ITERATIONS))
        self._regression = model.fit(self._averages(token_lists), labels)
        return self

    @property
    def classes(self) -> list[str]:
        """The C classes it has seen, sorted."""
        return [str(label) for label in self._regression.classes_]

    @property
    def n_parameters(self) -> int:
        """How many numbers it has learnt, the vectors included."""
        last = self._regression[-1]
        n_vectors = 0 if self._vectors is None else self._vectors.matrix.size
        return int(n_vectors + last.coef_.size + last.intercept_.size)

    def log_probabilities(self, token_lists: Sequence[Sequence[str]]) -> NDArray[np.float64]:
        """Compute the logarithms of the class probabilities, shape (N, C), in nats."""
        return np.asarray(self._regression.predict_log_proba(self._averages(token_lists)))

    def _averages(self, token_lists: Sequence[Sequence[str]]) -> NDArray[np.float64]:
        vectors = self._vectors
        if vectors is None:
            raise NotFittedError("call fit first")
        averages = np.zeros((len(token_lists), vectors.dimension))  # (N, E)
        for row, tokens in enumerate(token_lists):
            found = [vectors.vector(token) for token in tokens if token in vectors]
            if found:
                averages[row] = np.mean(found, axis=0)
        return averages
