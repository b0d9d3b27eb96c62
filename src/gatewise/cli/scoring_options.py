"""Options of scoring by shards, on this machine or a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gatewise.base.errors import ConfigError
from gatewise.base.optional import require

if TYPE_CHECKING:
    from gatewise.selection.scoring_run import ScoringRequest

__all__ = [
    "AddressOption",
    "EngineOption",
    "RunFolderOption",
    "ShardRowsOption",
    "ThreadsOption",
    "WorkersOption",
    "refuse_without_engine",
    "scoring_request",
]

_PANEL = "By shards, and on a cluster"
_PACKAGES = ("filelock", "joblib", "pyarrow", "threadpoolctl")

EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="local|ray|dask",
        help="Score by shards, in processes of this machine or on a cluster; goes on after a kill.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
AddressOption = Annotated[
    str | None,
    typer.Option("--address", help="Of the cluster.", rich_help_panel=_PANEL, show_default=False),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        help="Shards at a time on this machine; by default one per core.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(
        "--threads",
        help="Threads of each worker, by default 1; without --engine up to 4.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
ShardRowsOption = Annotated[
    int | None,
    typer.Option(
        "--shard-rows",
        metavar="N",
        help="Rows of a shard; by default 10,000.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
RunFolderOption = Annotated[
    Path | None,
    typer.Option(
        "--run",
        metavar="RUN",
        help="Where shards are kept until all are there; by default beside the answers, and "
        "deleted at the end.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]


def refuse_without_engine(**options: Any) -> None:
    """Refuse options that have no meaning where nothing is scored by shards.

    Raises
    ------
    ConfigError
        If one was given.
    """
    for name, value in options.items():
        if value is not None:
            option = f"--{name.replace('_', '-')}"
            raise ConfigError(
                f"{option} is for scoring by shards; add --engine local, ray or dask, or leave "
                f"{option} away"
            )


def scoring_request(
    model: Path,
    data: str,
    out: Path | None,
    *,
    lines: bool,
    engine: str,
    address: str | None,
    workers: int | None,
    threads: int | None,
    shard_rows: int | None,
    run: Path | None,
    **options: Any,
) -> ScoringRequest:
    """Make the request of what was typed.

    Raises
    ------
    ConfigError
        If something does not fit, or there is nowhere to write.
    MissingExtraError
        If a package is not installed.
    """
    for package in _PACKAGES:
        require(package, extra="score", purpose="score by shards")
    from joblib import cpu_count

    from gatewise.selection.scoring_run import SHARD_ROWS, ScoringRequest
    from gatewise.selection.workers import Engine
    from gatewise.text.text_lines import open_texts

    if out is None:
        raise ConfigError("--engine needs --out: a file, or a folder for one file per shard")
    threads = 1 if threads is None else threads
    fitting = max(1, cpu_count() // max(1, threads)) if workers is None else workers
    return ScoringRequest(
        model,
        open_texts(data, lines=lines),
        out,
        shard_rows=SHARD_ROWS if shard_rows is None else shard_rows,
        run=run,
        engine=Engine(engine, fitting, threads, address),
        **options,
    )
