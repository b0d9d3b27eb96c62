"""Cells, names of columns, and tables without rows."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest

from gatewise.base.errors import DataError
from gatewise.text.rows import (
    JsonText,
    Row,
    Table,
    cell_text,
    cells_problem,
    column_names,
    typed_rows,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is ", "as it is "),
        ("", ""),
        (7, "7"),
        (1.5, "1.5"),
        (True, "true"),
        (np.bool_(False), "false"),
        (np.int64(3), "3"),
        (np.str_("word"), "word"),
        (decimal.Decimal("1.10"), "1.10"),
        (datetime.date(2024, 2, 1), "2024-02-01"),
        ("café".encode(), "café"),
        (b"\xff\x00", '"ff00"'),
        ([1, "é"], '[1, "é"]'),
        (np.array([1, 2]), "[1, 2]"),
        ({"a": datetime.date(2024, 2, 1)}, '{"a": "2024-02-01"}'),
        (None, None),
        (float("nan"), None),
        (pd.NaT, None),
        (pd.NA, None),
    ],
)
def test_typed_cells_become_text(value, text):
    assert cell_text(value) == text


def test_only_lists_and_objects_are_marked_as_no_text():
    assert type(cell_text([1])) is JsonText
    assert type(cell_text(b"\xff")) is JsonText
    assert type(cell_text(np.str_("[1]"))) is str


def test_problems_of_cells_are_named():
    assert cells_problem(["fine", "café", "是", None, ""]) is None
    assert cells_problem(["fine", "nul \0"]) == "a NUL character"
    assert cells_problem(["\udcff"], "gb18030") == "bytes that are not gb18030"
    assert cells_problem(["\ud800"]) == "bytes that are not Unicode"


def test_names_are_stripped_and_completed():
    assert column_names([" text", "", "label ", "", " "], "a") == ("text", "column 2", "label")
    assert column_names([0, 1], "a") == ("0", "1")


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ([], "^a.csv has no column names; its first row must name the columns$"),
        (["", " "], "has no column names"),
        (["text", "label", "text"], "has two columns named 'text'; give each its own name"),
        (["", "column 1"], "two columns named 'column 1'"),
        (["te\0xt"], "has a NUL character in its column names"),
    ],
)
def test_bad_names_are_refused(header, complaint):
    with pytest.raises(DataError, match=complaint):
        column_names(header, "a.csv")


def test_typed_rows_keep_their_numbers():
    rows = list(typed_rows([(3, ("x", 1)), (5, ("\0", None))], ("a", "b")))
    assert rows == [
        Row(3, {"a": "x", "b": "1"}),
        Row(5, {"a": "\0", "b": None}, "a NUL character"),
    ]


def test_a_table_without_rows_is_refused():
    table = Table("a.csv", ("text",), None, (), lambda: iter(()))
    with pytest.raises(DataError, match=r"a\.csv has a header and no records; at least one"):
        list(table.rows())
