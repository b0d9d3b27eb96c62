"""Scoring by shards: a table of any size -> the same table with answers, by workers that may die.

RUN/run.json, RUN/ledger/     as of every run; see gatewise.selection.ledger
RUN/rows.parquet              the rows of a table that is no parquet file
RUN/parts/                    one file per shard, until all are put together
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gatewise.base.config import check_whole_number
from gatewise.base.errors import ConfigError, DataError, GatewiseError
from gatewise.base.files import remove_left_overs, sha256_file
from gatewise.base.progress import Progress, SilentProgress
from gatewise.base.versions import package_versions
from gatewise.classify.answer_files import remarks
from gatewise.classify.answers import AnswerTally, answer_columns, free_names
from gatewise.selection.engines import run_units
from gatewise.selection.ledger import (
    FOLDER,
    RUN,
    Ledger,
    Unit,
    check_run_folder,
    forget_run,
    open_ledger,
)
from gatewise.selection.scored_parts import check_out, is_whole, put_together
from gatewise.selection.shards import PACKAGES, PARTS, ScoringJob, Shard, score_shard, tally_of
from gatewise.selection.workers import Engine, open_workers
from gatewise.store.manifest import check_folder
from gatewise.store.process_predictor import manifest_digest
from gatewise.text.columns import choose_text_column
from gatewise.text.row_blocks import ParquetRows, TableRows, pack_rows
from gatewise.text.row_writer import PARQUET, format_of
from gatewise.text.rows import Table
from gatewise.text.tables import ending_of

__all__ = ["SHARD_ROWS", "ScoringRequest", "score"]

SHARD_ROWS = 10_000

_ROWS = "rows.parquet"


@dataclass(frozen=True)
class ScoringRequest:
    """What is to be scored, how, and where.

    Attributes
    ----------
    model : Path
        The folder of a saved model.
    table : Table
        The rows; a file, not a stream.
    out : Path
        Where the answers go. A name with an ending is a file; without, a folder of parts.
    text_column : str or None
        Where the texts are; None: guessed by its name.
    kind : {"csv", "tsv", "jsonl", "parquet"} or None
        The format; None: by the ending of ``out``, parquet for a folder.
    top, nearest : int
        How many of the most probable classes and of the nearest records to name.
    shard_rows : int
        Rows of a shard.
    run : Path or None
        The folder of the run, which stays; None: ``out`` with ``.run`` behind it, which is taken
        away at the end.
    engine : Engine
        Where to compute.
    """

    model: Path
    table: Table
    out: Path
    text_column: str | None = None
    kind: str | None = None
    top: int = 1
    nearest: int = 0
    shard_rows: int = SHARD_ROWS
    run: Path | None = None
    engine: Engine = field(default_factory=Engine)

    def __post_init__(self) -> None:
        check_whole_number("shard-rows", self.shard_rows, 1, 100_000_000)
        if not Path(self.table.source).is_file():  # a stream is there only once
            raise ConfigError(f"{self.table.source} cannot be scored by shards; give a file")
        if self.out.is_file() and self.out.samefile(self.table.source):  # by a link, too
            raise ConfigError(f"{self.out} cannot be both the data and the answers; name another")
        check_out(self.out, is_folder=self.is_folder)
        self._check_folders()
        self.output_kind  # noqa: B018  (an ending that is not known is an error)

    @property
    def is_folder(self) -> bool:
        """The answers are a folder of parts."""
        return not self.out.suffix or self.out.is_dir()

    @property
    def output_kind(self) -> str:
        """The format of the answers."""
        chosen = PARQUET if self.is_folder and self.kind is None else self.kind
        return format_of(self.out, chosen)

    @property
    def run_folder(self) -> Path:
        """The folder of the run."""
        return self.run or self.out.with_name(f"{self.out.name}.run")

    def _check_folders(self) -> None:
        """Refuse folders one in the other: answers replace all that their folder holds."""
        out, run = self.out.resolve(), self.run_folder.resolve()
        if out in (run, *run.parents) or run in out.parents:
            raise ConfigError(
                f"the answers {self.out} and the folder {self.run_folder} of the run lie one in "
                "the other; give each a place of its own"
            )
        if self.is_folder and out in Path(self.table.source).resolve().parents:
            raise ConfigError(
                f"{self.out} holds the data {self.table.source}, which would be replaced by the "
                "answers; name another folder for these"
            )


def score(request: ScoringRequest, progress: Progress | None = None) -> list[str]:
    """Answer all rows by shards; what a run before this one has done is not done again.

    Parameters
    ----------
    request : ScoringRequest
        What, how and where.
    progress : Progress, optional
        Told of the shards.

    Returns
    -------
    list of str
        What the user should know: rows answered, and those that could not be used.

    Raises
    ------
    ConfigError
        If the options do not fit the model or the table, the folder of the run is of something
        else, or a machine of the cluster sees other files.
    DataError
        If the rows cannot be read, or a shard fails twice.
    ModelFileError
        If the model is damaged.
    """
    check_folder(request.model)
    check_run_folder(request.run_folder)
    table, before = request.table, Path(request.table.source).stat()
    column, notes = choose_text_column(table.columns, request.text_column, table.source)
    about = _about(request, column)
    with _opened(request, about) as ledger:
        rows, cut = _rows(request, column)
        job = _job(request, column)
        shards = _shards(rows.n_rows, request.shard_rows)
        # The same file may be read in two ways: as a table, or as one text per line.
        facts = {**about, "packed": sha256_file(Path(job.rows)) if job.packed else None}
        units = [shard.unit(facts) for shard in shards]
        _prepare(job, ledger, shards, units)
        with open_workers(request.engine, job, packages=PACKAGES) as workers:
            failures = run_units(
                units,
                score_shard,
                ledger,
                workers=workers,
                progress=progress or SilentProgress(),
                stage="answers",
                noun="shards",
            )
        _check_failures(failures, units, request)
        _check_unchanged(Path(table.source), before)
        results = [ledger.find(unit) for unit in units]
        remove_left_overs(request.out)
        put_together(job, shards, results, request.out, is_folder=request.is_folder)
        if request.run is None:
            _clear(request.run_folder)  # while nobody else can begin a run in it
    renamed = free_names(rows.schema.names, answer_columns(request.top, request.nearest))
    told = [*table.notes, *notes, *_total(results).summary()]
    return told + remarks(renamed, request.output_kind, *cut)


@contextlib.contextmanager
def _opened(request: ScoringRequest, about: Mapping[str, Any]) -> Iterator[Ledger]:
    """Open the ledger; of a command that is refused before a shard is done, nothing stays."""
    with open_ledger(request.run_folder, about) as ledger:
        try:
            yield ledger
        except GatewiseError:
            if not any((ledger.folder / FOLDER).glob("*.json")):
                _clear(ledger.folder)
            raise


def _about(request: ScoringRequest, column: str) -> dict[str, Any]:
    source = Path(request.table.source)
    return {
        "what": "answers",
        "model": manifest_digest(request.model),
        "data": sha256_file(source),
        "data_ending": ending_of(source),
        "text_column": column,
        "format": request.output_kind,
        "top": request.top,
        "nearest": request.nearest,
        "shard_rows": request.shard_rows,
        "threads": request.engine.threads,
        "versions": package_versions(PACKAGES),
    }


def _rows(request: ScoringRequest, column: str) -> tuple[ParquetRows, tuple[int, list[str]]]:
    """Open the rows; those of a table that is no parquet file are written as one first."""
    source = Path(request.table.source)
    if ending_of(source) == ".parquet":
        return ParquetRows(source), (0, [])
    rows = TableRows(request.table, column)
    path = request.run_folder / _ROWS
    remove_left_overs(path)
    pack_rows(rows, path)
    return ParquetRows(path, packed=True), (rows.n_cut, rows.cut_names)


def _job(request: ScoringRequest, column: str) -> ScoringJob:
    source = Path(request.table.source)
    is_packed = ending_of(source) != ".parquet"
    rows = (request.run_folder / _ROWS if is_packed else source).absolute()
    run = request.run_folder.absolute()
    return ScoringJob(
        model=str(request.model.absolute()),
        model_digest=manifest_digest(request.model),
        rows=str(rows),
        rows_size=rows.stat().st_size,
        packed=is_packed,
        run=str(run),
        run_digest=sha256_file(run / RUN),
        text_column=column,
        kind=request.output_kind,
        top=request.top,
        nearest=request.nearest,
        threads=request.engine.threads,
    )


def _shards(n_rows: int, shard_rows: int) -> list[Shard]:
    starts = range(0, n_rows, shard_rows)
    return [
        Shard(number, start, min(start + shard_rows, n_rows)) for number, start in enumerate(starts)
    ]


def _prepare(job: ScoringJob, ledger: Ledger, shards: list[Shard], units: list[Unit]) -> None:
    """Take back the results whose files are not what was written."""
    parts = Path(job.run) / PARTS
    parts.mkdir(exist_ok=True)
    for left in parts.glob(".*.tmp"):  # of workers that were killed
        left.unlink(missing_ok=True)
    for shard, unit in zip(shards, units, strict=True):
        result = ledger.find(unit)
        if result is not None and not is_whole(job, shard, result):
            ledger.drop(unit)


def _check_failures(
    failures: Mapping[str, str], units: list[Unit], request: ScoringRequest
) -> None:
    failed = [unit for unit in units if unit.key in failures]
    if failed:
        raise DataError(
            f"{len(failed):,} of {len(units):,} shards failed twice, the first {failed[0].name} "
            f"({failures[failed[0].key]}); what is done is kept in {request.run_folder}: type the "
            "same command again to go on"
        )


def _check_unchanged(source: Path, before: Any) -> None:
    after = source.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise DataError(
            f"{source} was changed while it was scored; delete the folder of the run and begin "
            "again"
        )


def _total(results: list[Any]) -> AnswerTally:
    total = AnswerTally()
    for result in results:
        total.merge(tally_of(result))
    return total


def _clear(run: Path) -> None:
    """Take away what a run has written, and nothing else that may lie there."""
    shutil.rmtree(run / PARTS, ignore_errors=True)
    remove_left_overs(run / _ROWS)
    (run / _ROWS).unlink(missing_ok=True)
    forget_run(run)
