"""Rows as columns: ranges of a parquet file, or any table, some rows at a time."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from gatewise.base.errors import DataError
from gatewise.base.files import atomic_open
from gatewise.base.optional import require
from gatewise.text.rows import JsonText, Row, Table, cell_text, cells_problem, column_names
from gatewise.text.tables import ending_of, one_sentence

__all__ = ["ParquetRows", "RowBlock", "Rows", "TableRows", "open_rows", "pack_rows", "pyarrow_for"]

_BATCH = 8192  # rows of a parquet file at a time
_NOT_UTF8 = re.compile("[\ud800-\udfff]")
_NO_TEXT = "text is a list, an object or bytes"
_N_NAMED = 10


@dataclass(frozen=True)
class RowBlock:
    """Some rows of a table.

    Attributes
    ----------
    columns : pyarrow.Table
        Their cells.
    lines : sequence of int
        What each row is called: its line in the file, or its number from 1.
    problems : mapping of int to str
        Position in the block -> why the row cannot be used.
    """

    columns: Any
    lines: Sequence[int]
    problems: Mapping[int, str] = field(default_factory=dict)

    def rows(self, column: str) -> Iterator[Row]:
        """Give each row with nothing but its text."""
        cells = self.columns.column(column).to_pylist()
        for position, (line, cell) in enumerate(zip(self.lines, cells, strict=True)):
            yield Row(line, {column: cell_text(cell)}, self.problems.get(position))


class Rows(Protocol):
    """Where blocks come from."""

    @property
    def schema(self) -> Any:
        """Names and types of the columns: pyarrow.Schema."""
        ...

    def blocks(self, n_rows: int) -> Iterator[RowBlock]:
        """Read all rows, so many at a time."""
        ...


class ParquetRows:
    """The rows of a parquet file, by their numbers.

    Parameters
    ----------
    path : Path
        The file.
    packed : bool
        It was written by :func:`pack_rows`: its last two columns are line and problem.

    Attributes
    ----------
    schema : pyarrow.Schema
        Names and types of the columns.
    n_rows : int
        How many there are.

    Raises
    ------
    DataError
        If it cannot be read, or has no rows.
    """

    def __init__(self, path: Path, *, packed: bool = False) -> None:
        self._path, self._packed = path, packed
        self._arrow = pyarrow_for("read parquet files")
        with self._opened() as file:
            schema, footer = file.schema_arrow, file.metadata
            sizes = [footer.row_group(number).num_rows for number in range(footer.num_row_groups)]
        self._starts = [0, *itertools.accumulate(sizes)]
        self.n_rows = self._starts[-1]
        if not self.n_rows:
            raise DataError(f"{path} has a header and no records; at least one is needed")
        own = schema.names[:-2] if packed else schema.names
        self._names = column_names(own, str(path), all_have_cells=True)
        self._stored = schema.names
        fields = [schema.field(number).with_name(name) for number, name in enumerate(self._names)]
        same = list(self._names) == schema.names
        self.schema = self._arrow.schema(fields, schema.metadata if same else None)

    def block(self, start: int, stop: int, only: str | None = None) -> RowBlock:
        """Read a range of rows.

        Parameters
        ----------
        start, stop : int
            From 0; the last one is not read.
        only : str, optional
            Read this column alone, and do not look for what is wrong with a row.

        Returns
        -------
        RowBlock
        """
        names = None if only is None else [self._stored[self._names.index(only)]]
        batches = []
        with self._opened() as file:
            position, groups = self._groups(start, stop)
            for batch in file.iter_batches(_BATCH, row_groups=groups, columns=names):
                first, last = max(start - position, 0), min(stop - position, batch.num_rows)
                if first < last:
                    batches.append(batch.slice(first, last - first))
                position += batch.num_rows
                if position >= stop:
                    break
            found = self._arrow.Table.from_batches(batches)
            found.validate(full=True)  # texts that are no Unicode are found here, in one sentence
        if only is not None:
            return RowBlock(found.rename_columns([only]), range(start + 1, stop + 1))
        own = found.columns[: len(self._names)]
        columns = self._arrow.Table.from_arrays(own, schema=self.schema)
        if self._packed:
            lines, told = (found.column(number).to_pylist() for number in (-2, -1))
            return RowBlock(columns, lines, {at: why for at, why in enumerate(told) if why})
        return RowBlock(columns, range(start + 1, stop + 1), _problems(self._arrow, columns))

    def blocks(self, n_rows: int) -> Iterator[RowBlock]:
        """Read all rows, so many at a time."""
        for start in range(0, self.n_rows, n_rows):
            yield self.block(start, min(start + n_rows, self.n_rows))

    def _groups(self, start: int, stop: int) -> tuple[int, list[int]]:
        """Find the row groups with a range in them, and the first one's first row."""
        numbers = [
            number
            for number, (first, last) in enumerate(itertools.pairwise(self._starts))
            if first < stop and last > start
        ]
        return self._starts[numbers[0]], numbers

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Any]:
        parquet = require("pyarrow.parquet", extra="score", purpose="read parquet files")
        errors = self._arrow.ArrowException
        with (
            one_sentence(str(self._path), "a parquet file", errors),
            parquet.ParquetFile(self._path) as file,
        ):
            yield file


