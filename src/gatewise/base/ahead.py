"""Work on one item after the other, some of it ahead by threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["map_ahead"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Iterator[Result]:
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
