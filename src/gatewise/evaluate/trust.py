"""How far probabilities can be trusted: their squared error, their bins, what abstaining brings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from gatewise.base.errors import DataError
from gatewise.evaluate.metrics import N_BINS, Calibration
from gatewise.evaluate.paired import share_interval

__all__ = [
    "NO_CLASS",
    "ReliabilityBin",
    "RiskCoverage",
    "accuracy_interval",
    "auroc",
    "brier_score",
    "reliability_bins",
    "risk_coverage",
]

NO_CLASS = -1  # the target of a record that belongs to none of the classes

Numbers = NDArray[np.int64]
Shares = NDArray[np.float64]
Right = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Records whose answers have about one probability.

    Attributes
    ----------
    low, high : float
        The bin holds the probabilities above ``low`` up to and with ``high``.
    count : int
        Its records, at least 1.
    confidence, accuracy : float
        Their mean probability, and the share of right answers.
    accuracy_low, accuracy_high : float
        The 95 % interval of that share (Wilson 1927).
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float
    accuracy_low: float
    accuracy_high: float


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """What is answered, and how often wrongly, as the least sure answers are held back.

    Attributes
    ----------
    thresholds : ndarray of float64, shape (K,)
        The K different confidences, the largest first: answers with at least so much are given.
    coverage : ndarray of float64, shape (K,)
        Share of the records that are answered then, from 1 / N to 1.
    risk : ndarray of float64, shape (K,)
        Share of the given answers that are wrong.
    area : float
        Mean risk over all coverages (Geifman & El-Yaniv 2017); the smaller, the better the
        confidences tell right answers from wrong ones. By chance it is the risk at coverage 1.
    """

    thresholds: Shares
    coverage: Shares
    risk: Shares
    area: float

    def at(self, threshold: float) -> tuple[float, float]:
        """Give coverage and risk where answers below a threshold are held back.

        Parameters
        ----------
        threshold : float
            A confidence of at least so much is answered.

        Returns
        -------
        tuple of two floats
            Both 0 if nothing is answered.
        """
        n_kept = int((self.thresholds >= threshold).sum())
        if not n_kept:
            return 0.0, 0.0
        return float(self.coverage[n_kept - 1]), float(self.risk[n_kept - 1])


def accuracy_interval(right: Right) -> tuple[float, float]:
    """Compute the 95 % interval of the share of right answers (Wilson 1927).

    Parameters
    ----------
    right : ndarray of bool, shape (N,)
        Whether each answer is right.

    Returns
    -------
    tuple of two floats
        From 0 to 1.

    Raises
    ------
    ConfigError
        If there is no record.
    """
    return share_interval(int(right.sum()), len(right))


def brier_score(probabilities: Shares, targets: Numbers) -> float:
    """Compute the mean squared distance of the probabilities from what was so (Brier 1950).

    Parameters
    ----------
    probabilities : ndarray of float64, shape (N, C)
        Of each class.
    targets : ndarray of int64, shape (N,)
        The true classes; ``NO_CLASS`` for a record that belongs to none of them, as if there
        were one more class with the probability 0.

    Returns
    -------
    float
        Summed over the classes, so from 0 to 2; always answering 1 / C to each gives 1 - 1 / C.

    Raises
    ------
    DataError
        If there is no record, or not one target per row.
    """
    if not len(targets) or len(probabilities) != len(targets):
        raise DataError(
            f"{len(targets)} targets came with {len(probabilities)} rows of probabilities; give "
            "one row for each of at least one target"
        )
    known = targets != NO_CLASS
    own = np.where(known, probabilities[np.arange(len(targets)), np.where(known, targets, 0)], 0.0)
    squares = (probabilities**2).sum(axis=1)  # (N,)
    return float((squares - 2.0 * own + 1.0).mean())


def reliability_bins(calibration: Calibration) -> list[ReliabilityBin]:
    """List the bins of a calibration that hold records.

    Parameters
    ----------
    calibration : Calibration
        From :func:`gatewise.evaluate.metrics.measure`.

    Returns
    -------
    list of ReliabilityBin
        In the order of their probabilities.
    """
    found = []
    for number in np.flatnonzero(calibration.counts):
        count, accuracy = int(calibration.counts[number]), float(calibration.accuracies[number])
        low, high = share_interval(round(count * accuracy), count)
        confidence = float(calibration.confidences[number])
        bounds = float(number / N_BINS), float((number + 1) / N_BINS)
        found.append(ReliabilityBin(*bounds, count, confidence, accuracy, low, high))
    return found


def risk_coverage(confidences: Shares, right: Right) -> RiskCoverage:
    """Hold back the least sure answers, one confidence after the other.

    Parameters
    ----------
    confidences : ndarray of float64, shape (N,)
        How sure each answer is, by any measure; equal ones can only be given together.
    right : ndarray of bool, shape (N,)
        Whether each answer is right.

    Returns
    -------
    RiskCoverage

    Raises
    ------
    DataError
        If there is no record, or not one of each.
    """
    if not len(right) or len(confidences) != len(right):
        raise DataError(
            f"{len(confidences)} confidences came with {len(right)} answers; give one of each per "
            "record, for at least one"
        )
    values, places, counts = np.unique(-confidences, return_inverse=True, return_counts=True)
    wrong = np.bincount(places, weights=~right, minlength=len(values))  # (K,)
    n_answered = np.cumsum(counts)  # (K,)
    risk = np.cumsum(wrong) / n_answered  # (K,)
    coverage = n_answered / len(right)  # (K,)
    return RiskCoverage(-values, coverage, risk, float((risk * counts).sum() / len(right)))


def auroc(inside: Shares, outside: Shares) -> float:
    """Compute how often a score tells a record inside the classes from one outside of them.

    Parameters
    ----------
    inside, outside : ndarray of float64, shape (N,) and (M,)
        Scores that should be higher inside.

    Returns
    -------
    float
        The chance that of one record of each kind, the one inside has the higher score; equal
        ones count half. 0.5 is what guessing reaches.

    Raises
    ------
    DataError
        If there is no record of one kind.
    """
    if not len(inside) or not len(outside):
        raise DataError(
            f"{len(inside)} scores of records inside the classes and {len(outside)} of records "
            "outside came; give at least one of each"
        )
    ranks = rankdata(np.concatenate([inside, outside]))  # (N + M,)
    n_inside = len(inside)
    lead = ranks[:n_inside].sum() - n_inside * (n_inside + 1) / 2.0
    return float(lead / (n_inside * len(outside)))
