"""What a worker does: one fit on the training part of one fold, judged on its test part.

Vocabulary, word vectors, companion, early stopping and blend are all fitted in here, on the
training part alone.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gatewise.base.files import json_bytes
from gatewise.base.seeding import numpy_generator
from gatewise.classify.blend import Blend
from gatewise.classify.classifier import TextClassifier
from gatewise.classify.companions import one_after_the_other
from gatewise.classify.model import RawScores, raw_scores
from gatewise.classify.repeated import REPEATED, TOO_GOOD
from gatewise.classify.scope import more_evidence
from gatewise.classify.twins import largest_similarities
from gatewise.network.recipes import Recipe, choose_recipe
from gatewise.selection.averages import AveragedVectors
from gatewise.selection.folds import Fold, Folds
from gatewise.selection.ledger import Unit
from gatewise.selection.outcomes import FoldResult
from gatewise.text.accounts import folded_text
from gatewise.text.tokens import tokenize
from gatewise.vectors.word_vectors import WordVectors

__all__ = ["AVERAGES", "CLASSIFIER", "FitData", "FitFacts", "do_fit", "learning_rows"]

Numbers = NDArray[np.int64]

CLASSIFIER, AVERAGES = "classifier", "averages"
# What the averaged vectors take of the settings besides the recipe's.
_LANGUAGE = "language"


@dataclass(frozen=True, eq=False)
class FitData:
    """What all fits share; sent to each process once.

    Attributes
    ----------
    texts, labels : list of str
        N records.
    folds : Folds
        How they are parted.
    threads : int
        Of each fit.
    unlabelled : tuple of str
        Further texts for the word vectors.
    vectors : WordVectors or None
        Word vectors from elsewhere.
    class_weight : dict, "balanced" or None
        For :class:`gatewise.TextClassifier`.
    """

    texts: Sequence[str]
    labels: Sequence[str]
    folds: Folds
    threads: int = 1
    unlabelled: tuple[str, ...] = ()
    vectors: WordVectors | None = None
    class_weight: dict[str, float] | str | None = None

    @property
    def classes(self) -> list[str]:
        """The C classes of all records, sorted."""
        return sorted(set(self.labels))

    @property
    def notes(self) -> list[str]:
        """What should be known of the records and their folds before a score is believed."""
        return [*self.folds.notes, *_repetitions_told(self.texts, self.folds)]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything in it, as 64 hexadecimal digits."""
        digest = hashlib.sha256()
        plain = (self.texts, self.labels, self.unlabelled, self.class_weight, self.threads)
        for value in plain:
            digest.update(hashlib.sha256(json_bytes(value)).digest())
        for fold in self.folds.folds:
            digest.update(fold.train.astype("<i8").tobytes() + b"/")
            digest.update(fold.test.astype("<i8").tobytes() + b"/")
        if self.vectors is not None:
            digest.update(json_bytes(list(self.vectors.words)))
            digest.update(self.vectors.matrix.tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class FitFacts:
    """What tells one fit from another on the same data.

    Attributes
    ----------
    settings : mapping
        Parameters of :class:`gatewise.TextClassifier` that are not its defaults.
    fold : int
        Number of the fold.
    seed : int
        Of everything random.
    method : str
        ``CLASSIFIER`` or ``AVERAGES``.
    share : float
        Of the training part that is learnt from.
    """

    settings: Mapping[str, Any]
    fold: int
    seed: int
    method: str = CLASSIFIER
    share: float = 1.0

    def unit(self, fingerprint: str, name: str) -> Unit:
        """Make the unit of work; ``name`` is what people are told of the fit."""
        facts = {
            "data": fingerprint,
            "method": self.method,
            "settings": dict(sorted(self.settings.items())),
            "fold": self.fold,
            "share": self.share,
            "seed": self.seed,
        }
        return Unit(facts, f"{name}, fold {self.fold + 1}", name)


def _repetitions_told(texts: Sequence[str], folds: Folds) -> list[str]:
    """Say how many records are judged by a model that has learnt from the same text."""
    folded = [folded_text(text) for text in texts]
    n_seen = n_judged = 0
    for fold in folds.folds:
        learnt = {folded[row] for row in fold.train}
        n_seen += sum(folded[row] in learnt for row in fold.test)
        n_judged += len(fold.test)
    share = n_seen / max(1, n_judged)
    if share < REPEATED:
        return []
    return [
        f"{share:.1%} of the records are judged by models that have learnt from the same text, "
        f"which {TOO_GOOD}; leave repetitions out, or keep them together by a column (--group)"
    ]


def do_fit(data: FitData, unit: Unit) -> dict[str, Any]:
    """Fit one candidate on one fold and judge it.

    Parameters
    ----------
    data : FitData
        The records and folds.
    unit : Unit
        Of :meth:`FitFacts.unit`.

    Returns
    -------
    dict
        A :class:`gatewise.selection.outcomes.FoldResult` as plain values.
    """
    given = {name: value for name, value in unit.facts.items() if name != "data"}
    facts = FitFacts(**given)
    torch.set_num_threads(data.threads)
    fold = data.folds.folds[facts.fold]
    rows = learning_rows(data.labels, fold.train, facts.share, facts.seed)
    fit = _fit_averages if facts.method == AVERAGES else _fit_classifier
    started = time.perf_counter()
    found = fit(data, facts, rows, fold)
    return replace(found, seconds=time.perf_counter() - started).to_plain()


def learning_rows(labels: Sequence[str], train: Numbers, share: float, seed: int) -> Numbers:
    """Take a share of the training rows of each class, at least one; a larger share holds it."""
    if share >= 1.0:
        return train
    order = numpy_generator(seed, "learning curve").permutation(len(labels))
    by_class: dict[str, list[int]] = {}
    for row in train[np.argsort(order[train])].tolist():
        by_class.setdefault(labels[row], []).append(row)
    kept = (rows[: math.ceil(share * len(rows))] for rows in by_class.values())
    return np.sort(np.array([row for rows in kept for row in rows], dtype=np.int64))


def _fit_classifier(data: FitData, facts: FitFacts, rows: Numbers, fold: Fold) -> FoldResult:
    classifier = TextClassifier(
        **facts.settings,
        random_state=facts.seed,
        vectors=data.vectors,
        unlabelled=data.unlabelled or None,
        class_weight=_weights_of_known(data.class_weight, [data.labels[row] for row in rows]),
    )
    with one_after_the_other() as spent:
        classifier.fit([data.texts[row] for row in rows], [data.labels[row] for row in rows])
    model = classifier.model_
    tokens = [tokenize(data.texts[row], model.language) for row in fold.test]
    n_parameters = sum(array.size for array in model.network.arrays().values())
    raw = raw_scores(model, tokens)
    evidence = more_evidence(tokens, raw.points, model.ngrams, model.index)
    known = [tokenize(data.texts[row], model.language) for row in rows]
    evidence["similarity"] = largest_similarities(known, tokens)
    found = FoldResult.judged(
        [data.labels[row] for row in fold.test],
        data.classes,
        model.labels,
        raw,
        model.blend,
        n_parameters=int(n_parameters),
        n_ngram_weights=int(model.ngrams.weights.size) if model.ngrams else 0,
    )
    return replace(
        found,
        token_seconds=model.facts["seconds"]["tokens"],
        companion_seconds=sum(spent),
        evidence=evidence,
    )


def _fit_averages(data: FitData, facts: FitFacts, rows: Numbers, fold: Fold) -> FoldResult:
    settings = dict(facts.settings)
    language = settings.pop(_LANGUAGE, "auto")
    recipe = _recipe_of(settings, data.vectors)
    model = AveragedVectors(recipe, seed=facts.seed, vectors=data.vectors)
    tokens = [tokenize(text, language) for text in data.texts]
    labels = [data.labels[row] for row in rows]
    model.fit(
        [tokens[row] for row in rows],
        labels,
        [tokenize(text, language) for text in data.unlabelled],
        _weights_of_known(data.class_weight, labels),
    )
    scores = model.log_probabilities([tokens[row] for row in fold.test])
    return FoldResult.judged(
        [data.labels[row] for row in fold.test],
        data.classes,
        model.classes,
        RawScores(scores, None),
        Blend(),
        n_parameters=model.n_parameters,
    )


def _recipe_of(settings: Mapping[str, Any], vectors: WordVectors | None) -> Recipe:
    changes = dict(settings)
    if vectors is not None:
        changes["word_dimension"] = vectors.dimension
    return choose_recipe(changes.pop("recipe", "modern"), **changes)


def _weights_of_known(
    weights: dict[str, float] | str | None, labels: Sequence[str]
) -> dict[str, float] | str | None:
    """Leave the weights of classes away that a fold has no record of."""
    if not isinstance(weights, dict):
        return weights
    known = set(labels)
    return {label: weight for label, weight in weights.items() if label in known} or None
