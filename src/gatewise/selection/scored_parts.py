"""The files of shards -> whether they are what was written, and one file or folder of answers."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, cast

from gatewise.base.errors import ConfigError, DataError
from gatewise.base.files import atomic_folder, atomic_open, sha256_file
from gatewise.base.optional import require
from gatewise.classify.answers import answer_columns, free_names
from gatewise.selection.shards import ScoringJob, Shard
from gatewise.text.row_blocks import ParquetRows
from gatewise.text.row_writer import FORMATS, PARQUET, RowWriter

__all__ = ["check_out", "is_whole", "put_together"]

_COPIED = 1 << 20  # bytes at a time


def check_out(out: Path, *, is_folder: bool) -> None:
    """Say before long work that the answers could not be put there.

    Raises
    ------
    ConfigError
        If a folder holds anything but answers, or the folder above is not there.
    """
    if not out.absolute().parent.is_dir():
        raise ConfigError(f"{out} cannot be written: there is no folder {str(out.parent)!r}")
    if not is_folder:
        return
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out} is a file; give a folder, or a name with an ending")
    endings = tuple(f".{kind}" for kind in (*FORMATS, PARQUET))
    for path in out.iterdir() if out.exists() else ():
        if not (path.name.startswith("part-") and path.name.endswith(endings)):
            raise ConfigError(
                f"{out} holds {path.name!r}, and would be replaced; name a folder that is empty, "
                "or not there, or has nothing but answers"
            )


def is_whole(job: ScoringJob, shard: Shard, result: Mapping[str, Any]) -> bool:
    """Say whether the file of a shard is there, byte for byte as it was written."""
    path = job.part(shard)
    try:
        return bool(
            path.stat().st_size == result["bytes"] and sha256_file(path) == result["sha256"]
        )
    except OSError:
        return False


def put_together(
    job: ScoringJob,
    shards: Sequence[Shard],
    results: Sequence[Mapping[str, Any]],
    out: Path,
    *,
    is_folder: bool,
) -> None:
    """Make the answers out of the files of all shards, after a look at each of them.

    Each file has to be the one that was written, and to have as many rows as the shard; of parquet
    files, the texts are compared with those of the input, row by row.

    Parameters
    ----------
    job : ScoringJob
        What they share.
    shards : sequence of Shard
        All of them, in their order.
    results : sequence of mapping
        What :func:`gatewise.selection.shards.score_shard` gave for each.
    out : Path
        A file or a folder, which appears when it is complete.
    is_folder : bool
        Which of them.

    Raises
    ------
    DataError
        If a file is not what it should be.
    """
    rows = job.read_rows()
    for shard, result in zip(shards, results, strict=True):
        _check_rows(job, rows, shard, result)
    if is_folder:
        with atomic_folder(out) as folder:
            for shard in shards:
                _link(job.part(shard), folder / shard.name(job.kind))
        return
    parts = [job.part(shard) for shard in shards]
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(atomic_open(out, "wb"))
        if job.kind == PARQUET:
            _join_parquet(parts, stream)
            return
        if out.suffix.casefold() == ".gz":
            # No name and no time inside, so that equal content gives equal bytes.
            packed = gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0)
            stream = cast("IO[bytes]", stack.enter_context(packed))
        _join_text(parts, _head(job, rows), stream)


def _check_rows(
    job: ScoringJob, rows: ParquetRows, shard: Shard, result: Mapping[str, Any]
) -> None:
    wrong = ""
    if not is_whole(job, shard, result):
        wrong = "is not what was written"
    elif result["rows"] != shard.stop - shard.start:
        wrong = f"has {result['rows']:,} rows instead of {shard.stop - shard.start:,}"
    elif job.kind == PARQUET and not _same_texts(job, rows, shard):
        wrong = "has other texts than the input"
    if wrong:
        raise DataError(
            f"{job.part(shard)} {wrong}; delete it and type the same command again: its rows are "
            "then scored anew"
        )


def _same_texts(job: ScoringJob, rows: ParquetRows, shard: Shard) -> bool:
    parquet = require("pyarrow.parquet", extra="score", purpose="read parquet files")
    renamed = free_names(rows.schema.names, answer_columns(job.top, job.nearest))
    name = renamed.get(job.text_column, job.text_column)
    with parquet.ParquetFile(job.part(shard)) as file:
        found = file.read([name]).column(0)
    wanted = rows.block(shard.start, shard.stop, job.text_column).columns.column(0)
    return bool(found.combine_chunks().equals(wanted.cast(found.type).combine_chunks()))


def _link(source: Path, target: Path) -> None:
    """Give a file a second name; where the system cannot, copy it."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _join_parquet(parts: Sequence[Path], stream: IO[bytes]) -> None:
    parquet = require("pyarrow.parquet", extra="score", purpose="write parquet files")
    with parquet.ParquetFile(parts[0]) as first:
        schema = first.schema_arrow
    with parquet.ParquetWriter(stream, schema) as writer:
        for part in parts:
            with parquet.ParquetFile(part) as file:
                writer.write_table(file.read())


def _head(job: ScoringJob, rows: ParquetRows) -> bytes:
    """Write what every file of text begins with: the names of its columns, or nothing."""
    own = answer_columns(job.top, job.nearest)
    renamed = free_names(rows.schema.names, own)
    head = io.StringIO(newline="")
    RowWriter(head, job.kind, [*(renamed.get(name, name) for name in rows.schema.names), *own])
    return head.getvalue().encode("utf-8")


def _join_text(parts: Sequence[Path], head: bytes, stream: IO[bytes]) -> None:
    stream.write(head)
    for part in parts:
        with part.open("rb") as source:
            source.seek(len(head))
            shutil.copyfileobj(source, stream, _COPIED)
