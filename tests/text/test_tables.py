"""Sources of every kind, and what is said of those that cannot be read."""

import base64
import datetime
import gzip
import io
import json
import os
import sys
import threading
import types
import zipfile
import zlib

import openpyxl
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatewise.base.errors import DataError, MissingExtraError
from gatewise.text.rows import JsonText, Row
from gatewise.text.tables import ending_of, open_table

ROWS = [("hello", "a"), ("wörld, 'so'", "b"), ("你好", "a")]
EXPECTED = [{"text": text, "label": label} for text, label in ROWS]


def delimited(delimiter):
    lines = [("text", "label"), *ROWS]
    return "".join(f'"{text}"{delimiter}{label}\n' for text, label in lines)


CONTENTS = {
    ".csv": delimited(","),
    ".tsv": delimited("\t"),
    ".jsonl": "".join(json.dumps(row) + "\n" for row in EXPECTED),
    ".ndjson": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in EXPECTED),
}


# What old versions of Excel write; the same cells as in write_ods below.
OLD_SHEET = zlib.decompress(
    base64.b85decode(
        "c-rk)O=uHA6#izD%^z*Lsj1KkWhq#-_97y9X`_PnWT{>h5j1HQm86MolS4dcwdN=Yo)j;IUIeLn@drKV&4W<UgCGcr"
        "9(xiLdPuXrd70Hzb7(+|mi?A_`{vDiGjC_!yxrM1i?Pbw!@eqh!6<yFJ7ENxWP(cAtr(zo$C0di4^eSE{8tEvXdweS"
        "o^`$s$~BbhU4@1R{+C37PgG9gJjU}m%UnksU>}k~`Y=LN;0{Tm=w+|EnNBj@#PmLEK4-d*CD)mbkZwhsz+z&2Xs?Rm"
        "<JthXMIrlr%r+lbvI{+UC8PNA4bjlmvEM$I%>J7V{r(QjgVt@#%2{?YTS1%_a30?r6Zq=x)EA~FUthTZ$(L8lgDvDY"
        "H9s%|=QIa+nUbsD-&o*e4QbA&vXCs5PnUGyLeVN(v_*5psgz|$XbU9mv^iZUPG<B*Wtt+yG(Zub#93rfL=I<Y*cwu>"
        "U=z28$~}|Rr)W!;A~L6Q4lq{bfKJ{U9YoXUVm`(@#2}AqcfY(noSI0SV#y5q*myf^l@A05SEL0QN4bTciQXr`5L@hI"
        "dX;<K!h9doIK?&H2Pb+Ib7+=zu5s%ijkBBaF0rkN-%fma>By7*^5?`3;uprM7vl@>6LT1#2~Cr|yk;>hhQ;k$5>FHE"
        "U8qd*k!kO5StX<y%6CV-0=uw+2(vM!jhdVt@uQ}xxsukRg|%R7pVAj>E$8TxCTr3<s;spZ)*5T*O2gMe!^iyxRR2Ei"
        "KdAcmvGo$EjB4F@BnO~;`4bU%@ZiCN2M-=Rc-Y7g{Jq-vI+x#|y88YPs{cAGRO;Suk`0Ta$kSDzGvPrxDHiC2SZXVN"
        "HbWO~Ut*0m?*BrGV>G&r44qD;ADOn}m(FjZ`FYlCX#BY?)b9B8cKrOy<9`RP$Jih"
    )
)


def write_xlsx(path, rows, more_sheets=()):
    book = openpyxl.Workbook()
    book.active.title = "first"
    for number, cells in rows.items():
        for column, cell in cells.items():
            book.active[f"{column}{number}"] = cell
    for name in more_sheets:
        book.create_sheet(name)
    book.save(path)
    return path


# Text files


@pytest.mark.parametrize("ending", CONTENTS)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("as_text", [False, True])
def test_text_files(tmp_path, ending, packed, as_text):
    content = CONTENTS[ending].encode()
    path = tmp_path / f"tickets{ending.upper()}{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
    table = open_table(str(path) if as_text else path)
    assert (table.source, table.columns) == (str(path), ("text", "label"))
    assert (table.encoding, table.notes) == ("utf-8", ())
    assert [row.fields for row in table.rows()] == EXPECTED


