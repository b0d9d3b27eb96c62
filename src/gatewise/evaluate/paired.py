"""Is one classifier better than another? Tests on the same folds, or the same records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gatewise.base.config import check_range
from gatewise.base.errors import ConfigError

__all__ = [
    "Difference",
    "corrected_t_test",
    "error_of_macro_f1",
    "error_of_records",
    "mcnemar_test",
    "share_interval",
]

Right = NDArray[np.bool_]

Numbers = NDArray[np.int64]

_EXCHANGES = 400  # of answers, drawn to see how much a difference varies
_ROUNDING = 1e-9  # of shares that should be equal


@dataclass(frozen=True)
class Difference:
    """A mean difference, how sure it is, and how likely chance alone makes one as large.

    Attributes
    ----------
    mean : float
        First minus second.
    low, high : float
        Confidence interval of the mean.
    p_value : float
        Two-sided, 0 to 1.
    """

    mean: float
    low: float
    high: float
    p_value: float


def corrected_t_test(
    first: Sequence[float],
    second: Sequence[float],
    *,
    test_share: float,
    confidence: float = 0.95,
    least_error: float = 0.0,
) -> Difference:
    """Compare two classifiers by their scores on the same folds.

    The training parts of folds overlap, so the plain paired t-test finds differences where there
    are none; its variance is corrected here (Nadeau & Bengio 2003). Differences of few folds are
    sometimes alike by chance, and would then seem to be sure; against that stands a least error.

    Parameters
    ----------
    first, second : sequence of float
        The scores fold by fold, k in all, of the same folds.
    test_share : float
        Records of a test part per record of its training part: 1 / (k - 1) in k-fold.
    confidence : float
        Of the interval.
    least_error : float
        Standard error of the mean difference that the number of records leaves by itself; see
        :func:`error_of_records` and :func:`error_of_macro_f1`.

    Returns
    -------
    Difference
        Where there is no error at all, the p-value is that of k signs of one kind.

    Raises
    ------
    ConfigError
        If there are not two folds at least, or not as many scores of the one as of the other.
    """
    check_range("test_share", test_share, 1e-9, 1e9)
    check_range("confidence", confidence, 0.5, 0.9999)
    if len(first) != len(second) or len(first) < 2:
        raise ConfigError(
            f"{len(first)} and {len(second)} scores came; give the scores of the same folds, at "
            "least two"
        )
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    k, mean = len(differences), float(differences.mean())
    error = float(np.sqrt((1.0 / k + test_share) * differences.var(ddof=1)))
    error = max(error, least_error)
    if error < _ROUNDING:
        return Difference(mean, mean, mean, 1.0 if abs(mean) < _ROUNDING else 0.5 ** (k - 1))
    reach = float(stats.t.ppf(0.5 + confidence / 2.0, k - 1)) * error
    p_value = 2.0 * float(stats.t.sf(abs(mean) / error, k - 1))
    return Difference(mean, mean - reach, mean + reach, p_value)


def error_of_records(first: Right, second: Right) -> float:
    """Compute the standard error of the difference of two shares of right answers.

    Each record on which one is right and the other wrong could as well be the other way round
    (the variance of McNemar's test), whatever the folds say.

    Parameters
    ----------
    first, second
        As for :func:`mcnemar_test`, N at least 1.

    Returns
    -------
    float
        A share; 0 if they are right on the same records.

    Raises
    ------
    ConfigError
        If they are not of one length.
    """
    return float(np.sqrt(sum(_differing(first, second))) / len(first))


def error_of_macro_f1(
    truth: Numbers, first: Numbers, second: Numbers, generator: np.random.Generator
) -> float:
    """Compute the standard error of the difference of two macro F1 scores.

    The two answers to a record could as well be the other way round: the deviation over such
    exchanges, drawn at random (Yeh 2000). Of shares of right answers it is
    :func:`error_of_records`; a rare class makes that of macro F1 far larger.

    Parameters
    ----------
    truth, first, second : ndarray of int64, shape (N,)
        Numbers of the true classes, and of those that each answers; N at least 1.
    generator : numpy.random.Generator
        Draws the exchanges.

    Returns
    -------
    float
        0 if they answer the same.
    """
    n_classes = 1 + int(max(truth.max(), first.max(), second.max()))
    differing = first != second
    if not differing.any():
        return 0.0
    differences = []
    for _ in range(_EXCHANGES):
        exchanged = differing & (generator.random(len(truth)) < 0.5)
        one, other = np.where(exchanged, second, first), np.where(exchanged, first, second)
        differences.append(_macro_f1(truth, one, n_classes) - _macro_f1(truth, other, n_classes))
    return float(np.sqrt(np.mean(np.square(differences))))


def _macro_f1(truth: Numbers, answers: Numbers, n_classes: int) -> float:
    """Average over the classes that are true or answered somewhere."""
    right = np.bincount(truth[truth == answers], minlength=n_classes)
    counts = np.bincount(truth, minlength=n_classes) + np.bincount(answers, minlength=n_classes)
    return float(np.mean(2.0 * right[counts > 0] / counts[counts > 0]))


def mcnemar_test(first: Right, second: Right) -> float:
    """Compare two classifiers by the records on which one is right and the other wrong.

    McNemar's test (1947) in its exact, binomial form: of those records, each would be right half
    the time by chance.

    Parameters
    ----------
    first, second : ndarray of bool, shape (N,)
        Whether each is right, record by record.

    Returns
    -------
    float
        The two-sided p-value; 1 if they are right on the same records.

    Raises
    ------
    ConfigError
        If they are not of one length.
    """
    only_first, only_second = _differing(first, second)
    n_differing = only_first + only_second
    if not n_differing:
        return 1.0
    return float(stats.binomtest(only_first, n_differing, 0.5).pvalue)


def _differing(first: Right, second: Right) -> tuple[int, int]:
    """Count the records on which only the first is right, and only the second."""
    if first.shape != second.shape:
        raise ConfigError(
            f"answers to {len(first)} and to {len(second)} records came; give the same records"
        )
    return int((first & ~second).sum()), int((second & ~first).sum())


def share_interval(
    n_right: int, n_records: int, *, confidence: float = 0.95
) -> tuple[float, float]:
    """Compute the interval in which a true share lies (Wilson 1927).

    Parameters
    ----------
    n_right, n_records : int
        How many of how many.
    confidence : float
        Of the interval.

    Returns
    -------
    tuple of two floats
        From 0 to 1.

    Raises
    ------
    ConfigError
        If there is no record, or more are right than there are.
    """
    check_range("confidence", confidence, 0.5, 0.9999)
    if not 0 <= n_right <= n_records or not n_records:
        raise ConfigError(f"{n_right} of {n_records} is no share")
    interval = stats.binomtest(n_right, n_records).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)
