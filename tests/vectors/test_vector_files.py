import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from gatewise.base.errors import DataError
from gatewise.vectors.vector_files import read_vector_file, write_vector_file

LARGE = 1 << 30
ROWS = b"cat 1 -2.5 3e-3\ndog 4 5 6\n"
MATRIX = np.array([[1, -2.5, 0.003], [4, 5, 6]], dtype=np.float32)


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


BINARY = b"2 3\ncat " + floats(1, -2.5, 0.003) + b"\ndog " + floats(4, 5, 6) + b"\n"


@pytest.fixture
def read(tmp_path):
    """Write bytes to a file and read them as vectors."""

    def read_bytes(content, *, wanted=None, max_bytes=LARGE):
        path = tmp_path / "some.vec"
        path.write_bytes(content)
        return read_vector_file(path, wanted=wanted, max_bytes=max_bytes)

    return read_bytes


@pytest.fixture
def refusal(read, tmp_path):
    """Read bytes that must be refused; give the message with the folder left out."""

    def message_for(content, **options):
        with pytest.raises(DataError) as caught:
            read(content, **options)
        message = str(caught.value)
        assert "\n" not in message
        return message.replace(f"{tmp_path}/", "")

    return message_for


# What can be read


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"2 3\n" + ROWS, id="word2vec text, gensim"),
        pytest.param(b"2 3\n" + ROWS.replace(b"\n", b" \n"), id="trailing spaces: fastText, C"),
        pytest.param(b"2 3\n" + ROWS[:-1], id="no line end at the end"),
        pytest.param(b"2 3\r\n" + ROWS.replace(b"\n", b"\r\n"), id="Windows line ends"),
        pytest.param(b"2 3\n" + ROWS + b"\n\n", id="empty lines at the end"),
        pytest.param(b"2 3\n" + ROWS.replace(b" ", b"\t"), id="tabs"),
        pytest.param(b"2 3\n" + ROWS.replace(b" ", b"  "), id="aligned columns"),
        pytest.param(b"\xef\xbb\xbf2 3\n" + ROWS, id="byte order mark and header"),
        pytest.param(b"\xef\xbb\xbf" + ROWS, id="byte order mark"),
        pytest.param(ROWS, id="GloVe"),
        pytest.param(BINARY, id="word2vec binary, C"),
        pytest.param(BINARY.replace(b"\ndog", b"dog")[:-1], id="word2vec binary, gensim"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_formats(read, content, pack):
    words, matrix, notes = read(pack(content))
    assert words == ["cat", "dog"]
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, MATRIX)
    assert notes == ()


def test_gzip_in_several_pieces(read):
    """The header alone in the first piece: what is looked at must not end there."""
    content = gzip.compress(BINARY[:4]) + gzip.compress(BINARY[4:])
    np.testing.assert_array_equal(read(content).matrix, MATRIX)


def test_words_with_spaces_are_split_from_the_right(read):
    words, matrix, _ = read(b"cat 1 2\n. . . 3 4\nat name@domain.com 5 6\n")
    assert words == ["cat", ". . .", "at name@domain.com"]
    assert matrix.tolist() == [[1, 2], [3, 4], [5, 6]]


def test_unicode_spaces_belong_to_words(read):
    """Line and column ends are ASCII; text readers that split at U+0085 lose these rows."""
    words, _, _ = read("a\x85 1 2\n\xa0 3 4\n\u2028b 5 6\n\u3000 7 8\n".encode())
    assert words == ["a\x85", "\xa0", "\u2028b", "\u3000"]


def test_a_first_row_that_looks_like_a_header(read):
    words, matrix, _ = read(b"7 3\ncat 0.5\n")
    assert words == ["7", "cat"]
    assert matrix.tolist() == [[3], [0.5]]


def test_a_file_of_no_words(read):
    words, matrix, _ = read(b"0 5\n")
    assert words == []
    assert matrix.shape == (0, 5)


def test_long_words_in_binary_cross_the_buffer(read):
    word = b"x" * 9000
    content = b"2 1\n" + word + b" " + floats(0.1) + word + b"y " + floats(0.2)
    assert read(content).words == [word.decode(), word.decode() + "y"]


def test_only_wanted_words_are_kept(read):
    for content in (b"2 3\n" + ROWS, ROWS, BINARY):
        words, matrix, _ = read(content, wanted={"dog", "unknown", "\udc80"})
        assert words == ["dog"]
        np.testing.assert_array_equal(matrix, MATRIX[1:])


def test_nothing_is_wanted(read):
    words, matrix, _ = read(ROWS, wanted=set())
    assert words == []
    assert matrix.shape == (0, 3)


def test_unwanted_rows_may_hold_what_cannot_be_read(read):
    assert read(b"cat 1 2\ncaf\xe9 3 x\n", wanted={"cat"}).words == ["cat"]


def test_a_repeated_word_keeps_its_first_vector_and_is_noted(read, tmp_path):
    words, matrix, notes = read(b"cat 1\ndog 2\ncat 3\ncat 4\n")
    assert words == ["cat", "dog"]
    assert matrix.tolist() == [[1], [2]]
    name = tmp_path / "some.vec"
    assert notes == (f"{name}: rows left out because they repeat an earlier word: 2 (lines 3, 4)",)


