"""Texts and what a model says of them -> answers, as ``gatewise predict`` gives them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gatewise.base.config import check_whole_number
from gatewise.classify.answers import ABSTAIN, Answer, rank_classes
from gatewise.classify.near_records import check_nearest, near_records
from gatewise.serve.batching import Scores
from gatewise.serve.models import Model
from gatewise.text.tokens import tokenize

__all__ = ["answer_to_json", "answers_of", "check_wanted", "unreadable"]

NO_TEXT, NO_WORD = "no text", "no word or number in the text"


def check_wanted(model: Model, top: int, nearest: int) -> None:
    """Check that a model has so many classes and records.

    Raises
    ------
    ConfigError
        If not.
    """
    check_whole_number("top", top, 1, len(model.labels))
    check_nearest(model.index, nearest)


def unreadable(text: str, language: str) -> Answer | None:
    """Say why a text has nothing that a model could read, if so."""
    if not text or text.isspace():
        return Answer(reason=NO_TEXT)
    # A letter is a token in every language; only what has none is worth a closer look.
    if any(map(str.isalpha, text)) or tokenize(text, language):
        return None
    return Answer(reason=NO_WORD)


def answers_of(
    model: Model, texts: Sequence[str], scores: Scores, top: int, nearest: int
) -> list[Answer]:
    """Make the answers to N texts of what the model said of them."""
    found = iter(_ranked(model, scores, top, nearest))
    readable = [unreadable(text, model.language) for text in texts]
    return [
        answer if reason is None else reason for answer, reason in zip(found, readable, strict=True)
    ]


def answer_to_json(answer: Answer) -> dict[str, Any]:
    """Write one answer as a dict for JSON."""
    if not answer.ranked:
        return {
            "label": None,
            "probability": None,
            "in_scope": None,
            "decision": ABSTAIN,
            "reason": answer.reason,
            "top": [],
            "nearest": [],
        }
    label, probability = answer.ranked[0]
    return {
        "label": label,
        "probability": probability,
        "in_scope": answer.in_scope,
        "decision": ABSTAIN if answer.abstains else label,
        "reason": None,
        "top": [{"label": name, "probability": share} for name, share in answer.ranked],
        "nearest": [
            {
                "row": record.row,
                "label": record.label,
                "similarity": record.similarity,
                "text": record.text,
            }
            for record in answer.nearest
        ],
    }


def _ranked(model: Model, scores: Scores, top: int, n_nearest: int) -> Iterator[Answer]:
    nearest = near_records(model.index, scores.points, model.labels, n_nearest)
    for row, ranked in enumerate(rank_classes(scores.probabilities, model.labels, top)):
        yield Answer(
            ranked,
            abstains=not scores.answers[row],
            in_scope=None if scores.in_scope is None else float(scores.in_scope[row]),
            nearest=nearest[row] if nearest else (),
        )
