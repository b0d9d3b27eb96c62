"""A source of any kind -> a stream of rows with line numbers."""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from gatewise.base.errors import DataError
from gatewise.base.optional import require
from gatewise.text.lines import open_text, plain_errors, reason_of
from gatewise.text.records import delimited_table, json_table, text_table
from gatewise.text.rows import JsonText, Row, Table, column_names, typed_rows

__all__ = ["JsonText", "Row", "Table", "ending_of", "one_sentence", "open_table"]

_SHEETS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_ENDINGS = f".csv, .tsv, .jsonl, .ndjson (each also with .gz), .parquet, {', '.join(_SHEETS)}"
_BATCH = 4096  # records of a parquet file or frame at a time


def open_table(source: Any) -> Table:
    """Open a table of any kind.

    Parameters
    ----------
    source : str, path or data frame
        A file that ends in .csv, .tsv, .jsonl or .ndjson (each also with .gz), .parquet, .xlsx,
        .xlsm, .xlsb, .xls or .ods; ``"-"`` or a pipe: csv, tsv or JSON lines, recognised by their
        first line and read once; a frame of pandas, polars or pyarrow.

    Returns
    -------
    Table
        Its columns, and its rows, not yet read. Text files are read in constant memory,
        parquet files by batches.

    Raises
    ------
    DataError
        If it cannot be read as what its name says.
    MissingExtraError
        If the package that reads it is not installed.
    """
    if not isinstance(source, str | os.PathLike):
        return _frame_table(source)
    if source == "-":
        return text_table(open_text(None))
    path = Path(source)
    if _is_stream(path):
        return text_table(open_text(path))
    ending = ending_of(path)
    if ending not in _OPENERS:
        raise DataError(f"{path} has an ending that is not known; allowed are {_ENDINGS}")
    return _OPENERS[ending](path)


def ending_of(path: Path) -> str:
    """Get the ending that tells the kind of file: ``".csv"`` of ``"tickets.CSV.gz"``."""
    return Path(path.name.casefold().removesuffix(".gz")).suffix


def _is_stream(path: Path) -> bool:
    with plain_errors(str(path)):
        mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise DataError(f"{path} is a folder; give one file that ends in {_ENDINGS}")
    return not stat.S_ISREG(mode)


def _parquet_table(path: Path) -> Table:
    parquet = require("pyarrow.parquet", extra="train", purpose="read parquet files")
    errors = require("pyarrow", extra="train", purpose="read parquet files").ArrowException
    name = str(path)

    def read() -> Iterator[Row]:
        with one_sentence(name, "a parquet file", errors), parquet.ParquetFile(path) as file:
            records = _readable(_parquet_records(file), name, errors)
            yield from typed_rows(enumerate(records, 1), columns)

    with one_sentence(name, "a parquet file", errors), parquet.ParquetFile(path) as file:
        columns = column_names(file.schema_arrow.names, name, all_have_cells=True)
    return Table(name, columns, None, (), read)


def _parquet_records(file: Any) -> Iterator[Sequence[Any]]:
    for batch in file.iter_batches(batch_size=_BATCH):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _sheet_table(path: Path) -> Table:
    kind = ending_of(path)[1:]
    calamine = require("python_calamine", extra="train", purpose=f"read {kind} files")
    name = str(path)
    with one_sentence(name, f"an {kind} file", calamine.CalamineError):
        workbook = calamine.CalamineWorkbook.from_path(name)
        sheet, notes = _sheet_to_read(calamine, workbook)
    header = next(_sheet_records(sheet), (0, []))[1]
    columns = column_names(header, name)
    loses_cells = any(any(cells[len(columns) :]) for _, cells in _sheet_records(sheet))
    if loses_cells:
        notes.append(f"cells to the right of the last column, {columns[-1]!r}, are left out")

    def read() -> Iterator[Row]:
        records = itertools.islice(_sheet_records(sheet), 1, None)
        yield from typed_rows(records, columns)

    return Table(name, columns, None, tuple(notes), read, loses_cells)


def _sheet_to_read(calamine: Any, workbook: Any) -> tuple[Any, list[str]]:
    """Take the first sheet that can be seen and is not empty, and tell which if there are more."""
    for number, found in enumerate(workbook.sheets_metadata):
        is_seen = found.visible == calamine.SheetVisibleEnum.Visible
        if is_seen and found.typ == calamine.SheetTypeEnum.WorkSheet:
            sheet = workbook.get_sheet_by_index(number)
            if sheet.height:
                break
    else:
        number, sheet = 0, workbook.get_sheet_by_index(0)
    if (n_sheets := len(workbook.sheets_metadata)) == 1:
        return sheet, []
    place = f"number {number + 1} of {n_sheets}; those before it are hidden, empty or charts"
    place = place if number else f"the first of {n_sheets}"
    return sheet, [f"sheet {sheet.name!r} is read, {place}"]


def _sheet_records(sheet: Any) -> Iterator[tuple[int, Sequence[Any]]]:
    """Yield the rows that are not blank with their numbers in the sheet."""
    for number, cells in enumerate(sheet.iter_rows(), 1):
        if any(cell != "" for cell in cells):
            yield number, [_whole(cell) for cell in cells]


def _whole(cell: Any) -> Any:
    """Show 3.0 as 3: the file knows no whole numbers."""
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def _frame_table(source: Any) -> Table:
    narwhals = require("narwhals.stable.v2", extra="train", purpose="read data frames")
    try:
        frame = narwhals.from_native(source)
    except (TypeError, ValueError) as error:
        kind = type(source).__name__
        raise DataError(
            f"a table cannot be read from this {kind} ({reason_of(error)}); allowed are "
            "a path, '-' for standard input, and a pandas, polars or pyarrow frame"
        ) from error
    if isinstance(frame, narwhals.LazyFrame):
        frame = frame.collect()
    columns = column_names(frame.columns, "data frame", all_have_cells=True)

    def read() -> Iterator[Row]:
        records = _readable(frame.iter_rows(buffer_size=_BATCH), "the data frame")
        yield from typed_rows(enumerate(records, 1), columns)

    return Table("data frame", columns, None, (), read)


def _readable(
    records: Iterable[Sequence[Any]], name: str, others: type[Exception] | tuple[()] = ()
) -> Iterator[Sequence[Any]]:
    """Pass records on; a value that Python has none for, such as a date, is told in a sentence.

    ``others`` are left to who calls: that the file is damaged is another matter.
    """
    try:
        yield from records
    except others:
        raise
    except (OverflowError, ValueError) as error:
        raise DataError(
            f"{name} has a value that cannot be read ({reason_of(error)}); write that column as "
            "text"
        ) from error


@contextlib.contextmanager
def one_sentence(name: str, kind: str, errors: type[Exception]) -> Iterator[None]:
    """Say in one sentence that a file cannot be read, whatever its reader and the system say."""
    try:
        with plain_errors(name):
            yield
    except errors as error:
        said = reason_of(error)
        raise DataError(f"{name} cannot be read as {kind} ({said}); save it anew") from error


_OPENERS: dict[str, Callable[[Path], Table]] = {
    ".csv": lambda path: delimited_table(open_text(path), ","),
    ".tsv": lambda path: delimited_table(open_text(path), "\t"),
    ".jsonl": lambda path: json_table(open_text(path)),
    ".ndjson": lambda path: json_table(open_text(path)),
    ".parquet": _parquet_table,
    **dict.fromkeys(_SHEETS, _sheet_table),
}
