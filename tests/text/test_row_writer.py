"""Rows written are the rows read again."""

import csv
import gzip
import io
import json
import sys

import pytest

from gatewise.base.errors import ConfigError
from gatewise.text.row_writer import RowWriter, format_of, open_output
from gatewise.text.rows import JsonText
from gatewise.text.tables import open_table

COLUMNS = ("text", "p")
ROWS = [
    {"text": 'a "quote", a comma', "p": "1"},
    {"text": "two\nlines\r\nor three\ttabs", "p": "2"},
    {"text": "你好 wörld \U0001f600 \u2028", "p": "3"},
    {"text": " spaces ", "p": None},
]


def written(kind, rows, columns=COLUMNS):
    stream = io.StringIO(newline="")
    writer = RowWriter(stream, kind, columns)
    for row in rows:
        writer.write(row)
    return stream.getvalue(), writer


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_file_reads_back(tmp_path, kind, ending):
    path = tmp_path / f"out.{kind}{ending}"
    with open_output(path, None) as stream:
        writer = RowWriter(stream, kind, COLUMNS)
        for row in ROWS:
            writer.write(row)
        assert not path.exists()
    assert path.read_bytes().startswith(b"\x1f\x8b") == bool(ending)
    empty = None if kind == "jsonl" else ""
    expected = [{**row, "p": row["p"] or empty} for row in ROWS]
    assert [row.fields for row in open_table(path).rows()] == expected


def test_equal_rows_give_equal_packed_bytes(tmp_path):
    for name in ("one.csv.gz", "two.csv.gz"):
        with open_output(tmp_path / name, None) as stream:
            stream.write("a,b\n1,2\n")
    assert (tmp_path / "one.csv.gz").read_bytes() == (tmp_path / "two.csv.gz").read_bytes()
    assert gzip.decompress((tmp_path / "one.csv.gz").read_bytes()) == b"a,b\n1,2\n"


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, name):
    path = tmp_path / name
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), open_output(path, None) as stream:
        stream.write(f"new {1 / 0}")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_standard_output_is_utf_8_and_stays_open():
    raw = io.BytesIO()
    standard_output = io.TextIOWrapper(raw, encoding="ascii")
    with open_output(None, standard_output) as stream:
        stream.write("ü\n")
    assert raw.getvalue() == "ü\n".encode()
    standard_output.write("still open")
    standard_output.flush()
    assert raw.getvalue().endswith(b"still open")


def test_json_keeps_numbers_lists_and_names_that_are_no_columns():
    row = {"text": JsonText('{"a": [1.50, "x"]}'), "p": 0.25, "more": "m"}
    line, writer = written("jsonl", [row, {"p": None}])
    assert line == '{"text": {"a": [1.50, "x"]}, "p": 0.25, "more": "m"}\n' + (
        '{"text": null, "p": null}\n'
    )
    assert writer.n_cut == 0


@pytest.mark.parametrize("cell", [JsonText("[NaN]"), JsonText("[-Infinity, 1]")])
def test_what_is_not_json_is_written_as_text(cell):
    line, _ = written("jsonl", [{"text": cell}])
    assert json.loads(line, parse_constant=pytest.fail)["text"] == str(cell)


@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_a_lone_carriage_return_does_not_end_a_row(tmp_path, kind):
    rows = [{"text": "a\rb", "p": 0.5}, {"text": "c\r", "p": None}, {"text": "d\r\ne", "p": 1}]
    text, _ = written(kind, rows)
    (tmp_path / f"out.{kind}").write_text(text, "utf-8", newline="")
    found = [list(row.fields.values()) for row in open_table(tmp_path / f"out.{kind}").rows()]
    assert found == [["a\rb", "0.5"], ["c\r", ""], ["d\r\ne", "1"]]
    delimiter = "," if kind == "csv" else "\t"
    theirs = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    assert theirs == [list(COLUMNS), *found]


def test_cells_that_csv_has_no_column_for_are_counted_and_named():
    rows = [{"text": "x", "b": "1"}, {"c": "2", "b": "3"}, {"text": "y", "d": None}]
    text, writer = written("csv", rows)
    assert text == "text,p\nx,\n,\ny,\n"
    assert (writer.n_cut, writer.cut_names) == (2, ["b", "c"])


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
def test_what_is_no_text_is_written_as_a_replacement_character(kind):
    text, _ = written(kind, [{"text": "a\0b\udcffc", "p": None}])
    assert "a\ufffdb\ufffdc" in text
    text.encode("utf-8")


@pytest.mark.parametrize(
    ("name", "chosen", "kind"),
    [
        (None, None, "csv"),
        (None, "jsonl", "jsonl"),
        ("a.CSV", None, "csv"),
        ("a.tsv.gz", None, "tsv"),
        ("a.ndjson", None, "jsonl"),
        ("a.csv", "tsv", "tsv"),
        ("a.txt", "jsonl", "jsonl"),
        ("a.PARQUET", None, "parquet"),
        ("a", "parquet", "parquet"),
    ],
)
def test_the_ending_tells_the_format(tmp_path, name, chosen, kind):
    assert format_of(name and tmp_path / name, chosen) == kind


@pytest.mark.parametrize(("name", "chosen"), [("a.txt", None), ("a", None), ("a.csv", "xml")])
def test_other_formats_are_refused(tmp_path, name, chosen):
    with pytest.raises(ConfigError, match="csv"):
        format_of(tmp_path / name, chosen)
    with pytest.raises(ConfigError, match="xml"):
        RowWriter(sys.stdout, "xml", ["a"])


@pytest.mark.parametrize(
    ("name", "chosen"), [("a.parquet", "csv"), ("a.PARQUET", "jsonl"), ("a.csv.gz", "parquet")]
)
def test_no_file_is_named_like_another_format(tmp_path, name, chosen):
    with pytest.raises(ConfigError, match=f"{name} would hold {chosen}, which its ending denies"):
        format_of(tmp_path / name, chosen)


def test_parquet_needs_a_file():
    with pytest.raises(ConfigError, match=r"^parquet is written to a file only; name one with"):
        format_of(None, "parquet")
