"""csv, tsv and JSON lines: line numbers, delimiters, broken records."""

import csv
import io
import json
import sys
import tracemalloc
import types

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise.base.errors import DataError
from gatewise.text import records
from gatewise.text.lines import open_text
from gatewise.text.records import delimited_table, json_table, text_table
from gatewise.text.rows import JsonText, Row


def text_of(tmp_path, content, name="a.csv"):
    path = tmp_path / name
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    return open_text(path)


def csv_of(tmp_path, content, expected=","):
    return delimited_table(text_of(tmp_path, content), expected)


def json_of(tmp_path, content):
    return json_table(text_of(tmp_path, content, "a.jsonl"))


def type_in(monkeypatch, content):
    stream = io.BytesIO(content.encode())
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=stream))
    return open_text(None)


# Delimited text


def test_rows_of_a_csv_file(tmp_path):
    table = csv_of(tmp_path, 'text,label\nhello,a\n"b, ""c""",\n')
    assert (table.columns, table.encoding, table.notes) == (("text", "label"), "utf-8", ())
    expected = [
        Row(2, {"text": "hello", "label": "a"}),
        Row(3, {"text": 'b, "c"', "label": ""}),
    ]
    assert list(table.rows()) == expected
    assert list(table.rows()) == expected, "a file is read as often as one likes"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_behind_cells_of_several_lines(tmp_path, end):
    content = end.join(["", "text,label", '"one', "two", 'three",a', "", "four,b", '"5', '6",c'])
    table = csv_of(tmp_path, content)
    assert [row.line for row in table.rows()] == [3, 7, 8]
    assert next(table.rows()).fields["text"] == end.join(["one", "two", "three"])


@pytest.mark.parametrize(
    ("expected", "content", "note"),
    [
        (",", "text;label\n", "the columns are divided by a semicolon"),
        (",", '"te,xt";"label"\n', "the columns are divided by a semicolon"),
        (",", "text\tlabel\n", "the columns are divided by a tab"),
        ("\t", "text,label\n", "the columns are divided by a comma"),
        (",", "text,la;be;l\n", None),
        ("\t", "text\tla,be,l\n", None),
        (",", "text\n", None),
    ],
)
def test_an_evident_delimiter_is_used_and_told(tmp_path, expected, content, note):
    table = csv_of(tmp_path, content, expected)
    assert table.notes == ((note,) if note else ())
    assert len(table.columns) == (1 if content == "text\n" else 2)


def test_too_many_cells_are_a_problem_unless_they_are_empty(tmp_path):
    table = csv_of(tmp_path, "text,label\na,b,,\na,b,,c\na,b\n")
    problem = "more cells than columns: 4, not 2"
    assert [row.problem for row in table.rows()] == [None, problem, None]


def test_missing_cells_are_none(tmp_path):
    table = csv_of(tmp_path, "text,label\nalone\n")
    assert list(table.rows()) == [Row(2, {"text": "alone", "label": None})]


def test_unusable_characters_spoil_their_own_row_only(tmp_path):
    table = csv_of(tmp_path, "text,label\nfine é é é é,a\nnul\0,a\nbroken \udcff,b\nfine,b\n")
    problems = [row.problem for row in table.rows()]
    assert problems == [None, "a NUL character", "bytes that are not utf-8", None]
    assert table.notes == ("UTF-8 with broken bytes in it: the records that hold them are refused",)


def test_a_stray_quote_spoils_its_own_row_only(tmp_path):
    content = 'text,label\na,x\n"oops,x\nb,y\nc,y\n"d ""e""",x\nf,y\n"g" h,y\ni,x\n'
    rows = list(csv_of(tmp_path, content).rows())
    assert [(row.line, row.fields.get("text")) for row in rows] == [
        (2, "a"),
        (3, None),
        (4, "b"),
        (5, "c"),
        (6, 'd "e"'),
        (7, "f"),
        (8, None),
        (9, "i"),
    ]
    assert rows[1].problem == "text after a closing quote: line 6"
    assert rows[6].problem == "text after a closing quote: line 8"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('text,label\na,b\n"c,d\ne,f\n', 3),
        ('text,label\na,b\n"c,d\ne,f', 3),
        ('text,label\n"a\nb",c\n"d\ne","f\ng\n', 5),
        ('text,label\r\n"a\r\nb","c\r\n', 3),
        ('text,label\na,"', 2),
        ('"text,label\na,b\n', 1),
    ],
)
def test_a_quote_that_is_never_closed_is_named(tmp_path, content, line):
    complaint = rf"a\.csv:{line}: the quote that opens here is never closed, .*; close it, or"
    with pytest.raises(DataError, match=complaint):
        list(csv_of(tmp_path, content).rows())


def test_a_broken_header_is_named(tmp_path):
    with pytest.raises(DataError, match=r"a\.csv:1: text after a closing quote: line 1; the first"):
        csv_of(tmp_path, '"text"x,label\na,b\n')
    with pytest.raises(DataError, match=r"a\.csv:1: no column names; the first line must name"):
        csv_of(tmp_path, "\n\n")


