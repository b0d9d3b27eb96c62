"""Rows come back in order, each with its answer."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from gatewise.base.errors import ConfigError
from gatewise.classify import answers
from gatewise.classify.answers import (
    Answer,
    AnswerTally,
    answer_columns,
    answer_rows,
    free_names,
    input_cells,
)
from gatewise.classify.decision import Decision
from gatewise.classify.model import PartScores, Reading
from gatewise.classify.nearest import RecordIndex
from gatewise.text.rows import JsonText, Row

LABELS = ("even", "odd", "none")
MODEL = SimpleNamespace(labels=LABELS, language="auto", decision=Decision(), index=None)


def reading_of(model, blend, in_scope=None):
    answers = model.decision.answers(np.exp(blend.max(axis=1, initial=-9)), in_scope)
    return Reading(PartScores(blend, None, blend), in_scope, answers)


@pytest.fixture(autouse=True)
def scored(monkeypatch):
    """A model that knows whether a text's last number is even; remembers the chunks."""
    chunks = []

    def score(model, token_lists):
        chunks.append(len(token_lists))
        table = {"0": [0.7, 0.1, 0.2], "1": [0.25, 0.5, 0.25]}
        rows = [table[str(int(tokens[-1]) % 2)] for tokens in token_lists]
        blend = np.log(np.array(rows).reshape(-1, 3))
        return reading_of(model, blend)

    monkeypatch.setattr(answers, "read_tokens", score)
    return chunks


def texts(n_rows):
    return [Row(number + 2, {"t": f"text {number}"}) for number in range(n_rows)]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("n_rows", [0, 1, 4, 5, 6, 10, 13])
def test_rows_keep_their_order_over_chunk_borders(monkeypatch, scored, n_rows, threads):
    monkeypatch.setattr(answers, "_MAX_ROWS", 5)
    found = list(answer_rows(MODEL, texts(n_rows), "t", threads=threads))
    assert [row for row, _ in found] == texts(n_rows)
    assert [answer.ranked[0][0] for _, answer in found] == [
        LABELS[number % 2] for number in range(n_rows)
    ]
    assert sorted(scored) == [n_rows % 5] * (n_rows % 5 > 0) + [5] * (n_rows // 5)


def test_long_texts_make_small_chunks(monkeypatch, scored):
    monkeypatch.setattr(answers, "_MAX_CHARACTERS", 20)
    list(answer_rows(MODEL, texts(8), "t"))
    assert scored == [4, 4]


def test_rows_are_asked_for_only_when_needed(monkeypatch):
    monkeypatch.setattr(answers, "_MAX_ROWS", 2)
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield Row(2, {"t": "text 1"})

    found = answer_rows(MODEL, endless(), "t")
    next(found)
    next(found)
    assert len(taken) == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (Row(3, {"t": None}), "no text"),
        (Row(3, {}), "no text"),
        (Row(3, {"t": " \n"}), "no text"),
        (Row(3, {"t": JsonText("[1]")}), "text is a list, an object or bytes"),
        (Row(3, {"t": "..."}), "no word or number in the text"),
        (Row(3, {"t": "text 1"}, "a NUL character"), "a NUL character"),
    ],
)
def test_rows_that_cannot_be_used_stay_in_their_place(row, reason):
    found = list(answer_rows(MODEL, [*texts(1), row, *texts(2)], "t"))
    assert [answer.reason for _, answer in found] == [None, reason, None, None]
    cells = found[1][1].cells(3)
    assert cells == {"decision": "abstain", "reason": f"line 3: {reason}"}
    assert found[3][1].ranked[0] == ("odd", pytest.approx(0.5))


def test_a_chunk_without_a_usable_row():
    assert [answer.reason for _, answer in answer_rows(MODEL, [Row(1, {})] * 2, "t")] == [
        "no text",
        "no text",
    ]


def test_the_best_classes_are_ranked_equal_ones_in_their_order():
    found = [answer for _, answer in answer_rows(MODEL, texts(2), "t", top=3)]
    assert [label for label, _ in found[0].ranked] == ["even", "none", "odd"]
    assert [label for label, _ in found[1].ranked] == ["odd", "even", "none"]
    assert [p for _, p in found[1].ranked] == pytest.approx([0.5, 0.25, 0.25])


def test_cells_stand_under_the_columns():
    answer = Answer((("a", 0.51234567), ("b", 0.3)))
    assert answer_columns(2) == (
        "predicted",
        "probability",
        "in_scope",
        "decision",
        "top_2",
        "top_2_probability",
        "reason",
    )
    assert answer_columns(1) == ("predicted", "probability", "in_scope", "decision", "reason")
    assert answer.cells(1) == {
        "predicted": "a",
        "probability": 0.512346,
        "in_scope": None,
        "decision": "a",
        "top_2": "b",
        "top_2_probability": 0.3,
    }


@pytest.mark.parametrize("top", [0, 4, -1])
def test_only_as_many_classes_as_there_are(top):
    with pytest.raises(ConfigError, match=f"top is {top}; allowed is 1 to 3"):
        answer_rows(MODEL, texts(1), "t", top=top)


def test_the_number_of_classes_is_whole():
    with pytest.raises(ConfigError, match=r"^top is 1\.5; it must be a whole number from 1 to 3"):
        answer_rows(MODEL, texts(1), "t", top=1.5)


def test_progress_counts_rows():
    counted = []
    progress = SimpleNamespace(start=lambda *about: None, advance=lambda n: counted.append(n))
    list(answer_rows(MODEL, texts(3), "t", progress=progress))
    assert sum(counted) == 3


