"""``gatewise predict``: texts -> the same rows with the model's answers."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from gatewise.cli.console import check_out_file, remark
from gatewise.cli.options import ModelArgument, TextOption
from gatewise.cli.progress import open_progress

__all__ = ["predict"]

_MOST_THREADS = 4  # a network of this size has no work for more

TextsArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="Texts: csv, tsv, jsonl (also .gz), parquet, xlsx, .txt with one text per line, or - "
        "for standard input.",
        show_default=False,
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Where to write; the ending tells the format. Else to standard output.",
        show_default=False,
    ),
]
FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="csv|tsv|jsonl", help="The format to write.", show_default=False
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
) -> None:
    """Classify texts, in their order and in constant memory.

    Each row comes back with the columns predicted, probability, in_scope (0.05: one in twenty texts
    of these labels looks as strange), decision (the label, or abstain), those of --top and
    --nearest, and the reason why a row cannot be used.
    """
    from gatewise.classify.answer_files import write_answers
    from gatewise.store.predictor_archive import load_predictor
    from gatewise.text.text_lines import open_texts

    check_out_file(out)
    table = open_texts(data, lines=lines)
    predictor = load_predictor(model, threads=min(_MOST_THREADS, os.cpu_count() or 1))
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
            progress=progress,
        )
    remark(told)
