"""One function on two sets of tensors at the same time, each with half of torch's threads.

The steps of an LSTM are many small matrix products. Threads that share each of them wait for one
another thousands of times a second, the longer the busier the machine is; threads that take one
direction each meet once. All the rest of a step on a batch of texts is too small to be shared.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor

__all__ = ["run_side_by_side", "threads_are_shared_out", "two_lanes"]

Work = Callable[..., Tensor]

_pool_here: ContextVar[ThreadPoolExecutor | None] = ContextVar("two lanes", default=None)


@contextlib.contextmanager
def two_lanes(device: str, *, wanted: bool = True) -> Iterator[None]:
    """Give torch's threads to two lanes inside the block, and leave one for all else.

    Parameters
    ----------
    device : str
        Where the work is done. Only the processor has threads, and one thread stays one.
    wanted : bool
        False: leave all as it is.
    """
    n_threads = torch.get_num_threads()
    able = torch.device(device).type == "cpu" and n_threads > 1 and _pool_here.get() is None
    if not (wanted and able):
        yield
        return
    before = _pool_here.set(_pool(n_threads // 2, os.getpid()))
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
        _pool_here.reset(before)


def threads_are_shared_out() -> bool:
    """Say whether this is inside of :func:`two_lanes`, and there are two."""
    return _pool_here.get() is not None


def run_side_by_side(
    work: Work, first: Sequence[Tensor], second: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    """Compute ``work(*first)`` and ``work(*second)``, and later their gradients, in two lanes.

    Only inside of :func:`two_lanes`.

    Parameters
    ----------
    work : callable
        From tensors to a tensor; draws nothing and keeps nothing.
    first, second : sequence of Tensor
        What it is given each time.

    Returns
    -------
    tuple of two Tensors
        The same bits as from one call after the other with a lane's threads.
    """
    tensors = (*first, *second)
    learns = torch.is_grad_enabled() and any(one.requires_grad for one in tensors)
    results: tuple[Tensor, Tensor] = _SideBySide.apply(  # type: ignore[no-untyped-call]
        work, learns, len(first), *tensors
    )
    return results


class _SideBySide(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, work: Work, learns: bool, n_first: int, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        # Number format and recording of gradients are settings of a thread.
        bf16 = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")

        def run(given: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
            own = [one.detach().requires_grad_(one.requires_grad) for one in given]
            autocast = torch.autocast("cpu", dtype=bf16[1], enabled=bf16[0])
            with torch.set_grad_enabled(learns), autocast:
                return own, work(*own)

        ctx.pool = _pool_here.get()
        ctx.runs = _in_lanes(ctx.pool, run, (tensors[:n_first],), (tensors[n_first:],))
        return tuple(result.detach() for _, result in ctx.runs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        given = zip(ctx.runs, gradients, strict=True)
        found = _in_lanes(ctx.pool, _gradients, *((*run, gradient) for run, gradient in given))
        return None, None, None, *found[0], *found[1]


def _gradients(inputs: Sequence[Tensor], result: Tensor, gradient: Tensor) -> list[Tensor | None]:
    wanted = [one for one in inputs if one.requires_grad]
    found = iter(torch.autograd.grad(result, wanted, gradient))
    return [next(found) if one.requires_grad else None for one in inputs]


def _in_lanes(
    pool: ThreadPoolExecutor, work: Callable[..., Any], *given: Sequence[Any]
) -> list[Any]:
    return [call.result() for call in [pool.submit(work, *one) for one in given]]


@functools.lru_cache(maxsize=1)
def _pool(n_threads: int, process: int) -> ThreadPoolExecutor:
    """Make two lanes of so many threads; a forked process has none of its parent's."""
    both_there = threading.Barrier(2)

    def begin() -> None:
        torch.get_num_threads()  # takes over the number of all, which would undo what follows
        torch.set_num_threads(n_threads)
        both_there.wait()

    pool = ThreadPoolExecutor(2, "gatewise-lane", initializer=begin)
    for call in [pool.submit(torch.get_num_threads) for _ in range(2)]:
        call.result()
    return pool
