"""Files of word vectors: word2vec text and binary, GloVe and fastText text, each also as gzip.

A file is read as a stream. Memory is taken by the rows that are there and wanted, never by what
the first line promises, and a first line that does not agree with the rows is refused. Words in
text may contain spaces: a row is split from the right.
"""

from __future__ import annotations

import array
import codecs
import contextlib
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewise.base.errors import DataError
from gatewise.base.files import atomic_open
from gatewise.vectors.vector_layout import FLOAT_BYTES, Layout, is_number, recognise, shown

__all__ = ["VectorTable", "read_vector_file", "write_vector_file"]

_MAX_LINE = 1 << 21  # bytes; a row of MAX_DIMENSION float32 fits
_SAMPLE = 1 << 16  # bytes after the first two lines, to tell text from binary
_MAX_WORD = 1 << 14  # bytes, in binary files
_BLOCK = 1024  # rows written at a time
_WORD_COST = 100  # bytes: the str object and its place in the table, about
_N_NAMED = 5  # rows that a note names
_GZIP = b"\x1f\x8b"
_WHITE_SPACE = re.compile(r"[ \t\n\r\v\f]")


class VectorTable(NamedTuple):
    """What a file of word vectors holds."""

    words: list[str]  # V, each once, in the file's order
    matrix: NDArray[np.float32]  # (V, E)
    notes: tuple[str, ...]  # one sentence for each kind of row that was left out


def read_vector_file(path: Path, *, wanted: Set[str] | None, max_bytes: int) -> VectorTable:
    """Read a file of word vectors, whichever of the formats it has.

    Parameters
    ----------
    path : Path
        The file.
    wanted : set of str or None
        Keep only these words; the numbers of all others are passed over. None keeps every word.
    max_bytes : int
        The most memory for the words and vectors that are kept, in bytes.

    Returns
    -------
    VectorTable
        Words, matrix of shape (V, E) and notes.

    Raises
    ------
    DataError
        If the file cannot be read, is damaged, contradicts its first line or holds too much.
    """
    with _unpacked(path) as stream:
        start = len(codecs.BOM_UTF8) if stream.read(3) == codecs.BOM_UTF8 else 0
        stream.seek(start)
        head = stream.readline(_MAX_LINE) + stream.readline(_MAX_LINE) + stream.read(_SAMPLE)
        layout = recognise(path, head)
        stream.seek(start)
        kept = _Kept(path, layout, wanted, max_bytes)
        read = _read_binary if layout.binary else _read_text
        with np.errstate(over="ignore"):  # what overflows is infinite, and refused as such
            read(stream, layout, kept)
    return kept.table()


def write_vector_file(
    path: Path, words: Sequence[str], matrix: NDArray[np.float32], *, binary: bool
) -> None:
    """Write word2vec text or binary atomically; as gzip if the name ends in ``.gz``.

    Parameters
    ----------
    path : Path
        The file. Equal vectors give equal bytes, packed or not.
    words : sequence of str
        V words without white space.
    matrix : ndarray of shape (V, E), float32
        Their vectors. Text carries the shortest digits that read back as the same float32.
    binary : bool
        Write binary instead of text.

    Raises
    ------
    DataError
        If a word cannot stand in such a file.
    """
    encoded = [_encode(word, row) for row, word in enumerate(words)]
    to_bytes = _binary_vectors if binary else _text_vectors
    with atomic_open(path, "wb") as file, _packed(file, path) as stream:
        stream.write(f"{matrix.shape[0]} {matrix.shape[1]}\n".encode())
        for start in range(0, len(encoded), _BLOCK):
            block = slice(start, start + _BLOCK)
            rows = zip(encoded[block], to_bytes(matrix[block]), strict=True)
            stream.write(b"".join(b"%b %b\n" % row for row in rows))


