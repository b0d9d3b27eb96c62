"""Requests that wait for a model -> batches that are computed together.

A free thread takes what waits at once: an idle server answers without delay, and the busier it
is, the more texts each computation holds. No timer is needed: requests wait only while another
computation runs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.serve.metrics import Metrics
from gatewise.serve.models import Model

__all__ = ["Batcher", "Scores"]


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
    future: asyncio.Future[Scores]


class Batcher:
    """Computes in a few threads what many requests ask for.

    Parameters
    ----------
    metrics : Metrics
        Told how many texts were computed together.
    threads : int
        How many computations run at a time.
    most_texts : int
        Of several requests in one computation; 1: each request is computed alone.
    """

    def __init__(self, metrics: Metrics, threads: int = 1, most_texts: int = 64) -> None:
        self._metrics = metrics
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="gatewise-model")
        self._n_free = threads
        self._most_texts = most_texts
        self._waiting: deque[_Waiting] = deque()
        self._running: set[asyncio.Task[None]] = set()

    async def read(self, model: Model, texts: Sequence[str]) -> Scores:
        """Classify the texts of one request."""
        future: asyncio.Future[Scores] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(model, texts, future))
        self._start()
        return await future

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> None:
        while self._n_free and (batch := self._next_batch()):
            self._n_free -= 1
            task = asyncio.create_task(self._compute(batch))
            self._running.add(task)  # or it could be collected while it runs
            task.add_done_callback(self._running.discard)

    def _next_batch(self) -> list[_Waiting]:
        """Take the first request that waits, and those after it that fit and ask the same model."""
        batch: list[_Waiting] = []
        n_texts = 0
        while self._waiting:
            first = self._waiting[0]
            if not first.future.done():  # else its client has gone
                if batch and (
                    first.model is not batch[0].model
                    or n_texts + len(first.texts) > self._most_texts
                ):
                    break
                batch.append(first)
                n_texts += len(first.texts)
            self._waiting.popleft()
        return batch

    async def _compute(self, batch: list[_Waiting]) -> None:
        try:
            await self._answer(batch)
        finally:
            self._n_free += 1
            self._start()

    async def _answer(self, batch: list[_Waiting]) -> None:
        texts = [text for request in batch for text in request.texts]
        self._metrics.batch_texts.observe(len(texts))
        loop = asyncio.get_running_loop()
        try:
            scores = await loop.run_in_executor(self._pool, _read, batch[0].model, texts)
        except Exception as error:
            if len(batch) == 1:
                if not batch[0].future.done():
                    batch[0].future.set_exception(error)
                return
            for request in batch:  # one of them must not make the others fail
                await self._answer([request])
            return
        start = 0
        for request in batch:
            end = start + len(request.texts)
            if not request.future.done():
                request.future.set_result(_part(scores, slice(start, end)))
            start = end


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
