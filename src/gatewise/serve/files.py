"""A body with a table of texts -> the same rows with answers, in constant memory; in a thread."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gatewise.base.errors import DataError
from gatewise.classify.answers import ABSTAIN, Answer, answer_columns, free_names, input_cells
from gatewise.serve.answering import answers_of, check_wanted, unreadable
from gatewise.serve.batching import Scores
from gatewise.serve.body_stream import AnswerStream, BodyStream, open_body
from gatewise.serve.models import LoadedModel
from gatewise.text.columns import choose_text_column
from gatewise.text.lines import TextFile
from gatewise.text.records import text_table
from gatewise.text.row_writer import RowWriter
from gatewise.text.rows import JsonText, Row, Table

__all__ = ["FileQuestion", "answer_file"]

_N_LOOKED_AT, _MOST_LOOKED_AT = 1000, 1 << 22  # records and characters, for a named column
_N_NAMED = 10
_OPTION = "?text=COLUMN"
_MOST_ROWS, _MOST_CHARACTERS = 64, 200_000  # answered together


@dataclass(frozen=True)
class FileQuestion:
    """What is asked of a file.

    Attributes
    ----------
    text_column : str or None
        Where its texts are; None: guessed by its name.
    kind : {"csv", "tsv", "jsonl"} or None
        What to write; None: JSON lines for JSON lines, else csv.
    top, nearest : int
        How many of the most probable classes and of the nearest records to name.
    most_characters : int
        Of a text; longer ones are not read.
    """

    text_column: str | None
    kind: str | None
    top: int
    nearest: int
    most_characters: int


def answer_file(
    loaded: LoadedModel,
    question: FileQuestion,
    body: BodyStream,
    out: AnswerStream,
    read: Callable[[Sequence[str]], Scores],
    count: Callable[[Sequence[Answer]], None],
) -> None:
    """Answer all rows of a body.

    Parameters
    ----------
    loaded : LoadedModel
        Who answers.
    question : FileQuestion
        What is asked.
    body : BodyStream
        The rows, csv, tsv or JSON lines.
    out : AnswerStream
        Where to; ended at the end.
    read : callable
        Classifies texts.
    count : callable
        Counts answers.

    Raises
    ------
    DataError, ConfigError
        If not a single row can be answered. What breaks later is told in a row of its own.
    """
    check_wanted(loaded.model, question.top, question.nearest)
    text = open_body(body)
    first = next((line for line in text.peek() if not line.isspace()), "")
    table = text_table(text)
    is_json = first.lstrip().startswith("{")
    if is_json:
        table = _wide_enough(text, table, question.text_column)
    column, _ = choose_text_column(table.columns, question.text_column, table.source, _OPTION)
    kind = question.kind or ("jsonl" if is_json else "csv")
    out.kind = kind
    rows = _Rows(table, column, kind, loaded, question, read, count)
    stream = io.TextIOWrapper(io.BufferedWriter(out), encoding="utf-8", newline="")
    writer = RowWriter(stream, kind, rows.columns)
    for cells in rows.answered():
        for row in cells:
            writer.write(row)
        stream.flush()
        out.send()
    stream.detach()
    out.end()


class _Rows:
    """The rows of a table with their answers."""

    def __init__(
        self,
        table: Table,
        column: str,
        kind: str,
        loaded: LoadedModel,
        question: FileQuestion,
        read: Callable[[Sequence[str]], Scores],
        count: Callable[[Sequence[Answer]], None],
    ) -> None:
        self._table = table
        self._column = column
        self._model = loaded.model
        self._question = question
        self._read = read
        self._count = count
        own = answer_columns(question.top, question.nearest)
        self._own = frozenset(own)
        self._renamed = free_names(table.columns, own)
        names = (self._renamed.get(name, name) for name in table.columns)
        self.columns = [*names, *own]
        self._kind = kind
        self._places = frozenset(self.columns)

    def answered(self) -> Iterator[list[dict[str, Any]]]:
        """Yield the cells of all rows, some rows at a time."""
        n_rows = 0
        chunks = self._chunks()
        while True:
            try:
                chunk = next(chunks, None)
            except DataError as error:
                if not n_rows:
                    raise
                # The answer has begun, so this is the only place left to say it.
                yield [{"decision": ABSTAIN, "reason": f"the rest cannot be read: {error}"}]
                return
            if chunk is None:
                return
            n_rows += len(chunk)
            yield self._answer(chunk)

    def _chunks(self) -> Iterator[list[Row]]:
        chunk: list[Row] = []
        n_characters = 0
        try:
            for row in self._table.rows():
                chunk.append(row)
                n_characters += sum(len(cell) for cell in row.fields.values() if cell)
                if len(chunk) == _MOST_ROWS or n_characters > _MOST_CHARACTERS:
                    yield chunk
                    chunk, n_characters = [], 0
        except DataError:
            if chunk:  # what came before it is answered first
                yield chunk
            raise
        if chunk:
            yield chunk

    def _answer(self, rows: list[Row]) -> list[dict[str, Any]]:
        texts = [row.fields.get(self._column) or "" for row in rows]
        answers = [self._unusable(row, text) for row, text in zip(rows, texts, strict=True)]
        usable = [text for text, answer in zip(texts, answers, strict=True) if answer is None]
        if usable:
            question = self._question
            found = iter(
                answers_of(self._model, usable, self._read(usable), question.top, question.nearest)
            )
            answers = [next(found) if answer is None else answer for answer in answers]
        told = [answer for answer in answers if answer is not None]
        self._count(told)
        return [self._cells(row, answer) for row, answer in zip(rows, told, strict=True)]

    def _cells(self, row: Row, answer: Answer) -> dict[str, Any]:
        cells = input_cells(row.fields, self._renamed, self._own) | answer.cells(row.line)
        if self._kind != "jsonl" and not self._places.issuperset(cells):
            self._tell_cut(cells, row.line)
        return cells

    def _unusable(self, row: Row, text: str) -> Answer | None:
        if row.problem:
            return Answer(reason=row.problem)
        if isinstance(text, JsonText):
            return Answer(reason="text is a list, an object or bytes")
        most = self._question.most_characters
        if len(text) > most:
            return Answer(reason=f"a text of more than {most:,} characters: {len(text):,}")
        return unreadable(text, self._model.language)

    def _tell_cut(self, cells: dict[str, Any], line: int) -> None:
        """Name what has no place in a table whose columns stand already."""
        cut = [name for name in cells if name not in self._places and cells[name] is not None]
        if cut:
            names = ", ".join(map(repr, cut[:_N_NAMED]))
            told = f"left out, as {self._kind} has no column for it: {names}; format=jsonl keeps it"
            before = cells.get("reason")
            cells["reason"] = f"{before}; {told}" if before else f"line {line}: {told}"


def _wide_enough(text: TextFile, table: Table, column: str | None) -> Table:
    """Look for a column that the first of some JSON records may lack, as ``predict`` does."""
    if column is None or column in table.columns:
        return table
    columns = dict.fromkeys(table.columns)
    n_characters = 0
    for line in itertools.islice(text.peek(), _N_LOOKED_AT):
        columns |= dict.fromkeys(_keys(line))
        n_characters += len(line)
        if column in columns or n_characters > _MOST_LOOKED_AT:
            break
    return dataclasses.replace(table, columns=tuple(columns))


def _keys(line: str) -> Iterable[str]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):  # told when its row is read
        return ()
    return value if isinstance(value, dict) else ()
