"""Options of the commands that fit many models: folds, engine, and where the run is kept."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from gatewise.cli.console import remark

__all__ = [
    "AddressOption",
    "ClassWeightOption",
    "EngineOption",
    "FoldsOption",
    "GroupOption",
    "RepeatsOption",
    "RunOption",
    "SeedOption",
    "ThreadsOption",
    "TimeOption",
    "UnlabelledOption",
    "VectorsOption",
    "WorkersOption",
    "default_workers",
    "telling_how_to_go_on",
]

_FOLDS, _ENGINE, _DATA = "Folds", "Where to compute", "Data"

RunOption = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="RUN",
        help="The folder of the run. What is there of it already is not done again.",
        show_default=False,
    ),
]
FoldsOption = Annotated[
    int,
    typer.Option("--folds", metavar="K", help="Parts of the data.", rich_help_panel=_FOLDS),
]
RepeatsOption = Annotated[
    int,
    typer.Option("--repeats", help="Times the data are parted anew.", rich_help_panel=_FOLDS),
]
GroupOption = Annotated[
    str | None,
    typer.Option(
        "--group",
        metavar="COL",
        help="Records with the same value here stay together.",
        rich_help_panel=_FOLDS,
        show_default=False,
    ),
]
TimeOption = Annotated[
    str | None,
    typer.Option(
        "--time",
        metavar="COL",
        help="Learn from what is earlier by this column, be judged by what is later.",
        rich_help_panel=_FOLDS,
        show_default=False,
    ),
]
SeedOption = Annotated[
    int,
    typer.Option("--seed", help="The one seed: the same command gives the same results."),
]
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="local|ray|dask",
        help="This machine, or a cluster.",
        rich_help_panel=_ENGINE,
    ),
]
AddressOption = Annotated[
    str | None,
    typer.Option("--address", help="Of the cluster.", rich_help_panel=_ENGINE, show_default=False),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        help="Fits at a time; by default one per core.",
        rich_help_panel=_ENGINE,
        show_default=False,
    ),
]
ThreadsOption = Annotated[
    int, typer.Option("--threads", help="Threads of each fit.", rich_help_panel=_ENGINE)
]
UnlabelledOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--unlabelled",
        metavar="FILE",
        help="Further texts for the word vectors; repeatable.",
        rich_help_panel=_DATA,
        show_default=False,
    ),
]
VectorsOption = Annotated[
    Path | None,
    typer.Option(
        "--vectors",
        metavar="FILE",
        help="Word vectors from elsewhere: word2vec, GloVe or fastText.",
        rich_help_panel=_DATA,
        show_default=False,
    ),
]
ClassWeightOption = Annotated[
    list[str] | None,
    typer.Option(
        "--class-weight",
        metavar="balanced|LABEL=NUMBER",
        help="'balanced', or how much a label's texts count; repeatable.",
        rich_help_panel=_DATA,
        show_default=False,
    ),
]


def default_workers(workers: int | None, threads: int) -> int:
    """Take the number given, or as many as this machine has cores for."""
    from joblib import cpu_count

    return workers if workers is not None else max(1, cpu_count() // max(1, threads))


@contextlib.contextmanager
def telling_how_to_go_on() -> Iterator[None]:
    """Print the command that goes on, when somebody stops this one."""
    try:
        yield
    except KeyboardInterrupt:
        command = shlex.join(["gatewise", *sys.argv[1:]])
        remark(["what is done is kept; to go on, type the same command:", command])
        raise
