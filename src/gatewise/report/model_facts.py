"""A fitted model, and records where there are some -> everything that its report shows."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gatewise.base.errors import ConfigError
from gatewise.base.versions import package_versions
from gatewise.classify.classifier import TextClassifier
from gatewise.classify.model import FittedModel
from gatewise.evaluate.metrics import Metrics, measure
from gatewise.report.confusion import Grid, grid, mutual_pairs
from gatewise.report.examples import hardest_records, pair_examples, suspicious_labels
from gatewise.report.facts import RunFacts, read_run
from gatewise.report.measured import FILE, Measured, held_out_records, labelled_records
from gatewise.report.origin import (
    cost_facts,
    data_facts,
    history_facts,
    reproduction_facts,
    training_counts,
)
from gatewise.report.quality import (
    calibration_facts,
    class_facts,
    headline_facts,
    risk_facts,
    scope_facts,
    source_told,
)
from gatewise.report.replayed import replay_facts
from gatewise.report.shown import Shower, shower
from gatewise.report.verdict import verdict
from gatewise.report.words import word_facts
from gatewise.text.corpus import Corpus

__all__ = ["ModelFacts", "Quality", "model_facts"]

_N_PAIRS = 20


@dataclass(frozen=True, eq=False)
class Quality:
    """What was measured on labelled records.

    Attributes
    ----------
    told : str
        Which records, in one clause.
    metrics : Metrics
        Of the model's answers.
    headline, calibration, risk : dict
        As :mod:`gatewise.report.quality` makes them.
    scope : dict or None
        The same; None without records from outside the classes.
    grid : Grid
        The part of the confusion matrix that is drawn.
    pairs : list of dict
        ``pair``: MutualPair, ``examples``: records.
    hardest, suspects : list of dict or None
        Records; None without texts.
    suspects_note : str
        How many there are.
    """

    told: str
    metrics: Metrics
    headline: dict[str, Any]
    calibration: dict[str, Any]
    risk: dict[str, Any]
    scope: dict[str, Any] | None
    grid: Grid
    pairs: list[dict[str, Any]]
    hardest: list[dict[str, Any]] | None
    suspects: list[dict[str, Any]] | None
    suspects_note: str


@dataclass(frozen=True, eq=False)
class ModelFacts:
    """Everything that the report of a model shows.

    Attributes
    ----------
    labels : tuple of str
        The C classes.
    verdict : list of str
        What it is, how good, and when not to trust it, in plain sentences.
    quality : Quality or None
        None if there is nothing that it could be measured on.
    classes : list of dict
        Scores of each class; without measured records, only training counts.
    data, words, costs, reproduction : dict
        As :mod:`gatewise.report.origin` and :mod:`gatewise.report.words` make them.
    history : list of dict
        The epochs.
    replayed : dict or None
        One record, step by step.
    runs : list of (str, RunFacts)
        Names of the folders, and what they hold.
    is_redacted : bool
        Whether texts are masked.
    """

    labels: tuple[str, ...]
    verdict: list[str]
    quality: Quality | None
    classes: list[dict[str, Any]]
    data: dict[str, Any]
    words: dict[str, Any]
    costs: dict[str, Any]
    reproduction: dict[str, Any]
    history: list[dict[str, Any]]
    replayed: dict[str, Any] | None
    runs: list[tuple[str, RunFacts]]
    is_redacted: bool


def model_facts(
    classifier: TextClassifier,
    *,
    corpus: Corpus | None = None,
    data: Corpus | None = None,
    redact: bool = False,
    runs: Sequence[Path] = (),
    command: str | None = None,
    versions: Mapping[str, str] | None = None,
) -> ModelFacts:
    """Collect what the report of a model shows.

    Parameters
    ----------
    classifier : TextClassifier
        A fitted one.
    corpus : Corpus, optional
        The records that it was trained on, in their order.
    data : Corpus, optional
        Labelled records to measure on instead of the held-out ones.
    redact : bool
        Mask in all texts what may name a person.
    runs : sequence of Path
        Folders of ``tune`` or ``compare``, whose charts are shown.
    command : str, optional
        What was typed to train it.
    versions : mapping of str to str, optional
        The packages that it was made with; None: those installed.

    Returns
    -------
    ModelFacts

    Raises
    ------
    ConfigError
        If the classifier is not fitted.
    DataError
        If a folder of ``runs`` holds no run that has ended.
    """
    if not hasattr(classifier, "model_"):
        raise ConfigError(
            f"a fitted TextClassifier is needed, and this is {type(classifier).__name__} "
            f"{classifier!r:.80}; call fit first"
        )
    read_runs = [(Path(folder).name, read_run(Path(folder))) for folder in runs]
    model = classifier.model_
    measured = held_out_records(model, corpus) if data is None else labelled_records(model, data)
    counts = training_counts(model, corpus)
    show = shower(redacted=redact)
    quality = None if measured is None else _quality(model, measured, show)
    # A chain, since the texts of a large file do not fit into memory.
    known = itertools.chain(corpus.texts if corpus else (), (measured and measured.texts) or ())
    words = word_facts(model, redacted=redact, texts=known)
    classes = (
        class_facts(quality.metrics, counts)
        if quality
        else [{"label": label, "trained": (counts or {}).get(label)} for label in model.labels]
    )
    return ModelFacts(
        labels=model.labels,
        verdict=verdict(model, None if quality is None else _quality_told(quality), classes),
        quality=quality,
        classes=classes,
        data=data_facts(model, corpus, counts),
        words=words,
        costs=cost_facts(model),
        reproduction=reproduction_facts(
            model,
            str(getattr(classifier, "recipe", "")),
            versions=package_versions() if versions is None else versions,
            command=command,
        ),
        history=history_facts(model),
        replayed=replay_facts(model, measured, words["map"], redacted=redact),
        runs=read_runs,
        is_redacted=redact,
    )


def _quality(model: FittedModel, measured: Measured, show: Shower) -> Quality:
    labels = model.labels
    probabilities = np.minimum(np.exp(measured.blend), 1.0)  # (N, C)
    metrics = measure(measured.truth, labels, probabilities)
    has_texts = measured.texts is not None
    suspects, note = suspicious_labels(measured, labels, show) if has_texts else (None, "")
    return Quality(
        told=source_told(
            measured, 0.0 if measured.source == FILE else model.facts.get("learnt_share", 0.0)
        ),
        metrics=metrics,
        headline=headline_facts(measured),
        calibration=calibration_facts(measured, labels),
        risk=risk_facts(measured, model.decision),
        scope=scope_facts(measured, model.decision),
        grid=grid(metrics),
        pairs=[
            {"pair": pair, "examples": pair_examples(measured, pair, labels, show)}
            for pair in mutual_pairs(metrics)[:_N_PAIRS]
        ],
        hardest=hardest_records(measured, labels, show) if has_texts else None,
        suspects=suspects,
        suspects_note=note,
    )


def _quality_told(quality: Quality) -> dict[str, Any]:
    """Take what the verdict needs."""
    return {
        "headline": quality.headline,
        "risk": quality.risk,
        "error": quality.calibration["after"]["error"],
        "error_by_chance": quality.calibration["after"]["by_chance"],
        "overconfidence": quality.calibration["after"]["mean_confidence"]
        - quality.metrics.accuracy,
        "n_records": quality.metrics.n_records,
    }
