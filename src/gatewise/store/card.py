"""``card.md``: what a model is, what it was measured at, and what it is not for."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from collections.abc import Mapping
from typing import Any

from gatewise.classify.held_out import FOLDS, TRAINING, VALIDATION
from gatewise.classify.model import FittedModel
from gatewise.store.manifest import FORMAT_VERSION
from gatewise.text.vocabulary import UNKNOWN

__all__ = ["model_card"]

_MOST_LABELS = 100
_SPECIAL = re.compile(r"([\\`*_\[\]|#~])")
_PARTS = {"lstm": "LSTM alone", "ngrams": "n-grams alone", "blend": "both together"}


def model_card(model: FittedModel, versions: Mapping[str, str]) -> str:
    """Write the card of a fitted model.

    Parameters
    ----------
    model : FittedModel
        The model; everything said is in its facts and settings.
    versions : mapping of str to str
        The packages it was made with.

    Returns
    -------
    str
        Markdown.
    """
    sections = {
        "Model card": _summary(model),
        "Data": _data(model),
        "Held-out scores": _scores(model),
        "What it is not for": _limits(model),
        "Settings": _table(dataclasses.asdict(model.recipe)),
        "Made with": _table({**versions, "format version": FORMAT_VERSION, "seed": model.seed}),
    }
    parts = [_front_matter(model)]
    parts += [
        f"{'#' if number == 0 else '##'} {title}\n\n{body}\n"
        for number, (title, body) in enumerate(sections.items())
    ]
    return "\n".join(parts)


def _front_matter(model: FittedModel) -> str:
    """Say in YAML what a hub for models asks; JSON is YAML, so nothing can break out of it."""
    content: dict[str, Any] = {
        "library_name": "gatewise",
        "pipeline_tag": "text-classification",
        "tags": ["gatewise", "text-classification", "lstm", "word2vec"],
    }
    if held_out := model.facts.get("held_out"):
        result = {
            "task": {"type": "text-classification", "name": "Text classification"},
            "dataset": {"type": "private", "name": _source(model)},
            "metrics": [{"type": "accuracy", "value": round(held_out["blend"], 4)}],
        }
        content["model-index"] = [{"name": "gatewise text classifier", "results": [result]}]
    lines = [f"{name}: {json.dumps(value)}" for name, value in content.items()]
    return "\n".join(["---", *lines, "---", ""])


def _summary(model: FittedModel) -> str:
    recipe = model.recipe
    direction = "bidirectional " if recipe.bidirectional else ""
    companion = (
        f" Its answer is blended with a linear model of {len(model.ngrams.terms):,} "
        f"n-grams, whose share is {model.blend.ngram_weight:.0%}."
        if model.ngrams
        else ""
    )
    decision = model.decision
    if decision.abstain_below:
        companion += f" It gives no answer below a probability of {decision.abstain_below:.0%}."
    if decision.outside_below:
        companion += (
            f" It gives no answer to texts stranger than {1.0 - decision.outside_below:.0%} of "
            "those of its classes."
        )
    return (
        f"A text classifier for {len(model.labels):,} classes: an LSTM trained from scratch by "
        f"gatewise ({recipe.layers} {direction}layer{'s' if recipe.layers > 1 else ''} of "
        f"{recipe.units} units, word vectors of {recipe.word_dimension} numbers, "
        f"{recipe.embedding}).{companion}"
    )


def _data(model: FittedModel) -> str:
    facts = model.facts
    lines = [
        f"- records: {_number(facts.get('n_records'))}",
        f"- mean length: {_number(facts.get('mean_length'))} tokens",
        f"- words known: {len(model.vocabulary) - UNKNOWN - 1:,}, character n-grams: "
        f"{len(model.vocabulary.ngrams):,}",
        f"- language setting: {_inline(model.language)}",
        f"- classes: {_labels(model.labels)}",
    ]
    if coverage := facts.get("coverage"):
        lines.append(
            f"- words with a vector before training: {coverage['words']:.1%} of the vocabulary, "
            f"{coverage['occurrences']:.1%} of all occurrences"
        )
    lines += [f"- note: {_inline(note)}" for note in facts.get("notes", ())]
    return "\n".join(lines)


def _source(model: FittedModel) -> str:
    """Name the records that it was measured on."""
    source = model.held_out.source if model.held_out else TRAINING
    return {
        VALIDATION: "a validation file",
        FOLDS: "training records, each answered by a model that was fitted without it",
    }.get(source, "records held out of the training data")


def _scores(model: FittedModel) -> str:
    held_out = model.facts.get("held_out")
    if not held_out:
        return (
            "None: no records were held out while it was trained, so nothing is known of its "
            "accuracy or of how far its probabilities can be trusted. Measure it with "
            "`gatewise evaluate` on records it has not seen."
        )
    parts = [part for part in _PARTS if part in held_out and (model.ngrams or part == "lstm")]
    rows = {_PARTS[part]: f"{held_out[part]:.1%}" for part in parts}
    chosen = "The blend and its temperatures were" if model.ngrams else "The temperature was"
    return (
        f"{_table(rows, header='accuracy')}\n\n"
        f"Measured on {_number(held_out['n_records'])} held-out records ({_source(model)}). "
        f"{chosen} chosen on the same records, so the last row is rather too good than "
        "too bad; measure with `gatewise evaluate` on records that were never part of the training."
    )


def _limits(model: FittedModel) -> str:
    return (
        "- texts unlike those it was trained on: other subjects, other languages, other channels\n"
        "- texts that belong to no class, by their probabilities alone: all is spread over its "
        f"{len(model.labels):,} classes; look at the in-scope score and the decision\n"
        "- decisions about people without a person who looks at them\n"
        "- keeping its training data secret: words and pairs of words of the texts are part of it"
    )


def _labels(labels: tuple[str, ...]) -> str:
    shown = ", ".join(_inline(label) for label in labels[:_MOST_LABELS])
    rest = len(labels) - _MOST_LABELS
    return f"{shown} and {rest:,} more" if rest > 0 else shown


def _table(rows: Mapping[str, Any], *, header: str = "value") -> str:
    lines = [f"| | {header} |", "|---|---|"]
    lines += [f"| {_inline(str(name))} | {_inline(str(value))} |" for name, value in rows.items()]
    return "\n".join(lines)


def _number(value: Any) -> str:
    if value is None:
        return "not known"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def _inline(text: str) -> str:
    """Write someone else's text so that it cannot become markup or a new line."""
    visible = html.escape(" ".join(text.split()), quote=False)
    return _SPECIAL.sub(r"\\\1", visible.encode("utf-8", "replace").decode("utf-8"))
