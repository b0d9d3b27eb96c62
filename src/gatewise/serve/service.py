"""What a server does, apart from HTTP: classify, replay, answer files."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gatewise.classify.answers import Answer
from gatewise.explain.replay import replay
from gatewise.serve.answering import answers_of, check_wanted
from gatewise.serve.batching import Batcher, Scores
from gatewise.serve.body_stream import AnswerStream, BodyStream, LoopCalls
from gatewise.serve.files import FileQuestion, answer_file
from gatewise.serve.limits import Drain
from gatewise.serve.metrics import Metrics
from gatewise.serve.models import LoadedModel, Shelf
from gatewise.serve.refusals import RefusedError
from gatewise.serve.settings import ServerSettings
from gatewise.serve.spool import Spool

__all__ = ["Service", "json_body"]


class Service:
    """Answers with the models of a shelf.

    Parameters
    ----------
    shelf : Shelf
        The models.
    settings : ServerSettings
        Limits and threads.
    metrics : Metrics
        Where texts are counted.

    Attributes
    ----------
    drain : Drain
        Whether the server is about to stop.
    """

    def __init__(self, shelf: Shelf, settings: ServerSettings, metrics: Metrics) -> None:
        self.shelf = shelf
        self.settings = settings
        self.metrics = metrics
        self.drain = Drain()
        self._batcher = Batcher(metrics, settings.threads, settings.batch_texts)
        # A replay takes as long as a thousand texts, so it must not stand in their way.
        self._replays = ThreadPoolExecutor(1, thread_name_prefix="gatewise-replay")
        self._files = ThreadPoolExecutor(settings.limits.files, thread_name_prefix="gatewise-file")

    async def answers(
        self, loaded: LoadedModel, texts: Sequence[str], top: int = 1, nearest: int = 0
    ) -> list[Answer]:
        """Classify the texts of one request.

        Raises
        ------
        RefusedError, ConfigError
            If they are too many or too long, or more is asked for than the model has.
        """
        limits = self.settings.limits
        if len(texts) > limits.texts:
            raise RefusedError(
                422,
                f"there are {len(texts):,} texts; at most {limits.texts:,} are answered at a time, "
                "and a file of any length at /v1/file",
            )
        for number, text in enumerate(texts):
            self._check_length(text, f"texts[{number}]")
        check_wanted(loaded.model, top, nearest)
        answers = answers_of(loaded.model, texts, await self._read(loaded, texts), top, nearest)
        self._count(loaded, answers)
        return answers

    async def replay(self, loaded: LoadedModel, text: str) -> bytes:
        """Replay a text, as JSON.

        Raises
        ------
        RefusedError
            If it is too long.
        """
        self._check_length(text, "text")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._replays, _replayed, loaded, text)

    def answer_file(
        self, loaded: LoadedModel, question: FileQuestion, body: AsyncIterator[bytes]
    ) -> tuple[AnswerStream, AsyncGenerator[bytes, None]]:
        """Answer all rows of a body.

        Returns
        -------
        AnswerStream
            Knows its format when the first piece is there.
        async generator of bytes
            The pieces; before the first it raises what is wrong with the body.
        """
        limits = self.settings.limits
        call = LoopCalls(limits.seconds)
        out = AnswerStream(call)
        spool = Spool(body, out.is_stuck, limits.spool_bytes)
        call.progress = lambda: spool.n_received

        def read(texts: Sequence[str]) -> Scores:
            # In the threads of all other requests, so that a file gets its share and not more.
            return call(self._read(loaded, texts))

        def count(answers: Sequence[Answer]) -> None:
            self._count(loaded, answers)

        work = asyncio.get_running_loop().run_in_executor(
            self._files, answer_file, loaded, question, BodyStream(spool, call), out, read, count
        )
        return out, _closing(out.pieces(work), spool)

    def close(self) -> None:
        """Let the threads end."""
        self._batcher.close()
        for pool in (self._replays, self._files):
            pool.shutdown(wait=False, cancel_futures=True)

    async def _read(self, loaded: LoadedModel, texts: Sequence[str]) -> Scores:
        return await self._batcher.read(loaded.model, texts)

    def _count(self, loaded: LoadedModel, answers: Sequence[Answer]) -> None:
        """Count texts as they are answered: one that has nothing to read is abstained from."""
        self.metrics.texts.labels(loaded.name).inc(len(answers))
        n_given = sum(bool(answer.ranked) and not answer.abstains for answer in answers)
        self.metrics.abstained.labels(loaded.name).inc(len(answers) - n_given)

    def _check_length(self, text: str, place: str) -> None:
        most = self.settings.limits.characters
        if len(text) > most:
            raise RefusedError(
                422, f"{place} has {len(text):,} characters; at most {most:,} are allowed"
            )


def json_body(value: Any) -> bytes:
    """Write an answer as JSON in UTF-8."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except UnicodeEncodeError:  # half a surrogate pair in a label, which UTF-8 has no bytes for
        return json.dumps(value, allow_nan=False).encode("ascii")


async def _closing(
    pieces: AsyncGenerator[bytes, None], spool: Spool
) -> AsyncGenerator[bytes, None]:
    """Give the pieces, and then let go of what was not read of the question."""
    try:
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                yield piece
    finally:
        spool.close()


def _replayed(loaded: LoadedModel, text: str) -> bytes:
    return json_body({"model": loaded.name, **replay(loaded.plain, text).to_dict()})
