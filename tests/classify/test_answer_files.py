"""A table goes in, the same table with answers comes out."""

import csv
import io
import json
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatewise.base.errors import ConfigError, DataError
from gatewise.classify import answer_files, answers
from gatewise.classify.answer_files import write_answers
from gatewise.classify.decision import Decision
from gatewise.classify.model import PartScores, Reading
from gatewise.text.tables import open_table

MODEL = SimpleNamespace(labels=("x", "y"), language="auto", decision=Decision(), index=None)


def reading_of(model, blend, in_scope=None):
    answers = model.decision.answers(np.exp(blend.max(axis=1, initial=-9)), in_scope)
    return Reading(PartScores(blend, None, blend), in_scope, answers)


@pytest.fixture(autouse=True)
def scored(monkeypatch):
    def score(model, token_lists):
        blend = np.log([[0.75, 0.25]] * len(token_lists)).reshape(-1, 2)
        return reading_of(model, blend)

    monkeypatch.setattr(answers, "read_tokens", score)


def answered(tmp_path, name, content, **options):
    source = tmp_path / name
    source.write_bytes(content if isinstance(content, bytes) else content.encode())
    out = options.pop("out", tmp_path / "out.csv")
    output = io.TextIOWrapper(io.BytesIO())
    told = write_answers(
        MODEL,
        open_table(source),
        **{"text_column": None, "out": out, "standard_output": output, **options},
    )
    content = output.buffer.getvalue() if out is None else out.read_bytes()
    return content.decode(), told


def records(content):
    return list(csv.DictReader(io.StringIO(content)))


def test_the_input_stands_in_front(tmp_path):
    content, told = answered(tmp_path, "in.csv", 'id,text\n1,"a, b"\n2,\n', text_column="text")
    assert content == (
        "id,text,predicted,probability,in_scope,decision,reason\n"
        '1,"a, b",x,0.75,,x,\n'
        "2,,,,,abstain,line 3: no text\n"
    )
    assert told == ["1 of 2 rows answered", "unusable 1: no text, line 3"]


def test_standard_output_and_format(tmp_path):
    content, _ = answered(tmp_path, "in.csv", "text\nhi\n", out=None, kind="jsonl", top=2)
    assert json.loads(content) == {
        "text": "hi",
        "predicted": "x",
        "probability": 0.75,
        "in_scope": None,
        "decision": "x",
        "top_2": "y",
        "top_2_probability": 0.25,
        "reason": None,
    }
    assert answered(tmp_path, "in.csv", "text\nhi\n", out=None)[0].startswith("text,predicted,")


def test_columns_with_our_names_are_renamed_and_that_is_said(tmp_path):
    content, told = answered(tmp_path, "in.csv", "predicted,text,reason\np,hi,r\n")
    assert records(content) == [
        {
            "input_predicted": "p",
            "text": "hi",
            "input_reason": "r",
            "predicted": "x",
            "probability": "0.75",
            "in_scope": "",
            "decision": "x",
            "reason": "",
        }
    ]
    assert "column 'predicted' of the input is written as 'input_predicted'" in told
    assert "column 'reason' of the input is written as 'input_reason'" in told


def test_a_text_column_with_our_name(tmp_path):
    content, _ = answered(tmp_path, "in.csv", "reason,b\nhi,c\n", text_column="reason")
    assert records(content)[0]["input_reason"] == "hi"
    assert records(content)[0]["predicted"] == "x"


def test_answers_can_be_answered_again(tmp_path):
    first, _ = answered(tmp_path, "in.csv", "text\nhi\n")
    second, _ = answered(tmp_path, "again.csv", first, text_column="text")
    assert records(second)[0]["input_predicted"] == records(second)[0]["predicted"] == "x"


def test_a_json_key_with_our_name_that_comes_late(tmp_path):
    lines = ['{"text": "hi"}\n'] * 1001 + ['{"text": "hi", "decision": "d", "extra": 1}\n']
    out = tmp_path / "out.jsonl"
    content, told = answered(tmp_path, "in.jsonl", "".join(lines), out=out)
    last = json.loads(content.splitlines()[-1])
    assert (last["input_decision"], last["decision"], last["extra"]) == ("d", "x", 1)
    assert "column 'decision' of the input is written as 'input_decision'" in told


def test_what_a_json_line_holds_stays_what_it_is(tmp_path):
    line = '{"text": "hi", "id": 7, "ok": true, "x": 1.50, "l": [1, {"a": null}], "n": null}'
    content, _ = answered(tmp_path, "in.jsonl", f"{line}\n", out=tmp_path / "out.jsonl")
    assert content.startswith(line[:-1])


