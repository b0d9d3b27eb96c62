"""One function on two sets of tensors at the same time, each with half of torch's threads.

The steps of an LSTM are many small matrix products. Threads that share each of them wait for one
another thousands of times a second, the longer the busier the machine is; threads that take one
direction each meet once, with the same bits as a result.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor

__all__ = ["can_run_side_by_side", "run_side_by_side"]

Work = Callable[..., Tensor]


def can_run_side_by_side(values: Tensor) -> bool:
    """Say whether it pays: on the processor, with threads to share out that sleep while they wait.

    Threads that turn round while they wait (OpenMP's own choice; the command line asks for
    ``OMP_WAIT_POLICY=PASSIVE``) would take the time of these two, and lose less by meeting often.
    """
    sleeping = os.environ.get("OMP_WAIT_POLICY", "").upper() == "PASSIVE"
    return sleeping and values.device.type == "cpu" and torch.get_num_threads() > 1


def run_side_by_side(
    work: Work, first: Sequence[Tensor], second: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    """Compute ``work(*first)`` and ``work(*second)``, and later their gradients, in two threads.

    Parameters
    ----------
    work : callable
        From tensors to a tensor; draws nothing and keeps nothing.
    first, second : sequence of Tensor
        What it is given each time.

    Returns
    -------
    tuple of two Tensors
        The same bits as from one call after the other with half of the threads.
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

        ctx.runs = _in_two_threads(run, (tensors[:n_first],), (tensors[n_first:],))
        return tuple(result.detach() for _, result in ctx.runs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        given = zip(ctx.runs, gradients, strict=True)
        found = _in_two_threads(_gradients, *((*run, gradient) for run, gradient in given))
        return None, None, None, *found[0], *found[1]


def _gradients(inputs: Sequence[Tensor], result: Tensor, gradient: Tensor) -> list[Tensor | None]:
    wanted = [one for one in inputs if one.requires_grad]
    found = iter(torch.autograd.grad(result, wanted, gradient))
    return [next(found) if one.requires_grad else None for one in inputs]


def _in_two_threads(work: Callable[..., Any], *given: Sequence[Any]) -> list[Any]:
    pool = _pool(torch.get_num_threads(), os.getpid())
    return [call.result() for call in [pool.submit(work, *one) for one in given]]


@functools.lru_cache(maxsize=1)
def _pool(n_threads: int, process: int) -> ThreadPoolExecutor:
    """Make two threads that have half of torch's threads each; a forked process needs its own."""
    both_there = threading.Barrier(2)

    def begin() -> None:
        torch.get_num_threads()  # takes over the whole number, which would undo what follows
        torch.set_num_threads(max(1, n_threads // 2))
        both_there.wait()

    pool = ThreadPoolExecutor(2, "gatewise-lstm", initializer=begin)
    for call in [pool.submit(torch.get_num_threads) for _ in range(2)]:
        call.result()
    torch.set_num_threads(n_threads)  # what later threads begin with
    return pool
