"""Labels and probabilities -> scores: how often right, how sure, and what is mistaken for what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from gatewise.base.errors import DataError

__all__ = [
    "N_BINS",
    "Calibration",
    "ClassScores",
    "ConfusedPair",
    "Metrics",
    "measure",
    "measure_answers",
]

N_BINS = 15

Numbers = NDArray[np.int64]
Probabilities = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Scores of one class; shares from 0 to 1, and 0 where there is nothing to divide by.

    Attributes
    ----------
    precision : float
        Share of the records called so that are so.
    recall : float
        Share of the records that are so that were called so.
    f1 : float
        Harmonic mean of the two.
    support : int
        Records that are so.
    """

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class ConfusedPair:
    """How many records of one class were called another."""

    true: str
    predicted: str
    count: int


@dataclass(frozen=True, eq=False)
class Calibration:
    """How far the probability of the answer is from how often the answer is right.

    Attributes
    ----------
    error : float
        Expected calibration error: the mean distance of the two over equal-width bins of the
        answer's probability, weighted by records (Guo et al. 2017). From 0 to 1.
    counts : ndarray of int64, shape (N_BINS,)
        Records of each bin; bin k holds the probabilities above k / N_BINS up to and with
        (k + 1) / N_BINS.
    confidences, accuracies : ndarray of float64, shape (N_BINS,)
        Mean probability and share of right answers of each bin; 0 where it is empty.
    by_chance : float
        The error that is to be expected where every probability is right: that of so few records.
    """

    error: float
    counts: Numbers
    confidences: Probabilities
    accuracies: Probabilities
    by_chance: float


@dataclass(frozen=True, eq=False)
class Metrics:
    """All scores of some answers.

    Attributes
    ----------
    n_records : int
        N.
    accuracy : float
        Share of right answers.
    macro_f1 : float
        Mean F1 of the classes that stand in the records or among the answers.
    per_class : dict
        Class -> its scores, in the order of ``classes``.
    classes : tuple of str
        The C classes of the model, then those that only the records have, sorted.
    confusion : ndarray of int64, shape (K, K)
        Records by true class (row) and answer (column), K classes in that order.
    calibration : Calibration
        Of the answers' probabilities.
    confused : tuple of ConfusedPair
        Every pair that occurs, the most frequent first.
    unknown : dict
        Class that the model does not have -> records of it. They count as wrong.
    """

    n_records: int
    accuracy: float
    macro_f1: float
    per_class: dict[str, ClassScores]
    classes: tuple[str, ...]
    confusion: Numbers
    calibration: Calibration
    confused: tuple[ConfusedPair, ...]
    unknown: dict[str, int]


def measure(truth: Sequence[str], classes: Sequence[str], probabilities: Probabilities) -> Metrics:
    """Score the probabilities that a model gives.

    Parameters
    ----------
    truth : sequence of str
        The N true classes; one that is not among ``classes`` can only be answered wrongly.
    classes : sequence of str
        The C classes of the model, in the order of the columns.
    probabilities : ndarray of float64, shape (N, C)
        Of each class for each record; the answer is the largest, of equal ones the first.

    Returns
    -------
    Metrics

    Raises
    ------
    DataError
        If there is no record, the shapes do not fit, or a probability is not from 0 to 1.
    """
    if probabilities.shape != (len(truth), len(classes)):
        raise DataError(
            f"{len(truth)} labels and {len(classes)} classes came with probabilities of shape "
            f"{probabilities.shape}; give one row per label and one column per class"
        )
    if not len(truth):
        raise DataError("there are no records to score; give at least one")
    answers = probabilities.argmax(axis=1)  # (N,)
    return measure_answers(truth, classes, answers, probabilities.max(axis=1))


def measure_answers(
    truth: Sequence[str], classes: Sequence[str], answers: Numbers, confidences: Probabilities
) -> Metrics:
    """Score answers of which only the best one is kept.

    Parameters
    ----------
    truth, classes : sequence of str
        As for :func:`measure`.
    answers : ndarray of int64, shape (N,)
        Number of the class that each record was given.
    confidences : ndarray of float64, shape (N,)
        Its probability.

    Returns
    -------
    Metrics

    Raises
    ------
    DataError
        As for :func:`measure`.
    """
    _check(truth, answers, confidences)
    unknown = sorted(set(truth) - set(classes))
    names = (*classes, *unknown)
    number_of = {name: number for number, name in enumerate(names)}
    true = np.array([number_of[label] for label in truth], dtype=np.int64)  # (N,)
    numbers = np.arange(len(names))
    confusion = confusion_matrix(true, answers, labels=numbers)  # (K, K)
    columns = precision_recall_fscore_support(true, answers, labels=numbers, zero_division=0)
    scores = [
        ClassScores(float(precision), float(recall), float(f1), int(support))
        for precision, recall, f1, support in zip(*columns, strict=True)
    ]
    return Metrics(
        n_records=len(true),
        accuracy=float(accuracy_score(true, answers)),
        macro_f1=float(np.mean([scores[number].f1 for number in np.union1d(true, answers)])),
        per_class=dict(zip(names, scores, strict=True)),
        classes=names,
        confusion=confusion,
        calibration=_calibration(confidences, answers == true),
        confused=_confused(confusion, names),
        unknown={name: scores[number_of[name]].support for name in unknown},
    )


def _check(truth: Sequence[str], answers: Numbers, confidences: Probabilities) -> None:
    if not len(truth):
        raise DataError("there are no records to score; give at least one")
    if not len(truth) == len(answers) == len(confidences):
        raise DataError(
            f"{len(truth)} labels came with {len(answers)} answers and {len(confidences)} "
            "probabilities; give one of each per record"
        )
    # A comparison with NaN is false; rounding may leave 1 + 1e-16.
    if not ((confidences >= 0.0) & (confidences <= 1.0 + 1e-6)).all():
        raise DataError("the probabilities hold a number that is not from 0 to 1")


def _calibration(confidences: Probabilities, right: NDArray[np.bool_]) -> Calibration:
    """Sort the probabilities into bins and compare each bin's mean with its right answers."""
    edges = np.arange(1, N_BINS) / N_BINS
    bins = np.searchsorted(edges, confidences, side="left")  # (N,)
    counts = np.bincount(bins, minlength=N_BINS)  # (N_BINS,)
    divisors = np.maximum(counts, 1)
    mean_confidences = np.bincount(bins, weights=confidences, minlength=N_BINS) / divisors
    accuracies = np.bincount(bins, weights=right, minlength=N_BINS) / divisors
    gaps = np.abs(accuracies - mean_confidences)
    error = float((counts * gaps).sum() / len(confidences))
    # How many of n answers with the probability p are right has the variance n p (1 - p), and a
    # normal variable is the root of 2 / pi deviations away from its mean on average.
    variances = np.bincount(bins, weights=confidences * (1.0 - confidences), minlength=N_BINS)
    variances = np.maximum(variances, 0.0)  # (N_BINS,)
    # Of very few and sure answers it is less: at most the sum of what each is away by itself.
    expected = np.minimum(np.sqrt(variances * 2.0 / np.pi), 2.0 * variances).sum()
    return Calibration(error, counts, mean_confidences, accuracies, float(expected / len(right)))


def _confused(confusion: Numbers, names: Sequence[str]) -> tuple[ConfusedPair, ...]:
    pairs = [
        ConfusedPair(names[row], names[column], int(confusion[row, column]))
        for row, column in np.argwhere(confusion)
        if row != column
    ]
    return tuple(sorted(pairs, key=lambda pair: (-pair.count, pair.true, pair.predicted)))
