"""Rows as columns -> the same columns with the model's answers behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from gatewise.classify.answers import Answer, AnswerTally, answer_columns, answer_rows, free_names
from gatewise.classify.reading import Reader
from gatewise.text.row_blocks import RowBlock, pyarrow_for
from gatewise.text.rows import Row, cells_problem

__all__ = ["BlockAnswers", "answer_arrays", "answer_texts"]

_NUMBERS = ("probability", "in_scope", "similarity")


@dataclass
class BlockAnswers:
    """Answers blocks of rows with the same columns.

    Attributes
    ----------
    model : FittedModel or Predictor
        A fitted model.
    schema : pyarrow.Schema
        The columns of the blocks.
    text_column : str
        Where their texts are.
    top, nearest : int
        How many of the most probable classes and of the nearest records to name.
    threads : int
        How many compute at a time.
    tally : AnswerTally
        Counts the rows.
    """

    model: Reader
    schema: Any
    text_column: str
    top: int = 1
    nearest: int = 0
    threads: int = 1
    tally: AnswerTally = field(default_factory=AnswerTally)

    @property
    def renamed(self) -> dict[str, str]:
        """Columns whose names the answers need, and what they are called instead."""
        return free_names(self.schema.names, answer_columns(self.top, self.nearest))

    @property
    def answered_schema(self) -> Any:
        """The columns with those of the answers behind them: pyarrow.Schema."""
        renamed = self.renamed
        fields = [one.with_name(renamed.get(one.name, one.name)) for one in self.schema]
        fields += _answer_fields(self.top, self.nearest)
        # What pandas keeps of its index there names the columns.
        return pyarrow_for("write answers").schema(
            fields, None if renamed else self.schema.metadata
        )

    def answer(self, block: RowBlock) -> Any:
        """Answer a block; give its columns with the answers behind them as a pyarrow.Table."""
        lines, answers = [], []
        found = answer_rows(
            self.model,
            block.rows(self.text_column),
            self.text_column,
            top=self.top,
            nearest=self.nearest,
            threads=self.threads,
        )
        for row, answer in found:
            self.tally.add(row, answer)
            lines.append(row.line)
            answers.append(answer)
        own = answer_arrays(answers, self.top, self.nearest, lines)
        return pyarrow_for("write answers").Table.from_arrays(
            [*block.columns.columns, *own.values()], schema=self.answered_schema
        )


def answer_texts(
    model: Reader, texts: Iterable[str | None], *, top: int = 1, nearest: int = 0
) -> dict[str, Any]:
    """Answer texts that belong to no file.

    Parameters
    ----------
    model : FittedModel or Predictor
        A fitted model.
    texts : iterable of str or None
        N texts; what is None or cannot be read gets a reason instead of an answer.
    top, nearest : int
        How many of the most probable classes and of the nearest records to name.

    Returns
    -------
    dict of str to pyarrow.Array, length N
        The columns of answers.
    """
    rows = (Row(0, {"text": text}, cells_problem((text,))) for text in texts)
    found = answer_rows(model, rows, "text", top=top, nearest=nearest)
    return answer_arrays([answer for _, answer in found], top, nearest)


def answer_arrays(
    answers: Sequence[Answer], top: int, nearest: int, lines: Sequence[int] | None = None
) -> dict[str, Any]:
    """Turn answers into columns.

    Parameters
    ----------
    answers : sequence of Answer, length N
        What the model said.
    top, nearest : int
        What was asked for.
    lines : sequence of int, length N, optional
        What the rows are called; else a reason stands without it.

    Returns
    -------
    dict of str to pyarrow.Array, length N
    """
    cells = [answer.cells(0) for answer in answers]
    for number, answer in enumerate(answers):
        if answer.reason is not None:
            place = "" if lines is None else f"line {lines[number]}: "
            cells[number]["reason"] = f"{place}{answer.reason}"
    array = pyarrow_for("write answers").array
    return {
        field.name: array([cell.get(field.name) for cell in cells], field.type)
        for field in _answer_fields(top, nearest)
    }


def _answer_fields(top: int, nearest: int) -> Iterator[Any]:
    arrow = pyarrow_for("write answers")
    for name in answer_columns(top, nearest):
        yield arrow.field(name, arrow.float64() if name.endswith(_NUMBERS) else arrow.string())
