"""What every kind of table is read into: rows with line numbers, and cells that are text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatewise.base.errors import DataError

__all__ = [
    "JsonScalar",
    "JsonText",
    "Row",
    "Table",
    "cell_text",
    "cells_problem",
    "column_names",
    "typed_rows",
]


class JsonText(str):
    """A list, an object or bytes in a cell, as JSON: to be shown, but no text to classify."""

    __slots__ = ()


class JsonScalar(str):
    """A number or truth value of a JSON line, as written: a text like any other, but in JSON."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a table.

    Attributes
    ----------
    line : int
        The line of the file on which it begins; the sheet's row of a spreadsheet; the number of
        the record elsewhere. From 1.
    fields : dict
        Column name -> text, or None where the table has no value.
    problem : str or None
        Why the record could not be read: what is wrong, then ``": "`` and what differs from
        record to record. Its fields may then be missing.
    """

    line: int
    fields: dict[str, str | None]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is read row by row.

    Attributes
    ----------
    source : str
        What messages call it: the path, ``"standard input"`` or ``"data frame"``.
    columns : tuple of str
        The names of its columns; of JSON lines, those seen in the first thousand records.
    encoding : str or None
        Of a text file, for example ``"utf-8"``.
    notes : tuple of str
        What the user should know of how it is read.
    read : callable
        Begins to read the rows anew.
    loses_cells : bool
        Whether some of its cells are under no column, and in no row therefore.
    """

    source: str
    columns: tuple[str, ...]
    encoding: str | None
    notes: tuple[str, ...]
    read: Callable[[], Iterator[Row]]
    loses_cells: bool = False

    def rows(self) -> Iterator[Row]:
        """Read the rows one by one.

        Raises
        ------
        DataError
            If there is none, the table cannot be read to its end, or it is standard input and
            was read before.
        """
        rows = self.read()
        first = next(rows, None)
        if first is None:
            raise DataError(f"{self.source} has a header and no records; at least one is needed")
        yield first
        yield from rows


def cell_text(value: Any) -> str | None:
    """Turn the value of a typed cell into text; missing values (None, NaN, NaT, NA) into None.

    Truth values become ``"true"`` and ``"false"``; lists, objects and bytes that are not UTF-8
    become a :class:`JsonText`.
    """
    if value is None or isinstance(value, str):
        return value if value is None else str(value)
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return _bytes_text(value)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping | list | tuple):
        return JsonText(json.dumps(value, ensure_ascii=False, default=str))
    return None if _is_missing(value) else str(value)


def cells_problem(cells: Iterable[str | None], encoding: str = "Unicode") -> str | None:
    """Say why one of some cells is no text: a NUL, or bytes that are not of its encoding."""
    for cell in cells:
        if not cell:
            continue
        if "\0" in cell:
            return "a NUL character"
        if cell.isascii():
            continue
        try:
            cell.encode("utf-8")
        except UnicodeEncodeError:
            return f"bytes that are not {encoding}"
    return None


def column_names(
    header: Sequence[Any], source: str, *, all_have_cells: bool = False
) -> tuple[str, ...]:
    """Check and complete the names of columns.

    Parameters
    ----------
    header : sequence
        The cells of the first row. Blank ones at its end are no columns; others are named
        after their position.
    source : str
        What messages call the file.
    all_have_cells : bool
        Blank ones at the end are columns, too.

    Returns
    -------
    tuple of str
        The names, stripped, each once.

    Raises
    ------
    DataError
        If there is no name, a name stands twice, or one is no text.
    """
    stripped = [str(name).strip() for name in header]
    while stripped and not stripped[-1] and not all_have_cells:
        stripped.pop()
    names = tuple(name or f"column {position}" for position, name in enumerate(stripped, 1))
    if not names:
        raise DataError(f"{source} has no column names; its first row must name the columns")
    if problem := cells_problem(names):
        raise DataError(f"{source} has {problem} in its column names; write them anew")
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{source} has two columns named {name!r}; give each its own name")
    return names


def typed_rows(
    records: Iterable[tuple[int, Sequence[Any]]], columns: tuple[str, ...]
) -> Iterator[Row]:
    """Turn numbered records of typed values into rows."""
    for line, values in records:
        cells = [cell_text(value) for value in values[: len(columns)]]
        yield Row(line, dict(zip(columns, cells, strict=True)), cells_problem(cells))


def _bytes_text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return JsonText(json.dumps(value.hex()))


def _is_missing(value: Any) -> bool:
    try:
        return bool(value != value)  # NaN and NaT differ from themselves
    except TypeError:  # and NA answers nothing
        return True
