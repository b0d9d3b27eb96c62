"""One record, read by the model step by step -> small heat maps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.classify.held_out import FOLDS, TRAINING
from gatewise.classify.model import FittedModel
from gatewise.classify.plain_model import plain_model
from gatewise.explain.page_data import unit_contributions
from gatewise.explain.record import Replay, ReplayToken
from gatewise.explain.replay import replay
from gatewise.report.measured import Measured
from gatewise.report.redaction import Mask, masks
from gatewise.report.words import MapWord

__all__ = ["replay_facts"]

_MOST_STEPS, _N_UNITS, _N_WORDS = 40, 16, 8
_N_CLASSES = 4
_LONGEST = 18  # characters of a token

Array = NDArray[np.float64]


def replay_facts(
    model: FittedModel, measured: Measured | None, words: list[MapWord], *, redacted: bool
) -> dict[str, Any] | None:
    """Replay one record: of median length, or made of words that the model knows.

    Parameters
    ----------
    model : FittedModel
        The model.
    measured : Measured or None
        Records to choose from, if they have texts.
    words : list of MapWord
        Words to make a text of, if there is no record.
    redacted : bool
        Mask what may name a person.

    Returns
    -------
    dict or None
        None if there is nothing to read.
    """
    row = _median_record(measured)
    text = _surest_words(words) if measured is None or row is None else _text(measured, row)
    if not text:
        return None
    found = replay(plain_model(model), text)
    hidden = masks(text) if redacted else []
    n_steps = min(len(found.tokens), _MOST_STEPS)
    one = found.layers[-1].forward
    order = np.argsort(-np.abs(unit_contributions(found, len(found.layers) - 1, one)))[:_N_UNITS]
    gates = {"input gate": one.i, "forget gate": one.f, "output gate": one.o}
    shares = found.credits.steps[:n_steps, found.decision]  # (T,)
    return {
        "record": None if measured is None or row is None else _record(model, measured, row),
        "answer": found.label,
        "probability": float(found.probabilities[found.decision]),
        "tokens": [_surface(token, hidden) for token in found.tokens[:n_steps]],
        "n_more": len(found.tokens) + len(found.unread) - n_steps,
        "credits": _scaled([("credit", shares)]),
        "gates": [
            {"name": name, "values": values[:n_steps].mean(axis=1).tolist()}
            for name, values in gates.items()
        ],
        # Counted from 0, as a replay counts them.
        "states": _scaled([(f"unit {unit}", one.h[:n_steps, unit]) for unit in order]),
        "classes": _class_sums(found),
    }


def _scaled(rows: list[tuple[str, Array]]) -> list[dict[str, Any]]:
    """Divide by the largest number of all rows, so that they go from -1 to 1."""
    largest = max((float(np.abs(values).max(initial=0.0)) for _, values in rows), default=0.0)
    return [
        {
            "name": name,
            "values": values.tolist(),
            "strengths": (values / largest if largest else values).tolist(),
        }
        for name, values in rows
    ]


def _class_sums(found: Replay) -> list[dict[str, Any]]:
    """Add up what tokens and n-grams say for the most likely classes."""
    return [
        {
            "label": found.labels[number],
            "tokens": float(found.credits.steps[:, number].sum()),
            "ngrams": float(found.credits.ngrams[:, number].sum()),
            "bias": float(found.credits.bias[number]),
            "probability": float(found.probabilities[number]),
        }
        for number in found.most_likely(_N_CLASSES)
    ]


def _median_record(measured: Measured | None) -> int | None:
    """Find the record of median length, of equal ones the first; None without texts."""
    if measured is None or not measured.texts:
        return None
    lengths = [len(text) for text in measured.texts]
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    return order[(len(order) - 1) // 2]


def _text(measured: Measured, row: int) -> str:
    return (measured.texts or ())[row]


def _surest_words(words: list[MapWord]) -> str:
    surest = sorted(words, key=lambda one: -one.probability)[:_N_WORDS]
    return " ".join(one.word for one in surest)


def _record(model: FittedModel, measured: Measured, row: int) -> dict[str, Any]:
    """Say what the record is, and what it was answered when it had not been learnt from."""
    return {
        "label": measured.truth[row],
        "was_learnt": measured.source in (TRAINING, FOLDS),
        "answer": model.labels[measured.answers[row]],
        "probability": float(measured.confidences[row]),
    }


def _surface(token: ReplayToken, hidden: list[Mask]) -> str:
    for mask in hidden:
        if mask.start < token.end and token.start < mask.end:
            return mask.shown if mask.shown != "#" else "#" * (token.end - token.start)
    surface = token.surface or "0"
    return surface if len(surface) <= _LONGEST else surface[: _LONGEST - 1] + "…"
