"""A request's body as a file that a thread reads, and what it writes as the answer's body."""

from __future__ import annotations

import asyncio
import concurrent.futures
import io
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from gatewise.base.errors import DataError
from gatewise.serve.spool import Spool
from gatewise.text.encodings import SAMPLE_SIZE
from gatewise.text.lines import TextFile

__all__ = ["AnswerStream", "BodyStream", "LoopCalls", "StalledError", "open_body"]

_NAME = "the body"
_LONGEST_LINE = 1 << 20  # bytes
_PIECE = 1 << 16  # bytes that are sent at a time
_PIECES = 4  # that wait to be sent
_LOOK_SECONDS = 0.5  # between two looks whether the loop still runs
_STOPPED = "the server has stopped"

Result = TypeVar("Result")


class StalledError(DataError):
    """A body that has stopped coming."""


class LoopCalls:
    """Lets a thread wait for what only the event loop can do.

    Parameters
    ----------
    seconds : float
        For one call, as long as nothing else moves.

    Attributes
    ----------
    progress : callable
        Gives a number that grows as long as something moves.
    """

    def __init__(self, seconds: float) -> None:
        self.progress: Callable[[], int] = int
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds

    def __call__(self, action: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine in the loop and wait for it.

        Raises
        ------
        TimeoutError
            If it takes too long.
        BrokenPipeError
            If the loop has ended.
        """
        try:
            future = asyncio.run_coroutine_threadsafe(action, self._loop)
        except RuntimeError:  # the loop is closed
            action.close()
            raise BrokenPipeError(_STOPPED) from None
        while not future.done():
            before, end = self.progress(), time.monotonic() + self._seconds
            while not future.done() and time.monotonic() < end:
                concurrent.futures.wait([future], min(_LOOK_SECONDS, self._seconds))
                if self._loop.is_closed() and not future.done():
                    action.close()  # handed to the loop, which did not come to it
                    raise BrokenPipeError(_STOPPED)
            if not future.done() and self.progress() == before:
                future.cancel()
                raise TimeoutError(f"nothing came or went for {self._seconds:g} seconds")
        return future.result()

    async def wait(self, action: Awaitable[None]) -> None:
        """Wait in the loop itself, and as long.

        Raises
        ------
        TimeoutError
            If it takes too long.
        """
        task = asyncio.ensure_future(action)
        while not task.done():
            before = self.progress()
            await asyncio.wait([task], timeout=self._seconds)
            if not task.done() and self.progress() == before:
                task.cancel()
                raise TimeoutError(f"nothing came or went for {self._seconds:g} seconds")
        task.result()


class BodyStream(io.RawIOBase):
    """A body that is still arriving, as a binary file; no line of it may be endless.

    Parameters
    ----------
    chunks : Spool
        The body.
    call : LoopCalls
        Fetches them.
    """

    def __init__(self, chunks: Spool, call: LoopCalls) -> None:
        self._chunks = chunks
        self._call = call
        self._rest = b""
        self._n_in_line = 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there, at most what fits; 0 at the end."""
        if not self._rest:
            self._rest = self._next_chunk()
        piece, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)

    def first_lines(self) -> bytes:
        """Look at the first lines, up to a sample for the encoding, without reading them.

        Raises
        ------
        TimeoutError
            If nothing comes.
        """
        head = b""
        while len(head) < SAMPLE_SIZE and not head.endswith((b"\n", b"\r")):
            chunk = self._checked(self._call(self._chunks.get()))
            if not chunk:
                break
            head += chunk
        self._rest = head
        return head

    def _next_chunk(self) -> bytes:
        try:
            return self._checked(self._call(self._chunks.get()))
        except TimeoutError as error:
            raise StalledError(f"{error}; send {_NAME} faster") from None

    def _checked(self, chunk: bytes) -> bytes:
        end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        self._n_in_line = len(chunk) - end - 1 + (self._n_in_line if end < 0 else 0)
        if self._n_in_line > _LONGEST_LINE:
            raise DataError(
                f"{_NAME} has a line of more than {_LONGEST_LINE:,} bytes; split or drop it"
            )
        return chunk


def open_body(stream: BodyStream) -> TextFile:
    """Open a body as lines of text, in whatever encoding.

    Raises
    ------
    DataError
        If it is empty or not text.
    """
    head = stream.first_lines()
    if not head:
        raise DataError(f"{_NAME} is empty; it must hold at least one record")
    if head.startswith(b"\x1f\x8b"):
        raise DataError(f"{_NAME} is compressed; send it unpacked")
    return TextFile(_NAME, head, lambda: io.BufferedReader(stream), reads_once=True)


class AnswerStream(io.RawIOBase):
    """What a thread writes, as pieces that the event loop sends; the thread waits for its client.

    Parameters
    ----------
    call : LoopCalls
        Hands the pieces over.

    Attributes
    ----------
    kind : str
        The format of what is written; set by who writes.
    patiently : coroutine function
        Waits for a piece to be sent, but not for ever.
    """

    kind = "csv"

    def __init__(self, call: LoopCalls) -> None:
        self.patiently = call.wait
        self._call = call
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(_PIECES)
        self._piece = bytearray()
        self._is_cut = False

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True

    def write(self, data: Any) -> int:
        """Take bytes; they are sent when there are enough of them, or by :meth:`send`."""
        self._piece += data
        if len(self._piece) >= _PIECE:
            self.send()
        return len(data)

    def send(self) -> None:
        """Send what there is."""
        if self._is_cut:
            raise BrokenPipeError("the client has gone")
        if self._piece:
            self._call(self._queue.put(bytes(self._piece)))
            self._piece.clear()

    def is_stuck(self) -> bool:
        """Tell whether pieces wait for the client."""
        return self._queue.full()

    def end(self) -> None:
        """Send the rest and end the answer."""
        self.send()
        self._call(self._queue.put(None))

    async def pieces(self, work: asyncio.Future[None]) -> AsyncGenerator[bytes, None]:
        """Give all pieces as they come; what the thread raises is raised here.

        Parameters
        ----------
        work : future
            Of the thread that writes.
        """
        try:
            while True:
                piece = asyncio.ensure_future(self._queue.get())
                both: set[asyncio.Future[Any]] = {piece, work}
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                if not piece.done():  # the thread has failed
                    piece.cancel()
                    work.result()
                    return
                content = piece.result()
                if content is None:
                    return
                yield content
        finally:
            self._is_cut = True
            work.add_done_callback(_forget)
            while not self._queue.empty():  # who waits to put something in must not wait on
                self._queue.get_nowait()


def _forget(work: asyncio.Future[None]) -> None:
    """Look at what a thread raised when nobody was left to be told."""
    if not work.cancelled():
        work.exception()