class _Kept:
    """The words and vectors kept so far; grows only by what was read."""

    def __init__(self, path: Path, layout: Layout, wanted: Set[str] | None, max_bytes: int) -> None:
        self.path = path
        self._layout = layout
        # Compared as bytes, so that in text a word nobody wants is not even decoded.
        self._wanted = (
            None if wanted is None else {word.encode("utf-8", "surrogatepass") for word in wanted}
        )
        self._max_bytes = max_bytes
        self._n_bytes = 0
        self._words: dict[str, None] = {}
        self._values = array.array("f")  # grows in place, so that nothing is held twice
        self._repeated: list[int] = []  # line or word numbers

    def where(self, number: int) -> str:
        """Name the place of a row: ``file:line``, or the word's number in a binary file."""
        return f"{self.path}: word {number}" if self._layout.binary else f"{self.path}:{number}"

    def wants(self, word: bytes) -> bool:
        """Tell whether a word is to be kept."""
        return self._wanted is None or word in self._wanted

    def add(self, word: str, values: NDArray[np.float32], number: int) -> None:
        """Keep a vector (E,) unless its word is there already."""
        if word in self._words:
            self._repeated.append(number)
            return
        if not np.isfinite(values).all():
            position = int(np.flatnonzero(~np.isfinite(values))[0])
            raise DataError(
                f"{self.where(number)}: number {position + 1} of the vector of {word!r} is "
                f"{values[position]} as float32; every number must be finite"
            )
        self._n_bytes += values.nbytes + len(word) + _WORD_COST
        if self._n_bytes > self._max_bytes:
            raise DataError(
                f"{self.where(number)}: the vectors up to here take more than max_bytes="
                f"{self._max_bytes}; give wanted=... to keep only the words you need, or allow more"
            )
        self._words[word] = None
        self._values.frombytes(values.tobytes())

    def table(self) -> VectorTable:
        """Hand over what was kept; the matrix is the buffer itself."""
        matrix = np.asarray(self._values).reshape(-1, self._layout.dimension)  # (V, E)
        return VectorTable(list(self._words), matrix, self._notes())

    def _notes(self) -> tuple[str, ...]:
        if not self._repeated:
            return ()
        unit = "words" if self._layout.binary else "lines"
        named = ", ".join(map(str, self._repeated[:_N_NAMED]))
        more = ", ..." if len(self._repeated) > _N_NAMED else ""
        return (
            f"{self.path}: rows left out because they repeat an earlier word: "
            f"{len(self._repeated)} ({unit} {named}{more})",
        )


@contextlib.contextmanager
def _unpacked(path: Path) -> Iterator[io.BufferedReader[Any]]:
    try:
        with path.open("rb") as stream:
            if not stream.peek(len(_GZIP)).startswith(_GZIP):
                yield stream
                return
            with gzip.GzipFile(fileobj=stream) as raw, io.BufferedReader(raw) as unpacked:
                yield unpacked
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: is a damaged gzip file ({error}); fetch it again") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def _read_text(stream: io.BufferedReader, layout: Layout, kept: _Kept) -> None:
    n_rows = 0
    for number, line in _numbered_lines(stream, kept):
        row = line.strip()
        if not row or (number == 1 and layout.n_words is not None):
            continue
        n_rows += 1
        word, *numbers = row.rsplit(None, layout.dimension)
        if len(numbers) < layout.dimension or _ends_in_number(word):
            raise DataError(
                f"{kept.where(number)}: has {len(row.split())} columns; by line 1 it must have "
                f"{1 + layout.dimension}: a word and {layout.dimension} numbers"
            )
        if kept.wants(word):
            where = kept.where(number)
            kept.add(_decode(word, where), _parse(numbers, where), number)
    _check_n_rows(n_rows, layout, kept)


def _numbered_lines(stream: io.BufferedReader, kept: _Kept) -> Iterator[tuple[int, bytes]]:
    lines = iter(lambda: stream.readline(_MAX_LINE + 1), b"")
    for number, line in enumerate(lines, start=1):
        if len(line) > _MAX_LINE:
            raise DataError(
                f"{kept.where(number)}: is longer than {_MAX_LINE} bytes; a row holds one word "
                "and its numbers"
            )
        yield number, line


