"""Options of ``gatewise train`` that say where the network is trained."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from gatewise.base.config import check_choice
from gatewise.base.errors import ConfigError

if TYPE_CHECKING:
    from gatewise.network.training import TrainNetwork

__all__ = [
    "AddressOption",
    "EngineOption",
    "GpuOption",
    "ThreadsOption",
    "WorkersOption",
    "open_trainer",
]

_PANEL = "Where to train"

EngineOption = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="local|ray",
        help="This process, or the workers of a Ray cluster, that share every batch.",
        rich_help_panel=_PANEL,
    ),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="HOST:PORT",
        help="Of the cluster.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        help="How many share a batch; without a cluster this process does their work in turn, and "
        "makes the same model.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
ThreadsOption = Annotated[
    int, typer.Option("--threads", help="Threads of each worker.", rich_help_panel=_PANEL)
]
GpuOption = Annotated[
    bool, typer.Option("--gpu", help="Give each worker a GPU.", rich_help_panel=_PANEL)
]


@contextlib.contextmanager
def open_trainer(
    engine: str, address: str | None, workers: int | None, threads: int, gpu: bool
) -> Iterator[TrainNetwork | None]:
    """Be part of the cluster asked for, for as long as the block runs.

    Parameters
    ----------
    engine, address, workers, threads, gpu
        As they were typed.

    Yields
    ------
    callable or None
        Trains the network; None: this process does.

    Raises
    ------
    ConfigError
        If the options do not fit together, or the cluster cannot be used.
    """
    check_choice("engine", engine, ("local", "ray"))
    if engine == "local":
        if address is not None or threads != 1 or gpu:
            raise ConfigError(
                "--address, --threads and --gpu are of a cluster; add --engine ray, or leave them "
                "away"
            )
        yield None if workers is None else _in_shares(workers)
        return
    if address is None or workers is None:
        raise ConfigError(
            "the engine 'ray' needs the address of a cluster and how many workers share a batch; "
            "add --address HOST:PORT --workers N"
        )
    from gatewise.selection.ray_training import open_ray_training

    with open_ray_training(address, workers, threads=threads, gpu=gpu) as training:
        yield training


def _in_shares(workers: int) -> TrainNetwork:
    from gatewise.network.shares import training_in_shares

    return training_in_shares(workers)