def test_a_note_names_the_first_few_rows(read):
    (note,) = read(b"8 1\n" + b"cat 1\n" * 8).notes
    assert note.endswith("word: 7 (lines 3, 4, 5, 6, 7, ...)")


def test_a_repeated_word_in_a_binary_file(read):
    (note,) = read(b"2 1\ncat " + floats(0.1) + b"cat " + floats(0.2)).notes
    assert note.endswith("(words 2)")


# What is refused


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "some.vec: is empty; a file of word vectors was expected"),
        (
            b"3 3\n" + ROWS,
            "some.vec:1: says 3 words of 3 numbers, but the file holds 2; it is cut short: fetch "
            "it again",
        ),
        (
            b"1 3\n" + ROWS,
            "some.vec:1: says 1 words of 3 numbers, but the file holds 2; correct line 1 if all "
            "of them belong there",
        ),
        (
            b"2000000000 1000\n" + ROWS,
            "some.vec:2: has 4 columns; by line 1 it must have 1001: a word and 1000 numbers",
        ),
        (
            b"2 2\n" + ROWS,
            "some.vec:2: has 4 columns; by line 1 it must have 3: a word and 2 numbers",
        ),
        (
            b"2 3\ncat 1 2 3\ndog 4 5\n",
            "some.vec:3: has 3 columns; by line 1 it must have 4: a word and 3 numbers",
        ),
        (
            b"cat 1 2 3\n\ndog 4 5 6 7\n",
            "some.vec:3: has 5 columns; by line 1 it must have 4: a word and 3 numbers",
        ),
        (
            b"cat 1 2\n 3 4\n",
            "some.vec:2: has 2 columns; by line 1 it must have 3: a word and 2 numbers",
        ),
        (b"2 2\ncat 1 2\ndog 3 4,5\n", "some.vec:3: '4,5' is not a number; write it like -0.25"),
        (b"2 2\ncat x 2\ndog 3 4\n", "some.vec:2: 'x' is not a number; write it like -0.25"),
        (
            b"cat 1 2\ndog 3 nan\n",
            "some.vec:2: number 2 of the vector of 'dog' is nan as float32; every number must be "
            "finite",
        ),
        (
            b"cat 1e39 2\n",
            "some.vec:1: number 1 of the vector of 'cat' is inf as float32; every number must be "
            "finite",
        ),
        (
            b"2 2\ncat 1 2\ncaf\xe9 3 4\n",
            r"some.vec:3: b'caf\xe9' is not UTF-8 (its byte 4); convert the file, or check that "
            "its first line is right",
        ),
    ],
)
def test_bad_text(refusal, content, message):
    assert refusal(content) == message
    assert refusal(gzip.compress(content)) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"3" + BINARY[1:],
            "some.vec:1: says 3 words of 3 numbers, but word 3 (byte 37) is not whole; the file "
            "is cut short or line 1 is wrong",
        ),
        (
            BINARY[:30],
            "some.vec:1: says 2 words of 3 numbers, but word 2 (byte 20) is not whole; the file "
            "is cut short or line 1 is wrong",
        ),
        (
            b"2000000000 1000\n" + BINARY[4:],
            "some.vec:1: says 2000000000 words of 1000 numbers, but word 1 (byte 16) is not "
            "whole; the file is cut short or line 1 is wrong",
        ),
        (
            b"1" + BINARY[1:],
            "some.vec:1: says 1 words of 3 numbers, but the file goes on after them (byte 20); "
            "line 1 is wrong or the file is damaged",
        ),
        (
            b"1 1\n " + floats(0.1),
            "some.vec:1: says 1 words of 1 numbers, but word 1 (byte 4) is not whole; the file "
            "is cut short or line 1 is wrong",
        ),
        (
            b"2 1\ncat " + floats(0.1) + b"c\xff\xfet " + floats(0.2),
            r"some.vec: word 2 (byte 12): b'c\xff\xfet' is not UTF-8 (its byte 2); convert the "
            "file, or check that its first line is right",
        ),
        (
            b"2 1\nice cream" + floats(0.1) + b"\ncat " + floats(0.2) + b"\n",
            "some.vec:1: says 2 words of 1 numbers, but word 2 (byte 12) has a line break in it; "
            "line 1 is wrong, or a word before it has a space, which this format cannot hold",
        ),
        (
            b"1 2\ncat " + floats(0.1, float("inf")),
            "some.vec: word 1: number 2 of the vector of 'cat' is inf as float32; every number "
            "must be finite",
        ),
    ],
)
def test_bad_binary(refusal, content, message):
    assert refusal(content) == message
    assert refusal(gzip.compress(content)) == message


def test_a_wrong_dimension_of_a_binary_file_is_noticed(refusal):
    """The reader gets out of step, and every way that can end is refused."""
    values = np.random.default_rng(5).standard_normal((40, 8)).astype("<f4")
    rows = b"".join(b"word%d %b" % (row, vector.tobytes()) for row, vector in enumerate(values))
    for dimension in (1, 2, 5, 7, 9, 16, 300):
        assert refusal(b"40 %d\n" % dimension + rows)
        assert refusal(b"40 %d\n" % dimension + rows, wanted={"nothing"})


