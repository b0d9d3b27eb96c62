"""Options and arguments that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "LARGEST_SEED",
    "DataArgument",
    "LabelOption",
    "ModelArgument",
    "RestartOption",
    "TextOption",
]

LARGEST_SEED = 2**32 - 1  # base.seeding.MAX_SEED, which comes with numpy: too slow for a help text

ModelArgument = Annotated[
    Path, typer.Argument(metavar="MODEL", help="The folder of a trained model.", show_default=False)
]
DataArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="Labelled texts: csv, tsv, jsonl (also .gz), parquet, xlsx, ods, a folder with one "
        "sub-folder of .txt files per label, or - for standard input.",
        show_default=False,
    ),
]
TextOption = Annotated[
    str | None,
    typer.Option(
        "--text",
        metavar="COL",
        help="The column of the texts; needed unless its name tells.",
        show_default=False,
    ),
]
LabelOption = Annotated[
    str | None,
    typer.Option(
        "--label",
        metavar="COL",
        help="The column of the labels; needed unless its name tells.",
        show_default=False,
    ),
]
RestartOption = Annotated[
    bool, typer.Option("--restart", help="Delete the checkpoint of a run that was not finished.")
]