@pytest.mark.parametrize(
    ("columns", "renamed"),
    [
        (["id", "text"], {}),
        (["predicted", "text"], {"predicted": "input_predicted"}),
        (["predicted", "input_predicted"], {"predicted": "input_input_predicted"}),
        (["reason", "decision"], {"reason": "input_reason", "decision": "input_decision"}),
    ],
)
def test_columns_with_our_names_get_new_ones(columns, renamed):
    assert free_names(columns, answer_columns(1)) == renamed


def test_the_tally_names_lines_but_not_all():
    tally = AnswerTally()
    for row in texts(20):
        tally.add(row, Answer((("a", 1.0),)) if row.line < 5 else Answer(reason="bad: detail"))
    tally.add(Row(50, {}), Answer(reason="no text"))
    assert tally.summary() == [
        "3 of 21 rows answered",
        "unusable 17: bad, lines 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 and 7 more",
        "unusable 1: no text, line 50",
    ]


def test_the_tally_of_one_row():
    tally = AnswerTally()
    tally.add(Row(2, {}), Answer((("a", 1.0),)))
    assert tally.summary() == ["1 of 1 row answered"]


@pytest.mark.parametrize(
    ("decision", "abstains"),
    [
        (Decision(0.6), [True, False, False]),
        (Decision(outside_below=0.2), [False, True, False]),
        (Decision(0.6, 0.2), [True, True, False]),
    ],
)
def test_an_answer_that_is_too_unsure_or_to_a_stranger_is_no_decision(
    monkeypatch, decision, abstains
):
    log_probabilities = np.log([[0.5, 0.3, 0.2], [0.9, 0.05, 0.05], [0.8, 0.1, 0.1]])
    model = SimpleNamespace(labels=LABELS, language="auto", decision=decision, index=None)
    in_scope = np.array([0.4, 0.12345678, 0.9])
    monkeypatch.setattr(
        answers, "read_tokens", lambda model, _: reading_of(model, log_probabilities, in_scope)
    )
    rows = [Row(line, {"text": "one"}) for line in (1, 2, 3)]
    found = [answer for _, answer in answer_rows(model, rows, text_column="text")]
    assert [answer.abstains for answer in found] == abstains
    cells = [answer.cells(1) for answer in found]
    assert [one["decision"] == "abstain" for one in cells] == abstains
    assert [one["predicted"] for one in cells] == ["even"] * 3
    assert [one["in_scope"] for one in cells] == [0.4, 0.123457, 0.9]
    tally = AnswerTally()
    for row, answer in zip(rows, found, strict=True):
        tally.add(row, answer)
    told = f"{sum(abstains)} of them too unsure or too strange: abstain"
    assert tally.summary() == ["3 of 3 rows answered", told]


@pytest.mark.parametrize("texts_kept", [True, False])
def test_the_nearest_records_stand_behind_the_answer(monkeypatch, texts_kept):
    kept = ("as it was", "another") if texts_kept else None
    points = np.eye(2, dtype=np.float32)
    index = RecordIndex(np.zeros(2), np.eye(2), points, np.array([41, 7]), np.array([1, 0]), kept)
    model = SimpleNamespace(labels=LABELS, language="auto", decision=Decision(), index=index)

    def read(model, token_lists):
        blend = np.log([[0.5, 0.3, 0.2]])
        return replace(reading_of(model, blend), points=np.array([[0.6, 0.8]], np.float32))

    monkeypatch.setattr(answers, "read_tokens", read)
    ((_, answer),) = answer_rows(model, [Row(2, {"t": "one"})], "t", nearest=2)
    cells = answer.cells(2)
    assert set(cells) <= set(answer_columns(1, 2))
    assert cells["nearest_1"] == ("another" if texts_kept else "record 8")
    assert cells["nearest_1_label"] == "even"
    assert cells["nearest_1_similarity"] == pytest.approx(0.8)
    assert cells["nearest_2"] == ("as it was" if texts_kept else "record 42")
    assert cells["nearest_2_label"] == "odd"
    with pytest.raises(ConfigError, match="nearest is 3; allowed is 0 to 2"):
        answer_rows(model, [], "t", nearest=3)


def test_a_model_without_index_has_no_nearest_records():
    with pytest.raises(ConfigError, match="no index of its training records"):
        answer_rows(MODEL, [], "t", nearest=1)


def test_tallies_of_parts_are_that_of_the_whole():
    rows = [Row(line, {}) for line in range(2, 40)]
    told = [Answer((("a", 1.0),)) if row.line % 3 else Answer(reason="no text") for row in rows]
    whole, parts = AnswerTally(), AnswerTally()
    for start in range(0, len(rows), 15):
        part = AnswerTally()
        for row, answer in list(zip(rows, told, strict=True))[start : start + 15]:
            whole.add(row, answer)
            part.add(row, answer)
        parts.merge(part)
    assert parts == whole


def test_cells_whose_names_are_those_of_renamed_ones():
    renamed, own = {}, frozenset({"predicted"})
    rows = [
        {"text": "a", "predicted": "x"},
        {"text": "b", "predicted": "y", "input_predicted": "z"},
        {"input_input_predicted": "v", "input_predicted": "w"},
        {"input_predicted": "u", "predicted": "t"},
    ]
    found = [input_cells(row, renamed, own) for row in rows]
    assert found[0] == {"text": "a", "input_predicted": "x"}
    for row, cells in zip(rows, found, strict=True):
        assert list(cells.values()) == list(row.values())
        assert "predicted" not in cells
