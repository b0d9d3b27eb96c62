"""Records worth reading, by hand; and a page without cleanlab."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from gatewise.evaluate.trust import NO_CLASS
from gatewise.report import examples
from gatewise.report.confusion import mutual_pairs
from gatewise.report.examples import hardest_records, pair_examples, suspicious_labels
from gatewise.report.measured import held_out_records
from gatewise.report.model_facts import measure
from gatewise.report.shown import LONGEST_TEXT, shower

LABELS = ("balance", "card", "transfer")
SHOW = shower(redacted=False)


@pytest.fixture
def measured(classifier, corpus):
    return held_out_records(classifier.model_, corpus)


def test_the_hardest_come_first(measured, corpus):
    rows = hardest_records(measured, LABELS, SHOW)
    given = [row["given"] for row in rows]
    assert given == sorted(given)
    wrong = measured.given[~measured.right]
    assert given == pytest.approx(sorted(wrong)[: len(rows)])
    for row in rows:
        place = corpus.lines.index(row["line"])
        assert row["text"] == " ".join(corpus.texts[place].split())
        assert row["label"] == corpus.labels[place] != row["answer"]


def test_labels_that_the_model_lacks_do_not_crowd_out_the_hardest(measured):
    targets = np.where(np.arange(len(measured.targets)) % 2, NO_CLASS, measured.targets)
    truth = [LABELS[target] if target != NO_CLASS else "music" for target in targets]
    found = hardest_records(replace(measured, targets=targets, truth=tuple(truth)), LABELS, SHOW)
    assert found
    assert "music" not in {row["label"] for row in found}


def test_examples_are_of_the_pair(measured):
    metrics = measure(measured.truth, LABELS, np.exp(measured.blend))
    pair = mutual_pairs(metrics)[0]
    rows = pair_examples(measured, pair, LABELS, SHOW)
    both = {(pair.first, pair.second), (pair.second, pair.first)}
    assert rows
    assert {(row["label"], row["answer"]) for row in rows} <= both
    there = [row["confidence"] for row in rows if row["label"] == pair.first]
    assert there == sorted(there, reverse=True)


def test_no_examples_without_texts(classifier):
    measured = held_out_records(classifier.model_)
    metrics = measure(measured.truth, LABELS, np.exp(measured.blend))
    assert pair_examples(measured, mutual_pairs(metrics)[0], LABELS, SHOW) == []


def test_labels_that_look_wrong(measured):
    pytest.importorskip("cleanlab")
    rows, note = suspicious_labels(measured, LABELS, SHOW)
    assert rows
    assert "of 48 labels look wrong" in note
    assert all(row["label"] != row["answer"] for row in rows)


def test_without_cleanlab_it_is_said_how_to_get_it(measured, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "cleanlab"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cleanlab", None)
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    rows, note = suspicious_labels(measured, LABELS, SHOW)
    assert rows == []
    assert note.startswith("Not looked for: ")
    assert "gatewise[audit]" in note


def test_of_very_many_records_labels_are_not_audited(measured, monkeypatch):
    monkeypatch.setattr(examples, "_MOST_AUDITED", 47)
    rows, note = suspicious_labels(measured, LABELS, SHOW)
    assert (rows, note) == ([], "Not looked for among more than 47 records; gatewise audit does.")


def test_a_model_that_doubts_most_labels_is_doubted(classifier, altered, held_out, corpus):
    pytest.importorskip("cleanlab")
    targets = np.arange(40) % 3
    sure = np.eye(3)[(targets + (np.arange(40) % 2)) % 3] * 0.9 + 0.03
    measured = held_out_records(altered(held_out=held_out(targets, sure)).model_, corpus)
    assert "rather the model's mistakes" in suspicious_labels(measured, LABELS, SHOW)[1]


def test_texts_are_cut_and_masked():
    assert SHOW("a\n b\t c") == "a b c"
    assert len(SHOW("x" * 1000)) == LONGEST_TEXT
    assert SHOW("x" * 1000).endswith("x…")
    assert shower(redacted=True)("call 07") == "call ##"
