"""Measured records -> those worth reading: hardest, suspicious, confused."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from gatewise.base.errors import MissingExtraError
from gatewise.evaluate.audit import Audit, audit_labels
from gatewise.evaluate.trust import NO_CLASS
from gatewise.report.confusion import MutualPair
from gatewise.report.measured import Measured
from gatewise.report.shown import Shower

__all__ = ["hardest_records", "pair_examples", "suspicious_labels"]

_N_HARDEST, _N_SUSPICIOUS, _N_EXAMPLES = 15, 15, 2
_MOST_AUDITED = 5_000  # records: all pairs of texts are looked at
_MOST_BELIEVED = 0.2  # share of wrong labels that one may believe a model


def hardest_records(
    measured: Measured, labels: tuple[str, ...], show: Shower
) -> list[dict[str, Any]]:
    """List the records whose own label has the lowest probability.

    Parameters
    ----------
    measured : Measured
        Records with texts.
    labels : tuple of str
        The C classes.
    show : callable
        What texts pass through.

    Returns
    -------
    list of dict
        The hardest first; only those that are answered wrongly, and could be answered rightly: a
        label that the model does not have is none of its classes, and always hardest.
    """
    order = np.argsort(measured.given, kind="stable")
    missed = ~measured.right & (measured.targets != NO_CLASS)  # (N,)
    wrong = [int(place) for place in order if missed[place]]
    return [_told(measured, labels, place, show) for place in wrong[:_N_HARDEST]]


def pair_examples(
    measured: Measured, pair: MutualPair, labels: tuple[str, ...], show: Shower
) -> list[dict[str, Any]]:
    """List records of a confused pair, the surest mistakes first; none without texts."""
    if measured.texts is None:
        return []
    number_of = {label: number for number, label in enumerate(labels)}
    found = []
    for true, answer in ((pair.first, pair.second), (pair.second, pair.first)):
        called = measured.answers == number_of.get(answer, len(labels))
        is_true = np.array([label == true for label in measured.truth])
        places = np.flatnonzero(called & is_true)
        order = places[np.argsort(-measured.confidences[places], kind="stable")]
        found += [_told(measured, labels, int(place), show) for place in order[:_N_EXAMPLES]]
    return found


def suspicious_labels(
    measured: Measured, labels: tuple[str, ...], show: Shower
) -> tuple[list[dict[str, Any]], str]:
    """List the records whose label looks wrong, by confident learning (Northcutt et al. 2021).

    Parameters
    ----------
    measured : Measured
        Records with texts.
    labels : tuple of str
        The C classes.
    show : callable
        What texts pass through.

    Returns
    -------
    found : list of dict
        The most suspicious first.
    note : str
        How many there are in all, or why none was looked for.
    """
    known = np.flatnonzero(measured.targets >= 0)
    texts = [(measured.texts or ())[place] for place in known]
    truth = [measured.truth[place] for place in known]
    if not texts:
        return [], "No record has one of the model's labels."
    if len(texts) > _MOST_AUDITED:
        return [], f"Not looked for among more than {_MOST_AUDITED:,} records; gatewise audit does."
    try:
        audit = _audit(texts, truth, labels, np.exp(measured.blend[known]))
    except MissingExtraError as error:
        return [], f"Not looked for: {error}."
    flagged = [suspect for suspect in audit.suspects if suspect.is_flagged]
    rows = [
        _told(measured, labels, int(known[suspect.row]), show)
        for suspect in flagged[:_N_SUSPICIOUS]
    ]
    note = f"{len(flagged):,} of {len(texts):,} labels look wrong"
    if len(flagged) > _MOST_BELIEVED * len(texts):
        note += ", so many that most of them are rather the model's mistakes"
    if audit.twins:
        twins = "1 text stands" if len(audit.twins) == 1 else f"{len(audit.twins):,} texts stand"
        note += f"; {twins} nearly the same under another label"
    return rows, note + "."


def _audit(*arguments: Any) -> Audit:
    """Audit without cleanlab's remark that of a class with one record little can be said."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "May not flag all label issues", UserWarning)
        return audit_labels(*arguments)


def _told(measured: Measured, labels: tuple[str, ...], place: int, show: Shower) -> dict[str, Any]:
    texts, lines = measured.texts or (), measured.lines
    return {
        "line": None if lines is None else lines[place],
        "text": show(texts[place]),
        "label": measured.truth[place],
        "given": float(measured.given[place]),
        "answer": labels[measured.answers[place]],
        "confidence": float(measured.confidences[place]),
    }
