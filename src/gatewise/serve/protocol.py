"""Connections: heads no longer and no slower than is allowed, short answers in one piece.

httptools, which is quick, takes the heads of requests, their addresses and headers, of any length,
and waits for them for ever; where a request offers another protocol, it leaves the body unread.
uvicorn writes the head and the body of an answer one after the other,
and either costs a call of the system and wakes the client up.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gatewise.serve.refusals import error_body

__all__ = ["GatheringTransport", "HeadProtocol", "is_readable"]

_MOST_BYTES = 1 << 16  # what one read of a socket brings comes on top
_SECONDS = 30.0
_BODY_HEADERS = (b"content-length", b"transfer-encoding")
_MOST_HELD = 1 << 14  # bytes of an answer; more are written at once


class GatheringTransport:
    """Writes together what is written in one round of the loop, if it is little.

    Parameters
    ----------
    transport : asyncio.Transport
        What writes; everything else is asked of it, too.
    loop : asyncio.AbstractEventLoop
        The loop that it belongs to.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write in the next round, or at once if there is much."""
        self._held.append(data)
        if sum(map(len, self._held)) > _MOST_HELD:  # so that the client's pace is kept
            self._flush()
        elif len(self._held) == 1:
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Close when all is written."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        data = b"".join(self._held)
        self._held.clear()
        if data and not self._transport.is_closing():  # else the client has gone meanwhile
            self._transport.write(data)


class HeadProtocol(HttpToolsProtocol):
    """One connection.

    Attributes
    ----------
    most_bytes, seconds : int, float
        For a head.
    """

    parser: _Parser
    most_bytes = _MOST_BYTES
    seconds = _SECONDS

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._n_bytes: int | None = None  # of the head that is arriving
        self._timer: asyncio.TimerHandle | None = None
        self._is_last = False  # what is being answered is the last of this connection
        self.parser = _make_parser(self)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(GatheringTransport(transport, self.loop))  # type: ignore[arg-type]
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless it is too much."""
        if self._n_bytes is not None:
            self._n_bytes += len(data)
        super().data_received(data)
        while (rest := self.parser.unread) is not None:
            self._ignore_upgrade()
            super().data_received(rest)  # type: ignore[arg-type]
        if self._n_bytes is not None and self._n_bytes > self.most_bytes:
            self._refuse(431, f"the headers are longer than {self.most_bytes:,} bytes; send less")

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        if self._n_bytes is None:
            self._begin()

    def on_headers_complete(self) -> None:
        """End the head."""
        self._end()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End a body, which that of a request for another protocol has not even begun."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """End a request."""
        super().on_response_complete()
        if self._is_last and self.cycle is not None and self.cycle.response_complete:
            self.transport.close()

    def shutdown(self) -> None:
        """Close, but answer first what has come or begun to come."""
        if self._n_bytes or is_readable(self.transport.get_extra_info("socket").fileno()):
            self._is_last = True
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(400, "this is no request of HTTP/1.1; check what the client sends")

    def _ignore_upgrade(self) -> None:
        """Read on as if the client had not offered another protocol, as HTTP/1.1 allows."""
        told = [pair for pair in self.headers if pair[0] in _BODY_HEADERS]
        relay = _BodyRelay(self)
        self.parser = _make_parser(relay)
        lines = [b"POST / HTTP/1.1", *(b"%s: %s" % pair for pair in told), b"", b""]
        self.parser.feed_data(b"\r\n".join(lines))

    def _begin(self) -> None:
        self._n_bytes = 0
        self._timer = self.loop.call_later(self.seconds, self._too_slow)

    def _end(self) -> None:
        self._n_bytes = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._refuse(408, f"no whole request came within {self.seconds:g} seconds; send it faster")

    def _refuse(self, status: int, sentence: str) -> None:
        self._end()
        body = error_body(sentence)
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()


class _Parser(httptools.HttpRequestParser):
    """Keeps what httptools leaves for another protocol to read; None if there is no other."""

    unread: memoryview | None = None

    def feed_data(self, data: Any) -> None:
        try:
            super().feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.unread = memoryview(data)[upgrade.args[0] :]


class _BodyRelay:
    """Keeps a head, which a parser is told only to know the length of the body, from a protocol."""

    def __init__(self, protocol: HeadProtocol) -> None:
        self._protocol = protocol
        self._is_head = True

    def __getattr__(self, name: str) -> Callable[..., None]:
        told = getattr(self._protocol, name)

        def relay(*arguments: bytes) -> None:
            if not self._is_head:
                told(*arguments)
            elif name == "on_headers_complete":
                self._is_head = False

        return relay


def _make_parser(protocol: HeadProtocol | _BodyRelay) -> _Parser:
    parser = _Parser(protocol)
    with contextlib.suppress(AttributeError):  # httptools before 0.6.3
        parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
    return parser


def is_readable(file_number: int) -> bool:
    """Tell whether something waits at a socket: bytes, a connection, or its end."""
    if file_number < 0:
        return False
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([file_number], [], [], 0)[0])
    poll = select.poll()
    poll.register(file_number, select.POLLIN)
    return bool(poll.poll(0))
