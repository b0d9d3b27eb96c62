"""What lies between a client that sends and a thread that reads: memory, and in need a file.

Most clients read nothing of the answer until they have sent everything. Then the answer cannot be
sent, nothing more is read of the question, and both would wait for ever. So while the answer is
stuck, the rest of the question goes into a temporary file.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import IO

__all__ = ["Spool"]

_IN_MEMORY = 1 << 20  # bytes
_PATIENCE = 0.2  # seconds, before an answer counts as stuck
_PIECE = 1 << 16


class Spool:
    """Chunks of bytes, first in, first out.

    Parameters
    ----------
    chunks : async iterator of bytes
        What the client sends.
    is_stuck : callable
        Tells whether the answer waits for its client to read.
    most_bytes : int
        That a file may take; then the client is kept waiting.

    Attributes
    ----------
    n_received : int
        Bytes that have come so far.
    """

    def __init__(
        self, chunks: AsyncIterator[bytes], is_stuck: Callable[[], bool], most_bytes: int
    ) -> None:
        self.n_received = 0
        self._chunks = chunks
        self._is_stuck = is_stuck
        self._most_bytes = most_bytes
        self._memory: deque[bytes] = deque()
        self._n_in_memory = 0
        self._file: IO[bytes] | None = None
        self._n_written = 0
        self._n_read = 0
        self._error: BaseException | None = None
        self._is_whole = False
        self._changed = asyncio.Event()
        self._pump = asyncio.create_task(self._take_all())

    async def get(self) -> bytes:
        """Wait for a chunk; empty at the end.

        Raises
        ------
        ClientDisconnect, BrokenPipeError
            If the client has gone.
        """
        while True:
            if self._memory:
                chunk = self._memory.popleft()
                self._n_in_memory -= len(chunk)
                self._changed.set()
                return chunk
            if self._file is not None and self._n_read < self._n_written:
                return self._from_file(self._file)
            if self._error is not None:
                raise self._error
            if self._is_whole:
                return b""
            self._changed.clear()
            await self._changed.wait()

    def close(self) -> None:
        """Take no more, and forget what there is."""
        self._pump.cancel()
        self._memory.clear()
        self._error = BrokenPipeError("the client has gone")
        self._changed.set()
        if self._file is not None:
            self._file.close()
            self._file = None

    async def _take_all(self) -> None:
        try:
            async for chunk in self._chunks:
                self.n_received += len(chunk)
                if chunk:
                    await self._keep(chunk)
            self._is_whole = True
        except Exception as error:
            self._error = error
        self._changed.set()

    async def _keep(self, chunk: bytes) -> None:
        """Keep a chunk in memory if there is room, in the file if nobody will make any."""
        while self._n_read < self._n_written or self._n_in_memory >= _IN_MEMORY:
            has_room = self._n_written + len(chunk) <= self._most_bytes
            is_wanted = self._n_read < self._n_written or self._is_stuck()
            if is_wanted and has_room and self._to_file(chunk):
                self._changed.set()
                return
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _PATIENCE)
        self._memory.append(chunk)
        self._n_in_memory += len(chunk)
        self._changed.set()

    def _to_file(self, chunk: bytes) -> bool:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115
            self._file.seek(self._n_written)
            self._file.write(chunk)
        except OSError:  # no folder that can be written to, or no room
            return False
        self._n_written += len(chunk)
        return True

    def _from_file(self, file: IO[bytes]) -> bytes:
        file.seek(self._n_read)
        chunk = file.read(min(_PIECE, self._n_written - self._n_read))
        self._n_read += len(chunk)
        if self._n_read == self._n_written:
            self._n_read = self._n_written = 0
            file.seek(0)
            file.truncate()
            self._changed.set()
        return chunk
