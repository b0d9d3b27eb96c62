"""Requests that wait for a model -> batches that are computed together.

What takes a few milliseconds is computed by the loop itself, together with all that came while it
was busy: a hand-over to a thread would take as long, and threads that wait for the interpreter wait
for each other. What takes longer goes to a thread, so that the loop goes on answering. An idle
server answers without delay, and the busier it is, the more texts each computation holds; no timer
is needed.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import time
import weakref
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.serve.metrics import Metrics
from gatewise.serve.models import Model

__all__ = ["Batcher", "Scores"]

_QUICK_SECONDS = 0.005  # a computation that the loop may wait for
_ROUNDS_OF_A_REQUEST = 1  # of the loop, from when it can be read to when it is in the queue
_OVERHEAD = 50  # characters that take as long as a text does however short it is
_LEARNING = 0.1  # how much a computation changes what is foretold of the next


@dataclass(frozen=True)
class Scores:
    """What a model says of the N texts of one request.

    Attributes
    ----------
    probabilities : ndarray of float64, shape (N, C)
        Of each class.
    in_scope : ndarray of float64, shape (N,), or None
        How far inside what it knows they lie, 0 to 1.
    answers : ndarray of bool, shape (N,)
        Whether the most probable class is given as the answer.
    points : ndarray of float32, shape (N, K), or None
        Where they lie among the training records.
    """

    probabilities: NDArray[np.float64]
    in_scope: NDArray[np.float64] | None
    answers: NDArray[np.bool_]
    points: NDArray[np.float32] | None


@dataclass(eq=False, slots=True)
class _Waiting:
    model: Model
    texts: Sequence[str]
    size: int
    future: asyncio.Future[Scores]


class Batcher:
    """Computes together what many requests ask for: quick ones at once, others in a few threads.

    Parameters
    ----------
    metrics : Metrics
        Told how many texts were computed together.
    threads : int
        How many long computations run at a time.
    most_texts : int
        Of several requests in one computation; 1: each request is computed alone.
    """

    def __init__(self, metrics: Metrics, threads: int = 1, most_texts: int = 64) -> None:
        self._metrics = metrics
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="gatewise-model")
        self._n_free = threads
        self._most_texts = most_texts
        self._quick: deque[_Waiting] = deque()
        self._slow: deque[_Waiting] = deque()
        self._is_called = False
        self._n_rounds = self._n_let_in = 0
        self._running: set[asyncio.Task[None]] = set()
        self._rates: weakref.WeakKeyDictionary[Model, float] = weakref.WeakKeyDictionary()

    async def read(self, model: Model, texts: Sequence[str]) -> Scores:
        """Classify the texts of one request."""
        loop = asyncio.get_running_loop()
        size = sum(map(len, texts)) + _OVERHEAD * len(texts)
        waiting = _Waiting(model, texts, size, loop.create_future())
        if self._seconds(waiting) <= _QUICK_SECONDS:
            self._quick.append(waiting)
            self._call(loop)
        else:
            self._slow.append(waiting)
            self._start()
        return await waiting.future

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _seconds(self, waiting: _Waiting) -> float:
        """Foretell how long a computation takes; of a model that was never asked, for ever."""
        return waiting.size * self._rates.get(waiting.model, math.inf)

    def _call(self, loop: asyncio.AbstractEventLoop) -> None:
        """Compute as soon as the loop has let in what waits at its sockets."""
        if not self._is_called:
            self._is_called = True
            self._n_rounds = self._n_let_in = 0
            loop.call_soon(self._compute_quick, loop)

    def _compute_quick(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._waits_for_more():
            loop.call_soon(self._compute_quick, loop)
            return
        self._is_called = False
        if batch := self._next_batch(self._quick, _QUICK_SECONDS):
            self._settle(batch, *_timed(batch))
        if self._quick:
            self._call(loop)

    def _waits_for_more(self) -> bool:
        """Tell whether requests may still be on their way from a socket to the queue."""
        if len(self._quick) > self._n_let_in:
            self._n_let_in, self._n_rounds = len(self._quick), 0
            if sum(map(self._seconds, self._quick)) > _QUICK_SECONDS:
                return False
        self._n_rounds += 1
        return self._n_rounds <= _ROUNDS_OF_A_REQUEST

    def _start(self) -> None:
        while self._n_free and (batch := self._next_batch(self._slow, math.inf)):
            self._n_free -= 1
            task = asyncio.create_task(self._compute_slow(batch))
            self._running.add(task)  # or it could be collected while it runs
            task.add_done_callback(self._running.discard)

    async def _compute_slow(self, batch: list[_Waiting]) -> None:
        try:
            loop = asyncio.get_running_loop()
            self._settle(batch, *await loop.run_in_executor(self._pool, _timed, batch))
        finally:
            self._n_free += 1
            self._start()

    def _next_batch(self, queue: deque[_Waiting], most_seconds: float) -> list[_Waiting]:
        """Take the first request that waits, and those after it that fit and ask the same model."""
        batch: list[_Waiting] = []
        n_texts, seconds = 0, 0.0
        while queue:
            first = queue[0]
            if not first.future.done():  # else its client has gone
                n_texts += len(first.texts)
                seconds += self._seconds(first)
                if batch and (
                    first.model is not batch[0].model
                    or n_texts > self._most_texts
                    or seconds > most_seconds
                ):
                    break
                batch.append(first)
            queue.popleft()
        return batch

    def _settle(
        self, batch: list[_Waiting], outcomes: list[Scores | Exception], seconds: float
    ) -> None:
        """Hand out what was computed, and learn how long it took."""
        self._metrics.batch_texts.observe(sum(len(request.texts) for request in batch))
        model, rate = batch[0].model, seconds / max(1, sum(request.size for request in batch))
        known = self._rates.get(model, rate)
        self._rates[model] = known + _LEARNING * (rate - known)
        for request, outcome in zip(batch, outcomes, strict=True):
            if request.future.done():
                continue
            if isinstance(outcome, Exception):
                request.future.set_exception(outcome)
            else:
                request.future.set_result(outcome)


def _timed(batch: list[_Waiting]) -> tuple[list[Scores | Exception], float]:
    started = time.perf_counter()
    return _outcomes(batch), time.perf_counter() - started


def _outcomes(batch: list[_Waiting]) -> list[Scores | Exception]:
    try:
        scores = _read(batch[0].model, [text for request in batch for text in request.texts])
    except Exception as error:
        if len(batch) == 1:
            return [error]
        # One of them must not make the others fail.
        return [outcome for request in batch for outcome in _outcomes([request])]
    ends = list(itertools.accumulate(len(request.texts) for request in batch))
    return [_part(scores, slice(start, end)) for start, end in itertools.pairwise([0, *ends])]


def _read(model: Model, texts: Sequence[str]) -> Scores:
    reading = model.read(texts)
    return Scores(np.exp(reading.parts.blend), reading.in_scope, reading.answers, reading.points)


def _part(scores: Scores, rows: slice) -> Scores:
    return Scores(
        scores.probabilities[rows],
        None if scores.in_scope is None else scores.in_scope[rows],
        scores.answers[rows],
        None if scores.points is None else scores.points[rows],
    )
