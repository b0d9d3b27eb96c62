"""``gatewise predict``: texts -> the same rows with the model's answers."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from gatewise.base.errors import ConfigError
from gatewise.cli.console import check_out_file, remark
from gatewise.cli.options import ModelArgument, TextOption
from gatewise.cli.progress import open_progress
from gatewise.cli.run_options import telling_how_to_go_on
from gatewise.cli.scoring_options import (
    AddressOption,
    EngineOption,
    RunFolderOption,
    ShardRowsOption,
    ThreadsOption,
    WorkersOption,
    refuse_without_engine,
    scoring_request,
)

__all__ = ["predict"]

_MOST_THREADS = 4  # a network of this size has no work for more
_SWITCH_SECONDS = 0.001  # a network that has read a batch does not wait longer for its thread

TextsArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="Texts: csv, tsv, jsonl (also .gz), parquet, xlsx, ods, .txt with one text per line, "
        "or - for standard input.",
        show_default=False,
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE|FOLDER",
        help="Where to write; the ending tells the format. Else to standard output. A folder, of "
        "one file per shard, only with --engine.",
        show_default=False,
    ),
]
FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="csv|tsv|jsonl|parquet", help="The format to write.", show_default=False
    ),
]
TopOption = Annotated[
    int, typer.Option("--top", metavar="K", help="How many of the most probable labels to write.")
]
NearestOption = Annotated[
    int,
    typer.Option(
        "--nearest",
        metavar="K",
        help="How many of the nearest training records to write: their texts, if the model was "
        "trained with --keep-texts, and else their numbers.",
    ),
]
LinesOption = Annotated[
    bool, typer.Option("--lines", help="DATA has one text per line and no header.")
]
Int8Option = Annotated[
    bool,
    typer.Option(
        "--int8",
        help="Let the LSTM multiply with numbers of eight bits: faster, and answers depend a "
        "little on the texts of the same batch. export --int8 measures what that costs.",
    ),
]


def predict(
    model: ModelArgument,
    data: TextsArgument,
    *,
    text: TextOption = None,
    out: OutOption = None,
    top: TopOption = 1,
    nearest: NearestOption = 0,
    output_format: FormatOption = None,
    lines: LinesOption = False,
    int8: Int8Option = False,
    engine: EngineOption = None,
    address: AddressOption = None,
    workers: WorkersOption = None,
    threads: ThreadsOption = None,
    shard_rows: ShardRowsOption = None,
    run: RunFolderOption = None,
) -> None:
    """Classify texts, in their order and in constant memory.

    Each row comes back with the columns predicted, probability, in_scope (0.05: one in twenty texts
    of these labels looks as strange), decision (the label, or abstain), those of --top and
    --nearest, and the reason why a row cannot be used.

    With --engine, ranges of rows are scored side by side, on a cluster if there is one. What is
    done is kept: after a kill, type the same command again. Every machine has to see MODEL, DATA
    and the folder of --out under the same paths.
    """
    if engine is None:
        refuse_without_engine(address=address, workers=workers, shard_rows=shard_rows, run=run)
        answered = model, data, text, out, top, nearest, output_format
        _stream(*answered, lines=lines, int8=int8, threads=threads)
        return
    if int8:
        raise ConfigError(
            "--int8 goes without --engine: its answers depend on how rows are put together"
        )
    request = scoring_request(
        model,
        data,
        out,
        text_column=text,
        kind=output_format,
        top=top,
        nearest=nearest,
        lines=lines,
        engine=engine,
        address=address,
        workers=workers,
        threads=threads,
        shard_rows=shard_rows,
        run=run,
    )
    from gatewise.selection.scoring_run import score

    with telling_how_to_go_on(), open_progress() as progress:
        told = score(request, progress)
    remark(told)


def _stream(
    model: Path,
    data: str,
    text: str | None,
    out: Path | None,
    top: int,
    nearest: int,
    output_format: str | None,
    *,
    lines: bool,
    int8: bool,
    threads: int | None,
) -> None:
    """Answer row by row, in this process."""
    # Before numpy is there: its own threads would get into the way of ours.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.setswitchinterval(_SWITCH_SECONDS)
    from gatewise.classify.answer_files import write_answers
    from gatewise.store.predictor_archive import load_predictor
    from gatewise.text.text_lines import open_texts

    check_out_file(out, model, None if data == "-" else data)
    table = open_texts(data, lines=lines)
    if threads is None:
        threads = min(_MOST_THREADS, os.cpu_count() or 1)
    predictor = load_predictor(model, int8=int8)
    shows_rows = out is None and sys.stdout.isatty()  # a bar would stand between them
    with open_progress(lines=False, bars=not shows_rows) as progress:
        told = write_answers(
            predictor,
            table,
            text_column=text,
            out=out,
            standard_output=sys.stdout,
            kind=output_format,
            top=top,
            nearest=nearest,
            threads=threads,
            progress=progress,
        )
    remark(told)
