"""Rows -> the same rows with the model's answers, in order and in constant memory."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gatewise.base.ahead import map_ahead
from gatewise.base.config import check_whole_number
from gatewise.base.progress import Progress, SilentProgress
from gatewise.classify.near_records import NearRecord, check_nearest, near_records
from gatewise.classify.reading import Reader, read_tokens
from gatewise.text.accounts import ABSTAIN
from gatewise.text.rows import JsonText, Row
from gatewise.text.tokens import tokenize

__all__ = [
    "ABSTAIN",
    "Answer",
    "AnswerTally",
    "answer_columns",
    "answer_rows",
    "free_names",
    "input_cells",
    "rank_classes",
]

_MAX_ROWS = 1024  # answered at a time
_MAX_CHARACTERS = 4_000_000
_N_LINES = 10  # of unusable rows, that are told
_DIGITS = 6  # of a probability


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says to a row.

    Attributes
    ----------
    ranked : tuple of (str, float)
        The most probable classes and their probabilities; none for a row that cannot be used.
    reason : str or None
        Why the row cannot be used.
    abstains : bool
        The answer is not given: too small a probability or in-scope score.
    in_scope : float or None
        How far inside what the model knows the text lies, 0 to 1; None if it cannot tell.
    nearest : tuple of NearRecord
        The training records nearest to it, if they were asked for.
    """

    ranked: tuple[tuple[str, float], ...] = ()
    reason: str | None = None
    abstains: bool = False
    in_scope: float | None = None
    nearest: tuple[NearRecord, ...] = ()

    def cells(self, line: int) -> dict[str, str | float | None]:
        """Give the cells that stand under :func:`answer_columns`, for the row on a line."""
        if not self.ranked:
            return {"decision": ABSTAIN, "reason": f"line {line}: {self.reason}"}
        label, probability = self.ranked[0]
        cells: dict[str, str | float | None] = {
            "predicted": label,
            "probability": round(probability, _DIGITS),
            "in_scope": None if self.in_scope is None else round(self.in_scope, _DIGITS),
            "decision": ABSTAIN if self.abstains else label,
        }
        for rank, (label, probability) in enumerate(self.ranked[1:], 2):
            cells[f"top_{rank}"] = label
            cells[f"top_{rank}_probability"] = round(probability, _DIGITS)
        for rank, record in enumerate(self.nearest, 1):
            cells[f"nearest_{rank}"] = record.told
            cells[f"nearest_{rank}_label"] = record.label
            cells[f"nearest_{rank}_similarity"] = round(record.similarity, _DIGITS)
        return cells


@dataclass
class AnswerTally:
    """Counts answered rows, and remembers the first lines that could not be used."""

    n_rows: int = 0
    n_unusable: int = 0
    n_abstained: int = 0
    by_reason: dict[str, tuple[int, list[int]]] = field(default_factory=dict)

    def add(self, row: Row, answer: Answer) -> None:
        """Count one row."""
        self.n_rows += 1
        self.n_abstained += answer.abstains
        if answer.reason is None:
            return
        self.n_unusable += 1
        kind = answer.reason.partition(": ")[0]
        count, lines = self.by_reason.get(kind, (0, []))
        self.by_reason[kind] = count + 1, [*lines, row.line][:_N_LINES]

    def merge(self, other: AnswerTally) -> None:
        """Add the counts of rows that come after these."""
        self.n_rows += other.n_rows
        self.n_unusable += other.n_unusable
        self.n_abstained += other.n_abstained
        for reason, (count, lines) in other.by_reason.items():
            before, first = self.by_reason.get(reason, (0, []))
            self.by_reason[reason] = before + count, [*first, *lines][:_N_LINES]

    def summary(self) -> list[str]:
        """Tell in plain lines how many rows were answered, and which were not."""
        n_answered = self.n_rows - self.n_unusable
        noun = "row" if self.n_rows == 1 else "rows"
        told = [f"{n_answered:,} of {self.n_rows:,} {noun} answered"]
        if self.n_abstained:
            told.append(f"{self.n_abstained:,} of them too unsure or too strange: {ABSTAIN}")
        for reason, (count, lines) in sorted(self.by_reason.items(), key=lambda one: -one[1][0]):
            more = f" and {count - len(lines):,} more" if count > len(lines) else ""
            word = "line" if count == 1 else "lines"
            told.append(f"unusable {count:,}: {reason}, {word} {', '.join(map(str, lines))}{more}")
        return told


def answer_columns(top: int, nearest: int = 0) -> tuple[str, ...]:
    """Name the columns of answers: the best class, the next ones, nearest records, the reason."""
    more = [f"top_{rank}{end}" for rank in range(2, top + 1) for end in ("", "_probability")]
    ends = ("", "_label", "_similarity")
    more += [f"nearest_{rank}{end}" for rank in range(1, nearest + 1) for end in ends]
    return ("predicted", "probability", "in_scope", "decision", *more, "reason")


def free_names(columns: Iterable[str], taken: Collection[str]) -> dict[str, str]:
    """Find new names, with ``input_`` in front, for columns whose names are taken.

    Returns
    -------
    dict
        Old name -> new name, of those that have to change.
    """
    used = {*columns, *taken}
    renamed = {}
    for column in columns:
        if column in taken:
            name = f"input_{column}"
            while name in used:
                name = f"input_{name}"
            renamed[column] = name
            used.add(name)
    return renamed


