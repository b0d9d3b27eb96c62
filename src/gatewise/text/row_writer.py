"""Rows -> a csv, tsv or JSON lines file, written as they come."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, cast

from gatewise.base.config import check_choice
from gatewise.base.errors import ConfigError
from gatewise.base.files import atomic_open
from gatewise.text.rows import JsonScalar, JsonText
from gatewise.text.tables import ending_of

__all__ = ["FORMATS", "PARQUET", "RowWriter", "format_of", "open_output"]

FORMATS = ("csv", "tsv", "jsonl")
PARQUET = "parquet"  # written as columns, not row by row

_FORMAT_OF_ENDING = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_DELIMITERS = {"csv": ",", "tsv": "\t"}
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_NOT_JSON = re.compile(r"NaN|Infinity")
_N_NAMED = 10

Cell = str | float | None


class RowWriter:
    """Writes rows in one of the formats.

    Parameters
    ----------
    stream : text file object
        Where to; opened with ``newline=""``.
    kind : {"csv", "tsv", "jsonl"}
        The format.
    columns : sequence of str
        The columns, written as the first line of csv and tsv.

    Attributes
    ----------
    n_cut : int
        Rows with a cell under a name that is no column; csv and tsv have no place for it.
    cut_names : list of str
        The first such names.
    """

    def __init__(self, stream: IO[str], kind: str, columns: Sequence[str]) -> None:
        check_choice("format", kind, FORMATS)
        self.n_cut = 0
        self.cut_names: list[str] = []
        self._stream = stream
        self._columns = tuple(columns)
        self._known = frozenset(columns)
        self._as_line = _Lines(_DELIMITERS[kind]) if kind in _DELIMITERS else None
        if self._as_line:
            stream.write(self._as_line(columns))

    def write(self, cells: Mapping[str, Cell]) -> None:
        """Write a row; columns that it lacks are empty, or null.

        NUL characters and bytes that are no text come out as U+FFFD.
        """
        if self._as_line is None:
            ordered = dict.fromkeys(self._columns) | dict(cells)
            pairs = (f"{_as_json(name)}: {_as_json(cell)}" for name, cell in ordered.items())
            self._stream.write("{" + ", ".join(pairs) + "}\n")
            return
        if not self._known.issuperset(cells):
            self._count_cut(cells)
        self._stream.write(self._as_line([cells.get(name) for name in self._columns]))

    def _count_cut(self, cells: Mapping[str, Cell]) -> None:
        extra = [name for name in cells if name not in self._known and cells[name] is not None]
        self.n_cut += bool(extra)
        known = set(self.cut_names)
        self.cut_names += [name for name in extra if name not in known]
        del self.cut_names[_N_NAMED:]


class _Lines:
    """Cells -> a line of csv, clean."""

    def __init__(self, delimiter: str) -> None:
        options: dict[str, Any] = {"delimiter": delimiter, "lineterminator": "\n"}
        self._write = csv.writer(_Echo(), **options).writerow
        self._write_quoted = csv.writer(_Echo(), quoting=csv.QUOTE_ALL, **options).writerow

    def __call__(self, cells: Sequence[Cell]) -> str:
        # What a writer gives back is what its file gave back, and so the line.
        line: str = self._write(cells)
        if "\r" in line:  # before 3.13 Python leaves such a cell without quotes
            line = self._write_quoted(cells)
        return line if line.isascii() and "\0" not in line else _clean(line)


class _Echo:
    def write(self, line: str) -> str:
        return line


def format_of(path: Path | None, chosen: str | None = None) -> str:
    """Tell the format to write: the chosen one, or that of the file's ending, or csv.

    Returns
    -------
    str
        One of :data:`FORMATS`, or :data:`PARQUET`.

    Raises
    ------
    ConfigError
        If it is none of those that can be written, or one that nobody expects under this name.
    """
    if chosen is not None:
        check_choice("format", chosen, (*FORMATS, PARQUET))
        if chosen == PARQUET and path is None:
            raise ConfigError("parquet is written to a file only; name one with --out FILE")
        _check_name(path, chosen)
        return chosen
    if path is None:
        return "csv"
    if path.suffix.casefold() == ".parquet":
        return PARQUET
    kind = _FORMAT_OF_ENDING.get(ending_of(path))
    if kind is None:
        endings = ", ".join(_FORMAT_OF_ENDING)
        raise ConfigError(
            f"{path} has an ending that is not known; allowed are {endings} (each also with .gz) "
            "and .parquet, or say --format csv, tsv, jsonl or parquet"
        )
    return kind


def _check_name(path: Path | None, chosen: str) -> None:
    """Refuse rows of text under the name of a parquet file, and the other way round."""
    if path is None:
        return
    is_table = path.suffix.casefold() == ".parquet"
    if is_table != (chosen == PARQUET) and (is_table or ending_of(path) in _FORMAT_OF_ENDING):
        raise ConfigError(
            f"{path} would hold {chosen}, which its ending denies; leave --format out, or name the "
            f"file by its format"
        )


@contextlib.contextmanager
def open_output(path: Path | None, standard_output: Any) -> Iterator[IO[str]]:
    """Open what rows are written to, as UTF-8 on every system.

    Parameters
    ----------
    path : Path or None
        A file, which appears when it is complete; packed if its name ends in ``.gz``. None:
        standard output.
    standard_output : text file object
        It, with a binary ``buffer``.

    Yields
    ------
    text file object
    """
    if path is None:
        text = io.TextIOWrapper(standard_output.buffer, encoding="utf-8", newline="")
        try:
            yield text
            text.flush()
        finally:
            text.detach()  # so that standard output stays open
        return
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(atomic_open(path, "wb"))
        if path.suffix.casefold() == ".gz":
            # No name and no time inside, so that equal content gives equal bytes.
            packed = gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0)
            stream = cast("IO[bytes]", stack.enter_context(packed))
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        yield text
        text.detach()  # flushes


def _clean(text: str) -> str:
    return _NO_TEXT.sub("\ufffd", text)


def _as_json(cell: Cell) -> str:
    if isinstance(cell, JsonText | JsonScalar) and not _NOT_JSON.search(cell):
        return _clean(cell)
    if isinstance(cell, str):
        cell = _clean(cell)
    return json.dumps(cell, ensure_ascii=False, allow_nan=False)