def test_a_header_alone_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"a\.csv has a header and no records"):
        list(csv_of(tmp_path, "text,label\n").rows())


def test_a_cell_of_ten_megabytes_is_read(tmp_path):
    text = "long word " * 1_000_000
    row = next(csv_of(tmp_path, f'text,label\n"{text}",a\n').rows())
    assert row.fields == {"text": text, "label": "a"}


def test_a_record_beyond_the_cap_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "MAX_RECORD", 1000)
    table = csv_of(tmp_path, "text,label\na,b\n" + '"' + "line\n" * 300 + '",c\n')
    with pytest.raises(DataError, match=r"a\.csv:3: the record is longer than 1,000 characters"):
        list(table.rows())


def test_a_large_file_is_read_in_little_memory(tmp_path):
    table = csv_of(tmp_path, "text,label\n" + f"{'some words' * 15},a\n" * 8_000)
    tracemalloc.start()
    n_rows = sum(1 for _ in table.rows())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n_rows == 8_000
    assert peak < 300_000  # bytes; the file has 1,200,000


CELLS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
TABLES = st.lists(st.tuples(CELLS, CELLS), min_size=1)
# Csv.writer leaves a lone \r without quotes if lines end in \n: no reader could tell it.
QUOTING = [(csv.QUOTE_ALL, "\n"), (csv.QUOTE_ALL, "\r\n"), (csv.QUOTE_MINIMAL, "\r\n")]
FORMS = st.tuples(st.sampled_from([",", ";", "\t"]), st.sampled_from(QUOTING))


@settings(deadline=None)
@given(pairs=TABLES, form=FORMS)
def test_what_a_csv_writer_writes_is_read_back(tmp_path_factory, pairs, form):
    """Random cells, line ends and quotes among them, come back with the lines they began on."""
    delimiter, (quoting, end) = form
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerow(["text", "label"])
    begins = []
    for pair in pairs:
        so_far = stream.getvalue().replace("\r\n", "\n").replace("\r", "\n")
        begins.append(so_far.count("\n") + 1)
        writer.writerow(pair)
    path = tmp_path_factory.getbasetemp() / "written.csv"
    path.write_bytes(stream.getvalue().encode())
    rows = list(delimited_table(open_text(path), ",").rows())
    assert [tuple(row.fields.values()) for row in rows] == pairs
    assert [row.line for row in rows] == begins
    assert not any(row.problem for row in rows)


# JSON lines


def test_rows_of_json_lines(tmp_path):
    table = json_of(tmp_path, '{"text": "é", "label": 1.50}\n\n{"text": null, "more": true}\n')
    assert table.columns == ("text", "label", "more")
    assert list(table.rows()) == [
        Row(1, {"text": "é", "label": "1.50", "more": None}),
        Row(3, {"text": None, "label": None, "more": "true"}),
    ]
    assert all(type(value) is not JsonText for value in next(table.rows()).fields.values())


def test_numbers_become_their_text_as_written(tmp_path):
    values = ["1", "-0", "1e3", "1.10", "9" * 5000, "NaN", "false"]
    content = "".join(f'{{"a": {value}}}\n' for value in values)
    assert [row.fields["a"] for row in json_of(tmp_path, content).rows()] == values


def test_nested_values_are_kept_as_json(tmp_path):
    content = '{"a": {"b": [1.50, "é\\n", null, true]}, "c": []}\n'
    fields = next(json_of(tmp_path, content).rows()).fields
    assert fields == {"a": '{"b": [1.50, "é\\n", null, true]}', "c": "[]"}
    assert all(type(value) is JsonText for value in fields.values())
    assert json.loads(fields["a"]) == {"b": [1.5, "é\n", None, True]}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"a": 1', "broken JSON: Expecting ',' delimiter at column 8"),
        ('{"a": 1} {"a": 2}', "broken JSON: Extra data at column 10"),
        ('{"a": "tab\t"}', "broken JSON: Invalid control character at at column 11"),
        ('{"a": 1, "a": 2}', "broken JSON: a key stands twice"),
        ('{"b": {"a": 1, "a": 2}}', "broken JSON: a key stands twice"),
        ("[1, 2]", "not a JSON object"),
        ('"text"', "not a JSON object"),
        ("3", "not a JSON object"),
        ('{"a": "\0"}', "a NUL character"),
        ('{"a": "\\u0000"}', "a NUL character"),
        ('{"a": "\\ud800"}', "bytes that are not Unicode"),
        ('{"a": "é é é é \udcff"}', "bytes that are not utf-8"),
    ],
)
def test_a_broken_json_line_is_a_problem_row(tmp_path, line, problem):
    rows = list(json_of(tmp_path, f'{{"a": "fine"}}\n{line}\n{{"a": "fine"}}\n').rows())
    assert [row.line for row in rows] == [1, 2, 3]
    assert [row.problem for row in rows] == [None, problem, None]