def test_what_is_unusual_is_noted(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("text;label\n我的订单还没有到;物流\n".encode("gb18030"))
    table = open_table(path)
    assert table.encoding == "gb18030"
    assert table.notes == (
        "not UTF-8, read as gb18030",
        "the columns are divided by a semicolon",
    )


@pytest.mark.parametrize("ending", CONTENTS)
def test_standard_input(monkeypatch, ending):
    stream = io.BytesIO(CONTENTS[ending].encode())
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=stream))
    table = open_table("-")
    assert table.source == "standard input"
    assert [row.fields for row in table.rows()] == EXPECTED
    with pytest.raises(DataError, match="standard input can be read only once"):
        list(table.rows())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_named_pipe_needs_no_ending(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(CONTENTS[".jsonl"].encode(),))
    writer.start()
    table = open_table(path)
    assert [row.fields for row in table.rows()] == EXPECTED
    writer.join()


# Parquet


def test_parquet_by_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("gatewise.text.tables._BATCH", 2)
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(EXPECTED), path)
    table = open_table(path)
    assert (table.columns, table.encoding, table.notes) == (("text", "label"), None, ())
    rows = list(table.rows())
    assert [row.line for row in rows] == [1, 2, 3]
    assert [row.fields for row in rows] == EXPECTED
    assert list(table.rows()) == rows


def test_parquet_columns_of_many_types(tmp_path):
    path = tmp_path / "a.parquet"
    columns = {
        "category": pa.array(["x", None]).dictionary_encode(),
        "number": pa.array([1, None]),
        "flag": pa.array([True, None]),
        "list": pa.array([["a", "é"], None]),
        "bytes": pa.array(["é".encode(), b"\xff"]),
        "day": pa.array([datetime.date(2024, 2, 1), None]),
    }
    pq.write_table(pa.table(columns), path)
    first, second = open_table(path).rows()
    assert list(first.fields.values()) == ["x", "1", "true", '["a", "é"]', "é", "2024-02-01"]
    assert type(first.fields["list"]) is JsonText
    assert first.problem is None
    assert list(second.fields.values()) == [None, None, None, None, '"ff"', None]
    assert type(second.fields["bytes"]) is JsonText
    assert second.problem is None


@pytest.mark.parametrize(
    "cells",
    [
        pa.array([2**31 - 1, 1], pa.date32()),
        pa.array([253402300800000000, 1], pa.timestamp("us")),
        pa.array([2**62, 1], pa.duration("s")),
    ],
    ids=["date", "time", "duration"],
)
def test_dates_beyond_those_of_python_are_one_sentence(tmp_path, cells):
    table = pa.table({"text": ["a", "b"], "t": cells})
    pq.write_table(table, tmp_path / "a.parquet")
    for source, name in ((tmp_path / "a.parquet", r"a\.parquet"), (table, "the data frame")):
        with pytest.raises(DataError, match=rf"{name} has a value that cannot be read \("):
            list(open_table(source).rows())


def test_damage_is_not_taken_for_a_value(tmp_path, monkeypatch):
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "a.parquet")

    def damaged(self, **options):
        raise pa.ArrowInvalid("a page is torn")  # which is a ValueError, too

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", damaged)
    with pytest.raises(DataError, match=r"a\.parquet cannot be read as a parquet file \(a page"):
        list(open_table(tmp_path / "a.parquet").rows())


def test_what_is_no_parquet_file_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    for content in (b"", b"text,label\n", b"PAR1 and more PAR1"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"a\.parquet cannot be read as a parquet file \("):
            open_table(path)


