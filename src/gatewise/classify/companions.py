"""The companions of one fit, while its word vectors and its network are trained or after that."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextvars import ContextVar
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from gatewise.base.ahead import begin
from gatewise.classify.companion_records import COSTS, CompanionRecords
from gatewise.classify.ngrams import NgramModel
from gatewise.network.precision import shed_freed_memory

__all__ = ["Companions", "fits_beside", "one_after_the_other"]

Numbers = NDArray[np.int64]

# The n-grams of more text would take too much memory beside what training needs.
_MOST_TOKENS_BESIDE = 2_000_000

# The seconds of each companion, where somebody wants to know them.
_seconds: ContextVar[list[float] | None] = ContextVar("companion seconds", default=None)


@contextlib.contextmanager
def one_after_the_other() -> Iterator[list[float]]:
    """Let fits inside the block do one thing at a time, so that each has its own seconds.

    Yields
    ------
    list of float
        The seconds of each companion that has been fitted inside.
    """
    seconds: list[float] = []
    before = _seconds.set(seconds)
    try:
        yield seconds
    finally:
        _seconds.reset(before)


def fits_beside(n_tokens: int) -> bool:
    """Say whether a companion of so many tokens is fitted while the network is.

    word2vec takes one thread, and training does not fill a second one: with more than one the
    companion costs next to no time.
    """
    several = _seconds.get() is None and torch.get_num_threads() > 1
    return several and n_tokens <= _MOST_TOKENS_BESIDE


class Companions:
    """Fits a companion to each of some sets of records; all have their n-grams counted once.

    Parameters
    ----------
    count : callable
        Counts the n-grams.
    row_sets : sequence of ndarray of int64
        The records of each fit.
    judges : ndarray of int64
        Records that the first is judged by, to choose the cost of errors for all; perhaps none.
    beside : bool
        Begin now, in a thread; otherwise each is fitted when it is asked for. The models are the
        same.

    Attributes
    ----------
    cost : float
        That of errors; chosen when the first companion is fitted.
    """

    def __init__(
        self,
        count: Callable[[], CompanionRecords],
        row_sets: Sequence[Numbers],
        judges: Numbers,
        *,
        beside: bool,
    ) -> None:
        self._count, self._row_sets, self._judges = count, row_sets, judges
        self.cost = COSTS[0]
        self._counted: CompanionRecords | None = None
        self._begun: list[Future[NgramModel]] = []
        if beside:
            self._begun = begin([partial(self._fit, number) for number in range(len(row_sets))])

    def fitted(self, number: int) -> NgramModel:
        """Give one of the companions; asked for in their order, each once."""
        return self._begun[number].result() if self._begun else self._fit(number)

    @property
    def told(self) -> str | None:
        """What the user should know of the first companion, once it is fitted."""
        if self.cost == COSTS[0]:
            return None
        return (
            f"the n-gram companion was fitted with a cost of errors of {self.cost:g} instead of "
            f"{COSTS[0]:g}, as the held-out records speak for it"
        )

    def _fit(self, number: int) -> NgramModel:
        started = time.perf_counter()
        counted = self._counted = self._counted or self._count()
        rows = self._row_sets[number]
        if number == 0 and len(self._judges):
            model, self.cost = counted.fit_best(rows, self._judges)
        else:
            model = counted.fit(rows, self.cost)
        if (seconds := _seconds.get()) is not None:
            seconds.append(time.perf_counter() - started)
        if number == len(self._row_sets) - 1:
            self._counted = None
        shed_freed_memory()
        return model
