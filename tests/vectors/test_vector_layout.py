import struct
from pathlib import Path

import pytest

from gatewise.base.errors import DataError
from gatewise.vectors.vector_layout import MAX_DIMENSION, Layout, is_number, recognise, shown

PATH = Path("some.vec")
REAL_FLOATS = struct.pack("<3f", 0.25, -1.5, 3.0)


def binary(*rows):
    return b"".join(word + b" " + values for word, values in rows)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"2 3\ncat 1 2 3\ndog 4 5 6\n", Layout(2, 3)),
        (b"2 3\r\ncat 1 2 3\r\n", Layout(2, 3)),
        (b"2\t3\ncat\t1\t2\t3\n", Layout(2, 3)),
        (b"  2 3 \ncat 1 2 3 \n", Layout(2, 3)),
        (b"0 3\n", Layout(0, 3)),
        (b"cat 1 2 3\n", Layout(None, 3)),
        (b"cat 1 2 3", Layout(None, 3)),
        (b". . . 1 -2e-3 .5\n", Layout(None, 3)),
        (b"400000 1 2 3\n", Layout(None, 3)),
        (b"cat nan 2\n", Layout(None, 2)),
        (b"1 2.5\ncat 1\n", Layout(None, 1)),
    ],
)
def test_text_with_and_without_a_header(head, expected):
    assert recognise(PATH, head) == expected


def test_binary_is_told_by_bytes_that_no_text_has():
    rest = binary((b"cat", REAL_FLOATS), (b"dog", REAL_FLOATS))
    assert recognise(PATH, b"2 3\n" + rest) == Layout(2, 3, binary=True)


def test_binary_is_told_by_invalid_utf8():
    rest = binary((b"cat", b"\xcd\xcc\xcc\xbd" * 3))
    assert recognise(PATH, b"1 3\n" + rest) == Layout(1, 3, binary=True)


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_floats_that_look_like_text_are_still_binary(end):
    """The four bytes 'abcd' are the float32 1.67e22."""
    rest = binary((b"cat", b"abcdefgh"), (b"dog", b"ijklmnop"))
    assert recognise(PATH, b"2 2\n" + rest + end) == Layout(2, 2, binary=True)


@pytest.mark.parametrize(
    "rest",
    [
        b"cat abcdefgh and more\n",  # goes on after the last word
        b"cat abcdefg",  # ends inside the last vector
        b"cat",  # no vector at all
    ],
)
def test_text_with_bad_rows_stays_text(rest):
    """So that the message names the line and what stands in it."""
    assert recognise(PATH, b"1 2\n" + rest) == Layout(1, 2)


def test_text_in_another_encoding_is_text_if_its_first_row_reads():
    assert recognise(PATH, b"2 3\ncaf\xe9 1 2 3\n") == Layout(2, 3)


def test_a_character_cut_by_the_end_of_the_sample_is_no_sign_of_binary():
    rest = b"cat 1 2\n" + "é".encode() * 40_000
    assert recognise(PATH, b"5 3\n" + b"x" + rest) == Layout(5, 3)


@pytest.mark.parametrize("first", [b"7 3", b"2 300"])
def test_a_row_of_a_word_and_one_number_may_look_like_a_header(first):
    """The rows below have one number each, so the first line is the word 7 or 2."""
    assert recognise(PATH, first + b"\ncat 0.5\ndog 0.25\n") == Layout(None, 1)


def test_a_header_of_dimension_one_is_a_header():
    assert recognise(PATH, b"2 1\ncat 0.5\ndog 0.25\n") == Layout(2, 1)


def test_a_wrong_dimension_does_not_hide_the_header():
    assert recognise(PATH, b"2 5\ncat 1 2 3\ndog 1 2 3\n") == Layout(2, 5)


@pytest.mark.parametrize("head", [b"", b"\n", b"  \n\n"])
def test_an_empty_file_is_refused(head):
    with pytest.raises(DataError, match=r"^some\.vec: is empty; a file of word vectors"):
        recognise(PATH, head)


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"PK\x03\x04rest", "zip archive; unpack it"),
        (b"BZh91AY", "bzip2"),
        (b"\xfd7zXZ\x00", "xz file"),
        (b"\xba\x16\x4f\x2f\x0c", r"fastText model; give the \.vec file"),
        (b"\x80\x04\x95", "pickle, which is never opened; export it with gensim's"),
    ],
)
def test_a_foreign_file_is_named(head, says):
    with pytest.raises(DataError, match=says):
        recognise(PATH, head)


@pytest.mark.parametrize("first", [b"3 0", b"3 -5", b"-1 5", b"3 65537"])
def test_an_impossible_header_is_refused_with_its_numbers(first):
    n_words, dimension = first.decode().split()
    with pytest.raises(DataError, match=f"^some.vec:1: says {n_words} words of {dimension} num"):
        recognise(PATH, first + b"\ncat 1 2 3\n")


def test_the_largest_dimension_is_allowed():
    assert recognise(PATH, b"1 %d\n" % MAX_DIMENSION).dimension == MAX_DIMENSION


@pytest.mark.parametrize("first", [b"cat", b"the quick brown fox", b"1", b"cat 1 2 x", b"\xff\xfe"])
def test_any_other_first_line_is_refused_and_quoted(first):
    with pytest.raises(DataError, match=r"^some\.vec:1: '.+' is neither a header") as caught:
        recognise(PATH, first + b"\n")
    assert shown(first) in str(caught.value)


@pytest.mark.parametrize("field", [b"1", b"-0.5", b"1e-5", b"+3", b"nan", b"-inf"])
def test_is_number(field):
    assert is_number(field)


@pytest.mark.parametrize("field", [b"", b"a", b"1,5", b"0x1", b"1\x00", b"\xd9\xa1", b"."])
def test_is_no_number(field):
    assert not is_number(field)


def test_shown_is_short_and_readable():
    assert shown("é".encode()) == "'é'"
    assert len(shown(b"x" * 1000)) == 42