def test_a_binary_word_without_end_is_refused(refusal):
    content = b"1 3\n" + b"\x01" * 40_000 + b" " + floats(1, 2, 3)
    assert "word 1 (byte 4) is not whole" in refusal(content)


def test_a_line_without_end_is_refused(refusal):
    content = b"cat 1 2\n" + b"x" * (1 << 22)
    assert refusal(content).startswith("some.vec:2: is longer than 2097152 bytes")


def test_more_than_allowed_is_refused_with_a_way_out(refusal, read):
    message = refusal(ROWS, max_bytes=200)
    assert message.startswith("some.vec:2: the vectors up to here take more than max_bytes=200;")
    assert "wanted=" in message
    assert read(ROWS, max_bytes=200, wanted={"dog"}).words == ["dog"]


def test_damaged_gzip(refusal):
    packed = gzip.compress(b"300 1\n" + b"".join(b"w%d 0.5\n" % i for i in range(300)))
    assert "is a damaged gzip file" in refusal(packed[:-20])
    assert "is a damaged gzip file" in refusal(packed[:40] + b"\0\0\0" + packed[43:])
    assert "is a damaged gzip file" in refusal(packed + b"garbage")


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(DataError, match="missing: cannot be read: No such file"):
        read_vector_file(tmp_path / "missing", wanted=None, max_bytes=LARGE)
    with pytest.raises(DataError, match="cannot be read"):
        read_vector_file(tmp_path, wanted=None, max_bytes=LARGE)


# Memory


def peak_of(action):
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("rows", [ROWS, BINARY[4:]], ids=["text", "binary"])
def test_a_header_that_lies_takes_no_memory(refusal, rows):
    """2,000,000,000 x 1000 float32 would be 8 TB."""
    assert peak_of(lambda: refusal(b"2000000000 1000\n" + rows)) < 1 << 20


@pytest.mark.parametrize("binary", [False, True])
def test_memory_follows_what_is_wanted(tmp_path, binary):
    path = tmp_path / "large.vec"
    matrix = np.random.default_rng(0).standard_normal((8000, 50)).astype(np.float32)
    words = [f"word{row}" for row in range(len(matrix))]
    write_vector_file(path, words, matrix, binary=binary)
    wanted = {"word3", "word7999"}

    def read():
        return read_vector_file(path, wanted=wanted, max_bytes=LARGE)

    assert peak_of(read) < 1 << 19  # the file has 1.6 MB or more
    np.testing.assert_array_equal(read().matrix, matrix[[3, 7999]])


# What is written


def test_text_carries_the_shortest_digits(tmp_path):
    path = tmp_path / "some.vec"
    write_vector_file(path, ["cat", "dog"], MATRIX, binary=False)
    assert path.read_bytes() == b"2 3\ncat 1.0 -2.5 0.003\ndog 4.0 5.0 6.0\n"


def test_binary_is_what_the_c_tool_writes(tmp_path):
    path = tmp_path / "some.bin"
    write_vector_file(path, ["cat", "dog"], MATRIX, binary=True)
    assert path.read_bytes() == BINARY


@pytest.mark.parametrize("binary", [False, True])
def test_gzip_by_name_gives_the_same_bytes_each_time(tmp_path, binary):
    plain, *packed = (tmp_path / name for name in ("a.vec", "a.vec.gz", "b.vec.GZ"))
    for path in (plain, *packed):
        write_vector_file(path, ["cat", "dog"], MATRIX, binary=binary)
    first, second = (path.read_bytes() for path in packed)
    assert first == second
    assert first[4:8] == bytes(4)  # no time
    assert gzip.decompress(first) == plain.read_bytes()


def test_more_rows_than_one_block(tmp_path):
    matrix = np.arange(5000, dtype=np.float32).reshape(2500, 2)
    words = [f"w{row}" for row in range(2500)]
    write_vector_file(tmp_path / "some.vec", words, matrix, binary=False)
    table = read_vector_file(tmp_path / "some.vec", wanted=None, max_bytes=LARGE)
    assert table.words == words
    np.testing.assert_array_equal(table.matrix, matrix)


@pytest.mark.parametrize("word", ["", "two words", "tab\t", "\n", "a\rb", "\v", "\f"])
def test_a_word_that_no_word2vec_file_can_carry(tmp_path, word):
    path = tmp_path / "some.vec"
    path.write_text("old")
    with pytest.raises(DataError, match=r"\(row 1\) cannot stand in a word2vec file"):
        write_vector_file(path, ["cat", word], MATRIX, binary=False)
    assert path.read_text() == "old"


def test_half_a_character_has_no_utf8_form(tmp_path):
    with pytest.raises(DataError, match=r"'\\ud800' \(row 0\) holds half a character"):
        write_vector_file(tmp_path / "some.vec", ["\ud800", "b"], MATRIX, binary=True)