def input_cells(
    fields: Mapping[str, str | None], renamed: dict[str, str], own: frozenset[str]
) -> dict[str, str | float | None]:
    """Rename the cells of a row whose names are taken, by answers or by other renamed cells.

    Parameters
    ----------
    fields : mapping of str to (str or None)
        The row.
    renamed : dict of str to str
        Old name -> new name; gets those that a JSON record brings, which it may at any time.
    own : frozenset of str
        The names of the answers.

    Returns
    -------
    dict of str to (str or None)
        All of its cells.
    """
    taken = own.union(renamed.values())
    if taken.isdisjoint(fields):
        return dict(fields)
    if any(name in taken and name not in renamed for name in fields):
        found = free_names(fields, taken)
        renamed |= {old: new for old, new in found.items() if old not in renamed}
    return {renamed.get(name, name): cell for name, cell in fields.items()}


def rank_classes(
    probabilities: NDArray[np.float64], labels: Sequence[str], top: int
) -> Iterator[tuple[tuple[str, float], ...]]:
    """Name the most probable classes of each text; of equal ones, the first.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (N, C)
        Of each class.
    labels : sequence of str
        The C classes.
    top : int
        How many to name.

    Yields
    ------
    tuple of (str, float)
        Classes and probabilities, the largest first.
    """
    if top == 1:
        best = probabilities.argmax(axis=1)  # (N,)
        highest = probabilities.max(axis=1)  # (N,)
        for number, share in zip(best.tolist(), highest.tolist(), strict=True):
            yield ((labels[number], share),)
        return
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]  # (N, top)
    shares = np.take_along_axis(probabilities, best, axis=1)  # (N, top)
    for numbers, mine in zip(best.tolist(), shares.tolist(), strict=True):
        yield tuple((labels[number], share) for number, share in zip(numbers, mine, strict=True))


def answer_rows(
    model: Reader,
    rows: Iterable[Row],
    text_column: str,
    *,
    top: int = 1,
    nearest: int = 0,
    threads: int = 1,
    progress: Progress | None = None,
) -> Generator[tuple[Row, Answer]]:
    """Classify the texts of rows as they come.

    Parameters
    ----------
    model : FittedModel or Predictor
        A fitted model.
    rows : iterable of Row
        Any number of them; about a thousand are held at a time by each thread, and two
        thousand more.
    text_column : str
        Where their texts are.
    top : int
        How many of the most probable classes to name, 1 to C.
    nearest : int
        How many of the nearest training records to name.
    threads : int
        How many compute at a time; the answers are the same. A FittedModel has one.
    progress : Progress, optional
        Told of the rows.

    Returns
    -------
    generator of (Row, Answer)
        All rows in their order. To stop before the end, close it: threads compute ahead of it.

    Raises
    ------
    ConfigError
        If there are not so many classes, or the model has no index of so many records.
    """
    check_whole_number("top", top, 1, len(model.labels))
    check_nearest(model.index, nearest)
    check_whole_number("threads", threads, 1, 1024)
    progress = progress or SilentProgress()

    def answer(chunk: list[Row]) -> list[tuple[Row, Answer]]:
        readings = [_read(row, text_column, model.language) for row in chunk]
        usable = [tokens for tokens in readings if not isinstance(tokens, Answer)]
        ranked = _ranked(model, usable, top, nearest)
        return [
            (row, reading if isinstance(reading, Answer) else next(ranked))
            for row, reading in zip(chunk, readings, strict=True)
        ]

    return _counted(map_ahead(answer, _chunks(rows), threads), progress)


def _counted(
    chunks: Generator[list[tuple[Row, Answer]]], progress: Progress
) -> Generator[tuple[Row, Answer]]:
    progress.start("answers", None, "rows")
    with contextlib.closing(chunks):
        for chunk in chunks:
            yield from chunk
            progress.advance(len(chunk))


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    chunk: list[Row] = []
    n_characters = 0
    for row in rows:
        chunk.append(row)
        n_characters += _size(row.fields)
        if len(chunk) == _MAX_ROWS or n_characters > _MAX_CHARACTERS:
            yield chunk
            chunk, n_characters = [], 0
    if chunk:
        yield chunk


def _size(fields: Mapping[str, str | None]) -> int:
    return sum(map(len, filter(None, fields.values())))


def _read(row: Row, text_column: str, language: str) -> list[str] | Answer:
    """Cut a row's text into tokens, or say why that cannot be done."""
    text = row.fields.get(text_column)
    if row.problem:
        return Answer(reason=row.problem)
    if not text or text.isspace():
        return Answer(reason="no text")
    if isinstance(text, JsonText):
        return Answer(reason="text is a list, an object or bytes")
    return tokenize(text, language) or Answer(reason="no word or number in the text")


def _ranked(
    model: Reader, token_lists: Sequence[Sequence[str]], top: int, n_nearest: int
) -> Iterator[Answer]:
    reading = read_tokens(model, token_lists)
    nearest = near_records(model.index, reading.points, model.labels, n_nearest)
    stands = reading.answers.tolist()
    in_scope = [None] * len(stands) if reading.in_scope is None else reading.in_scope.tolist()
    for row, ranked in enumerate(rank_classes(np.exp(reading.parts.blend), model.labels, top)):
        yield Answer(
            ranked,
            abstains=not stands[row],
            in_scope=in_scope[row],
            nearest=nearest[row] if nearest else (),
        )
