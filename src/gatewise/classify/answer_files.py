"""A table of texts -> a file of the same rows with the model's answers."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gatewise.base.config import check_whole_number
from gatewise.base.files import atomic_open, remove_abandoned
from gatewise.base.optional import require
from gatewise.base.progress import Progress, SilentProgress
from gatewise.classify.answer_blocks import BlockAnswers
from gatewise.classify.answers import (
    AnswerTally,
    answer_columns,
    answer_rows,
    free_names,
    input_cells,
)
from gatewise.classify.near_records import check_nearest
from gatewise.classify.reading import Reader
from gatewise.text.columns import choose_text_column
from gatewise.text.row_blocks import Rows, TableRows, open_rows
from gatewise.text.row_writer import PARQUET, RowWriter, format_of, open_output
from gatewise.text.rows import Table

__all__ = ["remarks", "write_answers"]

_BLOCK = 8192  # rows of a parquet file that are held at a time


def write_answers(
    model: Reader,
    table: Table,
    *,
    text_column: str | None,
    out: Path | None,
    standard_output: Any,
    kind: str | None = None,
    top: int = 1,
    nearest: int = 0,
    threads: int = 1,
    progress: Progress | None = None,
) -> list[str]:
    """Classify every row of a table and write it with the answer behind it.

    Parameters
    ----------
    model : FittedModel or Predictor
        A fitted model.
    table : Table
        The rows; read once, in constant memory.
    text_column : str or None
        Where their texts are. None: guessed by its name, if there is only one way to.
    out : Path or None
        The file, which appears when it is complete. None: standard output.
    standard_output : text file object
        It.
    kind : {"csv", "tsv", "jsonl", "parquet"}, optional
        The format. None: by the ending of ``out``, csv for standard output.
    top : int
        How many of the most probable classes to write, 1 to C.
    nearest : int
        How many of the nearest training records to write.
    threads : int
        How many compute at a time; see :func:`gatewise.classify.answers.answer_rows`.
    progress : Progress, optional
        Told of the rows.

    Returns
    -------
    list of str
        What the user should know: rows answered, those that could not be used and their lines,
        columns renamed, cells left out.

    Raises
    ------
    ConfigError
        If the format is not known, or there are not so many classes or records.
    DataError
        If the text column is not there or the table cannot be read to its end.
    """
    kind = format_of(out, kind)
    check_whole_number("top", top, 1, len(model.labels))
    check_nearest(model.index, nearest)
    check_whole_number("threads", threads, 1, 1024)
    column, notes = choose_text_column(table.columns, text_column, table.source)
    if out is not None:
        remove_abandoned(out)
    if out is not None and kind == PARQUET:
        blocks = open_rows(table, column)
        block_answers = BlockAnswers(model, blocks.schema, column, top, nearest, threads)
        _write_parquet(block_answers, blocks, out, progress or SilentProgress())
        cut = (blocks.n_cut, blocks.cut_names) if isinstance(blocks, TableRows) else (0, [])
        told = [*table.notes, *notes, *block_answers.tally.summary()]
        return told + remarks(block_answers.renamed, kind, *cut)
    own = answer_columns(top, nearest)
    renamed = free_names(table.columns, own)
    columns = [*(renamed.get(name, name) for name in table.columns), *own]
    taken, tally = frozenset(own), AnswerTally()
    with open_output(out, standard_output) as stream:
        writer = RowWriter(stream, kind, columns)
        found = answer_rows(
            model,
            table.rows(),
            column,
            top=top,
            nearest=nearest,
            threads=threads,
            progress=progress,
        )
        with contextlib.closing(found):  # also when the disk is full
            for row, answer in found:
                tally.add(row, answer)
                writer.write(input_cells(row.fields, renamed, taken) | answer.cells(row.line))
    told = [*table.notes, *notes, *tally.summary()]
    return told + remarks(renamed, kind, writer.n_cut, writer.cut_names)


def remarks(
    renamed: Mapping[str, str], kind: str, n_cut: int, cut_names: Sequence[str]
) -> list[str]:
    """Say which columns have a new name, and which cells had no place."""
    told = [f"column {old!r} of the input is written as {new!r}" for old, new in renamed.items()]
    if n_cut:
        rows = "row has" if n_cut == 1 else "rows have"
        told.append(
            f"{n_cut:,} {rows} cells that {kind} has no column for, under "
            f"{', '.join(map(repr, cut_names))}; --format jsonl keeps them"
        )
    return told


def _write_parquet(answers: BlockAnswers, rows: Rows, out: Path, progress: Progress) -> None:
    parquet = require("pyarrow.parquet", extra="score", purpose="write parquet files")
    progress.start("answers", None, "rows")
    with (
        atomic_open(out, "wb") as stream,
        parquet.ParquetWriter(stream, answers.answered_schema) as writer,
    ):
        for block in rows.blocks(_BLOCK):
            writer.write_table(answers.answer(block))
            progress.advance(len(block.lines))
