"""Rows as columns: from parquet files by ranges, from any other table by packing it first."""

from __future__ import annotations

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatewise.base.errors import DataError
from gatewise.text import row_blocks
from gatewise.text.row_blocks import ParquetRows, TableRows, open_rows, pack_rows
from gatewise.text.tables import open_table

N_ROWS = 103


@pytest.fixture
def path(tmp_path):
    table = pa.table(
        {
            "id": range(N_ROWS),
            "text": [f"text {number}" if number % 10 else None for number in range(N_ROWS)],
            "kind": pa.array([f"k{number % 3}" for number in range(N_ROWS)]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=17)
    return tmp_path / "rows.parquet"


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 103), (0, 1), (102, 103), (16, 18), (17, 34), (5, 90), (50, 50 + 17)]
)
@pytest.mark.parametrize("batch", [4, 8192])
def test_a_range_is_that_of_the_whole(path, start, stop, batch, monkeypatch):
    monkeypatch.setattr(row_blocks, "_BATCH", batch)
    block = ParquetRows(path).block(start, stop)
    whole = pq.read_table(path).slice(start, stop - start)
    assert block.columns.to_pylist() == whole.to_pylist()
    assert block.columns.schema.equals(whole.schema)
    assert list(block.lines) == list(range(start + 1, stop + 1))
    assert block.problems == {}
    texts = [(row.line, row.fields["text"]) for row in block.rows("text")]
    assert texts == list(zip(block.lines, whole.column("text").to_pylist(), strict=True))


def test_one_column_alone(path):
    block = ParquetRows(path).block(3, 40, "kind")
    assert block.columns.column_names == ["kind"]
    assert block.columns.column(0).to_pylist() == [f"k{number % 3}" for number in range(3, 40)]


def test_blocks_are_all_rows_in_order(path):
    blocks = list(ParquetRows(path).blocks(40))
    assert [len(block.lines) for block in blocks] == [40, 40, 23]
    found = [number for block in blocks for number in block.columns.column("id").to_pylist()]
    assert found == list(range(N_ROWS))


def test_names_are_those_of_every_table(tmp_path):
    table = pa.table([["a"], ["b"], ["c"], ["d"]], names=[" text ", "", "x", " "])
    pq.write_table(table, tmp_path / "rows.parquet")
    rows = ParquetRows(tmp_path / "rows.parquet")
    assert rows.schema.names == list(open_table(tmp_path / "rows.parquet").columns)
    assert rows.block(0, 1).columns.to_pylist() == [
        {"text": "a", "column 2": "b", "x": "c", "column 4": "d"}
    ]
    assert rows.block(0, 1, "column 2").columns.to_pylist() == [{"column 2": "b"}]


def test_what_pandas_keeps_of_its_index_stays(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": ["a", "b"]}, index=["x", "y"])
    frame.to_parquet(tmp_path / "rows.parquet")
    assert ParquetRows(tmp_path / "rows.parquet").block(1, 2).columns.to_pandas().index[0] == "y"


@pytest.mark.parametrize(
    "cells",
    [
        pa.array(["a\0", None, "b"]),
        pa.array(["a\0", None, "b"], pa.large_string()),
        pa.array(["a\0", None, "b"], pa.string_view()),
        pa.array(["a\0", None, "b"]).dictionary_encode(),
        pa.array([b"a\0", None, b"\xff\0"]),
        pa.array([b"a\0", None, b"\xff\0"], pa.large_binary()),
        pa.array([["a\0"], None, []]),
        pa.array([1, None, 2]),
    ],
)
def test_rows_have_the_problems_of_every_table(tmp_path, cells):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"text": ["x", "y", "z"], "other": cells}), path)
    expected = [(row.line, row.problem) for row in open_table(path).rows()]
    found = [(row.line, row.problem) for row in ParquetRows(path).block(0, 3).rows("other")]
    assert found == expected
    texts = [row.fields["other"] for row in open_table(path).rows()]
    assert [row.fields["other"] for row in ParquetRows(path).block(0, 3).rows("other")] == texts


