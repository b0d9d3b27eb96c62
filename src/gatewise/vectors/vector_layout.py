"""Which layout a file of word vectors has, told from its first bytes and never from its name.

- word2vec text, fastText ``.vec``: a line ``V E``, then V rows of a word and E numbers;
- word2vec binary: a line ``V E``, then V times a word, a space and E little-endian float32;
- GloVe text: the rows alone.
"""

from __future__ import annotations

import codecs
import itertools
import re
from dataclasses import dataclass
from pathlib import Path

from gatewise.base.errors import DataError

__all__ = ["FLOAT_BYTES", "MAX_DIMENSION", "Layout", "is_number", "recognise", "shown"]

FLOAT_BYTES = 4  # of one float32
MAX_DIMENSION = 65_536  # numbers per vector

_SAMPLE = 1 << 16  # bytes looked through for what no text has
_HEADER = re.compile(rb"(-?\d{1,18})\s+(-?\d{1,18})")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_FOREIGN = {
    b"PK\x03\x04": "a zip archive; unpack it and give the file inside",
    b"BZh": "a bzip2 file; unpack it first",
    b"\xfd7zXZ": "an xz file; unpack it first",
    b"\xba\x16\x4f\x2f": "a fastText model; give the .vec file that fastText writes beside it",
    b"\x80": "a Python pickle, which is never opened; export it with gensim's save_word2vec_format",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """What the first bytes of a file say."""

    n_words: int | None  # None: there is no header line
    dimension: int
    binary: bool = False


def recognise(path: Path, head: bytes) -> Layout:
    """Tell the layout of a file of word vectors.

    Parameters
    ----------
    path : Path
        The file, for the messages.
    head : bytes
        Its first bytes, unpacked, without byte order mark; the first two lines at least.

    Returns
    -------
    Layout
        The promised number of words and numbers per word, not yet held against the rows.

    Raises
    ------
    DataError
        If the file is empty, of a foreign kind, or starts with an impossible header.
    """
    for magic, name in _FOREIGN.items():
        if head.startswith(magic):
            raise DataError(f"{path}: is {name}")
    if not head.strip():
        raise DataError(f"{path}: is empty; a file of word vectors was expected")
    first, _, rest = head.partition(b"\n")
    header = _HEADER.fullmatch(first.strip())
    if header is None:
        return Layout(None, _dimension_of_row(path, first))
    layout = Layout(int(header[1]), int(header[2]))
    _check_header(path, layout)
    if _is_row(rest, layout.dimension):
        return layout
    if not _is_plain_text(rest[:_SAMPLE]) or _is_whole_binary(rest, layout):
        return Layout(layout.n_words, layout.dimension, binary=True)
    # "7 3" above a row of one number is no header: it is the word 7 with its only number.
    return Layout(None, 1) if _n_columns(rest) == 2 and _is_row(rest, 1) else layout


def is_number(field: bytes) -> bool:
    """Tell whether a field reads as a number; infinite and nan do."""
    try:
        float(field)
    except ValueError:
        return False
    return True


def shown(field: bytes) -> str:
    """Quote the start of some bytes for a message."""
    return repr(field[:40].decode("utf-8", "replace"))


def _dimension_of_row(path: Path, row: bytes) -> int:
    fields = row.split()
    n_numbers = sum(1 for _ in itertools.takewhile(is_number, reversed(fields)))
    dimension = min(n_numbers, len(fields) - 1)
    if dimension < 1:
        raise DataError(
            f"{path}:1: {shown(row)} is neither a header (number of words, numbers per word) "
            "nor a word with its numbers; give a file in word2vec, GloVe or fastText format"
        )
    return dimension


def _check_header(path: Path, layout: Layout) -> None:
    if (layout.n_words or 0) < 0 or not 1 <= layout.dimension <= MAX_DIMENSION:
        raise DataError(
            f"{path}:1: says {layout.n_words} words of {layout.dimension} numbers; allowed are 0 "
            f"or more words of 1 to {MAX_DIMENSION} numbers"
        )


def _n_columns(rest: bytes) -> int:
    return len(rest.partition(b"\n")[0].split())


def _is_row(rest: bytes, dimension: int) -> bool:
    fields = rest.partition(b"\n")[0].split()
    return len(fields) > dimension and all(map(is_number, fields[-dimension:]))


def _is_plain_text(sample: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)  # may end inside a character
    except UnicodeDecodeError:
        return False
    return _CONTROL.search(sample) is None


def _is_whole_binary(rest: bytes, layout: Layout) -> bool:
    """Tell whether binary rows end where the file does: a few floats can look like text."""
    position = 0
    for _ in range(layout.n_words or 0):
        space = rest.find(b" ", position)
        position = space + 1 + FLOAT_BYTES * layout.dimension
        if space < 0 or position > len(rest):
            return False
    return position > 0 and not rest[position:].strip()