def _ends_in_number(word: bytes) -> bool:
    """Tell whether a word with spaces swallowed a number: then the row has too many."""
    pieces = word.split()
    return len(pieces) > 1 and is_number(pieces[-1])


def _parse(numbers: Sequence[bytes], where: str) -> NDArray[np.float32]:
    try:
        return np.array(numbers, dtype=np.float32)  # (E,)
    except ValueError:
        bad = next(field for field in numbers if not is_number(field))
        raise DataError(f"{where}: {shown(bad)} is not a number; write it like -0.25") from None


def _check_n_rows(n_rows: int, layout: Layout, kept: _Kept) -> None:
    if layout.n_words is None or layout.n_words == n_rows:
        return
    what_to_do = (
        "it is cut short: fetch it again"
        if n_rows < layout.n_words
        else "correct line 1 if all of them belong there"
    )
    raise DataError(
        f"{kept.path}:1: says {layout.n_words} words of {layout.dimension} numbers, but the file "
        f"holds {n_rows}; {what_to_do}"
    )


def _read_binary(stream: io.BufferedReader, layout: Layout, kept: _Kept) -> None:
    stream.readline()
    promise = f"{kept.path}:1: says {layout.n_words} words of {layout.dimension} numbers"
    n_bytes = FLOAT_BYTES * layout.dimension
    for number in range(1, (layout.n_words or 0) + 1):
        start = stream.tell()
        word = _next_word(stream)
        values = stream.read(n_bytes)
        if not word or len(values) < n_bytes:
            raise DataError(
                f"{promise}, but word {number} (byte {start}) is not whole; the file is cut short "
                "or line 1 is wrong"
            )
        if b"\n" in word:
            raise DataError(
                f"{promise}, but word {number} (byte {start}) has a line break in it; line 1 is "
                "wrong, or a word before it has a space, which this format cannot hold"
            )
        text = _decode(word, f"{kept.where(number)} (byte {start})")
        if kept.wants(word):
            kept.add(text, np.frombuffer(values, dtype="<f4").astype(np.float32), number)
    start = stream.tell()
    if stream.read(_MAX_WORD).strip():
        raise DataError(
            f"{promise}, but the file goes on after them (byte {start}); line 1 is wrong or the "
            "file is damaged"
        )


def _next_word(stream: io.BufferedReader) -> bytes:
    """Read up to the next space; empty if there is none within reach."""
    word = b""
    while len(word) < _MAX_WORD and (window := stream.peek()):
        end = window.find(b" ")
        word += stream.read(len(window) if end < 0 else end)
        if end >= 0:
            stream.read(1)
            return word.lstrip(b"\r\n")  # the line end of the row before
    return b""


def _decode(word: bytes, where: str) -> str:
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where}: {word[:40]!r} is not UTF-8 (its byte {error.start + 1}); convert the file, "
            "or check that its first line is right"
        ) from None


@contextlib.contextmanager
def _packed(stream: IO[bytes], path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    if path.suffix.lower() != ".gz":
        yield stream
        return
    # No name and no time inside, so that equal content gives equal bytes.
    with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=stream, mtime=0) as packed:
        yield packed


def _text_vectors(block: NDArray[np.float32]) -> list[bytes]:
    return [b" ".join(row) for row in block.astype(np.bytes_).tolist()]


def _binary_vectors(block: NDArray[np.float32]) -> list[bytes]:
    return [row.tobytes() for row in block.astype("<f4")]


def _encode(word: str, row: int) -> bytes:
    if not word or _WHITE_SPACE.search(word):
        raise DataError(
            f"the word {word!r} (row {row}) cannot stand in a word2vec file, where white space "
            "ends a word; leave it out with restricted_to(...) or put '_' in its place"
        )
    try:
        return word.encode("utf-8")
    except UnicodeEncodeError:
        raise DataError(
            f"the word {word!r} (row {row}) holds half a character and has no UTF-8 form; "
            "leave it out with restricted_to(...)"
        ) from None
