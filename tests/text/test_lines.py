"""Files, pipes and standard input as lines: encodings, line ends, damage."""

import gzip
import io
import os
import sys
import threading
import types

import pytest

from gatewise.base.errors import DataError
from gatewise.text import lines
from gatewise.text.encodings import SAMPLE_SIZE
from gatewise.text.lines import open_text, plain_errors, reason_of

needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")


def file_of(tmp_path, content, name="a.csv"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


class SlowStream(io.BytesIO):
    """Gives what is asked for in pieces, as a pipe does, and counts them."""

    def __init__(self, *pieces):
        super().__init__()
        self.pieces = list(pieces)

    def read1(self, size=-1):
        return self.pieces.pop(0) if self.pieces else b""


def type_in(monkeypatch, stream):
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=stream))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "gb18030", "cp1252"]
)
def test_lines_come_as_written(tmp_path, encoding, packed):
    text = "text,label\n" + ("我的订单还没有到,物流\n" if encoding == "gb18030" else "café,x\n")
    content = text.encode(encoding)
    file = open_text(file_of(tmp_path, gzip.compress(content) if packed else content))
    assert "".join(file.lines()) == text
    assert "".join(file.lines()) == text, "a file is read as often as one likes"
    assert not file.reads_once
    assert (file.note is None) == encoding.startswith("utf-8")


def test_every_kind_of_line_end_is_kept(tmp_path):
    file = open_text(file_of(tmp_path, b"a\r\nb\rc\nd\x0be\xe2\x80\xa8f"))
    assert list(file.lines()) == ["a\r\n", "b\r", "c\n", "d\x0be\u2028f"]


def test_the_encoding_is_found_beyond_the_first_sample(tmp_path):
    plain = b"plain ascii,x\n" * (SAMPLE_SIZE // 7)
    file = open_text(file_of(tmp_path, plain + "café,x\n".encode("cp1252")))
    assert file.encoding == "cp1252"
    assert list(file.lines())[-1] == "café,x\n"


def test_a_character_across_two_samples_is_no_damage(tmp_path):
    file = open_text(file_of(tmp_path, b"a" * (SAMPLE_SIZE - 1) + "é".encode()))
    assert (file.encoding, file.note) == ("utf-8", None)


def test_a_foreign_byte_at_the_very_end_is_seen(tmp_path):
    file = open_text(file_of(tmp_path, "x,caf\u00e9".encode("cp1252")))
    assert list(file.lines()) == ["x,café"]


def test_broken_bytes_become_surrogates(tmp_path):
    file = open_text(file_of(tmp_path, "é是é是é\n".encode() + b"\xff\n"))
    assert list(file.lines()) == ["é是é是é\n", "\udcff\n"]


def test_an_empty_file_is_refused(tmp_path):
    for content in (b"", gzip.compress(b"")):
        with pytest.raises(DataError, match=r"a\.csv is empty; it must hold"):
            open_text(file_of(tmp_path, content))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"there is no file '.*none\.csv'; check the path"):
        open_text(tmp_path / "none.csv")


def test_a_truncated_gz_is_refused(tmp_path):
    packed = gzip.compress(os.urandom(2000).hex().encode())
    for content in (packed[:-9], packed[:1000], packed[:12] + b"\0\0\0" + packed[15:]):
        with pytest.raises(DataError, match="is cut short or damaged"):
            open_text(file_of(tmp_path, content, "a.csv.gz"))


def test_a_gz_that_is_damaged_behind_the_sample_is_refused_while_read(tmp_path):
    path = file_of(tmp_path, gzip.compress(b"\xff\xfe" + "hello\n".encode("utf-16-le") * 90000))
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    file = open_text(path)
    with pytest.raises(DataError, match="is cut short or damaged"):
        list(file.lines())


def test_utf16_that_ends_inside_a_character_is_refused(tmp_path):
    file = open_text(file_of(tmp_path, "text\nabc".encode("utf-16") + b"x"))
    with pytest.raises(DataError, match="ends inside a character"):
        list(file.lines())


def test_a_line_beyond_the_cap_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_RECORD", 100)
    file = open_text(file_of(tmp_path, b"ok\n" + b"x" * 100))
    assert [len(line) for line in file.lines()] == [3, 100]
    file = open_text(file_of(tmp_path, b"ok\n" + b"x" * 101))
    with pytest.raises(DataError, match=r"a\.csv:2: the line is longer than 100 characters"):
        list(file.lines())


def test_what_the_system_says_becomes_one_sentence(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied", "a.csv")

    path = file_of(tmp_path, b"a\n")
    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(
        DataError, match=r"a\.csv cannot be read \(Permission denied\); check it and"
    ):
        open_text(path)
    with pytest.raises(DataError, match=r"^a cannot be read \(odd\)"), plain_errors("a"):
        raise OSError("odd")


def test_reasons_of_libraries_are_cut_to_one_line():
    assert reason_of(ValueError("two\n  lines.\n")) == "two lines"
    assert reason_of(ValueError()) == "ValueError"
    assert len(reason_of(ValueError("x" * 1000))) < 250


# Standard input and pipes


def test_standard_input_is_read_once(monkeypatch):
    type_in(monkeypatch, SlowStream(b"a\nb\n", b"c\n"))
    file = open_text(None)
    assert file.reads_once
    assert list(file.lines()) == ["a\n", "b\n", "c\n"]
    with pytest.raises(DataError, match="standard input can be read only once; save it"):
        list(file.lines())


def test_peeked_lines_are_given_again(monkeypatch):
    type_in(monkeypatch, SlowStream(b"a\nb\n", b"c\n"))
    file = open_text(None)
    assert next(file.peek()) == "a\n"
    peeked = file.peek()
    assert [next(peeked), next(peeked)] == ["a\n", "b\n"]
    assert list(file.peek()) == ["a\n", "b\n", "c\n"]
    assert list(file.lines()) == ["a\n", "b\n", "c\n"]


def test_a_slow_writer_is_not_waited_for(monkeypatch):
    stream = SlowStream(b"te", b"xt\n", b"first\n", b"second\n")
    type_in(monkeypatch, stream)
    rows = open_text(None).lines()
    assert stream.pieces == [b"first\n", b"second\n"], "a line that has begun is waited for"
    assert next(rows) == "text\n"
    assert stream.pieces == [b"first\n", b"second\n"]
    assert next(rows) == "first\n"
    assert stream.pieces == [b"second\n"]


@pytest.mark.parametrize("packed", [False, True])
def test_standard_input_in_another_encoding(monkeypatch, packed):
    content = "text\n我的订单还没有到\n".encode("gb18030")
    stream = io.BytesIO(gzip.compress(content) if packed else content)
    type_in(monkeypatch, stream)
    assert list(open_text(None).lines()) == ["text\n", "我的订单还没有到\n"]
    assert not stream.closed, "standard input is not ours to close"


def test_a_long_line_on_standard_input_is_put_together(monkeypatch):
    content = b"x" * (3 * SAMPLE_SIZE) + b"\nend\n"
    type_in(monkeypatch, io.BytesIO(content))
    assert "".join(open_text(None).lines()).encode() == content


def test_empty_standard_input_is_refused(monkeypatch):
    type_in(monkeypatch, io.BytesIO(b""))
    with pytest.raises(DataError, match=r"^standard input is empty"):
        open_text(None)


@needs_pipes
def test_a_named_pipe_is_read_once(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"a\nb\n",))
    writer.start()
    file = open_text(path)
    assert list(file.lines()) == ["a\n", "b\n"]
    writer.join()
    assert file.reads_once
