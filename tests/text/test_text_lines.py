"""One text per line as a table."""

import gzip
import io
from types import SimpleNamespace

import pytest

from gatewise.base.errors import DataError
from gatewise.text.text_lines import open_lines, open_texts

CONTENT = 'one, "two\r\n\n  three \nbad \0 one\nlast'
EXPECTED = [(1, 'one, "two'), (2, ""), (3, "  three "), (4, "bad \0 one"), (5, "last")]


def rows(table):
    return [(row.line, row.fields["text"]) for row in table.rows()]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_bytes(CONTENT.encode())
    return path


def test_every_line_is_a_row(path):
    table = open_texts(str(path))
    assert table.columns == ("text",)
    assert rows(table) == EXPECTED
    assert [row.line for row in table.rows() if row.problem] == [4]


def test_packed_lines(path, tmp_path):
    packed = tmp_path / "texts.txt.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert rows(open_texts(packed)) == EXPECTED


def test_lines_whatever_the_name(path, tmp_path):
    other = path.rename(tmp_path / "texts.csv")
    assert rows(open_texts(other, lines=True)) == EXPECTED


def test_lines_of_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(CONTENT.encode())))
    assert rows(open_texts("-", lines=True)) == EXPECTED


def test_tables_are_still_tables(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("id,text\n1,x\n")
    assert open_texts(path).columns == ("id", "text")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"a,b\n1,2\n")))
    assert open_texts("-").columns == ("a", "b")


def test_a_note_on_the_encoding_is_kept(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("grüße\ngrün\n".encode("cp1252"))
    table = open_lines(path)
    assert [row.fields["text"] for row in table.rows()] == ["grüße", "grün"]
    assert table.notes


def test_a_missing_file(tmp_path):
    with pytest.raises(DataError, match="no file"):
        open_texts(tmp_path / "none.txt")
