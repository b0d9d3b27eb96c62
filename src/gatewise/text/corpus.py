"""Rows -> a corpus: texts with labels, and an account of what could not be used."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gatewise.base.errors import DataError
from gatewise.text.accounts import (
    Refused,
    RefusedTally,
    counted,
    folded_text,
    label_notes,
    most_refused,
    quote_notes,
    refusals,
    shown,
    unusable,
)
from gatewise.text.columns import check_columns, choose_columns, choose_text_column
from gatewise.text.folders import Record, file_record, labelled_paths
from gatewise.text.lines import open_text
from gatewise.text.rows import Row, cell_text, cells_problem
from gatewise.text.tables import ending_of, open_table

__all__ = [
    "Corpus",
    "Refused",
    "Texts",
    "check_corpus",
    "corpus_from_lists",
    "read_corpus",
    "read_texts",
    "record_problem",
]

_WITHOUT_QUOTES = (".jsonl", ".ndjson")  # around cells of several lines


@dataclass(frozen=True)
class Corpus:
    """Texts with labels, and where they came from.

    Attributes
    ----------
    texts : sequence of str
        As they came.
    labels : sequence of str
        One per text, without surrounding white space.
    lines : sequence of int
        The line of the file on which each text begins; in a folder, the number of its file.
    source : str
        The file or folder.
    text_column, label_column : str
        Where they were taken from.
    refused : list of Refused
        The records that could not be used.
    notes : list of str
        What was guessed or is unusual.
    encoding : str or None
        Of a text file.
    further : dict
        What else was asked for: column -> one value per text.
    """

    texts: Sequence[str]
    labels: Sequence[str]
    lines: Sequence[int]
    source: str
    text_column: str
    label_column: str
    refused: list[Refused] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    encoding: str | None = None
    further: dict[str, list[str]] = field(default_factory=dict)

    @property
    def n_duplicates(self) -> int:
        """How many records have a text and a label that both stood before."""
        return len(self.texts) - len(set(zip(self.texts, self.labels, strict=True)))

    @property
    def conflicts(self) -> list[list[int]]:
        """The lines of each text under different labels; white space and case do not count."""
        folded = [folded_text(text) for text in self.texts]
        first_label: dict[str, str] = {}
        lines: dict[str, list[int]] = {}
        for text, label in zip(folded, self.labels, strict=True):
            if first_label.setdefault(text, label) != label:
                lines[text] = []
        for text, line in zip(folded, self.lines, strict=True):
            if text in lines:
                lines[text].append(line)
        return sorted(lines.values())

    @property
    def label_counts(self) -> dict[str, int]:
        """Label -> number of records, sorted by label."""
        return dict(sorted(Counter(self.labels).items()))

    @property
    def tally(self) -> RefusedTally:
        """The refused records, counted by reason."""
        return RefusedTally.of(self.refused)

    def summary(self) -> list[str]:
        """Tell in plain lines what was read, what was refused and what is unusual."""
        counts = self.label_counts
        labels = counted(len(counts), "label")
        told = [
            f"{self.source}: {counted(len(self.texts), 'record')} under {labels}, "
            f"text from {self.text_column!r}, label from {self.label_column!r}",
            f"labels: {shown([f'{label} ({count:,})' for label, count in counts.items()])}",
            *refusals(self.tally),
        ]
        if n_duplicates := self.n_duplicates:
            told.append(f"duplicates: {counted(n_duplicates, 'record')} with text and label again")
        if conflicts := self.conflicts:
            groups = [shown(list(map(str, group)), " and ") for group in conflicts]
            lines = shown(groups, "; ")
            n_texts = counted(len(conflicts), "text")
            told.append(f"conflicts: {n_texts} under different labels, lines {lines}")
        if self.encoding and ending_of(Path(self.source)) not in _WITHOUT_QUOTES:
            told += quote_notes(self.texts, counts, self.lines)
        told += (f"note: {note}" for note in self.notes)
        if self.encoding:
            told.append(f"encoding: {self.encoding}")
        return told


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts without labels, the records that could not be used, and what is unusual."""

    texts: list[str]
    refused: list[Refused] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_corpus(
    source: Any,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    min_labels: int = 2,
    further: Sequence[str] = (),
) -> Corpus:
    """Read labelled texts.

    Parameters
    ----------
    source : str, path or data frame
        What :func:`~gatewise.text.tables.open_table` takes, or a folder that has one sub-folder
        per label with .txt files in it.
    text_column, label_column : str, optional
        The columns. None: guessed by their names, if there is only one way to.
    min_labels : int
        How many labels there must be: 2 to learn from, 1 to measure on.
    further : sequence of str
        More columns to keep; a record without one of them is refused.

    Returns
    -------
    Corpus
        The records that can be used, and an account of the others.

    Raises
    ------
    DataError
        If the source cannot be read, a column is not there or cannot be guessed, no record can
        be used, or there are fewer labels.
    """
    if isinstance(source, str | os.PathLike) and source != "-" and os.path.isdir(source):
        if text_column or label_column or further:
            raise DataError(f"{source} is a folder, which has no columns; name none")
        return _read_folder(Path(source), min_labels)
    table = open_table(source)
    chosen = choose_columns(table.columns, text_column, label_column, table.source)
    notes = [*table.notes, *chosen.notes]
    check_columns(table.columns, further, table.source)
    corpus = Corpus([], [], [], table.source, chosen.text, chosen.label, [], notes, table.encoding)
    corpus.further.update((name, []) for name in further)
    records = (
        (row, row.fields.get(chosen.text), row.fields.get(chosen.label)) for row in table.rows()
    )
    return _filled(corpus, records, min_labels)


