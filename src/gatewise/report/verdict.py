"""Facts of a model -> plain sentences: what it is, how good it is, when not to trust it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gatewise.classify.model import FittedModel

__all__ = ["verdict"]

_WEAK_RECALL, _FEWEST_RECORDS, _MOST_NAMED = 0.6, 5, 6
_LARGE_ERROR = 0.05  # of calibration
_NOISE = 0.05  # p-value from which on two shares cannot be told apart
_FEW_RECORDS = 200


def verdict(
    model: FittedModel, quality: dict[str, Any] | None, classes: Sequence[dict[str, Any]]
) -> list[str]:
    """Say in plain sentences what a model is, how good it is and when not to trust it.

    Parameters
    ----------
    model : FittedModel
        The model.
    quality : dict or None
        ``headline``, ``risk``, ``error``, ``overconfidence`` and ``n_records``; None if nothing
        was measured.
    classes : sequence of dict
        Scores of each class.

    Returns
    -------
    list of str
        Three paragraphs.
    """
    good = (
        "How good it is was not measured: no records were held out while it was trained. Give a "
        "labelled file that it was not trained on with --data."
        if quality is None
        else " ".join(_how_good(quality))
    )
    return [_what(model), good, " ".join(_doubts(model, quality, classes))]


def _what(model: FittedModel) -> str:
    learnt = model.facts.get("n_records")
    from_records = f", learnt from {learnt:,} labelled records" if learnt else ""
    beside = (
        " Beside it stands a linear model of n-grams; the answer is what both together find most "
        "probable."
        if model.ngrams
        else ""
    )
    return (
        f"It reads a text and says which of {len(model.labels):,} classes it belongs to, with a "
        f"probability. It is an LSTM, a small neural network that reads word by word{from_records}."
        f"{beside}"
    )


def _how_good(quality: dict[str, Any]) -> Iterator[str]:
    head = quality["headline"]
    own, *others = head["rows"]
    yield (
        f"Of {_records(quality['n_records'])} measured it answers {own['accuracy']:.1%} rightly; "
        f"a sample of this size leaves the true share between {own['low']:.1%} and "
        f"{own['high']:.1%} (95 % interval)."
    )
    told = [f"{one['name']} {_answers(one['name'])} {one['accuracy']:.1%}" for one in others]
    yield f"For comparison: {', '.join(told)}."
    if "chance" in head:
        yield _against(head)


def _answers(name: str) -> str:
    return "reaches" if name.startswith("LSTM") else "reach" if name.startswith("n-") else "gives"


def _against(head: dict[str, Any]) -> str:
    lead, chance = head["lead"], head["chance"]
    if chance >= _NOISE:
        return (
            f"It cannot be told from the {head['against']} on these records (McNemar's test, "
            f"p = {chance:.2f})."
        )
    better = "better" if lead > 0 else "worse"
    return (
        f"It is {better} than the {head['against']} by {abs(100 * lead):.1f} points, more than "
        f"chance would make of it (McNemar's test, p {_p_value(chance)})."
    )


def _p_value(chance: float) -> str:
    return f"= {chance:.4f}" if chance >= 0.0001 else "< 0.0001"


def _doubts(
    model: FittedModel, quality: dict[str, Any] | None, classes: Sequence[dict[str, Any]]
) -> Iterator[str]:
    yield (
        "When not to trust it: it knows nothing but its classes, so a text about something else "
        "is given one of them all the same, unless a threshold holds the answer back."
    )
    yield _thresholds(model, quality)
    if quality is None:
        return
    classes = [one for one in classes if one["is_known"]]  # others it cannot but miss
    tested = [one for one in classes if one["measured"] >= _FEWEST_RECORDS]
    tested.sort(key=lambda one: (one["recall"], one["label"]))
    weak = [one["label"] for one in tested if one["recall"] < _WEAK_RECALL]
    if weak:
        more = f" and {len(weak) - _MOST_NAMED:,} more" if len(weak) > _MOST_NAMED else ""
        named = ", ".join(f"“{_apart(label)}”" for label in weak[:_MOST_NAMED])
        yield f"It misses more than two in five records of {named}{more}."
    few = sum(one["measured"] < _FEWEST_RECORDS for one in classes)
    if few:
        yield (
            f"Of {few:,} {'class' if few == 1 else 'classes'} fewer than {_FEWEST_RECORDS} records "
            "were measured, too few to say anything."
        )
    if quality["error"] > max(_LARGE_ERROR, quality["error_by_chance"]):
        told = (
            f"Its probabilities are off by {100 * quality['error']:.1f} points on average (chance "
            f"alone makes it {100 * quality['error_by_chance']:.1f} with so many records)"
        )
        if abs(quality["overconfidence"]) > quality["error"] / 2:  # most of it in one direction
            way = "too sure" if quality["overconfidence"] > 0 else "not sure enough"
            told += f"; on the whole it is {way} of itself"
        yield f"{told}."
    if quality["n_records"] < _FEW_RECORDS:
        yield f"All this rests on {_records(quality['n_records'])} only."


def _records(count: int) -> str:
    return f"{count:,} {'record' if count == 1 else 'records'}"


def _apart(label: str) -> str:
    """Let a label of another direction of writing stand by itself in the sentence."""
    return f"\N{FIRST STRONG ISOLATE}{label}\N{POP DIRECTIONAL ISOLATE}"


def _thresholds(model: FittedModel, quality: dict[str, Any] | None) -> str:
    decision = model.decision
    told = []
    if decision.abstain_below:
        told.append(f"a probability of {decision.abstain_below:.1%}")
    if decision.outside_below:
        told.append(f"an in-scope score of {decision.outside_below:.3f}")
    if not told:
        return "No threshold is set: every text is answered."
    sentence = f"Below {' or '.join(told)} it can be told to give no answer"
    if quality is None or quality["risk"]["wrong"] is None:
        return sentence + "."
    risk = quality["risk"]
    return (
        f"{sentence}; it then answers {risk['given']:.1%} of the texts, and {risk['wrong']:.1%} of "
        f"these answers are wrong, instead of {risk['error']:.1%} of all."
    )
