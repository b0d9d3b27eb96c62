"""What a model says of labelled records -> how good it is, class by class and answer by answer."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.classify.decision import Decision
from gatewise.classify.held_out import FOLDS, TRAINING, VALIDATION
from gatewise.classify.repeated import TOO_GOOD
from gatewise.evaluate.metrics import Metrics, measure
from gatewise.evaluate.paired import mcnemar_test
from gatewise.evaluate.trust import (
    NO_CLASS,
    accuracy_interval,
    auroc,
    brier_score,
    reliability_bins,
    risk_coverage,
)
from gatewise.report.measured import FILE, Measured

__all__ = [
    "COVERAGES",
    "calibration_facts",
    "class_facts",
    "headline_facts",
    "risk_facts",
    "scope_facts",
    "source_told",
]

COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.5)

_SOURCES = {
    TRAINING: " held out of the training records and measured before the model had read them; the "
    "probabilities were calibrated on them, so the model's own numbers are a little too good",
    VALIDATION: " from a validation file; the epoch to stop at and the calibration were chosen on "
    "them, so the model's own numbers are a little too good",
    FOLDS: ", each answered by a model that was fitted without it",
    FILE: " of {name}; the numbers hold for new texts if the model was not trained on them",
}
_LEAST = 1e-12  # that a probability counts as, at least, in a log loss

Right = NDArray[np.bool_]


def source_told(measured: Measured, learnt_share: float = 0.0) -> str:
    """Say which records are measured on, and how many have a text that was learnt from too."""
    count = len(measured.targets)
    source = _SOURCES[measured.source].format(name=Path(measured.name).name)
    told = f"{count:,} {'record' if count == 1 else 'records'}{source}"
    if not learnt_share:
        return told
    share = f"{learnt_share:.1%} of them have a text that was learnt from too"
    return f"{told}; {share}, which {TOO_GOOD}"


def headline_facts(measured: Measured) -> dict[str, Any]:
    """Compare the model with its parts and with one answer for all.

    Parameters
    ----------
    measured : Measured
        The records.

    Returns
    -------
    dict
        ``rows``: name, accuracy and its 95 % interval; ``chance`` and ``against``: p-value of
        McNemar's test against the n-grams alone, the part that needs no network, and its name.
    """
    parts = {"LSTM and n-grams": measured.right} if measured.ngrams is not None else {}
    parts["LSTM alone"] = measured.network.argmax(axis=1) == measured.targets
    if measured.ngrams is not None:
        parts["n-grams alone"] = measured.ngrams.argmax(axis=1) == measured.targets
    label, _ = min(Counter(measured.truth).items(), key=lambda item: (-item[1], item[0]))
    parts["always the largest class"] = np.array([one == label for one in measured.truth])
    rows = [_row(name, right) for name, right in parts.items()]
    found: dict[str, Any] = {"rows": rows, "largest": label, "accuracy": rows[0]["accuracy"]}
    if measured.ngrams is not None:
        found["against"] = "n-grams alone"
        found["chance"] = mcnemar_test(measured.right, parts["n-grams alone"])
        found["lead"] = rows[0]["accuracy"] - rows[2]["accuracy"]
    return found


def _row(name: str, right: Right) -> dict[str, Any]:
    low, high = accuracy_interval(right)
    return {"name": name, "accuracy": float(right.mean()), "low": low, "high": high}


def class_facts(metrics: Metrics, trained: dict[str, int] | None) -> list[dict[str, Any]]:
    """List the classes with their scores.

    Parameters
    ----------
    metrics : Metrics
        Of the model's answers.
    trained : dict of str to int, or None
        Training records of each class, where they are known.

    Returns
    -------
    list of dict
        In the order of the classes. A share of no records is None.
    """
    answered = metrics.confusion.sum(axis=0).tolist()  # (K,)
    taken_for: dict[str, tuple[str, int]] = {}
    for pair in metrics.confused:  # the most frequent first
        taken_for.setdefault(pair.true, (pair.predicted, pair.count))
    return [
        {
            "label": label,
            "trained": None if trained is None else trained.get(label, 0),
            "measured": scores.support,
            "is_known": label not in metrics.unknown,
            "precision": scores.precision if n_answered else None,
            "recall": scores.recall if scores.support else None,
            "f1": scores.f1 if scores.support or n_answered else None,
            "taken_for": taken_for.get(label),
        }
        for (label, scores), n_answered in zip(metrics.per_class.items(), answered, strict=True)
    ]


def calibration_facts(measured: Measured, labels: tuple[str, ...]) -> dict[str, Any]:
    """Say how honest the probabilities are, before and after calibration.

    Parameters
    ----------
    measured : Measured
        The records.
    labels : tuple of str
        The C classes.

    Returns
    -------
    dict
        ``before`` and ``after``: calibration error and how much of it chance leaves, Brier score,
        log loss in nats, and bins.
    """
    found = {}
    for name, scores in (("before", measured.uncalibrated), ("after", measured.blend)):
        probabilities = np.exp(scores)  # (N, C)
        metrics = measure(measured.truth, labels, np.minimum(probabilities, 1.0))
        found[name] = {
            "error": metrics.calibration.error,
            "by_chance": metrics.calibration.by_chance,
            "brier": brier_score(probabilities, measured.targets),
            "log_loss": _log_loss(probabilities, measured.targets),
            "mean_confidence": float(probabilities.max(axis=1).mean()),
            "bins": reliability_bins(metrics.calibration),
        }
    return found


def _log_loss(probabilities: NDArray[np.float64], targets: NDArray[np.int64]) -> float:
    known = np.flatnonzero(targets != NO_CLASS)
    if not len(known):
        return math.nan
    own = probabilities[known, targets[known]]
    return float(-np.log(np.maximum(own, _LEAST)).mean())


def risk_facts(measured: Measured, decision: Decision) -> dict[str, Any]:
    """Say what abstaining brings, and what the model's own thresholds do.

    Parameters
    ----------
    measured : Measured
        The records.
    decision : Decision
        The model's thresholds.

    Returns
    -------
    dict
        ``curves``: name -> RiskCoverage; ``rows``: coverages with error and threshold; ``given``:
        share of the records that the model answers, and ``wrong``: share of these answers that
        are wrong, None if there is none.
    """
    curves = {"probability": risk_coverage(measured.confidences, measured.right)}
    if measured.in_scope is not None:
        curves["in-scope score"] = risk_coverage(measured.in_scope, measured.right)
    curve = curves["probability"]
    rows = []
    for wanted in COVERAGES:
        place = int(np.searchsorted(curve.coverage, wanted - 1e-9))
        rows.append(
            {
                "coverage": float(curve.coverage[place]),
                "risk": float(curve.risk[place]),
                "threshold": float(curve.thresholds[place]),
            }
        )
    given = decision.answers(measured.confidences, measured.in_scope)  # (N,)
    wrong = float(1.0 - measured.right[given].mean()) if given.any() else None
    return {
        "curves": curves,
        "rows": rows,
        "error": float(curve.risk[-1]),
        "given": float(given.mean()),
        "wrong": wrong,
        "abstain_below": decision.abstain_below,
        "outside_below": decision.outside_below,
    }


def scope_facts(measured: Measured, decision: Decision) -> dict[str, Any] | None:
    """Say how well texts from outside the classes are told apart, if there are any.

    Parameters
    ----------
    measured : Measured
        The records; those with a label that the model does not have lie outside.
    decision : Decision
        The model's thresholds.

    Returns
    -------
    dict or None
        ``rows``: score -> AUROC; ``n_outside``; ``answered``: share of those that are answered all
        the same. None without records of both kinds.
    """
    outside = measured.targets == NO_CLASS
    if not outside.any() or outside.all():
        return None
    scores = {"probability": measured.confidences}
    if measured.in_scope is not None:
        scores["in-scope score"] = measured.in_scope
    given = decision.answers(measured.confidences, measured.in_scope)
    return {
        "rows": {name: auroc(one[~outside], one[outside]) for name, one in scores.items()},
        "n_outside": int(outside.sum()),
        "answered": float(given[outside].mean()),
    }
