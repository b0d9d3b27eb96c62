"""What a fit learns about its own limits: an index of its records, and what in-scope looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from gatewise.base.seeding import numpy_generator
from gatewise.classify.blend import Blend
from gatewise.classify.calibration import fit_blend
from gatewise.classify.decision import Decision, choose_decision
from gatewise.classify.held_out import HeldOut
from gatewise.classify.model import RawScores, blend_scores
from gatewise.classify.nearest import RecordIndex
from gatewise.classify.ngrams import NgramModel
from gatewise.classify.records import EncodedRecords
from gatewise.classify.scope import Scope, fit_scope, score_evidence
from gatewise.network.model import TextNetwork
from gatewise.network.precision import Precision
from gatewise.network.scoring import read_records, score_records

__all__ = [
    "Lessons",
    "build_index",
    "keep_held_out",
    "learn_from_scores",
    "read_rows",
]

Numbers = NDArray[np.int64]

# Directions, records and numbers per record that an index has at most. With few directions unknown
# classes are told apart best, and a search of so many records takes a tenth of a millisecond.
_MOST_AXES = 32
_MOST_RECORDS = 20_000
_LONGEST = 4_096
# Held-out scores that are kept, records times classes.
_MOST_KEPT = 500_000


def _take_rows(records: EncodedRecords, rows: Numbers) -> EncodedRecords:
    """Take some of the records, without their weights."""
    return replace(records, rows=records.rows[rows], targets=records.targets[rows], weights=None)


def build_index(
    network: TextNetwork,
    records: EncodedRecords,
    rows: Numbers,
    *,
    seed: int,
    precision: Precision,
    texts: Sequence[str] | None = None,
) -> RecordIndex | None:
    """Make an index of some records by what a network makes of them.

    Parameters
    ----------
    network : TextNetwork
        A trained network.
    records : EncodedRecords
        All records.
    rows : ndarray of int64
        Those to index; of very many, some drawn by lot.
    seed : int
        Of the draw.
    precision : Precision
        Where the network computes.
    texts : sequence of str, optional
        Of all records, to be kept with the index.

    Returns
    -------
    RecordIndex or None
        None if a pooled state is too long for it (the classic recipe's).
    """
    if network.config.pooled_size > _LONGEST:
        return None
    if len(rows) > _MOST_RECORDS:
        generator = numpy_generator(seed, "index")
        rows = np.sort(generator.choice(rows, _MOST_RECORDS, replace=False))
    chosen = _take_rows(records, rows)
    _, pooled = read_records(network, chosen, lambda states: states, precision=precision)  # (R, P)
    n_axes = min(_MOST_AXES, *pooled.shape)
    with np.errstate(invalid="ignore"):  # shares of no variance, where all texts are the same
        components = PCA(n_axes, svd_solver="covariance_eigh").fit(pooled.astype(np.float64))
    index = RecordIndex(
        center=components.mean_.astype(np.float32),
        axes=np.ascontiguousarray(components.components_.T, dtype=np.float32),
        points=np.zeros((0, n_axes), dtype=np.float32),
        rows=rows,
        targets=chosen.targets,
        texts=None if texts is None else tuple(texts[row] for row in rows),
    )
    return replace(index, points=index.locate(pooled))


@dataclass(frozen=True)
class Lessons:
    """What was learnt from held-out records.

    Attributes
    ----------
    blend : Blend
        Temperatures and the companion's weight.
    decision : Decision
        When no answer is given.
    scope : Scope or None
        What in-scope texts look like.
    held_out : HeldOut or None
        The records' scores.
    accuracies : dict
        Number of records, and share of right answers of each part.
    note : str or None
        What the user should know.
    """

    blend: Blend
    decision: Decision = field(default_factory=Decision)
    scope: Scope | None = None
    held_out: HeldOut | None = None
    accuracies: dict[str, Any] = field(default_factory=dict)
    note: str | None = None


def read_rows(
    network: TextNetwork,
    records: EncodedRecords,
    rows: Numbers,
    tokens: Sequence[Sequence[str]],
    ngrams: NgramModel | None,
    index: RecordIndex | None,
    precision: Precision,
) -> RawScores:
    """Score some of the records by each part of a model; ``tokens`` are those of all records."""
    margins = ngrams.scores([tokens[row] for row in rows]) if ngrams else None
    chosen = _take_rows(records, rows)
    if index is None:
        return RawScores(score_records(network, chosen, precision=precision), margins)
    scores, points = read_records(network, chosen, index.locate, precision=precision)
    return RawScores(scores, margins, points)


def learn_from_scores(
    raw: RawScores,
    rows: Numbers,
    targets: Numbers,
    evidence: Mapping[str, NDArray[np.float64]],
    fresh: NDArray[np.bool_],
    *,
    source: str,
    coverage: float,
    precision: float | None,
    seed: int,
) -> Lessons:
    """Choose the blend and the thresholds, and learn what in-scope texts look like.

    Parameters
    ----------
    raw : RawScores
        Of M records that neither network nor companion has learnt from.
    rows : ndarray of int64, shape (M,)
        Their numbers.
    targets : ndarray of int64, shape (M,)
        Their classes.
    evidence : mapping of str to ndarray of float64, shape (M,)
        What :func:`gatewise.classify.scope.more_evidence` gave for them.
    fresh : ndarray of bool, shape (M,)
        Which of them are close to no record that was learnt from; see
        :mod:`gatewise.classify.twins`.
    source : str
        Where they come from; see :class:`gatewise.classify.held_out.HeldOut`.
    coverage, precision : float
        See :func:`gatewise.classify.decision.choose_decision`.
    seed : int
        Of the draw of scores that are kept.

    Returns
    -------
    Lessons
    """
    blend = fit_blend(raw.network, raw.ngrams, targets)
    parts = blend_scores(raw, blend)
    everything = score_evidence(parts.blend, raw.ngrams) | dict(evidence)
    scope = fit_scope({kind: values[fresh] for kind, values in everything.items()})
    in_scope = scope.score(everything)
    decision, note = choose_decision(
        np.exp(parts.blend.max(axis=1))[fresh],
        in_scope[fresh],
        (parts.blend.argmax(axis=1) == targets)[fresh],
        coverage=coverage,
        precision=precision,
    )
    named = {"lstm": parts.lstm, "ngrams": parts.ngrams, "blend": parts.blend}
    accuracies = {
        part: float((scores.argmax(axis=1) == targets).mean())
        for part, scores in named.items()
        if scores is not None
    }
    return Lessons(
        blend=blend,
        decision=decision,
        scope=scope,
        held_out=keep_held_out(source, rows, targets, raw, in_scope, seed=seed),
        accuracies={"n_records": len(targets)} | accuracies,
        note=note,
    )


def keep_held_out(
    source: str,
    rows: Numbers,
    targets: Numbers,
    raw: RawScores,
    in_scope: NDArray[np.float64] | None,
    *,
    seed: int,
) -> HeldOut:
    """Keep held-out scores; of very many, some drawn by lot."""
    places = np.arange(len(rows))
    if (n_kept := max(1, _MOST_KEPT // raw.network.shape[1])) < len(rows):
        generator = numpy_generator(seed, "held-out scores")
        places = np.sort(generator.choice(places, n_kept, replace=False))
    return HeldOut(
        source=source,
        rows=rows[places],
        targets=targets[places],
        network=raw.network[places].astype(np.float32),
        ngrams=None if raw.ngrams is None else raw.ngrams[places].astype(np.float32),
        in_scope=None if in_scope is None else in_scope[places].astype(np.float32),
    )