def test_cells_that_csv_cannot_hold_are_said(tmp_path):
    lines = ['{"text": "hi"}\n'] * 1001 + ['{"text": "hi", "extra": 1}\n']
    _, told = answered(tmp_path, "in.jsonl", "".join(lines))
    assert told[-1] == (
        "1 row has cells that csv has no column for, under 'extra'; --format jsonl keeps them"
    )


def test_rows_that_are_broken_are_answered_in_place(tmp_path):
    content = b'text,n\ngood,1\nb\x00d,2\n"qu"ote,3\nfine,4\n'
    found, told = answered(tmp_path, "in.csv", content, text_column="text")
    rows = records(found)
    assert [row["decision"] for row in rows] == ["x", "abstain", "abstain", "x"]
    assert rows[1]["text"] == "b\ufffdd"
    assert rows[1]["reason"] == "line 3: a NUL character"
    assert rows[2]["reason"].startswith("line 4: text after a closing quote")
    assert [row["n"] for row in rows] == ["1", "2", "", "4"]
    assert told[1:] == [
        "unusable 1: a NUL character, line 3",
        "unusable 1: text after a closing quote, line 4",
    ]


def test_guesses_and_notes_are_told(tmp_path):
    _, told = answered(tmp_path, "in.csv", "id;message\n1;hällo\n".encode("cp1252"))
    assert any("cp1252" in line for line in told)
    assert any("'message' is taken for the text" in line for line in told)


def test_a_table_that_breaks_off_leaves_no_file(tmp_path):
    with pytest.raises(DataError, match="never closed"):
        answered(tmp_path, "in.csv", 'text\nhi\n"open\n')
    assert not (tmp_path / "out.csv").exists()


def test_where_the_disk_is_full_no_thread_goes_on(tmp_path, small_files):
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("text\n" + "a\n" * 2000)
    table = open_table(source)
    with pytest.raises(OSError, match="too large") as caught:
        write_answers(
            MODEL, table, text_column="text", out=out, standard_output=sys.stdout, threads=2
        )
    assert caught.value.filename == str(out)
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("gatewise-ahead")]
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("options", [{"kind": "xml"}, {"top": 3}, {"top": 0}])
def test_options_that_are_not_allowed(tmp_path, options):
    with pytest.raises(ConfigError):
        answered(tmp_path, "in.csv", "text\nhi\n", **options)
    assert not (tmp_path / "out.csv").exists()


def parquet_of(tmp_path, source, **options):
    out = tmp_path / "out.parquet"
    told = write_answers(
        MODEL, open_table(source), text_column="text", out=out, standard_output=None, **options
    )
    return pq.read_table(out), told


def test_parquet_keeps_the_types_of_parquet(tmp_path, monkeypatch):
    monkeypatch.setattr(answer_files, "_BLOCK", 2)
    rows = pa.table({"n": [1, 2, 3], "reason": [None, 2.5, None], "text": ["a", "", "b"]})
    pq.write_table(rows, tmp_path / "in.parquet")
    found, told = parquet_of(tmp_path, tmp_path / "in.parquet")
    assert found.select([0, 2]).equals(rows.select([0, 2]))
    assert found.column("input_reason").to_pylist() == [None, 2.5, None]
    assert found.column("predicted").to_pylist() == ["x", None, "x"]
    assert found.column("reason").to_pylist() == [None, "line 2: no text", None]
    assert told == [
        "2 of 3 rows answered",
        "unusable 1: no text, line 2",
        "column 'reason' of the input is written as 'input_reason'",
    ]


def test_parquet_of_another_table_is_text(tmp_path):
    source = tmp_path / "in.jsonl"
    records = [{"text": "a", "n": 1}] * 1100 + [{"text": "b", "late": 2}]
    source.write_text("\n".join(map(json.dumps, records)))
    found, told = parquet_of(tmp_path, source, kind="parquet")
    assert found.num_rows == 1101
    assert found.column("n").to_pylist() == [*["1"] * 1100, None]
    assert told[-1] == (
        "1 row has cells that parquet has no column for, under 'late'; --format jsonl keeps them"
    )


def test_a_list_is_no_text_in_any_format(tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "my card"}\n{"text": ["a"]}\n', "utf-8")
    found, told = parquet_of(tmp_path, source, kind="parquet")
    assert found.column("reason").to_pylist() == [
        None,
        "line 2: text is a list, an object or bytes",
    ]
    assert "1 of 2 rows answered" in told
