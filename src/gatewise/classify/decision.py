"""When to answer "I don't know": two thresholds, and how they follow from a target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.base.config import check_range

__all__ = ["Decision", "check_targets", "choose_decision"]

Shares = NDArray[np.float64]

# With fewer answers than that, how many of them are right says little.
_FEWEST_ANSWERS = 20


@dataclass(frozen=True)
class Decision:
    """How scores become a decision.

    Attributes
    ----------
    abstain_below : float
        An answer with a smaller probability is not given; 0: all are.
    outside_below : float
        Nor is one to a text with a smaller in-scope score; 0: all are.
    """

    abstain_below: float = 0.0
    outside_below: float = 0.0

    def __post_init__(self) -> None:
        check_range("abstain_below", self.abstain_below, 0.0, 1.0)
        check_range("outside_below", self.outside_below, 0.0, 1.0)

    def answers(self, probabilities: Shares, in_scope: Shares | None) -> NDArray[np.bool_]:
        """Tell which answers are given.

        Parameters
        ----------
        probabilities : ndarray of float64, shape (N,)
            Of the most probable class.
        in_scope : ndarray of float64, shape (N,), or None
            In-scope scores; None from a model that has none.

        Returns
        -------
        ndarray of bool, shape (N,)
        """
        given = probabilities >= self.abstain_below  # (N,)
        if in_scope is not None:
            given &= in_scope >= self.outside_below
        return given


def choose_decision(
    probabilities: Shares,
    in_scope: Shares | None,
    right: NDArray[np.bool_],
    *,
    coverage: float,
    precision: float | None,
) -> tuple[Decision, str | None]:
    """Choose the thresholds on records that the model was not trained on.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (N,)
        Of the answers.
    in_scope : ndarray of float64, shape (N,), or None
        In-scope scores.
    right : ndarray of bool, shape (N,)
        Whether each answer is right.
    coverage : float
        Share of texts of the model's classes that pass the threshold of the in-scope score, 0 to 1;
        without such a score, the threshold of the probability.
    precision : float or None
        Share of the answers given that should be right; reached by the probability.

    Returns
    -------
    Decision
    str or None
        What the user should know, if the precision cannot be reached.

    Raises
    ------
    ConfigError
        If a share is outside 0 to 1.
    """
    check_targets(coverage, precision)
    outside_below = _threshold_of(in_scope, coverage) if in_scope is not None else 0.0
    if precision is None:
        below = _threshold_of(probabilities, coverage) if in_scope is None else 0.0
        return Decision(below, outside_below), None
    given = np.ones(len(right), bool) if in_scope is None else in_scope >= outside_below
    below, reached = _threshold_for(precision, probabilities[given], right[given])
    note = (
        f"no threshold makes {precision:.1%} of the answers right; the best found makes it "
        f"{reached:.1%}"
    )
    return Decision(below, outside_below), note if reached < precision else None


def check_targets(coverage: float, precision: float | None) -> None:
    """Check that what is asked for are shares.

    Raises
    ------
    ConfigError
        If one is none.
    """
    check_range("abstain_coverage", coverage, 0.0, 1.0)
    if precision is not None:
        check_range("abstain_precision", precision, 0.0, 1.0)


def _threshold_of(confidences: Shares, coverage: float) -> float:
    """Find the confidence that a share of texts to come reaches, up to equal ones.

    One more text falls below the k-th lowest of M confidences k times in M + 1.
    """
    n_records = len(confidences)
    lowest = min(int((1.0 - coverage) * (n_records + 1) + 1e-9), n_records)  # k
    if lowest <= 0:
        return 0.0
    return float(np.partition(confidences, lowest - 1)[lowest - 1])


def _threshold_for(
    precision: float, probabilities: Shares, right: NDArray[np.bool_]
) -> tuple[float, float]:
    """Find the lowest probability from which on enough answers are right, and their share.

    One more answer counts as wrong, since the threshold is the one that looks best on these.
    """
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order]  # (N,), the surest first
    share_right = np.cumsum(right[order]) / np.arange(2, len(order) + 2)  # (N,)
    # Equal probabilities are answered together, and too few answers prove nothing.
    ends = np.append(ranked[:-1] > ranked[1:], True)  # (N,)
    ends[: min(_FEWEST_ANSWERS, len(ends)) - 1] = False
    candidates = np.flatnonzero(ends)
    enough = candidates[share_right[candidates] >= precision]
    best = enough[-1] if len(enough) else candidates[share_right[candidates].argmax()]
    lowest = 0.0 if best == len(ranked) - 1 else float(ranked[best])
    return lowest, float(share_right[best])
