"""That ``TextClassifier`` keeps to what scikit-learn asks of an estimator."""

from __future__ import annotations

import pickle
import re
from dataclasses import fields

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

from gatewise.classify.classifier import TextClassifier
from gatewise.network.recipes import RECIPES, Recipe
from gatewise.vectors.word_vectors import WordVectors

SMALL = {
    "units": 4,
    "word_dimension": 8,
    "ngram_dimension": 4,
    "projection": 0,
    "epochs": 2,
    "batch_size": 16,
    "word2vec_passes": 2,
}


def make_classifier(**changes):
    return TextClassifier(**SMALL | changes)


@pytest.fixture(scope="module")
def tickets(make_tickets):
    return make_tickets(45)


@pytest.fixture(scope="module")
def others(make_tickets):
    return make_tickets(24, seed=5)


@pytest.fixture(scope="module")
def fitted(tickets):
    """A classifier of few records. Nobody may fit or change it."""
    return make_classifier().fit(*tickets)


class NumbersAsTexts(TextClassifier):
    """The classifier for scikit-learn's checks, whose data are rows of numbers.

    Given texts as its only input, the checks leave nearly everything out.
    """

    def fit(self, X, y, sample_weight=None):
        X, y = validate_data(self, X, y, dtype=np.float64)
        return super().fit(self._texts(X), y, sample_weight)

    def predict_parts(self, X):
        check_is_fitted(self)
        return super().predict_parts(self._texts(validate_data(self, X, reset=False)))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = False
        tags.input_tags.two_d_array = True
        return tags

    @staticmethod
    def _texts(X):
        return [
            " ".join(f"c{column}v{round(value) % 1000}" for column, value in enumerate(row))
            for row in X.astype(np.float64).clip(-1e6, 1e6)
        ]


EXPECTED_FAILED_CHECKS = {
    "check_sample_weight_equivalence_on_dense_data": (
        "a record of weight 0 still lends its words to word2vec and the vocabulary, and steps are "
        "taken on batches, so that weights are not the same as repetitions"
    ),
}


@parametrize_with_checks(
    [NumbersAsTexts(**SMALL | {"epochs": 1, "validation_fraction": 0.0})],
    expected_failed_checks=lambda estimator: EXPECTED_FAILED_CHECKS,
    xfail_strict=True,
)
def test_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_what_it_says_of_itself():
    tags = get_tags(TextClassifier())
    assert tags.estimator_type == "classifier"
    assert tags.input_tags.string
    assert tags.input_tags.one_d_array
    assert not tags.input_tags.two_d_array
    assert not tags.non_deterministic
    assert get_tags(TextClassifier(random_state=None)).non_deterministic


def test_every_part_of_a_recipe_is_a_parameter():
    parameters = TextClassifier().get_params()
    assert parameters.pop("recipe") == "modern"
    names = {field.name for field in fields(Recipe)}
    assert names <= parameters.keys()
    assert all(parameters[name] is None for name in names)


def test_every_parameter_is_described():
    described = re.findall(
        r"^    (\w+(?:, \w+)*) ?:|^    (\w+(?:, \w+)*)$", TextClassifier.__doc__, re.M
    )
    names = {name for pair in described for line in pair for name in line.split(", ")}
    assert set(TextClassifier().get_params()) <= names


def test_a_clone_has_the_parameters_and_nothing_learnt(fitted):
    vectors = WordVectors(["card"], np.ones((1, 8)))
    original = make_classifier(vectors=vectors, class_weight={"card": 2.0}, random_state=9)
    copy = clone(original)
    ours, theirs = original.get_params(), copy.get_params()
    assert np.array_equal(ours.pop("vectors").matrix, theirs.pop("vectors").matrix)
    assert ours == theirs
    assert not hasattr(clone(fitted), "model_")


def test_fitting_leaves_the_parameters_alone(tickets):
    classifier = make_classifier()
    before = classifier.get_params()
    assert classifier.fit(*tickets) is classifier
    assert classifier.get_params() == before
    assert classifier.recipe_.units == 4
    assert classifier.recipe_.pooling == RECIPES["modern"].pooling


def test_in_a_pipeline(tickets, others, fitted):
    shout = FunctionTransformer(lambda texts: [text.upper() for text in texts])
    pipeline = make_pipeline(shout, make_classifier())
    pipeline.fit(*tickets)
    assert np.array_equal(pipeline.predict_proba(others[0]), fitted.predict_proba(others[0]))


def test_cross_validation(tickets):
    scores = cross_val_score(make_classifier(), *tickets, cv=3, error_score="raise")
    assert scores.shape == (3,)
    assert scores.mean() > 0.8


def test_a_grid_search_over_units(tickets):
    """Over an array: its numbers are numpy's."""
    search = GridSearchCV(make_classifier(), {"units": np.array([2, 5])}, cv=2, error_score="raise")
    search.fit(*tickets)
    assert search.best_params_["units"] in (2, 5)
    assert search.best_estimator_.recipe_.units == search.best_params_["units"]
    assert search.predict(tickets[0]).shape == (45,)


def test_a_fitted_classifier_can_be_pickled(fitted, others):
    """As joblib does on its way to other processes."""
    copy = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(copy.predict_proba(others[0]), fitted.predict_proba(others[0]))