def test_texts_that_are_no_unicode_are_one_sentence(tmp_path):
    bad = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.array([0, 2], pa.int32()).buffers()[1], pa.py_buffer(b"\xff\xfe")]
    )
    pq.write_table(pa.table({"text": bad}), tmp_path / "rows.parquet")
    told = r"rows\.parquet cannot be read as a parquet file \(.+\); save it anew$"
    with pytest.raises(DataError, match=told):
        ParquetRows(tmp_path / "rows.parquet").block(0, 1)


@pytest.mark.parametrize("content", [b"", b"PAR1 and more", None])
def test_what_is_no_parquet_file_is_one_sentence(tmp_path, content):
    path = tmp_path / "rows.parquet"
    if content is None:
        pq.write_table(pa.table({"text": pa.array([], pa.string())}), path)
    else:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"^/.+rows\.parquet (cannot be read|has a header and no)"):
        ParquetRows(path)


def packed(source, tmp_path, **options):
    rows = TableRows(open_table(source), "text")
    pack_rows(rows, tmp_path / "packed.parquet", **options)
    return rows, ParquetRows(tmp_path / "packed.parquet", packed=True)


def test_a_packed_table_is_the_table(tmp_path):
    source = tmp_path / "rows.csv.gz"
    lines = ["line,text,problem", "1,a,", '2,"b\nc",x', "3,,", "4,d\0,", "5,e,y"]
    source.write_bytes(gzip.compress("\n".join(lines).encode()))
    rows, found = packed(source, tmp_path, n_rows=2)
    assert (rows.n_cut, rows.cut_names) == (0, [])
    assert found.schema.names == ["line", "text", "problem"]
    assert found.n_rows == 5
    expected = list(open_table(source).rows())
    for start, stop in ((0, 5), (1, 4), (4, 5)):
        block = found.block(start, stop)
        told = [(row.line, row.problem) for row in block.rows("text")]
        assert told == [(row.line, row.problem) for row in expected[start:stop]]
        assert block.columns.to_pylist() == [row.fields for row in expected[start:stop]]


def test_json_lines_keep_what_is_no_text_apart(tmp_path):
    source = tmp_path / "rows.jsonl"
    records = [{"text": "a"}, {"text": ["b"]}, {"text": "c\ud800d"}, {"text": "e", "other": [1]}]
    source.write_text("\n".join(map(json.dumps, records)))
    _, found = packed(source, tmp_path)
    block = found.block(0, 4)
    assert block.problems[1] == "text is a list, an object or bytes"
    assert "not" in block.problems[2]
    assert block.columns.column("text").to_pylist() == ["a", '["b"]', "c\ufffdd", "e"]
    assert block.columns.column("other").to_pylist() == [None, None, None, "[1]"]


def test_cells_without_a_column_are_counted(tmp_path):
    source = tmp_path / "rows.jsonl"
    records = [{"text": "a"}] * 1500 + [{"text": "b", f"late {n % 12}": "x"} for n in range(24)]
    source.write_text("\n".join(map(json.dumps, records)))
    rows, found = packed(source, tmp_path)
    assert found.schema.names == ["text"]
    assert rows.n_cut == 24
    assert rows.cut_names == [f"late {n}" for n in range(10)]


def test_each_table_gets_its_own_kind(path, tmp_path):
    (tmp_path / "rows.csv").write_text("text\na\n")
    assert isinstance(open_rows(open_table(path), "text"), ParquetRows)
    rows = open_rows(open_table(tmp_path / "rows.csv"), "text")
    assert isinstance(rows, TableRows)
    (block,) = rows.blocks(10)
    assert block.columns.to_pylist() == [{"text": "a"}]
    assert list(block.lines) == [2]


def test_a_name_that_parquet_has_no_place_for_is_refused(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a", "\\ud800x": "b"}\n', "utf-8")
    with pytest.raises(DataError, match=r"rows\.jsonl has bytes that are not Unicode in"):
        open_rows(open_table(path), "text")
