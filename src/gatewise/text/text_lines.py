"""One text per line -> a table with one column."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gatewise.text.lines import open_text
from gatewise.text.rows import Row, Table, cells_problem
from gatewise.text.tables import ending_of, open_table

__all__ = ["TEXT_COLUMN", "open_lines", "open_texts"]

TEXT_COLUMN = "text"


def open_texts(source: Any, *, lines: bool = False) -> Table:
    """Open texts to classify: a table, or one text per line.

    Parameters
    ----------
    source : str, path or data frame
        What :func:`~gatewise.text.tables.open_table` takes, or a .txt file (also .txt.gz).
    lines : bool
        Read one text per line, whatever the name says.

    Returns
    -------
    Table
        Its rows, not yet read.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    if source == "-":
        return open_lines(None) if lines else open_table(source)
    if isinstance(source, str | Path) and (lines or ending_of(Path(source)) == ".txt"):
        return open_lines(Path(source))
    return open_table(source)


def open_lines(path: Path | None) -> Table:
    """Open a file with one text per line and no header; None: standard input.

    A blank line is a row too, so that rows and lines have the same numbers.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    file = open_text(path)

    def read() -> Iterator[Row]:
        for number, line in enumerate(file.lines(), 1):
            text = line.rstrip("\r\n")
            yield Row(number, {TEXT_COLUMN: text}, cells_problem((text,), file.encoding))

    notes = (file.note,) if file.note else ()
    return Table(file.name, (TEXT_COLUMN,), file.encoding, notes, read)
