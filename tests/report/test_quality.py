"""Scores of a report against counting by hand."""

import numpy as np
import pytest

from gatewise.classify.decision import Decision
from gatewise.evaluate.metrics import measure
from gatewise.evaluate.trust import accuracy_interval
from gatewise.report.measured import held_out_records, labelled_records
from gatewise.report.quality import (
    COVERAGES,
    calibration_facts,
    class_facts,
    headline_facts,
    risk_facts,
    scope_facts,
    source_told,
)
from gatewise.text.corpus import corpus_from_lists

LABELS = ("balance", "card", "transfer")


@pytest.fixture
def measured(classifier, corpus):
    return held_out_records(classifier.model_, corpus)


def test_the_model_stands_beside_its_parts(measured, classifier):
    found = headline_facts(measured)
    facts = classifier.model_.facts["held_out"]
    names = ["LSTM and n-grams", "LSTM alone", "n-grams alone", "always the largest class"]
    assert [row["name"] for row in found["rows"]] == names
    accuracies = [row["accuracy"] for row in found["rows"]]
    assert accuracies[:3] == pytest.approx([facts[part] for part in ("blend", "lstm", "ngrams")])
    counts = np.bincount(measured.targets)
    assert accuracies[3] == counts.max() / counts.sum()
    low, high = accuracy_interval(measured.right)
    assert (found["rows"][0]["low"], found["rows"][0]["high"]) == (low, high)
    assert found["lead"] == pytest.approx(accuracies[0] - accuracies[2])
    assert 0.0 <= found["chance"] <= 1.0


def test_a_model_without_a_companion(altered, held_out, classifier):
    kept = held_out([0, 1, 1], [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1]])
    kept = type(kept)(**{**vars(kept), "ngrams": None})
    found = headline_facts(held_out_records(altered(held_out=kept, ngrams=None).model_))
    assert [row["name"] for row in found["rows"]] == ["LSTM alone", "always the largest class"]
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert "chance" not in found


def test_classes_by_hand(altered, held_out):
    probabilities = [[0.7, 0.2, 0.1]] * 3 + [[0.1, 0.8, 0.1]] * 2
    measured = held_out_records(altered(held_out=held_out([0, 0, 1, 1, 2], probabilities)).model_)
    metrics = measure(measured.truth, LABELS, np.exp(measured.blend))
    rows = {row["label"]: row for row in class_facts(metrics, {"card": 7, "balance": 5})}
    assert rows["balance"]["precision"] == pytest.approx(2 / 3)
    assert rows["balance"]["recall"] == 1.0
    assert rows["card"] == {
        "label": "card",
        "trained": 7,
        "measured": 2,
        "is_known": True,
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
        "taken_for": ("balance", 1),
    }
    assert rows["transfer"]["trained"] == 0
    assert rows["transfer"]["taken_for"] == ("card", 1)
    assert rows["balance"]["taken_for"] is None
    assert [row["trained"] for row in class_facts(metrics, None)] == [None] * 3
    # Nothing was called so, and so nothing can be said of what was.
    assert [rows["transfer"][kind] for kind in ("precision", "recall", "f1")] == [None, 0.0, 0.0]


def test_a_class_without_records_has_no_scores():
    truth = ["balance", "balance", "card"]
    metrics = measure(truth, LABELS, np.array([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1]])[[0, 1, 0]])
    for row in class_facts(metrics, None):
        found = [row[kind] for kind in ("precision", "recall", "f1")]
        assert (row["label"] == "transfer") == (found == [None] * 3)


def test_calibration_before_and_after(measured):
    found = calibration_facts(measured, LABELS)
    truth = np.eye(3)[measured.targets]
    for name, scores in (("before", measured.uncalibrated), ("after", measured.blend)):
        probabilities = np.exp(scores)
        brier = ((probabilities - truth) ** 2).sum(axis=1).mean()
        assert found[name]["brier"] == pytest.approx(brier)
        own = probabilities[np.arange(len(truth)), measured.targets]
        assert found[name]["log_loss"] == pytest.approx(-np.log(own).mean())
        assert sum(one.count for one in found[name]["bins"]) == len(truth)
        assert found[name]["mean_confidence"] == pytest.approx(probabilities.max(axis=1).mean())
    assert found["after"]["log_loss"] <= found["before"]["log_loss"] + 1e-9


def test_what_the_thresholds_do(measured):
    confidences = np.sort(measured.confidences)
    threshold = float(confidences[len(confidences) // 3])
    found = risk_facts(measured, Decision(abstain_below=threshold))
    given = measured.confidences >= threshold
    assert found["given"] == pytest.approx(given.mean())
    assert found["wrong"] == pytest.approx(1 - measured.right[given].mean())
    assert found["error"] == pytest.approx(1 - measured.right.mean())
    assert set(found["curves"]) == {"probability", "in-scope score"}
    for wanted, row in zip(COVERAGES, found["rows"], strict=True):
        given = measured.confidences >= row["threshold"]
        assert row["coverage"] == pytest.approx(given.mean())
        assert row["coverage"] >= wanted - 1e-9
        assert row["risk"] == pytest.approx(1 - measured.right[given].mean())


def test_thresholds_that_let_nothing_through(measured):
    found = risk_facts(measured, Decision(abstain_below=1.0))
    assert (found["given"], found["wrong"]) == (0.0, None)


def test_texts_from_outside(classifier, measured):
    assert scope_facts(measured, Decision()) is None
    texts = ["the machine kept my card", "what is my balance", "rain on sunday", "qwxz"]
    data = corpus_from_lists(texts, ["card", "balance", "music", "noise"])
    inside = labelled_records(classifier.model_, data)
    found = scope_facts(inside, Decision())
    assert found["n_outside"] == 2
    assert found["answered"] == 1.0
    wins = [(a > b) + (a == b) / 2 for a in inside.confidences[:2] for b in inside.confidences[2:]]
    assert found["rows"]["probability"] == pytest.approx(np.mean(wins))
    assert set(found["rows"]) == {"probability", "in-scope score"}


def test_where_the_records_come_from(measured, altered, held_out):
    assert source_told(measured).startswith("48 records held out of the training records")
    told = source_told(measured, 0.25)
    assert "; 25.0% of them have a text that was learnt from too, which makes scores too" in told
    one = held_out([0], [[0.7, 0.2, 0.1]], source="folds")
    told = source_told(held_out_records(altered(held_out=one).model_))
    assert told == "1 record, each answered by a model that was fitted without it"
