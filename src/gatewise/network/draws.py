"""Random draws for the texts of a batch, of which this process may hold only some.

Processes that train one network together draw for the whole batch, each from a generator with the
same seed, and take the rows of their own texts. So dropout is that of one process.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import torch
from torch import Tensor

__all__ = ["draw_uniform", "part_of_batch"]

_part: ContextVar[tuple[int, slice] | None] = ContextVar("part of a batch", default=None)


@contextlib.contextmanager
def part_of_batch(n_texts: int, rows: slice) -> Iterator[None]:
    """Say which rows of a batch of ``n_texts`` are computed inside the block."""
    before = _part.set((n_texts, rows))
    try:
        yield
    finally:
        _part.reset(before)


def draw_uniform(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Draw numbers from 0 to 1, one row per text.

    Parameters
    ----------
    shape : tuple of int
        Of the result; its first number is that of the texts of this process.
    generator : torch.Generator
        On the processor.

    Returns
    -------
    Tensor
        Of that shape, on the processor.
    """
    part = _part.get()
    if part is None:
        return torch.rand(shape, generator=generator)  # shape
    n_texts, rows = part
    return torch.rand((n_texts, *shape[1:]), generator=generator)[rows]  # shape
