"""Where units of work are done: in processes here, or on a Ray or Dask cluster.

Every kind takes calls and gives futures. The data go to each process, or each node, once.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from joblib.externals.loky import ProcessPoolExecutor, process_executor

from gatewise.base.config import check_choice, check_whole_number
from gatewise.base.errors import ConfigError
from gatewise.base.versions import PACKAGES
from gatewise.selection.clusters import THREAD_LIMITS, DaskWorkers, RayWorkers

__all__ = ["ENGINES", "Engine", "Workers", "open_workers"]

ENGINES = ("local", "ray", "dask")

_LOOK_FOR_PARENT_EVERY = 1.0  # seconds
# loky ends a process that has grown by 300 MB. A fit grows it by more without any leak, and a new
# one takes seconds to start.
_MOST_GROWTH = 2 << 30  # bytes
warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)

# What each process was handed when it started.
_handed: Any = None


@dataclass(frozen=True)
class Engine:
    """Where units are done.

    Attributes
    ----------
    kind : {"local", "ray", "dask"}
        In processes of this machine, or on a cluster.
    workers : int
        How many units at a time; on a cluster, what its nodes have decides.
    threads : int
        Threads of each; results may depend on it in their last digits, and on nothing else here.
    address : str or None
        Of the cluster, as its own documentation has it.
    """

    kind: str = "local"
    workers: int = 1
    threads: int = 1
    address: str | None = None

    def __post_init__(self) -> None:
        check_choice("engine", self.kind, ENGINES)
        check_whole_number("workers", self.workers, 1, 10_000)
        check_whole_number("threads", self.threads, 1, 1024)
        if self.kind == "local" and self.address is not None:
            raise ConfigError(
                f"the address {self.address!r} is of a cluster; add --engine ray or --engine dask, "
                "or leave the address away"
            )
        if self.kind != "local" and self.address is None:
            raise ConfigError(f"the engine {self.kind!r} needs the address of a cluster")


class Workers(Protocol):
    """Processes that take calls."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Have ``function(data, *arguments)`` computed by one of them."""

    def renew(self) -> None:
        """Start new processes in the place of those that died."""

    def close(self, *, at_once: bool) -> None:
        """End them; at once, or when they have nothing to do."""


@contextlib.contextmanager
def open_workers(
    engine: Engine, data: Any, *, packages: tuple[str, ...] = PACKAGES
) -> Iterator[Workers]:
    """Have processes for as long as the block runs.

    Parameters
    ----------
    engine : Engine
        Where, and how many.
    data : object
        What every call is given first. It is sent once to each process, or node.
    packages : tuple of str
        Those whose versions have to be the same on all nodes.

    Yields
    ------
    Workers

    Raises
    ------
    ConfigError
        If the cluster does not answer, or cannot do it.
    MissingExtraError
        If its package is not installed.
    """
    workers, at_once = _started(engine, data, packages), True
    try:
        yield workers
        at_once = False
    finally:
        workers.close(at_once=at_once)


def _started(engine: Engine, data: Any, packages: tuple[str, ...]) -> Workers:
    if engine.address is None:
        return _LocalWorkers(engine, data)
    kind = RayWorkers if engine.kind == "ray" else DaskWorkers
    return kind(engine.address, engine.threads, data, packages)


class _LocalWorkers:
    """Processes of this machine, by loky: they need no guard in the user's script."""

    def __init__(self, engine: Engine, data: Any) -> None:
        self._engine, self._data = engine, data
        self._executor: ProcessPoolExecutor | None = None

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                max_workers=self._engine.workers,
                timeout=None,
                initializer=_begin,
                initargs=(self._data, os.getpid()),
                env={name: str(self._engine.threads) for name in THREAD_LIMITS},
            )
        future: Future[Any] = self._executor.submit(_call, function, *arguments)
        return future

    def renew(self) -> None:
        self.close(at_once=True)

    def close(self, *, at_once: bool) -> None:
        if self._executor is not None:
            if at_once:
                _forget_waiting(self._executor)
            self._executor.shutdown(wait=True, kill_workers=at_once)
        self._executor = None


def _forget_waiting(executor: ProcessPoolExecutor) -> None:
    """Take back what no process was given yet.

    loky drops the calls and keeps their numbers; its thread then ends with a KeyError, told in the
    middle of whatever the user reads (joblib 1.6).
    """
    with contextlib.suppress(queue.Empty):
        while True:
            executor._work_ids.get_nowait()


def _begin(data: Any, parent: int) -> None:
    """Prepare a new process."""
    global _handed
    _handed = data
    process_executor._MAX_MEMORY_LEAK_SIZE = _MOST_GROWTH
    # Ctrl-C reaches all processes of a terminal; the one that started the others ends them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when the one that started it was killed: nobody waits for it any more."""
    while os.getppid() == parent:
        time.sleep(_LOOK_FOR_PARENT_EVERY)
    os._exit(1)


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(_handed, *arguments)
