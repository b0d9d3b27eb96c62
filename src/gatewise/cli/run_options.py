"""Options of the commands that fit many models: folds, engine, and where the run is kept."""

from __future__ import annotations

import contextlib
import inspect
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gatewise.base.errors import ConfigError
from gatewise.cli.console import remark
from gatewise.cli.options import LARGEST_SEED, LabelOption, TextOption

if TYPE_CHECKING:
    from gatewise.selection.fits import FitData
    from gatewise.selection.workers import Engine

__all__ = [
    "RunOption",
    "ScoreOption",
    "SeedOption",
    "given_options",
    "parted",
    "read_fit_data",
    "telling_how_to_go_on",
    "with_fit_data",
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
_Folds = Annotated[
    int,
    typer.Option("--folds", metavar="K", help="Parts of the data.", rich_help_panel=_FOLDS),
]
_Repeats = Annotated[
    int,
    typer.Option("--repeats", help="Times the data are parted anew.", rich_help_panel=_FOLDS),
]
_Group = Annotated[
    str | None,
    typer.Option(
        "--group",
        metavar="COL",
        help="Records with the same value here stay together.",
        rich_help_panel=_FOLDS,
        show_default=False,
    ),
]
_Time = Annotated[
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
    typer.Option(
        "--seed",
        min=0,
        max=LARGEST_SEED,
        help="The one seed: the same command gives the same results.",
    ),
]
_Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="local|ray|dask",
        help="This machine, or a cluster.",
        rich_help_panel=_ENGINE,
    ),
]
_Address = Annotated[
    str | None,
    typer.Option("--address", help="Of the cluster.", rich_help_panel=_ENGINE, show_default=False),
]
_Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        help="Fits at a time; by default one per core.",
        rich_help_panel=_ENGINE,
        show_default=False,
    ),
]
_Threads = Annotated[
    int, typer.Option("--threads", help="Threads of each fit.", rich_help_panel=_ENGINE)
]
_Unlabelled = Annotated[
    list[Path] | None,
    typer.Option(
        "--unlabelled",
        metavar="FILE",
        help="Further texts for the word vectors; repeatable.",
        rich_help_panel=_DATA,
        show_default=False,
    ),
]
_Vectors = Annotated[
    Path | None,
    typer.Option(
        "--vectors",
        metavar="FILE",
        help="Word vectors from elsewhere: word2vec, GloVe or fastText.",
        rich_help_panel=_DATA,
        show_default=False,
    ),
]
_ClassWeight = Annotated[
    list[str] | None,
    typer.Option(
        "--class-weight",
        metavar="balanced|LABEL=NUMBER",
        help="'balanced', or how much a label's texts count; repeatable.",
        rich_help_panel=_DATA,
        show_default=False,
    ),
]


# Option -> how it is typed, and its default.
_READING: dict[str, tuple[Any, Any]] = {
    "text": (TextOption, None),
    "label": (LabelOption, None),
    "folds": (_Folds, 5),
    "repeats": (_Repeats, 1),
    "group": (_Group, None),
    "time": (_Time, None),
    "engine": (_Engine, "local"),
    "address": (_Address, None),
    "workers": (_Workers, None),
    "threads": (_Threads, 1),
    "unlabelled": (_Unlabelled, None),
    "vectors": (_Vectors, None),
    "class_weight": (_ClassWeight, None),
}


def with_fit_data(command: Callable[..., None]) -> Callable[..., None]:
    """Add what :func:`read_fit_data` wants to a command, which takes it as ``**options``."""
    signature = inspect.signature(command, eval_str=True)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in _READING.items()
    ]
    own = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    command.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*own, *added]
    )
    return command


def read_fit_data(
    data: str, options: dict[str, Any], *, out: Path, seed: int, language: str
) -> tuple[FitData, Sequence[int], Engine]:
    """Read the records, say what came, and part them into folds.

    Parameters
    ----------
    data : str
        Where they are.
    options : dict
        What :func:`with_fit_data` added.
    out : Path
        The folder of the run.
    seed : int
        Of the order of the records.
    language : str
        For the tokens.

    Returns
    -------
    data : FitData
        Records and folds.
    lines : list of int
        Where each record stands in its file.
    engine : Engine
        Where to fit.

    Raises
    ------
    ConfigError
        If the run cannot be kept there, or options do not fit together.
    DataError
        If the records cannot be read.
    """
    from joblib import cpu_count

    _check_run(out)
    from gatewise.classify.training_data import class_weights, read_training_data
    from gatewise.selection.run_data import make_fit_data
    from gatewise.selection.workers import Engine

    threads, workers = options["threads"], options["workers"]
    fitting = max(1, cpu_count() // max(1, threads)) if workers is None else workers
    engine = Engine(options["engine"], fitting, threads, options["address"])
    group, time = options["group"], options["time"]
    read = read_training_data(
        data,
        text_column=options["text"],
        label_column=options["label"],
        unlabelled=options["unlabelled"] or (),
        vectors=options["vectors"],
        language=language,
        further=[column for column in (group, time) if column is not None],
    )
    remark(read.summary())
    shared = make_fit_data(
        read,
        options["folds"],
        repeats=options["repeats"],
        group=group,
        time=time,
        seed=seed,
        threads=threads,
        class_weight=class_weights(options["class_weight"] or (), read.corpus),
    )
    return shared, read.corpus.lines, engine


def _check_run(out: Path) -> None:
    """Refuse, before the records are read, what could not become the folder of the run."""
    from gatewise.selection.ledger import check_run_folder

    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out} is a file; give --out a folder for the run")
    check_run_folder(out)


def parted(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tell the options of :func:`with_fit_data` from all others that a command was given."""
    reading = {name: value for name, value in options.items() if name in _READING}
    return reading, {name: value for name, value in options.items() if name not in _READING}


def given_options(reading: dict[str, Any]) -> list[str]:
    """List the options of :func:`with_fit_data` that were typed, besides the columns' names."""
    return [
        name
        for name, (_, default) in _READING.items()
        if name not in ("text", "label") and (reading[name] or default) != default
    ]


@contextlib.contextmanager
def telling_how_to_go_on() -> Iterator[None]:
    """Print the command that goes on, when somebody stops this one."""
    try:
        yield
    except KeyboardInterrupt:
        command = shlex.join(["gatewise", *sys.argv[1:]])
        remark(["what is done is kept; to go on, type the same command:", command])
        raise
