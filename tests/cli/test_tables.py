"""What is printed of results."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from gatewise.cli import tables
from gatewise.cli.console import show
from gatewise.evaluate.metrics import measure
from gatewise.evaluate.paired import Difference
from gatewise.selection.choice import CandidateResult, Choice, FoldScore
from gatewise.selection.comparison import Comparison
from gatewise.selection.verdict import Pair


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


def test_labels_that_the_model_does_not_know_are_counted(many):
    assert tables.remarks_on(many) == []
    (told,) = tables.remarks_on(measure(["a", "x", "x"], ["a", "b"], np.full((3, 2), 0.5)))
    assert told.startswith("2 of 3 records have labels that the model was not trained on")
    assert told.endswith("count as wrong: 'x' 2")
    labels = [f"x{number:02}" for number in range(60)]
    (told,) = tables.remarks_on(measure(labels, ["a", "b"], np.full((60, 2), 0.5)))
    assert told.endswith("'x08' 1, 'x09' 1 and 50 more")


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


# What cross-validation has found


def candidate(name, *scores, parts=("lstm",), seconds=10.0, parameters=1234, **changes):
    folds = [
        FoldScore(number, score, score / 2, seconds, {p: {"accuracy": 0.5} for p in parts})
        for number, score in enumerate(scores)
    ]
    return CandidateResult(name, {"method": name}, "accuracy", folds, parameters, **changes)


@pytest.fixture
def cells(capsys):
    """Give the words of each row of a table; columns stand two spaces apart at least."""

    def read(table):
        show(table)
        rows = capsys.readouterr().out.splitlines()
        return [[cell.strip() for cell in row.split("  ") if cell.strip()] for row in rows]

    return read


def test_candidates_stand_in_the_order_of_their_scores(cells):
    results = [
        candidate("units 8", 0.7, 0.8, seconds=3.4),
        candidate("units 32", 0.8, 0.9, seconds=1234.5, parameters=1_234_567),
        candidate("units 16", 0.75, 0.86),
    ]
    table = cells(tables.candidate_table(results, Choice(0, 1, 0, "why")))
    assert table == [
        ["candidate", "accuracy", "+-", "LSTM alone", "seconds a fit", "parameters"],
        ["units 32", "85.00%", "5.00%", "50.00%", "1,234", "1,234,567", "best"],
        ["units 16", "80.50%", "5.50%", "50.00%", "10", "1,234"],
        ["units 8", "75.00%", "5.00%", "50.00%", "3", "1,234", "chosen, fastest"],
    ]


def test_one_candidate_may_be_everything(cells):
    table = cells(tables.candidate_table([candidate("the one", 0.7, 0.8)], Choice(0, 0, 0, "why")))
    assert table[1][-1] == "chosen, best, fastest"


def test_what_is_out_of_the_question_stands_last_and_says_why(cells):
    results = [
        candidate("failed", parameters=0, state="failed: [out] of\x1b memory"),
        candidate("dropped", 0.9, 0.9, state="dropped after 2 folds"),
        candidate("good", 0.7, 0.8),
    ]
    table = cells(tables.candidate_table(results, Choice(2, 2, 2, "why")))
    assert [row[0] for row in table[1:]] == ["good", "dropped", "failed"]
    assert table[2][-1] == "dropped after 2 folds"
    assert table[3] == ["failed", "failed: [out] of\ufffd memory"]


def test_numbers_that_are_not_there_are_blank(cells):
    one = candidate("units 8", 0.7, parts=())
    assert math.isnan(one.standard_error)
    table = cells(tables.candidate_table([one], Choice(0, 0, 0, "why")))
    assert table[1] == ["units 8", "70.00%", "10", "1,234", "chosen, best, fastest"]


@pytest.mark.parametrize("table", [tables.candidate_table, tables.method_table])
def test_the_other_score_is_named_and_shown(cells, table):
    one = candidate("modern", 0.7, 0.8, parts=())
    one.score = "macro_f1"
    shown = cells(table([one], Choice(0, 0, 0, "why") if table is tables.candidate_table else 0))
    assert shown[0][1] == "macro F1"
    assert shown[1][1] == "37.50%"


def test_methods_stand_in_the_order_of_their_scores(cells):
    results = [
        candidate("failed", state="failed: out of memory", parameters=0),
        candidate("n-grams alone", 0.7, 0.8, seconds=3.44),
        candidate("LSTM alone", 0.8, 0.9, seconds=1234.5, parameters=1_234_567),
    ]
    assert cells(tables.method_table(results, 1)) == [
        ["method", "accuracy", "deviation", "seconds a fit", "numbers learnt"],
        ["LSTM alone", "85.00%", "7.07%", "1,234.5", "1,234,567"],
        ["n-grams alone", "75.00%", "7.07%", "3.4", "1,234", "quickest that is as good"],
        ["failed", "failed: out of memory"],
    ]


def test_pairs_have_names_signs_and_chances(cells):
    results = [candidate("modern", 0.7, 0.8), candidate("ngrams", 0.7, 0.8)]
    results[0].name, results[1].name = "LSTM and n-grams", "n-grams alone"
    pairs = [
        Pair("modern", "ngrams", "lstm", Difference(0.0123, -0.001, 0.0256, 0.0456), 0.00004),
        Pair("ngrams", "modern", "other", Difference(-0.0123, -0.0256, 0.001, 1.0), 0.0001),
    ]
    table = cells(tables.pair_table(Comparison(results, 0, pairs, [], "", [])))
    assert table[0] == ["first", "second", "points", "95 % interval", "p (t-test)", "p (McNemar)"]
    assert table[1] == [
        "LSTM and n-grams",
        "n-grams alone",
        "+1.23",
        "-0.10 to +2.56",
        "0.0456",
        "< 0.0001",
    ]
    assert table[2][2:] == ["-1.23", "-2.56 to +0.10", "1.0000", "0.0001"]
