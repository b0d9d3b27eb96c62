"""Work that threads do ahead: on one item after the other, or beside something else."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["begin", "map_ahead"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Generator[Result]:
    """Call a function with each item; as ``map``, but a few calls ahead.

    Parameters
    ----------
    function : callable
        May be called by several threads at a time. Pays where it lets go of the interpreter.
    items : iterable
        Taken by the thread that asks, no more of them ahead than there are threads.
    threads : int
        How many compute; 1: the one that asks, when it asks.

    Yields
    ------
    object
        The results in the order of the items.
    """
    if threads == 1:
        yield from map(function, items)
        return
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="gatewise-ahead") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def begin(calls: Sequence[Callable[[], Result]]) -> list[Future[Result]]:
    """Make calls one after the other, in a thread beside the one that goes on.

    Parameters
    ----------
    calls : sequence of callable
        If one fails, so do those after it. Pays where they let go of the interpreter.

    Returns
    -------
    list of Future
        One per call. A process that ends does not wait for them.
    """
    futures: list[Future[Result]] = [Future() for _ in calls]

    def work() -> None:
        failure: BaseException | None = None
        for call, future in zip(calls, futures, strict=True):
            if failure is None:
                try:
                    future.set_result(call())
                    continue
                except BaseException as error:
                    failure = error
            future.set_exception(failure)

    threading.Thread(target=work, name="gatewise-beside", daemon=True).start()
    return futures