def test_a_parquet_file_damaged_inside_is_refused_while_read(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a" * 50, "b" * 50]}), path, compression="gzip")
    content = bytearray(path.read_bytes())
    content[20:60] = b"\xff" * 40
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.parquet cannot be read"):
        list(open_table(path).rows())


# Sheets


def test_xlsx_rows_have_the_numbers_of_the_sheet(tmp_path):
    rows = {
        3: {"B": "text", "C": "label"},
        4: {"B": "hello", "C": 1},
        6: {"B": 1.5, "C": True},
        7: {"C": datetime.datetime(2024, 2, 1, 9, 30)},
    }
    table = open_table(write_xlsx(tmp_path / "a.xlsx", rows))
    assert table.columns == ("text", "label")
    assert table.notes == ()
    read = list(table.rows())
    assert [row.line for row in read] == [4, 6, 7]
    assert [(row.fields["text"], row.fields["label"]) for row in read] == [
        ("hello", "1"),
        ("1.5", "true"),
        ("", "2024-02-01 09:30:00"),
    ]
    assert list(table.rows()) == read


def test_the_first_of_several_sheets_is_read_and_told(tmp_path):
    rows = {1: {"A": "text"}, 2: {"A": "hello"}}
    table = open_table(write_xlsx(tmp_path / "a.xlsx", rows, ["second", "third"]))
    assert table.notes == ("sheet 'first' is read, the first of 3",)
    assert [row.fields for row in table.rows()] == [{"text": "hello"}]


@pytest.mark.parametrize("before", ["hidden", "empty", "chart"])
def test_a_sheet_that_is_no_table_or_not_seen_is_passed_over(tmp_path, before):
    path = write_xlsx(tmp_path / "a.xlsx", {1: {"A": "text"}, 2: {"A": "hello"}})
    book = openpyxl.load_workbook(path)
    if before == "chart":
        book.create_chartsheet("other", 0)
    else:
        sheet = book.create_sheet("other", 0)
        if before == "hidden":
            sheet.append(["text"])
            sheet.append(["a list to choose from"])
            sheet.sheet_state = "hidden"
            book.active = 1
    book.save(path)
    table = open_table(path)
    told = "sheet 'first' is read, number 2 of 2; those before it are hidden, empty or charts"
    assert table.notes == (told,)
    assert [row.fields for row in table.rows()] == [{"text": "hello"}]


def test_xlsx_cells_without_a_column_are_told(tmp_path):
    rows = {1: {"A": "text", "C": "label"}, 2: {"A": "hello", "C": "a", "E": "remark"}}
    table = open_table(write_xlsx(tmp_path / "a.xlsx", rows))
    assert table.columns == ("text", "column 2", "label")
    assert table.notes == ("cells to the right of the last column, 'label', are left out",)
    assert list(table.rows()) == [Row(2, {"text": "hello", "column 2": "", "label": "a"})]


@pytest.mark.parametrize("kind", ["xlsx", "xlsm", "xlsb", "xls", "ods"])
def test_what_is_no_spreadsheet_is_refused(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "text")
    contents = [b"", b"text,label\n", path.read_bytes(), path.read_bytes()[:30], OLD_SHEET[:3000]]
    for content in contents:
        path.write_bytes(content)
        said = rf"a\.{kind} cannot be read as an {kind} file \(.*save it anew"
        with pytest.raises(DataError, match=said):
            open_table(path)


def write_ods(path):
    cells = [["body", "queue", "number"], ["card stuck", "cards", 3.0], ["", "", " "]]
    rows = "".join(
        f"<table:table-row>{''.join(map(ods_cell, row))}</table:table-row>"
        for row in [*cells, ["Zahlung über 5 €", "money", 2.5]]
    )
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr(
            "content.xml",
            f"<office:document-content {spaces}><office:body><office:spreadsheet>"
            f'<table:table table:name="a">{rows}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )


def ods_cell(value):
    if isinstance(value, float):
        kind = f'office:value-type="float" office:value="{value}"'
        return f"<table:table-cell {kind}><text:p>{value}</text:p></table:table-cell>"
    shown = f'<table:table-cell office:value-type="string"><text:p>{value}</text:p>'
    return f"{shown}</table:table-cell>"


@pytest.mark.parametrize("kind", ["xls", "ods"])
def test_other_spreadsheets(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    path.write_bytes(OLD_SHEET) if kind == "xls" else write_ods(path)
    table = open_table(path)
    assert table.columns == ("body", "queue", "number")
    first, *_, last = table.rows()
    assert first == Row(2, {"body": "card stuck", "queue": "cards", "number": "3"})
    assert last.line == 4
    assert last.fields == {"body": "Zahlung über 5 €", "queue": "money", "number": "2.5"}


def test_an_empty_sheet_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"a\.xlsx has no column names"):
        open_table(write_xlsx(tmp_path / "a.xlsx", {}))


# Frames


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.Table.from_pylist])
def test_frames(make):
    table = open_table(make(EXPECTED))
    assert (table.source, table.columns) == ("data frame", ("text", "label"))
    assert (table.encoding, table.notes) == (None, ())
    assert list(table.rows()) == [Row(line, row) for line, row in enumerate(EXPECTED, 1)]
    assert len(list(table.rows())) == 3


