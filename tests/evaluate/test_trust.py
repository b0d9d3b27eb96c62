"""Trust in probabilities: against scikit-learn, scipy and counting by hand."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import brier_score_loss, roc_auc_score

from gatewise.base.errors import ConfigError, DataError
from gatewise.evaluate.metrics import measure
from gatewise.evaluate.trust import (
    NO_CLASS,
    accuracy_interval,
    auroc,
    brier_score,
    reliability_bins,
    risk_coverage,
)


@pytest.fixture
def generator():
    return np.random.default_rng(5)


def draw(generator, n_records=203, n_classes=7):
    """Probabilities of unequal classes, and targets that they foretell more often than not."""
    scores = generator.normal(size=(n_records, n_classes)) * 2
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    noisy = scores + generator.gumbel(size=scores.shape)
    return probabilities, noisy.argmax(axis=1)


# The Brier score


def test_the_brier_score_is_scikit_learns(generator):
    probabilities, targets = draw(generator)
    expected = brier_score_loss(targets, probabilities, labels=range(7), scale_by_half=False)
    assert brier_score(probabilities, targets) == pytest.approx(expected, abs=1e-12)


def test_the_brier_score_is_the_squared_distance(generator):
    probabilities, targets = draw(generator)
    targets[::5] = NO_CLASS
    wide = np.hstack([probabilities, np.zeros((len(targets), 1))])
    truth = np.eye(8)[targets]  # NO_CLASS is the last column
    expected = ((wide - truth) ** 2).sum(axis=1).mean()
    assert brier_score(probabilities, targets) == pytest.approx(expected, abs=1e-12)


def test_the_brier_score_of_the_two_ends():
    right, even = np.eye(4), np.full((4, 4), 0.25)
    assert brier_score(right, np.arange(4)) == 0.0
    assert brier_score(right, np.roll(np.arange(4), 1)) == 2.0
    assert brier_score(even, np.arange(4)) == pytest.approx(0.75)


def test_a_brier_score_needs_records():
    with pytest.raises(DataError, match="0 targets came with 0 rows"):
        brier_score(np.zeros((0, 2)), np.zeros(0, dtype=np.int64))
    with pytest.raises(DataError, match="3 targets came with 2 rows"):
        brier_score(np.full((2, 2), 0.5), np.zeros(3, dtype=np.int64))


# The interval


@pytest.mark.parametrize(("n_right", "n_records"), [(0, 9), (9, 9), (7, 9), (811, 1003), (1, 1)])
def test_the_interval_is_wilsons(n_right, n_records):
    right = np.arange(n_records) < n_right
    expected = binomtest(n_right, n_records).proportion_ci(0.95, method="wilson")
    assert accuracy_interval(right) == pytest.approx((expected.low, expected.high))
    share, z = n_right / n_records, 1.959963984540054
    center = (share + z * z / (2 * n_records)) / (1 + z * z / n_records)
    reach = z / (1 + z * z / n_records)
    reach *= np.sqrt(share * (1 - share) / n_records + z * z / (4 * n_records**2))
    formula = (max(0.0, center - reach), min(1.0, center + reach))
    assert accuracy_interval(right) == pytest.approx(formula)


def test_no_interval_of_nothing():
    with pytest.raises(ConfigError, match="0 of 0"):
        accuracy_interval(np.zeros(0, dtype=bool))


# Bins


def test_bins_are_counted_by_hand(generator):
    probabilities, targets = draw(generator)
    classes = [f"c{number}" for number in range(7)]
    found = measure([classes[number] for number in targets], classes, probabilities)
    bins = reliability_bins(found.calibration)
    best, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    assert sum(one.count for one in bins) == len(targets)
    for one in bins:
        inside = (best > one.low) & (best <= one.high)
        assert one.count == inside.sum() > 0
        assert one.confidence == pytest.approx(best[inside].mean())
        assert one.accuracy == pytest.approx(right[inside].mean())
        interval = one.accuracy_low, one.accuracy_high
        assert interval == pytest.approx(accuracy_interval(right[inside]))
    gaps = [one.count * abs(one.confidence - one.accuracy) for one in bins]
    assert found.calibration.error == pytest.approx(sum(gaps) / len(targets))


# Risk and coverage


def test_risk_and_coverage_by_hand(generator):
    confidences = generator.integers(0, 40, 150) / 40  # many are equal
    right = generator.random(150) < 0.4 + 0.6 * confidences
    found = risk_coverage(confidences, right)
    assert found.thresholds.tolist() == sorted(set(confidences.tolist()), reverse=True)
    for threshold, coverage, risk in zip(found.thresholds, found.coverage, found.risk, strict=True):
        given = confidences >= threshold
        assert coverage == pytest.approx(given.mean())
        assert risk == pytest.approx(1 - right[given].mean())
        assert found.at(threshold) == (coverage, risk)
    assert found.at(0.0) == (1.0, pytest.approx(1 - right.mean()))
    assert found.at(1.1) == (0.0, 0.0)
    between = (found.thresholds[3] + found.thresholds[4]) / 2
    assert found.at(between) == (found.coverage[3], found.risk[3])


def test_the_area_is_the_mean_of_the_risks(generator):
    confidences, right = generator.random(99), generator.random(99) < 0.7
    order = np.argsort(-confidences)
    risks = [1 - right[order[:n]].mean() for n in range(1, 100)]
    assert risk_coverage(confidences, right).area == pytest.approx(np.mean(risks))


def test_equal_confidences_have_the_area_of_chance():
    right = np.array([True, False, True, True])
    found = risk_coverage(np.full(4, 0.3), right)
    assert (found.coverage.tolist(), found.risk.tolist(), found.area) == ([1.0], [0.25], 0.25)


def test_a_curve_needs_records():
    with pytest.raises(DataError, match="0 confidences came with 0 answers"):
        risk_coverage(np.zeros(0), np.zeros(0, dtype=bool))
    with pytest.raises(DataError, match="2 confidences came with 3 answers"):
        risk_coverage(np.zeros(2), np.zeros(3, dtype=bool))


# Inside and outside


def test_the_auroc_is_scikit_learns_and_brute_force(generator):
    inside = generator.integers(3, 20, 61) / 20
    outside = generator.integers(0, 12, 43) / 20
    found = auroc(inside, outside)
    truth = np.r_[np.ones(61), np.zeros(43)]
    assert found == pytest.approx(roc_auc_score(truth, np.r_[inside, outside]))
    wins = [(a > b) + (a == b) / 2 for a in inside for b in outside]
    assert found == pytest.approx(np.mean(wins))


def test_an_auroc_needs_both_kinds():
    with pytest.raises(DataError, match="0 scores of records inside"):
        auroc(np.zeros(0), np.zeros(3))
    with pytest.raises(DataError, match="0 of records outside"):
        auroc(np.zeros(3), np.zeros(0))
