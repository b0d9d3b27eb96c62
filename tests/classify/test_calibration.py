from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from sklearn import metrics
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from gatewise.classify.blend import Blend, blend_log_probabilities
from gatewise.classify.calibration import (
    _choose_weight,
    _expected_place,
    _nearest_bearable,
    fit_blend,
    fit_temperature,
    log_loss,
)


def draw(n_records=400, n_classes=4, *, sharpness=1.0, seed=0):
    """Scores, and targets drawn with the probabilities softmax(sharpness * scores)."""
    generator = np.random.default_rng(seed)
    scores = generator.normal(0, 1.5, (n_records, n_classes))
    probabilities = softmax(sharpness * scores, axis=1)
    targets = np.array([generator.choice(n_classes, p=row) for row in probabilities])
    return scores, targets


class Scores(ClassifierMixin, BaseEstimator):
    """Takes the features for the scores."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        return X

    def predict(self, X):
        return self.classes_[X.argmax(axis=1)]


# One temperature


def test_the_loss_is_that_of_scikit_learn():
    scores, targets = draw()
    expected = metrics.log_loss(targets, softmax(scores, axis=1))
    assert log_loss(scores, targets) == pytest.approx(expected, rel=1e-12)


def with_one_more(scores, targets):
    """Records and weights with the one more, wrongly answered: spread over all the texts."""
    seconds = np.argsort(scores, axis=1)[:, -2]
    weights = np.repeat([1.0, 1.0 / len(scores)], len(scores))
    return np.concatenate([scores, scores]), np.concatenate([targets, seconds]), weights


@pytest.mark.parametrize("n", [6, 400])
@pytest.mark.parametrize("sharpness", [0.2, 1.0, 3.0])
def test_the_temperature_is_the_best_of_a_fine_grid(sharpness, n):
    scores, targets = draw(n, sharpness=sharpness)
    everything, wanted, weights = with_one_more(scores, targets)
    grid = np.exp(np.linspace(np.log(0.02), np.log(50), 1501))
    surprises = -log_softmax(everything[None] / grid[:, None, None], axis=2)  # (grid, 2 N, C)
    losses = surprises[:, np.arange(len(wanted)), wanted] @ weights  # (grid,)
    assert fit_temperature(scores, targets) == pytest.approx(grid[np.argmin(losses)], rel=0.01)


@pytest.mark.filterwarnings("ignore:Since FrozenEstimator does not appear to accept sample_weight")
def test_the_temperature_is_that_of_scikit_learn():
    scores, targets = draw(sharpness=0.6)
    frozen = FrozenEstimator(Scores().fit(scores, targets))
    everything, wanted, weights = with_one_more(scores, targets)
    theirs = CalibratedClassifierCV(frozen, method="temperature")
    theirs.fit(everything, wanted, sample_weight=weights)
    ours = softmax(scores / fit_temperature(scores, targets), axis=1)
    np.testing.assert_allclose(ours, theirs.predict_proba(scores), atol=2e-4)


def test_many_records_are_hardly_touched_by_the_one_more():
    scores, targets = draw(2000, sharpness=0.6)
    frozen = FrozenEstimator(Scores().fit(scores, targets))
    theirs = CalibratedClassifierCV(frozen, method="temperature").fit(scores, targets)
    ours = softmax(scores / fit_temperature(scores, targets), axis=1)
    np.testing.assert_allclose(ours, theirs.predict_proba(scores), atol=3e-3)


@pytest.mark.parametrize("factor", [0.1, 4.0])
def test_scores_of_another_scale_have_another_temperature(factor):
    scores, targets = draw()
    expected = factor * fit_temperature(scores, targets)
    assert fit_temperature(factor * scores, targets) == pytest.approx(expected, rel=0.001)


@pytest.mark.parametrize("n", [2, 40, 800])
def test_answers_that_are_all_right_are_as_sure_as_one_wrong_in_so_many_allows(n):
    generator = np.random.default_rng(n)
    targets = generator.integers(0, 3, n)
    scores = generator.normal(0.0, 0.3, (n, 3))
    scores[np.arange(n), targets] += 6.0
    for given in (scores, 50.0 * scores):
        blend = fit_blend(given, 0.1 * given, targets)
        surest = np.exp(blend_log_probabilities(given, 0.1 * given, blend)).max(axis=1)
        assert surest.mean() == pytest.approx((n + 0.5) / (n + 1), abs=1.0 / (n + 1))
        assert surest.max() < 1.0 - 1e-6


def test_the_temperature_stays_within_limits():
    scores = np.array([[5.0, 0.0], [0.0, 5.0]])
    assert fit_temperature(scores, np.array([1, 0])) == pytest.approx(50.0, rel=0.01)
    assert fit_temperature(1e-6 * scores, np.array([0, 1])) == pytest.approx(0.02, rel=0.01)


# The blend


@pytest.mark.parametrize("useful", ["network", "ngrams"])
def test_a_part_that_knows_nothing_does_no_harm(useful):
    scores, targets = draw(n_records=1500)
    noise = np.random.default_rng(4).normal(0, 1.5, scores.shape)
    parts = (scores, noise) if useful == "network" else (noise, scores)
    mixed = blend_log_probabilities(*parts, fit_blend(*parts, targets))
    right = (scores.argmax(axis=1) == targets).mean()
    assert (mixed.argmax(axis=1) == targets).mean() >= right - 0.01


@pytest.mark.parametrize("better", ["network", "ngrams"])
def test_the_weight_goes_to_the_part_that_is_clearly_better(better):
    """Also when the worse part is very sure of itself."""
    scores, targets = draw(n_records=1500)
    generator = np.random.default_rng(4)
    wrong = scores + generator.normal(0, 3, scores.shape)
    good = np.eye(scores.shape[1])[targets] * 2 + generator.normal(0, 0.5, scores.shape)
    parts = (good, wrong) if better == "network" else (wrong, good)
    weight = fit_blend(*parts, targets).ngram_weight
    assert weight <= 0.5 if better == "network" else weight >= 0.5


def test_parts_that_are_equally_good_count_half_each():
    scores, targets = draw(n_records=1500)
    noise = np.random.default_rng(4).normal(0, 0.7, scores.shape)
    weight = fit_blend(scores + noise, scores - noise, targets).ngram_weight
    assert weight == pytest.approx(0.5, abs=0.051)


def test_a_clear_lead_of_another_weight_is_taken():
    """The one part is right by a little, the other wrong by more: it is outvoted at a half."""
    targets = np.random.default_rng(9).integers(0, 3, 400)
    right = np.eye(3)[targets]
    wrong = np.eye(3)[(targets + 1) % 3] * 2.0
    assert _choose_weight(right, wrong, targets) < 1 / 3
    assert _choose_weight(wrong, right, targets) > 2 / 3


@pytest.mark.parametrize(("n_led", "weight"), [(1, 0.5), (6, 0.5), (8, 0.5), (12, 0.25)])
def test_a_lead_that_may_be_luck_is_not_taken(n_led, weight):
    """So many records in 600 more right at another weight are about their root in errors."""
    targets = np.zeros(600, dtype=np.int64)
    first, second = np.tile([1.0, 0.0], (600, 1)), np.tile([1.0, 0.0], (600, 1))
    second[:n_led] = [0.0, 2.0]  # wrong from a third of the weight on
    first[n_led : 2 * n_led] = [0.0, 0.2]  # right from a sixth of the weight of the other on
    assert _choose_weight(first, second, targets) == pytest.approx(weight, abs=0.05)


@pytest.mark.parametrize(("n_wrong", "weight"), [(0, 0.5), (2, 0.55), (4, 0.6), (9, 0.7)])
def test_the_righter_part_is_expected_to_get_more(n_wrong, weight):
    """The second part is right in all of 200 records, as is any mix with it."""
    right = np.ones((21, 200))
    right[0, :n_wrong] = 0.0
    error = np.sqrt(n_wrong / 200 * (1 - n_wrong / 200) / 200)
    assert abs(0.5 + 3.0 * (n_wrong / 200 + error) - weight) < 0.025
    assert _expected_place(right) == round(weight * 20)


@pytest.mark.parametrize(
    ("n_records", "place"),
    [(100, 10), (1100, 10), (1150, 11), (2600, 13), (10_500, 15), (90_000, 16)],
)
def test_the_more_records_the_nearer_to_the_smallest_loss(n_records, place):
    """Two standard errors are 10 / root of N times the distance from the best weight, 0.8."""
    chance = np.random.default_rng(0).normal(size=n_records)
    chance = (chance - chance.mean()) / chance.std()
    apart = 0.8 - np.linspace(0.0, 1.0, 21)[:, None]  # (n_weights, 1)
    losses = apart**2 + 5.0 * chance * apart
    for start, wanted in ((10, place), (16, 16)):
        assert _nearest_bearable(losses, start) == wanted
        assert _nearest_bearable(losses[::-1], 20 - start) == 20 - wanted


def test_no_loss_leads_beyond_what_may_be_expected():
    losses = np.tile(np.linspace(1.0, 0.0, 21)[:, None], 1000)
    assert _nearest_bearable(losses, 10) == 16
    assert _nearest_bearable(losses[::-1], 10) == 4


@pytest.mark.parametrize("n_records", [150, 6000])
def test_of_many_records_the_better_calibrated_part_gets_more(n_records):
    """Both are right as often, but the second is surer where it is wrong."""
    generator = np.random.default_rng(5)
    targets = np.zeros(n_records, dtype=np.int64)
    wrong = generator.permutation(n_records) % 5 == 0
    first = np.stack([np.where(wrong, -1.2, 1.7), np.zeros(n_records)], axis=1)
    second = np.stack([generator.permutation(np.where(wrong, -1.6, 1.6)), np.zeros(n_records)], 1)
    weight = _choose_weight(log_softmax(first, axis=1), log_softmax(second, axis=1), targets)
    assert weight == pytest.approx(0.6 if n_records == 150 else 0.45)


@pytest.mark.parametrize(("n_records", "weight"), [(20, 0.75), (100, 0.6), (10_000, 0.5)])
def test_few_records_flatter_the_network(n_records, weight):
    """Each is right in four fifths of them, where the other is wrong by as much at most."""
    targets = np.zeros(n_records, dtype=np.int64)
    first, second = np.tile([1.0, 0.0], (n_records, 1)), np.tile([1.0, 0.0], (n_records, 1))
    first[: n_records // 5] = [0.0, 1.0]
    second[-n_records // 5 :] = [0.0, 1.0]
    assert _choose_weight(first, second, targets) == pytest.approx(weight, abs=0.026)


def test_the_temperatures_are_those_of_each_part():
    network, targets = draw(sharpness=0.5)
    ngrams = network + np.random.default_rng(1).normal(0, 2, network.shape)
    blend = fit_blend(network, ngrams, targets)
    assert blend.network_temperature == fit_temperature(network, targets)
    assert blend.ngram_temperature == fit_temperature(ngrams, targets)
    mixed = blend_log_probabilities(network, ngrams, blend)
    assert fit_temperature(mixed, targets) == pytest.approx(1.0, abs=0.01)


def test_a_blend_without_a_companion():
    scores, targets = draw()
    assert fit_blend(scores, None, targets) == Blend(fit_temperature(scores, targets))