@pytest.mark.parametrize("depth", [3_000, 100_000])
def test_json_nested_too_deeply_is_a_problem_row(tmp_path, depth):
    deep = "[" * depth + "]" * depth
    rows = list(json_of(tmp_path, f'{{"a": 1}}\n{{"a": {deep}}}\n').rows())
    assert rows[1].problem == "broken JSON: nested too deeply"


def test_a_file_without_json_objects_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"a\.jsonl:2: broken JSON: .*; each line must be one JSON"):
        json_of(tmp_path, '\n[\n{"text": "a"},\n]')
    with pytest.raises(DataError, match=r"a\.jsonl: no keys; each line must be one JSON object"):
        json_of(tmp_path, "{}\n")


def test_columns_come_from_many_records_of_a_file_and_one_of_a_stream(tmp_path, monkeypatch):
    content = 'oops\n{"text": "a"}\n{"text": "b", "label": "c"}\n'
    assert json_of(tmp_path, content).columns == ("text", "label")
    table = text_table(type_in(monkeypatch, '{"text": "a"}\n' + content))
    assert table.columns == ("text",)
    assert [row.line for row in table.rows()] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("text,label\na,b\n", ("text", "label")),
        ("text\tlabel\na\tb\n", ("text", "label")),
        ('\n {"text": "a", "label": "b"}\n', ("text", "label")),
        ("text\nfirst\n", ("text",)),
    ],
)
def test_a_stream_is_recognised_by_its_first_line(monkeypatch, content, columns):
    table = text_table(type_in(monkeypatch, content))
    assert table.columns == columns
    assert next(table.rows()).fields["text"] in {"a", "first"}


# What other programs write


@pytest.mark.parametrize("first", ["sep=;\r\n", '"sep=;"\n', "SEP=;\n", "\ufeffsep=;\r\n"])
def test_the_line_by_which_excel_tells_the_delimiter_is_obeyed(tmp_path, first):
    table = csv_of(tmp_path, first + "text;label\nhello, you;a\n")
    assert (table.columns, table.notes) == (
        ("text", "label"),
        ("the columns are divided by a semicolon",),
    )
    assert list(table.rows()) == [Row(3, {"text": "hello, you", "label": "a"})]


def test_any_delimiter_can_be_told_in_that_line(tmp_path):
    table = csv_of(tmp_path, "sep=^\ntext^label\nhello^a\n")
    assert table.notes == ("the columns are divided by '^'",)
    assert [row.fields["label"] for row in table.rows()] == ["a"]


def test_a_comma_in_the_name_of_a_column_does_not_divide_it(tmp_path):
    table = csv_of(tmp_path, "id;text, or body;label\n" + "1;hello, you;a\n" * 3)
    assert table.columns == ("id", "text, or body", "label")
    table = csv_of(tmp_path, "text,label; or queue\n" + "hello;you;a,b\n" * 3)
    assert table.columns == ("text", "label; or queue")
    assert csv_of(tmp_path, 'text,"label;"\na,b\n').columns == ("text", "label;")


def test_a_quote_that_another_delimiter_would_never_close_does_no_harm(tmp_path):
    table = csv_of(tmp_path, 'text,label;"x\na,b\n')
    assert table.columns == ("text", 'label;"x')


def test_vertical_bars_divide(tmp_path):
    table = csv_of(tmp_path, "text|label\nhello, you|a\n")
    assert list(table.rows()) == [Row(2, {"text": "hello, you", "label": "a"})]


def test_quotes_after_a_space_are_quotes(tmp_path):
    table = csv_of(tmp_path, '"id", "text", "label"\n"1", "hello, you", "a"\n')
    assert list(table.rows()) == [Row(2, {"id": "1", "text": "hello, you", "label": "a"})]


def test_a_sign_of_inches_does_not_swallow_the_lines_up_to_the_next_one(tmp_path):
    """Four records were one text, and nothing was told."""
    content = 'text\tlabel\n"5 inches\ta\nfoo\ta\nbar\tb\nmy screen 5"\tb\nlast\tb\n'
    rows = list(csv_of(tmp_path, content, "\t").rows())
    assert [row.line for row in rows] == [2, 3, 4, 5, 6]
    assert rows[0].problem == "a quote that is closed later: line 5"
    assert [row.fields["text"] for row in rows[1:]] == ["foo", "bar", 'my screen 5"', "last"]


def test_a_cell_of_several_lines_stays_one_with_tabs(tmp_path):
    content = 'text\tlabel\n"two\nlines"\ta\n"a\tb\n\tc"\tb\n'
    rows = list(csv_of(tmp_path, content, "\t").rows())
    assert [row.fields["text"] for row in rows] == ["two\nlines", "a\tb\n\tc"]


def test_many_records_with_a_stray_quote_take_no_longer_each(tmp_path):
    """Each was one iterator more to go through: 20,000 took seconds, 200,000 minutes."""
    table = csv_of(tmp_path, "text,label\n" + '"5" screen,a\n' * 50_000 + "x,a\n")
    rows = list(table.rows())
    assert sum(row.problem is not None for row in rows) == 50_000
    assert rows[-1] == Row(50_002, {"text": "x", "label": "a"})
