"""Tested differences -> one paragraph that says what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gatewise.evaluate.paired import Difference
from gatewise.selection.choice import CandidateResult

__all__ = ["CurvePoint", "Pair", "verdict"]

# Less is not worth another look, however sure it is.
_WORTH_POINTS = 0.002
# So much is worth a second look, even if it may be chance.
_MAY_BE_WORTH = 0.01
_WORTH_LABELLING = 0.005
# What a question is about, and who gains by it.
_WORDS = (
    ("vectors", "Starting from word2vec instead of random vectors", "the LSTM alone "),
    ("fine-tuning", "Letting the vectors learn on instead of freezing them", "it "),
    ("order", "Reading words in their order by the LSTM instead of averaging their vectors", ""),
    ("ngrams", "Adding the n-grams to the LSTM", ""),
    ("recipe", "Our recipe instead of the forum's", ""),
)


@dataclass(frozen=True)
class Pair:
    """Two methods on the same records.

    Attributes
    ----------
    first, second : str
        Keys of the methods.
    question : str
        What their difference tells about.
    difference : Difference
        Of the scores, first minus second; corrected t-test over the folds.
    mcnemar : float
        p-value of McNemar's test on the out-of-fold answers, of each record the first.
    counts_records : bool
        Whether the scores are shares of right answers, which is what McNemar's test compares.
    """

    first: str
    second: str
    question: str
    difference: Difference
    mcnemar: float
    counts_records: bool = True

    MOST_CHANCE: ClassVar[float] = 0.05
    MOST_CHANCE_OF_RECORDS: ClassVar[float] = 0.001

    @property
    def is_sure(self) -> bool:
        """Whether chance alone would hardly make as large a difference."""
        return self.difference.p_value < self.MOST_CHANCE

    @property
    def is_level(self) -> bool:
        """Whether the data cannot tell the two apart.

        Few folds make no t-test sure, whatever the difference: against that stands McNemar's test,
        of which more is asked, since it knows nothing of how a fit varies.
        """
        told_by_records = self.counts_records and self.mcnemar < self.MOST_CHANCE_OF_RECORDS
        return not (self.is_sure or told_by_records)

    def to_plain(self) -> dict[str, Any]:
        """Give plain values that JSON can hold."""
        return {
            "first": self.first,
            "second": self.second,
            "question": self.question,
            "difference": self.difference.mean,
            "low": self.difference.low,
            "high": self.difference.high,
            "p_value": self.difference.p_value,
            "mcnemar_p_value": self.mcnemar,
        }


@dataclass(frozen=True)
class CurvePoint:
    """What part of the records brings.

    Attributes
    ----------
    share : float
        Of the training records.
    n_records : int
        How many they are, in the mean over folds.
    scores : dict
        Part -> score of each fold.
    """

    share: float
    n_records: int
    scores: dict[str, list[float]]

    def mean(self, part: str = "blend") -> float:
        """Compute the mean score of a part."""
        return float(np.mean(self.scores[part]))

    def to_plain(self) -> dict[str, Any]:
        """Give plain values that JSON can hold."""
        return {"share": self.share, "n_records": self.n_records, "scores": self.scores}


def verdict(
    results: Mapping[str, CandidateResult],
    pairs: Sequence[Pair],
    curve: Sequence[CurvePoint],
    chosen: str,
    titles: Mapping[str, str],
    doubling: Difference | None,
) -> str:
    """Say in plain words what was found.

    Parameters
    ----------
    results : mapping
        Key of a method -> its scores.
    pairs : sequence of Pair
        The differences that were tested.
    curve : sequence of CurvePoint
        With growing shares.
    chosen : str
        The quickest method that cannot be told from the best.
    titles : mapping
        Key -> what people are told.
    doubling : Difference or None
        What the second half of the records has brought.

    Returns
    -------
    str
        A paragraph.
    """
    by_question = {pair.question: pair for pair in pairs}
    best = max((key for key in results if not results[key].state), key=lambda k: results[k].mean)
    told = [f"The best here is: {titles[best]}, with {results[best].mean:.1%}."]
    if pair := by_question.get("lstm"):
        told.append(_lstm(pair, results))
    for question, what, whom in _WORDS:
        if pair := by_question.get(question):
            told.append(_brings(pair, what, whom))
    if doubling is not None and len(curve) > 1:
        told.append(_labels(doubling, curve))
    if chosen != best:
        told.append(
            f"The quickest that these data cannot tell from the best is: {titles[chosen]} "
            f"({results[chosen].mean:.1%}, {_seconds(results[chosen])} a fit instead of "
            f"{_seconds(results[best])})."
        )
    return " ".join(told)


def _lstm(pair: Pair, results: Mapping[str, CandidateResult]) -> str:
    gain, alone = pair.difference.mean, results["ngrams"]
    if pair.is_sure and gain >= _WORTH_POINTS:
        return (
            f"The LSTM is worth it: with it the answers are {_points(gain)} better than those of "
            f"the n-grams alone ({_chance(pair.difference)})."
        )
    if pair.is_sure and gain <= -_WORTH_POINTS:
        return (
            f"The LSTM is not worth it on these data: the n-grams alone are {_points(-gain)} "
            f"better ({_chance(pair.difference)}), in {_seconds(alone)} a fit."
        )
    chance = _chance(pair.difference)
    if gain <= -_MAY_BE_WORTH and not pair.is_level:
        return (
            f"The LSTM is not worth it on these data: the n-grams alone are {_points(-gain)} "
            f"better, {_doubt(pair)}."
        )
    if gain < _MAY_BE_WORTH or pair.is_sure:
        return (
            f"The LSTM is not worth it on these data: the n-grams alone reach {alone.mean:.1%} in "
            f"{_seconds(alone)} a fit, and with it the answers are no better than these data can "
            f"show ({100 * gain:+.1f} points, {chance})."
        )
    told = f"The LSTM may be worth it: with it the answers are {_points(gain)} better than those of"
    if not pair.is_level:
        return f"{told} the n-grams alone, {_doubt(pair)}."
    return (
        f"{told} the n-grams alone, but that may be chance ({chance}); more folds, or --repeats, "
        "would tell."
    )


def _brings(pair: Pair, what: str, whom: str) -> str:
    gain = pair.difference.mean
    if pair.is_level:
        return f"{what} makes no difference that these data can show ({_chance(pair.difference)})."
    verb = "brings" if gain > 0 else "costs"
    told = f"{what} {verb} {whom}{_points(abs(gain))}"
    return f"{told} ({_chance(pair.difference)})." if pair.is_sure else f"{told}, {_doubt(pair)}."


def _doubt(pair: Pair) -> str:
    """Say that the records tell two methods apart, and the folds are too few for it."""
    return (
        f"which these folds alone cannot prove ({_chance(pair.difference)}), though McNemar's test "
        f"on the answers to the records is sure of it ({_p(pair.mcnemar)}); more folds, or "
        "--repeats, would tell"
    )


def _labels(doubling: Difference, curve: Sequence[CurvePoint]) -> str:
    half, whole = curve[-2], curve[-1]
    gain = whole.mean() - half.mean()
    told = f"From {half.n_records:,} to {whole.n_records:,} records it gained {_points(gain)}"
    if gain < _WORTH_LABELLING:
        return f"{told}, so more labels of this kind would help little."
    if doubling.p_value >= Pair.MOST_CHANCE:
        return f"{told}, which may be chance ({_chance(doubling)})."
    before = half.mean() - curve[-3].mean() if len(curve) > 2 else gain
    expected = gain * min(1.0, gain / before) if before > 0 else gain
    return f"{told}, so more labels would help: about {_points(expected)} for twice as many."


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


def _chance(difference: Difference) -> str:
    return _p(difference.p_value)


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _seconds(result: CandidateResult) -> str:
    return f"{result.seconds:.0f} s" if result.seconds >= 1 else f"{result.seconds:.1f} s"
