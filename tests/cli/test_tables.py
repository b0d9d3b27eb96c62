"""What is printed of results."""

from types import SimpleNamespace

import numpy as np
import pytest

from gatewise.cli import tables
from gatewise.cli.console import show
from gatewise.evaluate.metrics import measure


def history(*epochs):
    return SimpleNamespace(
        history=[SimpleNamespace(epoch=epoch) for epoch in epochs],
        recipe=SimpleNamespace(epochs=5),
    )


@pytest.mark.parametrize(
    ("epochs", "told"),
    [
        ((1, 2, 3, 4, 5), "5 of 5"),
        ((1, 2, 3), "3 of 5"),
        ((1, 2, 1, 2), "2 of 5, then 2 on all records"),
        ((1, 1), "1 of 5, then 1 on all records"),
    ],
)
def test_epochs(epochs, told):
    assert tables.epochs_told(history(*epochs)) == told


@pytest.fixture(scope="module")
def many():
    """Scores of 26 classes, all right but those of the first three letters."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    probabilities = np.eye(26)[[1, 2, 0, *range(3, 26)]]
    return measure(letters, letters, probabilities)


def test_only_the_worst_classes_are_shown(many, capsys):
    show(tables.class_table(many))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["a", "b", "c"]
    assert lines[-1] == "and 6 better ones"
    assert len(lines) == 22


def test_confused_pairs(many, capsys):
    show(tables.confused_table(many))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1:] == [["a", "b", "1"], ["b", "c", "1"], ["c", "a", "1"]]


def test_classes_without_records_are_not_among_the_worst(capsys):
    show(tables.class_table(measure(["a"], ["a", "b"], np.array([[1.0, 0.0]]))))
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["worst", "a"]


def test_long_lists_are_folded_and_not_cut(capsys):
    labels = ", ".join(f"label{number}" for number in range(100))
    show(tables.fact_table([("labels", labels)]))
    told = "".join(capsys.readouterr().out.split())
    assert told == "labels" + labels.replace(" ", "")


def test_a_model_that_measured_nothing():
    assert tables.held_out_facts({}) == [("held out", "nothing, so nothing was measured")]


def test_a_model_without_a_companion():
    facts = tables.held_out_facts({"held_out": {"n_records": 5, "lstm": 0.5, "blend": 0.6}})
    assert facts == [("held out", "5 records"), ("  LSTM alone", "50.0%"), ("  blend", "60.0%")]


def test_parts_that_are_not_there_are_left_out(many, capsys):
    evaluation = SimpleNamespace(parts={"lstm": many, "ngrams": None, "blend": many})
    show(tables.part_table(evaluation))
    told = capsys.readouterr().out
    assert "n-grams" not in told
    assert "LSTM alone" in told
