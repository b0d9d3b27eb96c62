"""Rows as columns come back with answers behind them, the same as row by row."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from gatewise.base.errors import ConfigError
from gatewise.classify import answers
from gatewise.classify.answer_blocks import BlockAnswers, answer_arrays, answer_texts
from gatewise.classify.answers import Answer
from gatewise.classify.decision import Decision
from gatewise.classify.near_records import NearRecord
from gatewise.classify.reading import PartScores, Reading
from gatewise.text.row_blocks import RowBlock

MODEL = SimpleNamespace(labels=("x", "y"), language="auto", decision=Decision(), index=None)


@pytest.fixture(autouse=True)
def scored(monkeypatch):
    """The longer a text, the less probable its class x."""

    def score(model, token_lists):
        shares = [1 / (1 + len(tokens)) for tokens in token_lists]
        blend = np.log([[share, 1 - share] for share in shares]).reshape(-1, 2)
        kept = np.array([len(tokens) != 3 for tokens in token_lists], dtype=bool)
        return Reading(PartScores(blend, None, blend), None, kept)

    monkeypatch.setattr(answers, "read_tokens", score)


def block_of(columns, problems=()):
    table = pa.table(columns)
    return RowBlock(table, range(11, 11 + table.num_rows), dict(problems))


def test_the_columns_of_answers_stand_behind():
    block = block_of({"n": [1, 2, 3, 4], "text": ["a b", None, "a b c", "d"]}, {3: "a NUL"})
    found = BlockAnswers(MODEL, block.columns.schema, "text", top=2)
    answered = found.answer(block)
    assert answered.schema.equals(found.answered_schema)
    assert answered.schema.field("n").type == pa.int64()
    assert answered.drop_columns(["n", "text"]).to_pydict() == {
        "predicted": ["y", None, "y", None],
        "probability": [0.666667, None, 0.75, None],
        "in_scope": [None] * 4,
        "decision": ["y", "abstain", "abstain", "abstain"],
        "top_2": ["x", None, "x", None],
        "top_2_probability": [0.333333, None, 0.25, None],
        "reason": [None, "line 12: no text", None, "line 14: a NUL"],
    }
    tally = found.tally
    assert (tally.n_rows, tally.n_unusable, tally.n_abstained) == (4, 2, 1)
    found.answer(block)
    assert found.tally.by_reason == {"no text": (2, [12, 12]), "a NUL": (2, [14, 14])}


def test_the_types_do_not_depend_on_what_is_said():
    none, some = answer_texts(MODEL, []), answer_texts(MODEL, ["", "a"], nearest=0)
    assert {name: array.type for name, array in none.items()} == {
        name: array.type for name, array in some.items()
    }
    assert str(none["in_scope"].type) == "double"


def test_columns_with_their_names_are_renamed():
    block = block_of({"text": ["a"], "predicted": [1], "input_predicted": [2]})
    found = BlockAnswers(MODEL, block.columns.schema, "text")
    assert found.renamed == {"predicted": "input_input_predicted"}
    names = found.answer(block).column_names
    assert names[:4] == ["text", "input_input_predicted", "input_predicted", "predicted"]


def test_what_pandas_keeps_goes_where_names_change():
    kept = {b"pandas": b"{}"}
    for name, left in (("id", kept), ("reason", None)):
        schema = pa.schema([("text", pa.string()), (name, pa.int64())], kept)
        assert BlockAnswers(MODEL, schema, "text").answered_schema.metadata == left


def test_texts_of_no_file_have_reasons_without_lines():
    found = answer_texts(MODEL, ["a b", None, "...", "\0"])
    reasons = [None, "no text", "no word or number in the text", "a NUL character"]
    assert found["reason"].to_pylist() == reasons
    assert found["predicted"].to_pylist() == ["y", None, None, None]


def test_nearest_records_have_their_types():
    answer = Answer((("x", 0.5),), nearest=(NearRecord(4, "y", 0.25, None),))
    found = answer_arrays([answer], 1, 1, [1])
    assert found["nearest_1"].to_pylist() == ["record 5"]
    assert found["nearest_1_label"].to_pylist() == ["y"]
    assert str(found["nearest_1_similarity"].type) == "double"


def test_more_classes_than_there_are():
    with pytest.raises(ConfigError, match="top"):
        answer_texts(MODEL, ["a"], top=3)
