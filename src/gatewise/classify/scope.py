"""How far a text lies inside what a model knows: the in-scope score.

Each kind of evidence is compared with what it was for texts that belong to the model's classes
but were not learnt from: which share of them had as little or less? The logarithms of these
shares are added, as in Fisher's (1925) test of several hypotheses at once, and the sum is again
compared with the sums of those texts. So the score is a share, too: 0.05 says that only one
in-scope text in twenty looks as strange. No text from outside is needed for it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewise.classify.nearest import RecordIndex
from gatewise.classify.ngrams import NgramModel, NgramReading

__all__ = [
    "EVIDENCE",
    "MOST_REFERENCES",
    "Scope",
    "fit_scope",
    "more_evidence",
    "ngram_evidence",
    "record_evidence",
    "score_evidence",
]

# Kind of evidence -> its weight. That all words are known says nothing of their sense, so
# familiarity counts half.
EVIDENCE = {
    "probability": 1.0,
    "lead": 1.0,
    "nearness": 1.0,
    "familiarity": 0.5,
    "belonging": 1.0,
}
MOST_REFERENCES = 1_001
_FOLLOWERS = 10  # margins that the largest is compared with

Shares = NDArray[np.float64]


class _Ladder(NamedTuple):
    values: Shares  # ascending
    shares: Shares  # at or below each of them
    lowest: float  # below all of them


@dataclass(frozen=True, eq=False)
class Scope:
    """What evidence looks like for texts that belong to the classes.

    Attributes
    ----------
    references : dict of str to ndarray of float64, shape (M,)
        Kind of evidence -> its values for M such texts, ascending.
    sums : ndarray of float64, shape (M,)
        The weighted sums of logarithms for them, ascending.
    """

    references: dict[str, Shares]
    sums: Shares

    def score(self, evidence: Mapping[str, Shares]) -> Shares:
        """Compute the in-scope score.

        Parameters
        ----------
        evidence : mapping of str to ndarray of float64, shape (N,)
            At least the kinds that ``references`` has.

        Returns
        -------
        ndarray of float64, shape (N,)
            From 0 (like nothing that is known) to 1.
        """
        found = _weighted_sum(self._ladders, evidence)  # (N,)
        shares = _share_below(self._ladder_of_sums, found)  # (N,)
        # Below all that was seen the share is one in M + 1 for all; the sum goes on telling them
        # apart.
        lowest = self.sums[0]
        below = np.exp(np.minimum(found - lowest, 0.0)) / (len(self.sums) + 1)  # (N,)
        score: Shares = np.where(found < lowest, below, shares)
        if "familiarity" in self.references:  # where nothing is known, nothing else counts
            score[evidence["familiarity"] == 0.0] = 0.0
        return score

    @functools.cached_property
    def _ladders(self) -> dict[str, _Ladder]:
        return {kind: _ladder(known) for kind, known in self.references.items()}

    @functools.cached_property
    def _ladder_of_sums(self) -> _Ladder:
        return _ladder(self.sums)


def fit_scope(evidence: Mapping[str, Shares]) -> Scope:
    """Take down the evidence of texts that belong to the classes.

    Parameters
    ----------
    evidence : mapping of str to ndarray of float64, shape (M,)
        For M texts that were not learnt from; some or all of the kinds in ``EVIDENCE``.

    Returns
    -------
    Scope
        With ``MOST_REFERENCES`` quantiles where there are more texts.
    """
    references = {kind: _quantiles(evidence[kind]) for kind in EVIDENCE if kind in evidence}
    ladders = {kind: _ladder(known) for kind, known in references.items()}
    return Scope(references, _quantiles(_weighted_sum(ladders, evidence)))


def score_evidence(log_probabilities: Shares, margins: Shares | None) -> dict[str, Shares]:
    """Gather what the scores of N texts say of their being in scope.

    Parameters
    ----------
    log_probabilities : ndarray of float64, shape (N, C)
        Of the model's answer, in nats.
    margins : ndarray of float64, shape (N, C), or None
        Of the companion.

    Returns
    -------
    dict of str to ndarray of float64, shape (N,)
        ``probability``, the largest logarithm of one, and, if there are margins, ``lead``: how far
        the largest is ahead of the mean of the ten that follow.
    """
    evidence = {"probability": log_probabilities.max(axis=1)}
    if margins is not None:
        evidence["lead"] = _leads(margins)
    return evidence


def _leads(margins: Shares) -> Shares:
    """Compute by how much the largest margin leads, (N, C) -> (N,)."""
    n_compared = min(1 + _FOLLOWERS, margins.shape[1])
    largest = -np.partition(-margins, n_compared - 1, axis=1)[:, :n_compared]  # (N, 1 + followers)
    # In one order and layout, or the last bits of the sums would depend on what stands beside.
    in_order = np.sort(np.ascontiguousarray(largest), axis=1)
    leads: Shares = in_order[:, -1] - in_order[:, :-1].mean(axis=1)
    return leads


def more_evidence(
    token_lists: Sequence[Sequence[str]],
    points: NDArray[np.float32] | None,
    ngrams: NgramModel | None,
    index: RecordIndex | None,
) -> dict[str, Shares]:
    """Gather what speaks for N texts being in scope besides their scores.

    Parameters
    ----------
    token_lists : sequence of sequence of str
        The texts.
    points : ndarray of float32, shape (N, K), or None
        Where they lie among the training records.
    ngrams : NgramModel or None
        The companion.
    index : RecordIndex or None
        The training records.

    Returns
    -------
    dict of str to ndarray of float64, shape (N,)
        ``nearness`` to the nearest records; ``familiarity``, the share of n-grams known; and
        ``belonging``, unlikeness to the out-of-scope texts that there were to learn from. As far as
        the model can tell.
    """
    evidence = ngram_evidence(None if ngrams is None else ngrams.read(token_lists))
    return evidence | record_evidence(points, index)


def ngram_evidence(reading: NgramReading | None) -> dict[str, Shares]:
    """Gather what the companion has found besides its scores; see :func:`more_evidence`."""
    if reading is None:
        return {}
    evidence = {"familiarity": reading.familiarity}
    return evidence if reading.outside is None else evidence | {"belonging": -reading.outside}


def record_evidence(
    points: NDArray[np.float32] | None, index: RecordIndex | None
) -> dict[str, Shares]:
    """Gather what the training records say; see :func:`more_evidence`."""
    return {} if index is None or points is None else {"nearness": index.nearness(points)}


def _weighted_sum(ladders: Mapping[str, _Ladder], evidence: Mapping[str, Shares]) -> Shares:
    shares = [_share_below(ladder, evidence[kind]) for kind, ladder in ladders.items()]  # (N,) each
    weights = np.array([EVIDENCE[kind] for kind in ladders])
    total: Shares = (weights[:, None] * np.log(shares)).sum(axis=0)  # (N,)
    return total


def _ladder(known: Shares) -> _Ladder:
    steps, counts = np.unique(known, return_counts=True)
    lowest = 1 / (len(known) + 1)
    return _Ladder(steps, (np.cumsum(counts) + 1) / (len(known) + 1), lowest)


def _share_below(ladder: _Ladder, values: Shares) -> Shares:
    """Compute the share of known values at or below each value; never 0.

    Straight from one known value to the next, so that the last bits of a value change nothing to
    speak of.
    """
    share: Shares = np.interp(values, ladder.values, ladder.shares, left=ladder.lowest)
    return share


def _quantiles(values: Shares) -> Shares:
    """Put values in order; of many, take as many as are worth keeping, evenly."""
    in_order = np.sort(values)
    if len(in_order) > MOST_REFERENCES:
        places = np.linspace(0, len(in_order) - 1, MOST_REFERENCES).round().astype(np.int64)
        in_order = in_order[places]
    # Numbers that a file keeps exactly.
    return np.asarray(in_order.astype(np.float32), dtype=np.float64)
