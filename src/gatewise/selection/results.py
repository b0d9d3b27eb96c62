"""What a run has found -> its files: one row per candidate, and every out-of-fold probability.

RUN/results.json    a list with one row per candidate
RUN/summary.json    what it is about, what was chosen and why, what should be known of it
RUN/oof.parquet     probabilities of each record by a fit that has not seen it
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from gatewise.base.files import atomic_open, write_json
from gatewise.selection.choice import CandidateResult

__all__ = ["OOF", "RESULTS", "SUMMARY", "OutOfFold", "write_out_of_fold", "write_results"]

RESULTS, SUMMARY, OOF = "results.json", "summary.json", "oof.parquet"

Scores = NDArray[np.float64]


class OutOfFold:
    """The rows of a candidate and a fold for ``oof.parquet``.

    Parameters
    ----------
    candidate : int
        Its place among the results.
    fold : int
        From 0.
    rows : ndarray of int64, shape (M,)
        The records judged.
    probabilities : ndarray of float64, shape (M, C)
        Of each.
    """

    def __init__(
        self, candidate: int, fold: int, rows: NDArray[np.int64], probabilities: Scores
    ) -> None:
        self.candidate, self.fold = candidate, fold
        self.rows, self.probabilities = rows, probabilities

    def table(self, schema: pa.Schema, labels: Sequence[str], lines: Sequence[int]) -> pa.Table:
        """Lay them out in columns."""
        n_rows, n_classes = self.probabilities.shape
        classes = json.loads(schema.metadata[b"classes"])
        best = self.probabilities.argmax(axis=1)
        flat = pa.array(self.probabilities.astype(np.float32).ravel())
        columns = [
            pa.array(np.full(n_rows, self.candidate, dtype=np.int32)),
            pa.array(np.full(n_rows, self.fold, dtype=np.int32)),
            pa.array(self.rows),
            pa.array([lines[row] for row in self.rows], pa.int64()),
            pa.array([labels[row] for row in self.rows]),
            pa.array([classes[number] for number in best]),
            pa.FixedSizeListArray.from_arrays(flat, n_classes),
        ]
        return pa.Table.from_arrays(columns, schema=schema)


def write_out_of_fold(
    path: Path,
    found: Iterable[OutOfFold],
    labels: Sequence[str],
    classes: Sequence[str],
    lines: Sequence[int],
) -> None:
    """Write ``oof.parquet``, one row group per candidate and fold, in constant memory.

    Parameters
    ----------
    path : Path
        The file.
    found : iterable of OutOfFold
        In their order.
    labels : sequence of str
        Of all N records.
    classes : sequence of str
        What the probabilities are of, kept in the metadata of the schema.
    lines : sequence of int
        Where each record stands in the user's file.
    """
    names = json.dumps(list(classes), ensure_ascii=False)
    schema = pa.schema(
        [
            ("candidate", pa.int32()),
            ("fold", pa.int32()),
            ("record", pa.int64()),
            ("line", pa.int64()),
            ("label", pa.string()),
            ("predicted", pa.string()),
            ("probabilities", pa.list_(pa.float32(), len(classes))),
        ],
        metadata={"classes": names},
    )
    with atomic_open(path, "wb") as stream, parquet.ParquetWriter(stream, schema) as writer:
        for one in found:
            writer.write_table(one.table(schema, labels, lines))


def write_results(
    folder: Path,
    results: Sequence[CandidateResult],
    chosen: int | None,
    summary: dict[str, Any],
) -> None:
    """Write ``results.json`` and ``summary.json``."""
    rows = [_row(one, is_chosen=place == chosen) for place, one in enumerate(results)]
    write_json(folder / RESULTS, rows)
    write_json(folder / SUMMARY, summary)


def _row(result: CandidateResult, *, is_chosen: bool) -> dict[str, Any]:
    return {
        "name": result.name,
        "params": dict(result.params),
        "score": result.score,
        "folds": [
            {
                "fold": fold.fold,
                "accuracy": fold.accuracy,
                "macro_f1": fold.macro_f1,
                "seconds": fold.seconds,
                "parts": fold.parts,
            }
            for fold in result.folds
        ],
        "mean": _finite(result.mean),
        "standard_deviation": _finite(result.deviation),
        "standard_error": _finite(result.standard_error),
        "seconds": _finite(result.seconds),
        "parameters": result.parameters,
        "state": result.state,
        "chosen": is_chosen,
    }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
