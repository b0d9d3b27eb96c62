"""What a model was made of: its data, what it cost, and all that it takes to make it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from gatewise.classify.model import FittedModel
from gatewise.network.recipes import RECIPES
from gatewise.text.corpus import Corpus
from gatewise.text.tokens import tokenize

__all__ = ["cost_facts", "data_facts", "history_facts", "reproduction_facts", "training_counts"]

_SHARES = (0.05, 0.5, 0.95, 1.0)


def training_counts(model: FittedModel, corpus: Corpus | None) -> dict[str, int] | None:
    """Count the training records of each class, if it can be known."""
    if corpus is not None:
        return corpus.label_counts
    index = model.index
    if index is None or len(index.targets) != model.facts.get("n_records"):
        return None
    counts = np.bincount(index.targets, minlength=len(model.labels))
    return dict(zip(model.labels, counts.tolist(), strict=True))


def data_facts(
    model: FittedModel, corpus: Corpus | None, counts: Mapping[str, int] | None
) -> dict[str, Any]:
    """Collect what is known of the training records.

    Parameters
    ----------
    model : FittedModel
        The model.
    corpus : Corpus, optional
        What it was trained on.
    counts : mapping of str to int, optional
        Records of each class.

    Returns
    -------
    dict
        What is not known is None.
    """
    found: dict[str, Any] = {
        "n_records": model.facts.get("n_records"),
        "n_classes": len(model.labels),
        "mean_length": model.facts.get("mean_length"),
        "max_length": model.recipe.max_length,
        "read_from": "the end" if model.recipe.fixed_length else "half from either end",
        "notes": list(model.facts.get("notes", [])),
        "smallest": None,
        "largest": None,
        "account": None,
        "lengths": None,
    }
    if counts:
        by_size = sorted(counts.items(), key=lambda item: (item[1], item[0]))
        found |= {"smallest": by_size[0], "largest": by_size[-1]}
    if corpus is not None:
        lengths = np.array([len(tokenize(text, model.language)) for text in corpus.texts])
        found["account"] = _account(corpus)
        found["lengths"] = lengths.tolist()
        quantiles = np.quantile(lengths, _SHARES, method="inverted_cdf")
        found["quantiles"] = dict(zip(_SHARES, map(int, quantiles), strict=True))
        found["cut"] = int((lengths > model.recipe.max_length).sum())
    return found


def _account(corpus: Corpus) -> dict[str, Any]:
    """Count what was unusual; without the contents of refused rows, which nobody has checked."""
    reasons = corpus.tally.counts
    return {
        "name": Path(corpus.source).name,
        "n_read": len(corpus.texts),
        "n_refused": sum(reasons.values()),
        "reasons": sorted(reasons.items(), key=lambda item: (-item[1], item[0])),
        "n_duplicates": corpus.n_duplicates,
        "n_conflicts": len(corpus.conflicts),
        "notes": list(corpus.notes),
    }


def history_facts(model: FittedModel) -> list[dict[str, Any]]:
    """List the epochs; those on all records, which begin again at 1, are numbered on."""
    found, is_last = [], False
    for place, one in enumerate(model.history):
        is_last = is_last or (place > 0 and one.epoch == 1)
        found.append(asdict(one) | {"epoch": place + 1, "is_last": is_last})
    return found


def cost_facts(model: FittedModel) -> dict[str, Any]:
    """Say how large a model is and what its making took."""
    seconds = {stage: float(value) for stage, value in (model.facts.get("seconds") or {}).items()}
    return {
        "parameters": sum(parameter.numel() for parameter in model.network.parameters()),
        "n_words": len(model.vocabulary) - 2,
        "terms": len(model.ngrams.terms) if model.ngrams else 0,
        "seconds": seconds,
        "total": sum(seconds.values()),
        "records_per_second": model.facts.get("records_per_second"),
        "device": model.precision.describe(),
    }


def reproduction_facts(
    model: FittedModel,
    recipe_name: str,
    *,
    versions: Mapping[str, str],
    command: str | None,
) -> dict[str, Any]:
    """Collect all that it takes to train the model again.

    Parameters
    ----------
    model : FittedModel
        The model.
    recipe_name : str
        The recipe that it began from.
    versions : mapping of str to str
        The packages that it was made with.
    command : str, optional
        The command that made it.

    Returns
    -------
    dict
    """
    used = asdict(model.recipe)
    defaults = asdict(RECIPES[recipe_name]) if recipe_name in RECIPES else {}
    changed = [
        {"name": name, "used": value, "default": defaults.get(name)}
        for name, value in used.items()
        if defaults.get(name) != value
    ]
    fingerprints = {
        name.replace("_", " "): str(value)
        for name, value in sorted(model.facts.items())
        if "fingerprint" in name or "sha256" in name
    }
    return {
        "recipe": recipe_name,
        "changed": changed,
        "seed": model.seed,
        "threads": model.facts.get("threads"),
        "language": model.language,
        "versions": dict(versions),
        "fingerprints": fingerprints,
        "command": command,
        "blend": asdict(model.blend),
    }
