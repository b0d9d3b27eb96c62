"""Runs as ``gatewise tune`` and ``gatewise compare`` leave them, and a model to report of."""

import copy
import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from gatewise.base.files import write_json
from gatewise.classify.classifier import TextClassifier
from gatewise.classify.held_out import HeldOut
from gatewise.evaluate.paired import Difference
from gatewise.selection.candidates import Candidate
from gatewise.selection.choice import CandidateResult, FoldScore
from gatewise.selection.results import write_results
from gatewise.selection.verdict import CurvePoint, Pair
from gatewise.text.corpus import corpus_from_lists

SHARED = {
    "score": "accuracy",
    "seed": 0,
    "fixed": {"epochs": 4},
    "notes": [],
    "n_records": 1454,
    "n_classes": 33,
    "n_folds": 3,
}
METHODS = {"modern": "LSTM and n-grams", "lstm": "LSTM alone", "ngrams": "n-grams alone"}


@pytest.fixture(scope="session")
def candidate():
    """Make a candidate of this mean; its standard error is one hundredth."""

    def make(params, mean=0.8, *, n_folds=3, score="accuracy", parts=("lstm", "ngrams"), **changes):
        steps = [math.sqrt(3) * 0.01 * (number - 1) for number in range(n_folds)]
        other = {"accuracy": "macro_f1", "macro_f1": "accuracy"}[score]
        folds = [
            FoldScore(
                number,
                **{score: mean + step, other: 0.5},
                seconds=10 * mean + number,
                parts={part: {score: mean - 0.2, other: 0.3} for part in parts},
            )
            for number, step in enumerate(steps)
        ]
        fields = {"name": Candidate(params).name, "parameters": 1234 if folds else 0, **changes}
        return CandidateResult(params=params, score=score, folds=folds, **fields)

    return make


@pytest.fixture(scope="session")
def grid(candidate):
    """Make six candidates, 8 to 512 units of one and two layers, whose scores all differ."""
    places = enumerate(itertools.product((8, 64, 512), (1, 2)))
    return [
        candidate({"units": units, "layers": layers}, 0.7 + place / 50)
        for place, (units, layers) in places
    ]


@pytest.fixture
def tuned(tmp_path):
    """Write what ``gatewise tune`` leaves; returns the folder."""

    def write(results, chosen=0, **changes):
        own = {
            "question": "tune",
            "chosen": results[chosen].name,
            "best": results[-1].name,
            "fastest": results[0].name,
            "reason": "It is the smallest.",
        }
        write_json(tmp_path / "run.json", {})
        summary = SHARED | own | {"score": results[0].score} | changes
        write_results(tmp_path, results, chosen, summary)
        return tmp_path

    return write


@pytest.fixture(scope="session")
def methods(candidate):
    """Make three methods; n-grams alone are the best."""
    return [
        candidate({"method": key}, 0.6 + place / 10, name=title)
        for place, (key, title) in enumerate(METHODS.items())
    ]


@pytest.fixture(scope="session")
def curve():
    """Scores of two parts with a quarter, half and all of the records, on three folds."""
    return [
        CurvePoint(share, round(share * 1000), {"blend": scores, "lstm": [0.1, 0.2, 0.3]})
        for share, scores in ((0.25, [0.3, 0.4, 0.5]), (0.5, [0.6] * 3), (1.0, [0.7, 0.8, 0.9]))
    ]


@pytest.fixture
def compared(tmp_path):
    """Write what ``gatewise compare`` leaves; returns the folder."""

    def write(results, chosen=0, curve=(), **changes):
        difference = Difference(-0.0123, -0.0345, 0.0067, 0.25)
        own = {
            "question": "compare",
            "chosen": results[chosen].name,
            "conclusion": "The LSTM is not worth it.",
            "pairs": [Pair("modern", "ngrams", "lstm", difference, 0.00000123).to_plain()],
            "curve": [point.to_plain() for point in curve],
        }
        write_json(tmp_path / "run.json", {})
        write_results(tmp_path, results, chosen, SHARED | own | changes)
        return tmp_path

    return write


# Models


@pytest.fixture(scope="session")
def corpus(make_tickets):
    """The records that the model has learnt from: a fifth wrongly labelled, one row refused."""
    texts, labels = make_tickets(240)
    labels[::5] = [*labels[7::5], *labels[:1]][: len(labels[::5])]
    return corpus_from_lists([*texts, "  "], [*labels, "card"])


@pytest.fixture(scope="session")
def classifier(corpus):
    """A classifier that was fitted in a second. Do not change it."""
    settings = {"units": 4, "word_dimension": 8, "ngram_dimension": 4, "projection": 0}
    settings |= {"epochs": 4, "batch_size": 16, "word2vec_passes": 2}
    return TextClassifier(**settings, random_state=3).fit(corpus.texts, corpus.labels)


@pytest.fixture
def altered(classifier):
    """Make a classifier whose model differs in some fields; labels may be more or fewer."""

    def make(**changes):
        found = copy.copy(classifier)
        found.model_ = replace(classifier.model_, **changes)
        return found

    return make


@pytest.fixture
def held_out(classifier):
    """Make held-out records: targets, and probabilities of the network as of the companion."""

    def make(targets, probabilities, *, source="training", rows=None, in_scope=None):
        scores = np.log(np.asarray(probabilities, dtype=np.float64)).astype(np.float32)
        return HeldOut(
            source=source,
            rows=np.arange(len(targets)) if rows is None else np.asarray(rows),
            targets=np.asarray(targets),
            network=scores,
            ngrams=scores,
            in_scope=None if in_scope is None else np.float32(in_scope),
        )

    return make
