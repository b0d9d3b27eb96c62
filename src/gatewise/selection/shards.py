"""A range of rows -> a file with the same rows and their answers: what each worker does.

RUN/parts/part-00000.parquet       the rows of the first shard with their answers
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.base.errors import ConfigError, ModelFileError
from gatewise.base.files import atomic_open, sha256_file
from gatewise.base.optional import require
from gatewise.classify.answer_blocks import BlockAnswers
from gatewise.classify.answers import AnswerTally, answer_columns
from gatewise.selection.engines import UnusableNodeError
from gatewise.selection.ledger import RUN, Unit
from gatewise.store.process_predictor import manifest_digest, process_predictor
from gatewise.text.row_blocks import ParquetRows
from gatewise.text.row_writer import PARQUET, RowWriter, open_output
from gatewise.text.rows import cell_text

__all__ = ["PACKAGES", "PARTS", "ScoringJob", "Shard", "score_shard", "tally_of"]

# What the bytes of the answers depend on.
PACKAGES = ("numpy", "icu4py", "onnxruntime", "pyarrow")
PARTS = "parts"


@dataclass(frozen=True)
class Shard:
    """Rows that follow each other.

    Attributes
    ----------
    number : int
        Of the shard, from 0.
    start, stop : int
        Its rows from 0; the last one is not of it.
    """

    number: int
    start: int
    stop: int

    def unit(self, about: Mapping[str, Any]) -> Unit:
        """Make the unit of work: what the run is about, and these rows."""
        facts = {**about, "shard": [self.number, self.start, self.stop]}
        return Unit(facts, f"rows {self.start + 1:,} to {self.stop:,}")

    def name(self, kind: str) -> str:
        """Name its file."""
        return f"part-{self.number:05d}.{kind}"


@dataclass(frozen=True)
class ScoringJob:
    """What all shards of a run share; it is sent to every worker.

    Attributes
    ----------
    model : str
        Absolute path of the saved model.
    model_digest : str
        SHA-256 of its manifest.
    rows : str
        Absolute path of a parquet file with the rows.
    rows_size : int
        Of that file, in bytes.
    packed : bool
        It was written by :func:`gatewise.text.row_blocks.pack_rows`.
    run : str
        Absolute path of the run's folder.
    run_digest : str
        SHA-256 of its ``run.json``.
    text_column : str
        Where the texts are.
    kind : {"csv", "tsv", "jsonl", "parquet"}
        What to write.
    top, nearest : int
        How many of the most probable classes and of the nearest records to name.
    threads : int
        Of each worker.
    """

    model: str
    model_digest: str
    rows: str
    rows_size: int
    packed: bool
    run: str
    run_digest: str
    text_column: str
    kind: str
    top: int
    nearest: int
    threads: int

    def part(self, shard: Shard) -> Path:
        """Name the file of a shard."""
        return Path(self.run) / PARTS / shard.name(self.kind)

    def read_rows(self) -> ParquetRows:
        """Open the rows."""
        return ParquetRows(Path(self.rows), packed=self.packed)


def score_shard(job: ScoringJob, unit: Unit) -> dict[str, Any]:
    """Answer the rows of a shard, and write them.

    Parameters
    ----------
    job : ScoringJob
        What all shards share.
    unit : Unit
        Of a :class:`Shard`.

    Returns
    -------
    dict
        ``rows``, ``abstained`` and ``unusable`` count rows; ``sha256`` and ``bytes`` are of the
        file.

    Raises
    ------
    UnusableNodeError
        If this machine sees other files than the one that sends the work, or the options do not
        fit the model.
    DataError
        If the rows cannot be read.
    """
    shard = Shard(*unit.facts["shard"])
    _check_place(job)
    try:
        model = process_predictor(job.model, threads=job.threads)
        rows = job.read_rows()
        answers = BlockAnswers(model, rows.schema, job.text_column, job.top, job.nearest)
        answered = answers.answer(rows.block(shard.start, shard.stop))
    except (ConfigError, ModelFileError) as error:  # it would be the same for every shard
        raise UnusableNodeError(str(error)) from error
    path = job.part(shard)
    _write(path, answered, job)
    tally = answers.tally
    return {
        "rows": tally.n_rows,
        "abstained": tally.n_abstained,
        "unusable": {reason: list(found) for reason, found in tally.by_reason.items()},
        "sha256": sha256_file(path),
        "bytes": path.stat().st_size,
    }


def tally_of(result: Mapping[str, Any]) -> AnswerTally:
    """Take the counts out of what :func:`score_shard` gave."""
    by_reason = {reason: (count, lines) for reason, (count, lines) in result["unusable"].items()}
    n_unusable = sum(count for count, _ in by_reason.values())
    return AnswerTally(result["rows"], n_unusable, result["abstained"], by_reason)


def _check_place(job: ScoringJob) -> None:
    """Refuse to work where other files lie under the same paths, or none."""
    try:
        digest = manifest_digest(job.model)
    except ModelFileError:
        digest = None
    _check_seen("model", job.model, digest, job.model_digest)
    rows, run = Path(job.rows), Path(job.run) / RUN
    _check_seen("data", job.rows, _size(rows), job.rows_size)
    _check_seen("run", job.run, _digest(run), job.run_digest)


def _check_seen(what: str, path: str, found: Any, wanted: Any) -> None:
    if found != wanted:
        how = "is not there" if found is None else "is another one"
        raise UnusableNodeError(
            f"the {what} at {path} {how} on the machine {platform.node()!r}; every machine that "
            f"scores has to see the same {what} under this path, for example on a network drive"
        )


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _digest(path: Path) -> str | None:
    try:
        return sha256_file(path)
    except OSError:
        return None


def _write(path: Path, answered: Any, job: ScoringJob) -> None:
    if job.kind == PARQUET:
        parquet = require("pyarrow.parquet", extra="score", purpose="write parquet files")
        with atomic_open(path, "wb") as stream:
            parquet.write_table(answered, stream)
        return
    n_own = len(answer_columns(job.top, job.nearest))
    with open_output(path, None) as stream:
        writer = RowWriter(stream, job.kind, answered.column_names)
        for row in answered.to_pylist():
            cells = list(row.items())
            # As `gatewise predict` has it: whatever comes from the input is text.
            inputs = ((name, cell_text(value)) for name, value in cells[:-n_own])
            writer.write(dict([*inputs, *cells[-n_own:]]))