class TableRows:
    """The rows of a table of another kind, all of whose cells are text.

    Parameters
    ----------
    table : Table
        The rows; read once.
    text_column : str
        Where the texts are. A list or an object there becomes text like any other, and a problem.

    Attributes
    ----------
    schema : pyarrow.Schema
        Names of the columns.
    n_cut : int
        Rows with a cell under a name that is no column, which has no place here.
    cut_names : list of str
        The first such names.

    Raises
    ------
    DataError
        If the name of a column is no text.
    """

    def __init__(self, table: Table, text_column: str) -> None:
        self._table, self._text_column = table, text_column
        self._arrow = pyarrow_for("write parquet files")
        if problem := cells_problem(table.columns):
            raise DataError(
                f"{table.source} has {problem} in its column names, which parquet has no place "
                "for; write them anew"
            )
        text = self._arrow.string()
        self.schema = self._arrow.schema([(name, text) for name in table.columns])
        self.n_cut = 0
        self.cut_names: list[str] = []

    def blocks(self, n_rows: int) -> Iterator[RowBlock]:
        """Read all rows, so many at a time."""
        rows = self._table.rows()
        while some := list(itertools.islice(rows, n_rows)):
            yield self._block(some)

    def _block(self, rows: list[Row]) -> RowBlock:
        problems = {}
        for position, row in enumerate(rows):
            if row.problem:
                problems[position] = row.problem
            elif isinstance(row.fields.get(self._text_column), JsonText):
                problems[position] = _NO_TEXT
            self._note_cut(row)
        cells = [[_utf8(row.fields.get(name)) for row in rows] for name in self._table.columns]
        columns = self._arrow.Table.from_arrays(
            [self._arrow.array(column, self._arrow.string()) for column in cells],
            schema=self.schema,
        )
        return RowBlock(columns, [row.line for row in rows], problems)

    def _note_cut(self, row: Row) -> None:
        known = self._table.columns
        extra = [name for name, cell in row.fields.items() if name not in known and cell]
        if extra:
            self.n_cut += 1
            self.cut_names += [name for name in extra if name not in self.cut_names]
            del self.cut_names[_N_NAMED:]


def open_rows(table: Table, text_column: str) -> ParquetRows | TableRows:
    """Take the rows of a table as columns: with their types if it is a parquet file."""
    path = Path(table.source)
    return ParquetRows(path) if ending_of(path) == ".parquet" else TableRows(table, text_column)


def pack_rows(rows: TableRows, path: Path, n_rows: int = 10_000) -> None:
    """Write a table as a parquet file of which ranges can be read, with line and problem.

    Parameters
    ----------
    rows : TableRows
        The table; read once, in constant memory.
    path : Path
        Of the file, which appears when it is complete.
    n_rows : int
        Written at a time.

    Raises
    ------
    DataError
        If the table cannot be read to its end.
    """
    arrow = pyarrow_for("write parquet files")
    parquet = require("pyarrow.parquet", extra="score", purpose="write parquet files")
    line, problem = (_free(name, rows.schema.names) for name in ("line", "problem"))
    schema = rows.schema.append(arrow.field(line, arrow.int64()))
    schema = schema.append(arrow.field(problem, arrow.string()))
    with atomic_open(path, "wb") as stream, parquet.ParquetWriter(stream, schema) as writer:
        for block in rows.blocks(n_rows):
            told = [block.problems.get(position) for position in range(len(block.lines))]
            arrays = [arrow.array(block.lines, arrow.int64()), arrow.array(told, arrow.string())]
            writer.write_table(
                arrow.Table.from_arrays([*block.columns.columns, *arrays], schema=schema)
            )


def pyarrow_for(purpose: str) -> Any:
    """Import pyarrow, or say how to install it."""
    return require("pyarrow", extra="score", purpose=purpose)


def _free(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name = f"_{name}"
    return name


def _utf8(cell: str | None) -> str | None:
    """Replace what UTF-8 cannot hold; such a row has a problem anyway."""
    return cell if cell is None or cell.isascii() else _NOT_UTF8.sub("\ufffd", cell)


def _problems(arrow: Any, columns: Any) -> dict[int, str]:
    """Find rows with a NUL in a cell, as :func:`gatewise.text.rows.cells_problem` does."""
    compute = require("pyarrow.compute", extra="score", purpose="read parquet files")
    problems = {}
    for column in columns.columns:
        if (plain := _as_plain(arrow, column.type)) is None:
            continue
        found = compute.match_substring(column.cast(plain), "\0").fill_null(False)
        for position in np.flatnonzero(found.to_numpy()).tolist():
            if "\0" in (cell_text(column[position].as_py()) or ""):
                problems[position] = "a NUL character"
    return problems


def _as_plain(arrow: Any, kind: Any) -> Any:
    """Take the type in which a column of texts or bytes can be searched; None for any other."""
    types = arrow.types
    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return arrow.large_string()
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind):
        return arrow.large_binary()
    return None
