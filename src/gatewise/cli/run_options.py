"""Options of the commands that fit many models: folds, engine, and where the run is kept."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatewise.cli.console import remark

if TYPE_CHECKING:
    from gatewise.selection.fits import FitData
    from gatewise.selection.workers import Engine

__all__ = [
    "AddressOption",
    "ClassWeightOption",
    "EngineOption",
    "FoldsOption",
    "GroupOption",
    "RepeatsOption",
    "RunOption",
    "ScoreOption",
    "SeedOption",
    "ThreadsOption",
    "TimeOption",
    "UnlabelledOption",
    "VectorsOption",
    "WorkersOption",
    "read_fit_data",
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
ScoreOption = Annotated[
    str,
    typer.Option("--score", metavar="accuracy|macro_f1", help="What all are judged by."),
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


def read_fit_data(
    data: str,
    *,
    text: str | None,
    label: str | None,
    folds: int,
    repeats: int,
    group: str | None,
    time: str | None,
    seed: int,
    engine: str,
    address: str | None,
    workers: int | None,
    threads: int,
    unlabelled: list[Path] | None,
    vectors: Path | None,
    class_weight: list[str] | None,
    language: str,
) -> tuple[FitData, list[int], Engine]:
    """Read the records, say what came, and part them into folds.

    Returns
    -------
    data : FitData
        Records and folds.
    lines : list of int
        Where each record stands in its file.
    engine : Engine
        Where to fit.
    """
    from joblib import cpu_count

    from gatewise.classify.training_data import class_weights, read_training_data
    from gatewise.selection.run_data import make_fit_data
    from gatewise.selection.workers import Engine

    fitting = max(1, cpu_count() // max(1, threads)) if workers is None else workers
    place = Engine(engine, fitting, threads, address)
    read = read_training_data(
        data,
        text_column=text,
        label_column=label,
        unlabelled=unlabelled or (),
        vectors=vectors,
        language=language,
        further=[column for column in (group, time) if column is not None],
    )
    remark(read.summary())
    shared = make_fit_data(
        read,
        folds,
        repeats=repeats,
        group=group,
        time=time,
        seed=seed,
        threads=threads,
        class_weight=class_weights(class_weight or (), read.corpus),
    )
    return shared, read.corpus.lines, place


@contextlib.contextmanager
def telling_how_to_go_on() -> Iterator[None]:
    """Print the command that goes on, when somebody stops this one."""
    try:
        yield
    except KeyboardInterrupt:
        command = shlex.join(["gatewise", *sys.argv[1:]])
        remark(["what is done is kept; to go on, type the same command:", command])
        raise