def test_missing_values_of_frames_are_none():
    pandas = pd.DataFrame(
        {
            "a": ["x", None, float("nan")],
            "b": pd.array([1, None, 3], dtype="Int64"),
            "c": pd.to_datetime(["2024-02-01", None, None]),
            4: [True, None, "mixed"],
        },
        index=[7, 7, 9],
    )
    rows = [list(row.fields.values()) for row in open_table(pandas).rows()]
    assert rows[0] == ["x", "1", "2024-02-01 00:00:00", "true"]
    assert rows[1:] == [[None, None, None, None], [None, "3", None, "mixed"]]
    assert open_table(pandas).columns == ("a", "b", "c", "4")
    polars = pl.DataFrame({"a": ["x", None], "b": [1.0, float("nan")], "c": [["y"], None]})
    rows = [list(row.fields.values()) for row in open_table(polars).rows()]
    assert rows == [["x", "1.0", '["y"]'], [None, None, None]]


def test_what_is_no_table_is_refused():
    for source in (3, ["text"], pd.Series(["text"])):
        kind = type(source).__name__
        with pytest.raises(DataError, match=rf"cannot be read from this {kind} \(.*allowed are"):
            open_table(source)


def test_a_frame_with_a_name_twice_is_refused():
    for frame in (
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]),
    ):
        with pytest.raises(DataError, match=r"'a' 2 times|two columns named 'a'"):
            open_table(frame)


@pytest.mark.parametrize("frame", [pd.DataFrame({"text": []}), pl.DataFrame({"text": []})])
def test_a_frame_without_records_is_refused(frame):
    with pytest.raises(DataError, match="data frame has a header and no records"):
        list(open_table(frame).rows())


# What cannot be read


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.csv", b"", r"a\.csv is empty; it must hold"),
        ("a.jsonl", b"", r"a\.jsonl is empty"),
        ("a.csv", b"text,label\n", "has a header and no records; at least one is needed"),
        ("a.csv", b"text,label,text\na,b,c\n", "has two columns named 'text'; give each"),
        ("a.docx", b"text", r"a\.docx has an ending that is not known; allowed are \.csv, \.tsv"),
        ("a.xlsx.xz", b"text", "has an ending that is not known"),
        ("tickets", b"text", "has an ending that is not known"),
        (
            "a.csv",
            b"PK\x03\x04...",
            "is a zip or xlsx file by its first bytes, and text is read",
        ),
        ("a.csv.gz", gzip.compress(b"text,label\na,b\n", mtime=0)[:-4], "is cut short or damaged"),
        ("a.csv", b'text,label\na,"b\n', r"a\.csv:2: the quote that opens here is never closed"),
    ],
)
def test_bad_files_get_one_sentence(tmp_path, name, content, complaint):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=complaint) as caught:
        list(open_table(path).rows())
    assert "\n" not in str(caught.value)


def test_no_such_file_and_a_folder_get_one_sentence(tmp_path):
    with pytest.raises(DataError, match=r"there is no file '.*a\.csv'; check the path"):
        open_table(tmp_path / "a.csv")
    with pytest.raises(DataError, match=r"is a folder; give one file that ends in \.csv"):
        open_table(tmp_path)


@pytest.mark.parametrize(
    ("ending", "module", "purpose"),
    [
        (".parquet", "pyarrow.parquet", "pyarrow is needed to read parquet files"),
        (".xlsx", "python_calamine", "python_calamine is needed to read xlsx files"),
        (None, "narwhals.stable.v2", "narwhals is needed to read data frames"),
    ],
)
def test_a_missing_package_is_named(tmp_path, monkeypatch, ending, module, purpose):
    monkeypatch.setitem(sys.modules, module, None)
    source = pd.DataFrame({"text": ["a"]})
    if ending:
        source = tmp_path / f"a{ending}"
        source.write_bytes(b"anything")
    with pytest.raises(MissingExtraError, match=rf"{purpose}.*pip install 'gatewise\[train\]'"):
        open_table(source)


def test_endings(tmp_path):
    assert ending_of(tmp_path / "a.b.CSV.GZ") == ".csv"
    assert ending_of(tmp_path / ".csv") == ""
    assert ending_of(tmp_path / "a.gz") == ""
