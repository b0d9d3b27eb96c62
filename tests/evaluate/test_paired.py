from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import f1_score

from gatewise.base.errors import ConfigError
from gatewise.evaluate.paired import (
    corrected_t_test,
    error_of_macro_f1,
    error_of_records,
    mcnemar_test,
    share_interval,
)


def draw(k=10, seed=0, shift=0.02):
    generator = np.random.default_rng(seed)
    first = generator.normal(0.8, 0.03, k)
    return first, first - shift + generator.normal(0, 0.01, k)


# Folds


def test_without_correction_it_is_the_paired_t_test_of_scipy():
    first, second = draw()
    expected = stats.ttest_rel(first, second)
    found = corrected_t_test(first, second, test_share=1e-9)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6)
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-6)


def test_the_correction_is_that_of_nadeau_and_bengio():
    """By their formula: the variance times 1/k + n_test/n_train."""
    first, second = draw(k=5)
    differences = first - second
    error = np.sqrt((1 / 5 + 1 / 4) * differences.var(ddof=1))
    found = corrected_t_test(first, second, test_share=1 / 4, confidence=0.9)
    assert found.mean == pytest.approx(differences.mean())
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(differences.mean()) / error, 4))
    assert found.high - found.mean == pytest.approx(stats.t.ppf(0.95, 4) * error)


def test_it_raises_fewer_false_alarms():
    """Scores of overlapping training parts: what all folds share tells nothing apart."""
    generator, plain, corrected = np.random.default_rng(1), 0, 0
    for _ in range(300):
        shared = generator.normal(0, 0.01)  # a lucky split of the data, the same in all folds
        second = generator.normal(0.8, 0.02, 5)
        first = second + shared + generator.normal(0, 0.01, 5)
        plain += stats.ttest_rel(first, second).pvalue < 0.05
        corrected += corrected_t_test(first, second, test_share=1 / 4).p_value < 0.05
    assert corrected < 0.6 * plain


@pytest.mark.parametrize(("shift", "p_value"), [(0.0, 1.0), (0.1, 0.25)])
def test_differences_that_are_all_alike_are_signs_of_one_kind(shift, p_value):
    """Three coins fall on one side in a quarter of all throws."""
    first = [0.7, 0.8, 0.9]
    found = corrected_t_test(first, [score - shift for score in first], test_share=1)
    assert (found.mean, found.low, found.high) == pytest.approx((shift, shift, shift))
    assert found.p_value == p_value


def test_folds_that_happen_to_agree_are_no_surer_than_their_records():
    """Each fold of 200 has one record more right, out of ten on which the two do not agree."""
    first = np.array(([True] * 6 + [False] * 5 + [True] * 189) * 3)
    second = np.array(([False] * 6 + [True] * 5 + [True] * 189) * 3)
    error = error_of_records(first, second)
    assert error == pytest.approx(np.sqrt(33) / 600)
    found = corrected_t_test([0.975] * 3, [0.97] * 3, test_share=0.5, least_error=error)
    reach = stats.t.ppf(0.975, 2) * error
    assert (found.low, found.high) == pytest.approx((0.005 - reach, 0.005 + reach))
    assert found.p_value == pytest.approx(2 * stats.t.sf(0.005 / error, 2))
    assert found.p_value > 0.5
    wide = corrected_t_test([0.9, 0.8, 0.7], [0.7, 0.8, 0.9], test_share=0.5)
    assert wide == corrected_t_test(
        [0.9, 0.8, 0.7], [0.7, 0.8, 0.9], test_share=0.5, least_error=error
    )


@given(st.integers(1, 60), st.integers(0, 60))
def test_the_error_of_records_is_that_of_mcnemar(n_agreed, n_differing):
    """Its square is the variance of a sum of signs, of which each is as likely as the other."""
    first = np.array([True] * n_agreed + [True] * n_differing)
    second = np.array([True] * n_agreed + [False] * n_differing)
    n = n_agreed + n_differing
    assert error_of_records(first, second) == pytest.approx(
        stats.binom.std(n_differing, 0.5) * 2 / n
    )
    assert error_of_records(first, first) == 0.0


def test_the_error_of_macro_f1_is_the_deviation_over_all_exchanges():
    truth, first, second = np.array([[0, 0, 1, 1, 2, 2], [0, 1, 1, 0, 2, 0], [1, 0, 1, 2, 0, 2]])
    differences = []
    for exchanged in itertools.product([False, True], repeat=6):
        one, other = np.where(exchanged, second, first), np.where(exchanged, first, second)
        scores = [f1_score(truth, answers, average="macro") for answers in (one, other)]
        differences.append(scores[0] - scores[1])
    found = error_of_macro_f1(truth, first, second, np.random.default_rng(0))
    assert found == pytest.approx(np.sqrt(np.mean(np.square(differences))), rel=0.1)
    assert error_of_macro_f1(truth, first, first, np.random.default_rng(0)) == 0.0


def test_a_rare_class_makes_macro_f1_vary():
    """As it does when two classifiers of one kind answer many sets of records."""
    generator = np.random.default_rng(1)
    truth = (np.arange(300) < 6).astype(np.int64)

    def draw():
        return [np.where(generator.random(300) < 0.1, 1 - truth, truth) for _ in "ab"]

    scores = [[f1_score(truth, one, average="macro") for one in draw()] for _ in range(150)]
    deviation = np.std(np.subtract(*np.transpose(scores)))
    errors = [error_of_macro_f1(truth, *draw(), generator) for _ in range(10)]
    assert np.mean(errors) == pytest.approx(deviation, rel=0.25)
    wrong = [[one == truth for one in draw()] for _ in range(10)]
    assert np.mean([error_of_records(*both) for both in wrong]) < 0.7 * deviation


@pytest.mark.parametrize(("first", "second"), [([0.5], [0.5]), ([0.5, 0.6], [0.5]), ([], [])])
def test_scores_that_cannot_be_compared(first, second):
    with pytest.raises(ConfigError, match="scores came"):
        corrected_t_test(first, second, test_share=0.25)


# Records


@given(st.integers(0, 40), st.integers(0, 40))
def test_the_exact_test_by_its_definition(only_first, only_second):
    n = only_first + only_second
    first = np.array([True] * only_first + [False] * only_second + [True, False])
    second = np.array([False] * only_first + [True] * only_second + [True, False])
    tail = stats.binom.cdf(min(only_first, only_second), n, 0.5)
    assert mcnemar_test(first, second) == pytest.approx(min(1.0, 2 * tail))
    assert mcnemar_test(first, second) == pytest.approx(mcnemar_test(second, first))


@pytest.mark.parametrize("compare", [mcnemar_test, error_of_records])
def test_other_records_cannot_be_compared(compare):
    with pytest.raises(ConfigError, match="the same records"):
        compare(np.array([True]), np.array([True, False]))


# One share


def test_the_interval_by_wilsons_formula():
    low, high = share_interval(80, 100)
    z, p, n = stats.norm.ppf(0.975), 0.8, 100
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert (low, high) == pytest.approx((centre - reach, centre + reach))


@pytest.mark.parametrize(("n_right", "n_records"), [(0, 5), (5, 5), (1, 1)])
def test_the_interval_stays_within_zero_and_one(n_right, n_records):
    low, high = share_interval(n_right, n_records)
    assert 0.0 <= low <= n_right / n_records <= high <= 1.0


@pytest.mark.parametrize(("n_right", "n_records"), [(0, 0), (-1, 5), (6, 5)])
def test_what_is_no_share(n_right, n_records):
    with pytest.raises(ConfigError, match="is no share"):
        share_interval(n_right, n_records)
