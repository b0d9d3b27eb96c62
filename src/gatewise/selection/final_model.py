"""The chosen candidate, trained on all records, with what the folds have taught about deciding."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from gatewise.base.files import json_bytes, write_json
from gatewise.base.progress import Progress
from gatewise.base.versions import package_versions
from gatewise.classify.classifier import TextClassifier
from gatewise.classify.held_out import FOLDS
from gatewise.classify.model import RawScores
from gatewise.classify.row_choice import UNMEASURED
from gatewise.classify.scoping import Lessons, learn_from_scores
from gatewise.classify.training_data import TrainingData
from gatewise.classify.twins import fresh_records
from gatewise.selection.fits import FitData
from gatewise.selection.folds import Fold
from gatewise.selection.outcomes import NEVER, FoldResult
from gatewise.store.manifest import MANIFEST
from gatewise.store.training_run import prepare_run
from gatewise.text.corpus import corpus_from_lists

__all__ = ["FINAL", "FoldResults", "decide_from_folds", "train_final"]

FINAL = "model"

_STAMP = "model.json"

# Reads the folds of a candidate and what was reached on each, one at a time.
FoldResults = Callable[[], Iterator[tuple[Fold, FoldResult]]]


def train_final(
    data: FitData,
    settings: Mapping[str, Any],
    found: FoldResults,
    out: Path,
    *,
    seed: int,
    progress: Progress,
) -> Path:
    """Train a candidate on all records, unless that has been done.

    Parameters
    ----------
    data : FitData
        The records.
    settings : mapping
        Parameters of :class:`gatewise.TextClassifier`.
    found : callable
        Reads what the candidate reached on each fold: it decides the blend and the threshold.
    out : Path
        The run's folder; the model goes into ``out / "model"``.
    seed : int
        Of everything random.
    progress : Progress
        Told of everything.

    Returns
    -------
    Path
        The model's folder.
    """
    lessons = decide_from_folds(
        data,
        found,
        coverage=settings["abstain_coverage"],
        precision=settings["abstain_precision"],
        seed=seed,
    )
    folder, note = out / FINAL, out / _STAMP
    facts = {
        "data": data.fingerprint,
        "settings": dict(settings),
        "seed": seed,
        "blend": asdict(lessons.blend),
        "decision": asdict(lessons.decision),
        "versions": package_versions(),
    }
    stamp = hashlib.sha256(json_bytes(facts)).hexdigest()
    begun, done = _begun(note)
    if done == stamp and (folder / MANIFEST).exists():
        return folder
    run = prepare_run(folder, resume=begun == stamp, restart=begun != stamp)
    write_json(note, {"begun": stamp, "done": ""})

    def finish(classifier: TextClassifier) -> None:
        facts = classifier.model_.facts
        notes = [note for note in facts["notes"] if UNMEASURED not in note]  # by now it was
        classifier.model_ = replace(
            classifier.model_,
            blend=lessons.blend,
            decision=lessons.decision,
            scope=lessons.scope,
            held_out=lessons.held_out,
            facts=facts | {"held_out": lessons.accuracies, "notes": notes},
        )
        if lessons.note:
            progress.message(lessons.note)

    corpus = corpus_from_lists(data.texts, data.labels)
    given = TrainingData(corpus, unlabelled=list(data.unlabelled), vectors=data.vectors)
    classifier = TextClassifier(**settings, random_state=seed, class_weight=data.class_weight)
    run.train(classifier, given, progress, finish=finish)
    write_json(note, {"begun": stamp, "done": stamp})
    return folder


def decide_from_folds(
    data: FitData,
    found: FoldResults,
    *,
    coverage: float,
    precision: float | None,
    seed: int,
) -> Lessons:
    """Choose blend and thresholds, and learn what in-scope looks like, on all out-of-fold records.

    Of repeats, each record's first answer counts.

    Parameters
    ----------
    data : FitData
        The records.
    found : callable
        Reads what a candidate reached on each fold.
    coverage : float
        Share of in-scope texts that are answered.
    precision : float or None
        Share of the answers that should be right.
    seed : int
        Of the draw of scores that are kept.

    Returns
    -------
    Lessons
    """
    number_of = {label: number for number, label in enumerate(data.classes)}
    targets_of = np.array([number_of[label] for label in data.labels])  # (N,)
    rows, parts, evidence = [], [], []
    left = np.ones(len(targets_of), dtype=bool)  # repeats answer a record again: none is surer
    for fold, result in found():
        true = targets_of[fold.test]
        # A class that a fold did not know says nothing of how sure its fit may be.
        known = (result.raw.network[np.arange(len(true)), true] > NEVER) & left[fold.test]
        left[fold.test[known]] = False
        rows.append(fold.test[known])
        parts.append((result.raw.network[known], result.raw.ngrams))
        if result.raw.ngrams is not None:
            parts[-1] = parts[-1][0], result.raw.ngrams[known]
        evidence.append({kind: values[known] for kind, values in result.evidence.items()})
    numbers = np.concatenate(rows)
    margins = [part for _, part in parts if part is not None]
    raw = RawScores(
        np.concatenate([part for part, _ in parts]), np.concatenate(margins) if margins else None
    )
    gathered = {kind: np.concatenate([one[kind] for one in evidence]) for kind in evidence[0]}
    return learn_from_scores(
        raw,
        numbers,
        targets_of[numbers],
        gathered,
        fresh_records(gathered["similarity"]),
        source=FOLDS,
        coverage=coverage,
        precision=precision,
        seed=seed,
    )


def _begun(note: Path) -> tuple[str, str]:
    """Read which model was begun and which was done; another file's content is neither."""
    try:
        found = json.loads(note.read_bytes())
        return str(found["begun"]), str(found["done"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""