def corpus_from_lists(texts: Iterable[Any], labels: Iterable[Any]) -> Corpus:
    """Make a corpus of two sequences of one length; its lines are positions from 1.

    Parameters
    ----------
    texts : iterable of str
        None, NaN and blank ones are refused.
    labels : iterable
        One per text; numbers and truth values become text.

    Returns
    -------
    Corpus
        The records that can be used, and an account of the others.

    Raises
    ------
    DataError
        If one is a single text, the lengths differ, no record can be used, or all have the same
        label.
    """
    for name, values in (("texts", texts), ("labels", labels)):
        if isinstance(values, str | bytes):
            raise DataError(f"{name} is the single value {values[:40]!r}; give a list")
    texts, labels = list(texts), list(labels)
    if len(texts) != len(labels):
        raise DataError(
            f"there are {len(texts):,} texts and {len(labels):,} labels; give one label per text"
        )
    pairs = zip(map(cell_text, texts), map(cell_text, labels), strict=True)
    records = (
        (Row(number, {}, cells_problem(pair)), *pair) for number, pair in enumerate(pairs, 1)
    )
    return _filled(Corpus([], [], [], "lists", "texts", "labels"), records)


def read_texts(source: Any, *, text_column: str | None = None) -> Texts:
    """Read texts without labels.

    Parameters
    ----------
    source : str, path or data frame
        What :func:`~gatewise.text.tables.open_table` takes, or a .txt file (also .txt.gz) with
        one text per line.
    text_column : str, optional
        The column. None: guessed by its name, if there is only one way to.

    Returns
    -------
    Texts
        The texts as they came, and an account of the records without one.

    Raises
    ------
    DataError
        If the source cannot be read, the column is not there or cannot be guessed, or there is
        no text.
    """
    if isinstance(source, str | os.PathLike) and not os.path.isdir(source):
        path = Path(source)
        if ending_of(path) == ".txt":
            return _read_text_lines(path)
    table = open_table(source)
    column, notes = choose_text_column(table.columns, text_column, table.source)
    found = Texts([], [], [*table.notes, *notes])
    for row in table.rows():
        text = row.fields.get(column)
        problem = row.problem or unusable(text, "text")
        if problem or text is None:
            found.refused.append(Refused(row.line, problem or "no text"))
        else:
            found.texts.append(text)
    return _with_text(found, table.source)


def _read_text_lines(path: Path) -> Texts:
    file = open_text(path)
    found = Texts([], [], [file.note] if file.note else [])
    n_blank = 0
    for number, line in enumerate(file.lines(), 1):
        text = line.rstrip("\r\n")
        if not text or text.isspace():
            n_blank += 1
        elif problem := cells_problem((text,), file.encoding):
            found.refused.append(Refused(number, problem))
        else:
            found.texts.append(text)
    if n_blank:
        found.notes.append(f"{counted(n_blank, 'blank line')} left out")
    return _with_text(found, str(path))


def _with_text(found: Texts, source: str) -> Texts:
    if found.texts:
        return found
    raise DataError(
        f"{source} has no text that can be used{most_refused(RefusedTally.of(found.refused))}"
    )


def _read_folder(folder: Path, min_labels: int) -> Corpus:
    """Read one text per file; the sub-folder's name is the label."""
    notes: list[str] = []
    paths = list(labelled_paths(folder, notes))
    corpus = Corpus([], [], [], str(folder), ".txt files", "sub-folders", [], notes)
    file_notes: Counter[str] = Counter()
    records = (file_record(number, path, file_notes) for number, path in enumerate(paths, 1))
    filled = _filled(corpus, records, min_labels, [str(path) for path in paths])
    notes += (f"{counted(count, 'file')} {note}" for note, count in sorted(file_notes.items()))
    return filled


def _filled(
    corpus: Corpus, records: Iterable[Record], min_labels: int = 2, files: Sequence[str] = ()
) -> Corpus:
    """Sort records into the corpus's lists; complain if no corpus comes of it."""
    texts: list[str] = []
    labels: list[str] = []
    lines: list[int] = []
    for row, text, label in records:
        cells = {name: row.fields.get(name) for name in corpus.further}
        problem = record_problem(row, text, label, cells)
        if problem or text is None or label is None:
            file = files[row.line - 1] if files else ""
            corpus.refused.append(Refused(row.line, problem or "no text", file))
        else:
            texts.append(text)
            labels.append(label.strip())
            lines.append(row.line)
            for name, cell in cells.items():
                corpus.further[name].append(cell or "")
    corpus = replace(corpus, texts=texts, labels=labels, lines=lines)
    check_corpus(corpus, min_labels)
    corpus.notes.extend(label_notes(corpus.label_counts, to_learn=min_labels > 1))
    return corpus


def record_problem(
    row: Row, text: str | None, label: str | None, further: Mapping[str, str | None]
) -> str | None:
    """Say why a record cannot be used; None if it can."""
    problem = row.problem or unusable(text, "text") or unusable(label, "label")
    return problem or next(filter(None, (unusable(v, n) for n, v in further.items())), None)


def check_corpus(corpus: Corpus, min_labels: int) -> None:
    """Check that there is something to learn from.

    Raises
    ------
    DataError
        If there is no record, or too few labels.
    """
    if not len(corpus.texts):
        raise DataError(
            f"{corpus.source} has no record that can be used{most_refused(corpus.tally)}"
        )
    if len(corpus.label_counts) < min_labels:
        refused = "; ".join(refusals(corpus.tally))
        raise DataError(
            f"{corpus.source}: every record{refused and ' that can be used'} has the label "
            f"{corpus.labels[0]!r}{refused and f' ({refused})'}; at least two labels are needed to "
            "tell apart"
        )
