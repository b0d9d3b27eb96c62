"""Which labels look wrong? One candidate cross-validated, and its out-of-fold answers looked at.

RUN/audit.csv       one row per suspicious record, with a column for the reviewer
RUN/corrected.csv   the data again, with what the reviewer has filled in
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyarrow import parquet

from gatewise.base.errors import DataError
from gatewise.base.files import atomic_open, write_json
from gatewise.base.optional import require
from gatewise.base.progress import Progress
from gatewise.evaluate.audit import Audit, audit_labels
from gatewise.evaluate.duplicates import Twin, find_leaks
from gatewise.selection.fits import FitData
from gatewise.selection.results import OOF
from gatewise.selection.sizes import TuneRequest, tune
from gatewise.text.accounts import counted, folded_text, shown
from gatewise.text.corpus import Corpus
from gatewise.text.row_writer import RowWriter
from gatewise.text.rows import Row, Table
from gatewise.text.tables import open_table

__all__ = [
    "AUDIT",
    "CORRECTED",
    "REMOVE",
    "Corrections",
    "add_leaks",
    "audit_data",
    "read_corrections",
    "write_corrected",
]

AUDIT, CORRECTED, FACTS = "audit.csv", "corrected.csv", "audit.json"
# What a reviewer writes to have a record left out.
REMOVE = "(remove)"
_LONGEST_LINE = 18  # digits

_COLUMNS = (
    "rank",
    "line",
    "given",
    "suggested",
    "given_probability",
    "suggested_probability",
    "flagged",
    "why",
    "corrected",
    "text",
)


@dataclass(frozen=True)
class Corrections:
    """What a reviewer has decided.

    Attributes
    ----------
    labels : dict of int to str
        Line -> the right label, or ``REMOVE``.
    audited : dict of int to tuple of str
        Line -> label and text as they were audited, as far as the list has them.
    """

    labels: Mapping[int, str]
    audited: Mapping[int, tuple[str | None, str | None]] = field(default_factory=dict)

    def applied(self, rows: Iterator[Row], label_column: str) -> Iterator[dict[str, str | None]]:
        """Yield the cells of all rows, with the right labels, without those to be left out."""
        for row in rows:
            label = self.labels.get(row.line)
            if label == REMOVE:
                continue
            yield dict(row.fields) if label is None else {**row.fields, label_column: label}


def write_corrected(
    source: Any, corrections: Corrections, corpus: Corpus, path: Path
) -> tuple[int, int]:
    """Write a table again, with what a reviewer has filled in.

    Parameters
    ----------
    source : str, path or data frame
        The table, as it was audited.
    corrections : Corrections
        By its lines.
    corpus : Corpus
        What was read of it.
    path : Path
        The new file, csv.

    Returns
    -------
    n_changed, n_removed : int
        Records with another label than before, and those left out.

    Raises
    ------
    DataError
        If the source is a folder, a line is not one of its records or another one than was
        audited, or one of its rows cannot be read and would be lost.
    """
    if unknown := sorted(set(corrections.labels) - set(corpus.lines)):
        raise DataError(
            f"{corpus.source} has no record on line {unknown[0]}; give the file that was audited"
        )
    if isinstance(source, str | os.PathLike) and os.path.isdir(source):
        raise DataError(f"{source} is a folder; move its files into the folders of their labels")
    _check_audited(corrections, corpus)
    table = open_table(source)
    columns = _checked_columns(table)
    given = dict(zip(corpus.lines, corpus.labels, strict=True))
    changes = {line: one for line, one in corrections.labels.items() if one != given[line]}
    corrections = Corrections(changes)
    with atomic_open(path, newline="") as stream:
        writer = RowWriter(stream, "csv", columns)
        for cells in corrections.applied(table.rows(), corpus.label_column):
            writer.write(cells)
    n_removed = sum(label == REMOVE for label in changes.values())
    return len(changes) - n_removed, n_removed


def _check_audited(corrections: Corrections, corpus: Corpus) -> None:
    """Refuse a file that is not the one of the list: behind a row more, all lines are others.

    A text that stands on another line now is one too many. A spreadsheet may have changed a cell,
    such as a number, so of texts that are nowhere, and of labels, most must differ.
    """
    number_of = {line: number for number, line in enumerate(corpus.lines)}
    others, gone = [], set()
    for line, (label, text) in corrections.audited.items():
        number = number_of[line]
        if text is not None and folded_text(text) != folded_text(corpus.texts[number]):
            gone.add(folded_text(text))
            others.append(
                f"the text {corpus.texts[number]!r:.60} on line {line}, and not {text!r:.60}"
            )
        elif text is None and label not in (None, corpus.labels[number], corrections.labels[line]):
            others.append(
                f"the label {corpus.labels[number]!r:.60} on line {line}, and not {label!r:.60}"
            )
    has_moved = bool(gone) and any(folded_text(text) in gone for text in corpus.texts)
    if has_moved or 2 * len(others) > len(corrections.audited):
        raise DataError(
            f"{corpus.source} is not as it was when it was audited: it has {others[0]}; give the "
            "file that was audited, unchanged"
        )


def _checked_columns(table: Table) -> list[str]:
    """Collect the columns of all rows, and refuse a table of which something would be lost."""
    if table.loses_cells:
        raise DataError(
            f"{table.source} has cells to the right of the last column, {table.columns[-1]!r}, "
            "that would be lost; give them a column name"
        )
    columns, broken = dict.fromkeys(table.columns), list[Row]()
    for row in table.rows():
        columns.update(dict.fromkeys(row.fields))
        broken += [row] if row.problem else []
    if broken:
        lines = shown([str(row.line) for row in broken])
        raise DataError(
            f"{table.source} has {counted(len(broken), 'row')} that cannot be read and would be "
            f"lost, lines {lines} (the first: {broken[0].problem}); mend them where they stand"
        )
    return list(columns)


def audit_data(
    data: FitData,
    request: TuneRequest,
    progress: Progress | None = None,
    files: Sequence[str] | None = None,
) -> Audit:
    """Cross-validate one candidate, audit the labels, and write ``audit.csv``.

    Parameters
    ----------
    data : FitData
        Records and folds.
    request : TuneRequest
        Its ``space`` is not looked at: the fixed settings are what is fitted.
    progress : Progress, optional
        Told of everything.
    files : sequence of str, optional
        The file of each record, named instead of its line.

    Returns
    -------
    Audit

    Raises
    ------
    ConfigError, DataError
        As :func:`gatewise.selection.sizes.tune` does.
    MissingExtraError
        If cleanlab is not installed.
    """
    require("cleanlab.filter", extra="audit", purpose="find labels that look wrong")
    one = replace(request, space={}, sampler="grid", final=False, question="audit")
    found = tune(data, one, progress)
    probabilities, n_unknown = _mean_probabilities(request.out / OOF, data)
    audit = audit_labels(data.texts, data.labels, data.classes, probabilities)
    audit = replace(audit, notes=[*found.notes, *_unknown_told(n_unknown), *audit.notes])
    places = files or request.lines or range(1, len(data.texts) + 1)
    _write_audit(request.out / AUDIT, audit, data.texts, places, named="file" if files else "line")
    write_json(request.out / FACTS, _facts(audit, places))
    return audit


def add_leaks(
    out: Path, texts: Sequence[str], lines: Sequence[Any], other: Corpus
) -> tuple[list[Twin], list[str]]:
    """Find the texts of a test file that stand in the data, and add them to ``audit.json``.

    Parameters
    ----------
    out : Path
        The folder of an audit.
    texts : sequence of str
        The data.
    lines : sequence
        Where they stand in their file, or the file of each.
    other : Corpus
        The test file.

    Returns
    -------
    leaks, notes
        As :func:`gatewise.evaluate.duplicates.find_leaks` gives them.
    """
    leaks, notes = find_leaks(texts, other.texts)
    pairs = [
        {
            "line": lines[one.first],
            "test_line": other.lines[one.second],
            "similarity": one.similarity,
        }
        for one in leaks
    ]
    facts = json.loads((out / FACTS).read_bytes())
    facts |= {"test": other.source, "in_test": pairs, "notes": [*facts["notes"], *notes]}
    write_json(out / FACTS, facts)
    return leaks, notes


def read_corrections(path: Path, classes: Sequence[str]) -> Corrections:
    """Read an ``audit.csv`` whose column ``corrected`` somebody has filled in.

    Parameters
    ----------
    path : Path
        The file, a table of any kind that :func:`gatewise.text.tables.open_table` reads.
    classes : sequence of str
        The labels there are.

    Returns
    -------
    Corrections

    Raises
    ------
    DataError
        If it cannot be read, a column is missing, a line is no number or stands twice, a label is
        new, or nothing was filled in.
    """
    labels: dict[int, str] = {}
    audited: dict[int, tuple[str | None, str | None]] = {}
    table = open_table(path)
    if not {"line", "corrected"} <= set(table.columns):
        raise DataError(
            f"{path} has no columns 'line' and 'corrected'; give the audit.csv of a run, with its "
            "column 'corrected' filled in"
        )
    for row in table.rows():
        if row.problem:
            raise DataError(f"{path}:{row.line} cannot be read ({row.problem}); mend it")
        label = (row.fields["corrected"] or "").strip()
        if not label:
            continue
        line = (row.fields["line"] or "").strip()
        if not line.isdecimal() or len(line) > _LONGEST_LINE:
            raise DataError(f"{path}:{row.line} has {line!r:.40} as a line; it must be a number")
        if label != REMOVE and label not in classes:
            raise DataError(
                f"{path}:{row.line} has the label {label!r:.60}, which the data do not have; use "
                f"one of theirs, or {REMOVE} to leave the record out"
            )
        if labels.setdefault(int(line), label) != label:
            raise DataError(f"{path}:{row.line} gives line {line} a second label")
        audited[int(line)] = _cell(row, "given"), _cell(row, "text")
    if not labels:
        raise DataError(f"{path} has nothing in its column 'corrected'; fill in the right labels")
    return Corrections(labels, audited)


def _cell(row: Row, column: str) -> str | None:
    return (row.fields.get(column) or "").strip() or None


def _mean_probabilities(path: Path, data: FitData) -> tuple[NDArray[np.float64], int]:
    """Average what the repeats say of each record; nan for one that no fold has judged.

    A model that has learnt from no record of a label gives it no probability, and that says nothing
    of the label: such an answer is no judgement. The second value counts the records that have no
    other answer.
    """
    targets = np.searchsorted(np.array(data.classes), np.array(data.labels))  # (N,)
    learnt = np.array(
        [np.bincount(targets[fold.train], minlength=len(data.classes)) for fold in data.folds.folds]
    )  # (n_folds, C)
    total, counts = np.zeros((len(targets), len(data.classes))), np.zeros(len(targets))
    answered = np.zeros(len(targets), dtype=bool)
    for batch in parquet.ParquetFile(path).iter_batches(
        columns=["fold", "record", "probabilities"]
    ):
        rows = batch.column("record").to_numpy()
        flat = batch.column("probabilities").flatten().to_numpy()
        is_judged = learnt[batch.column("fold").to_numpy(), targets[rows]] > 0
        answered[rows] = True
        probabilities = flat.reshape(len(rows), -1).astype(np.float64)
        np.add.at(total, rows[is_judged], probabilities[is_judged])
        np.add.at(counts, rows[is_judged], 1)
    with np.errstate(invalid="ignore"):
        return total / counts[:, None], int((answered & (counts == 0)).sum())


def _unknown_told(n_unknown: int) -> list[str]:
    if not n_unknown:
        return []
    return [
        f"{counted(n_unknown, 'record')} not judged, of a label that the models which read them "
        "had never seen"
    ]


def _write_audit(
    path: Path, audit: Audit, texts: Sequence[str], places: Sequence[Any], *, named: str
) -> None:
    columns = [named if name == "line" else name for name in _COLUMNS]
    with atomic_open(path, newline="") as stream:
        writer = RowWriter(stream, "csv", columns)
        for rank, one in enumerate(audit.suspects, 1):
            writer.write(
                {
                    "rank": str(rank),
                    named: str(places[one.row]),
                    "given": one.given,
                    "suggested": one.suggested,
                    "given_probability": round(one.given_probability, 4),
                    "suggested_probability": round(one.suggested_probability, 4),
                    "flagged": "yes" if one.is_flagged else "no",
                    "why": one.why,
                    "corrected": None,
                    "text": texts[one.row],
                }
            )


def _facts(audit: Audit, lines: Sequence[Any]) -> dict[str, Any]:
    return {
        "n_judged": audit.n_judged,
        "n_suspects": len(audit.suspects),
        "n_flagged": sum(one.is_flagged for one in audit.suspects),
        "twins": [
            {"lines": [lines[one.first], lines[one.second]], "similarity": one.similarity}
            for one in audit.twins
        ],
        "confused": [vars(one) for one in audit.confused],
        "small": audit.small,
        "notes": audit.notes,
    }
