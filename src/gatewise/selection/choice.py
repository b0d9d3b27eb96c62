"""Scores of candidates, fold by fold -> the one to take, and those not worth going on with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CandidateResult", "Choice", "FoldScore", "cannot_catch_up", "choose"]

# A candidate is given up when catching up would take a stroke of luck this many standard errors
# large. Of two equal ones, one in a thousand is then given up by chance, at five folds.
_ERRORS = 4.0
# Shares of right answers that close are the same to the user who wants it fast.
_ONE_POINT = 0.01


@dataclass(frozen=True)
class FoldScore:
    """What one fit reached; shares from 0 to 1.

    Attributes
    ----------
    fold : int
        From 0.
    accuracy, macro_f1 : float
        Of the answers.
    seconds : float
        Of fit and scoring.
    parts : dict
        Part -> its own accuracy and macro F1.
    """

    fold: int
    accuracy: float
    macro_f1: float
    seconds: float
    parts: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass
class CandidateResult:
    """What is known of a candidate.

    Attributes
    ----------
    name : str
        What people are told.
    params : dict
        The settings that differ between candidates.
    score : {"accuracy", "macro_f1"}
        What it is judged by.
    folds : list of FoldScore
        In their order.
    parameters : int
        Numbers that the network has learnt, in the mean over folds.
    state : str
        Empty, or why it is out of the question: dropped, or failed and why.
    repeats : int
        How often the folds judge each record.
    """

    name: str
    params: dict[str, Any]
    score: str = "accuracy"
    folds: list[FoldScore] = field(default_factory=list)
    parameters: int = 0
    state: str = ""
    repeats: int = 1

    @property
    def scores(self) -> list[float]:
        """The score of each fold."""
        return [getattr(fold, self.score) for fold in self.folds]

    @property
    def mean(self) -> float:
        """Of the scores; nan without any."""
        return float(np.mean(self.scores)) if self.folds else math.nan

    @property
    def deviation(self) -> float:
        """Standard deviation of the scores; nan with fewer than two."""
        return float(np.std(self.scores, ddof=1)) if len(self.folds) > 1 else math.nan

    @property
    def standard_error(self) -> float:
        """Of the mean; nan with fewer than two folds.

        The same records judged once more make it no smaller.
        """
        n_folds = max(1.0, len(self.folds) / self.repeats)
        return self.deviation / math.sqrt(n_folds)

    @property
    def seconds(self) -> float:
        """Of a fit, in the mean; nan without any."""
        return float(np.mean([fold.seconds for fold in self.folds])) if self.folds else math.nan

    def part_mean(self, part: str) -> float:
        """Compute the mean score of the LSTM or the n-grams alone; nan where there is none."""
        found = [fold.parts[part][self.score] for fold in self.folds if part in fold.parts]
        return float(np.mean(found)) if found else math.nan


@dataclass(frozen=True)
class Choice:
    """What to take.

    Attributes
    ----------
    chosen : int
        The smallest candidate within one standard error of the best.
    best : int
        That with the highest mean.
    fastest : int
        The quickest within one point of the best.
    reason : str
        One or two plain sentences.
    """

    chosen: int
    best: int
    fastest: int
    reason: str


def choose(results: Sequence[CandidateResult]) -> Choice | None:
    """Take the smallest network within one standard error of the best (Breiman et al. 1984).

    Parameters
    ----------
    results : sequence of CandidateResult
        Those that were dropped or failed are passed over.

    Returns
    -------
    Choice or None
        Places in ``results``; None if all failed.
    """
    whole = [place for place, one in enumerate(results) if not one.state and one.folds]
    if not whole:
        return None
    best = max(whole, key=lambda place: (results[place].mean, -results[place].parameters))
    top = results[best]
    floor = top.mean - (top.standard_error if top.standard_error > 0 else 0.0)
    near = [place for place in whole if results[place].mean >= floor]
    chosen = min(near, key=lambda place: (results[place].parameters, -results[place].mean))
    close = [place for place in whole if results[place].mean >= top.mean - _ONE_POINT]
    fastest = min(close, key=lambda place: results[place].seconds)
    reason = _reason(results, whole, near, chosen, best) + _of_the_lstm(results, whole, chosen)
    return Choice(chosen, best, fastest, reason)


def cannot_catch_up(
    right: NDArray[np.bool_], leader: NDArray[np.bool_], n_folds: int, n_done: int
) -> bool:
    """Say whether a candidate would need a stroke of luck to end level with the leader.

    The lead so far, and the lead of the folds to come about it, vary as the records do on which
    only one of the two is right. To end level, the coming folds must make up for the lead.

    Parameters
    ----------
    right, leader : ndarray of bool, shape (N,)
        Whether each is right, on the test records of the folds that are done.
    n_folds, n_done : int
        All folds, and those that are done.

    Returns
    -------
    bool
    """
    n_left = n_folds - n_done
    if n_left <= 0 or not len(right):
        return False
    differences = leader.astype(np.float64) - right
    lead = float(differences.mean())
    per_fold = float(differences.std()) * math.sqrt(n_done / len(right))
    needed = lead * (1.0 + n_done / n_left)
    return lead > 0 and needed > _ERRORS * per_fold * math.sqrt(1.0 / n_done + 1.0 / n_left)


def _reason(
    results: Sequence[CandidateResult], whole: list[int], near: list[int], chosen: int, best: int
) -> str:
    top, taken = results[best], results[chosen]
    what = top.score.replace("_", " ").replace("f1", "F1")
    if len(whole) == 1:
        return f"{taken.name} is the only candidate that was judged on all folds."
    error = 100 * top.standard_error
    if chosen == best:
        return (
            f"{taken.name} has the highest {what}, {taken.mean:.2%} (standard error {error:.2f} "
            f"points); {_beside(results, near, taken)}."
        )
    level = f"which is within one standard error ({error:.2f} points) of the best, {top.name} with"
    as_small = [place for place in near if results[place].parameters == taken.parameters]
    small = "is the smallest" if len(as_small) == 1 else "none is smaller"
    than = f", with {taken.parameters:,} parameters instead of {top.parameters:,}"
    return (
        f"{taken.name} has {taken.mean:.2%} {what}, {level} {top.mean:.2%}; of the {len(near)} "
        f"candidates that close {'it ' * (len(as_small) == 1)}{small}{than}."
    )


def _of_the_lstm(results: Sequence[CandidateResult], whole: list[int], chosen: int) -> str:
    """Say whether the n-grams hide that the LSTM alone would want another candidate."""
    if math.isnan(results[chosen].part_mean("ngrams")):
        return ""
    alone = {place: results[place].part_mean("lstm") for place in whole}
    best = max(whole, key=lambda place: (alone[place], -results[place].parameters))
    if alone[best] - alone[chosen] <= _ONE_POINT:
        return ""
    return (
        f" The LSTM alone is better as {results[best].name}, {alone[best]:.2%} instead of "
        f"{alone[chosen]:.2%}; the n-grams beside it make up for that."
    )


def _beside(results: Sequence[CandidateResult], near: list[int], taken: CandidateResult) -> str:
    """Say which others are as good: none of them is smaller."""
    n_larger = sum(results[place].parameters > taken.parameters for place in near)
    n_others = len(near) - 1
    if not n_others:
        return "no other comes as close"
    kind = "larger" if n_larger == n_others else "other"
    if n_others == 1:
        one = "a larger one" if n_larger else "one of the same size"
        return f"{one} comes as close as one standard error"
    more = "" if kind == "larger" else ", none of them smaller"
    return f"{n_others} {kind} ones come as close as one standard error{more}"
