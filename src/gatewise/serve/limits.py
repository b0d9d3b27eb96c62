"""How much may be asked for: the size of a body, the time, and how many requests at once."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gatewise.serve.refusals import RefusedError, broken_off, send_refusal
from gatewise.serve.settings import Limits

__all__ = ["FILE_PATH", "Drain", "LimitedApp"]

FILE_PATH = "/v1/file"

_RETRY_SECONDS = "1"
_LONGEST_KIND = 200  # characters of a Content-Type
_OPEN_PER_PLACE = 4  # requests that arrive, wait or are answered, for each that may be answered
_PATIENCE = 0.25  # seconds to wait for a place: a pause of the machine brings many at once


class Drain:
    """Whether the server is about to stop."""

    def __init__(self) -> None:
        self.has_begun = False


class _Places:
    """Counts who has a place, up to the most there are."""

    def __init__(self, most: int, noun: str) -> None:
        self._most = most
        self._noun = noun
        self._n_taken = 0

    @contextmanager
    def take(self) -> Iterator[None]:
        """Take a place, or refuse if there is none."""
        if self._n_taken >= self._most:
            raise _too_many(self._most, self._noun)
        self._n_taken += 1
        try:
            yield
        finally:
            self._n_taken -= 1


class _Turns:
    """Lets so many go on at a time; the others wait for a moment, in their order."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._places = asyncio.Semaphore(most)

    async def take(self) -> None:
        """Take a place, or refuse if none gets free."""
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._places.acquire()
        except TimeoutError:
            raise _too_many(self._most, "requests") from None

    def give_back(self) -> None:
        """Let the next one go on."""
        self._places.release()


class LimitedApp:
    """ASGI middleware: reads bodies, as far as they are allowed, and counts who is answered.

    Parameters
    ----------
    app : ASGI application
        What answers.
    limits : Limits
        How much is allowed.
    drain : Drain
        When it has begun, every answer asks its client to close the connection.
    takes_body : callable
        Tells whether there is something that a body can be sent to at a path.
    """

    def __init__(
        self, app: ASGIApp, limits: Limits, drain: Drain, takes_body: Callable[[str], bool]
    ) -> None:
        self._app = app
        self._takes_body = takes_body
        self._limits = limits
        self._drain = drain
        self._open = _Places(_OPEN_PER_PLACE * limits.in_flight, "requests")
        self._turns = _Turns(limits.in_flight)
        self._files = _Places(limits.files, "files")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._drain.has_begun:
            send = _closing(send)
        if scope["method"] == "HEAD":
            await self._head(scope, receive, send)
        elif scope["method"] != "POST":
            await self._app(scope, receive, send)
        elif scope["path"] == FILE_PATH:
            with self._files.take():
                await self._app(scope, receive, send)
        else:
            with self._open.take():  # before the body is read: to refuse must cost little
                await self._limited(scope, receive, send)

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer HEAD as GET, but for the body."""
        asked = {**scope, "method": "GET"}
        try:
            await self._app(asked, receive, _bodiless(send))
        finally:
            scope.update(asked, method="HEAD")  # so that its route is counted

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose body is read before anything else is done."""
        body: bytes | None = None
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        headers = Headers(scope=scope)
        try:
            _check_kind(headers)
        except RefusedError:
            if self._takes_body(scope["path"]):
                raise
            await self._app(scope, receive, send)  # which says what the matter is
            return
        try:
            async with asyncio.timeout(self._limits.seconds):
                body = await self._body(headers, receive)
                _check_utf8(body)
                await self._turns.take()
                try:
                    await self._app(scope, _replay(body, receive), noting)
                finally:
                    self._turns.give_back()
        except TimeoutError:
            if body is None:
                raise _too_slow(self._limits.seconds) from None
            if not started:
                await _give_up(send, self._limits.seconds)

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        most = self._limits.body_bytes
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared[:20]) > most:
            raise _too_long(most)
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise broken_off()
            body += message.get("body", b"")
            if len(body) > most:
                raise _too_long(most)
            if not message.get("more_body", False):
                return bytes(body)


def _too_many(most: int, noun: str) -> RefusedError:
    return RefusedError(
        429,
        f"the server has {most} {noun} to answer, the most it takes; try again in a second",
        Retry_After=_RETRY_SECONDS,
    )


@functools.lru_cache(maxsize=256)
def _is_json(content_type: str) -> bool:
    kind, *parameters = [part.strip().casefold() for part in content_type.split(";")]
    charsets = [
        part.partition("=")[2].strip('"') for part in parameters if part.startswith("charset")
    ]
    return kind == "application/json" and all(one in ("utf-8", "utf8") for one in charsets)


def _check_kind(headers: Headers) -> None:
    given = headers.get("content-type", "")
    if len(given) > _LONGEST_KIND or not _is_json(given):
        raise RefusedError(
            415,
            f"the Content-Type is {given[:80]!r}; send JSON in UTF-8 as application/json",
        )
    for name in ("content-encoding", "inference-header-content-length"):
        if headers.get(name, "identity").strip().casefold() != "identity":
            raise RefusedError(
                415, f"the header {name} is not understood; send plain JSON without it"
            )


def _check_utf8(body: bytes) -> None:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedError(
            400, f"the body is not UTF-8: byte {error.start + 1:,} is part of no character"
        ) from None


def _too_long(most: int) -> RefusedError:
    return RefusedError(
        413,
        f"the body is longer than {most:,} bytes; send fewer texts at a time, or a file to "
        f"{FILE_PATH}",
    )


def _too_slow(seconds: float) -> RefusedError:
    return RefusedError(
        408,
        f"the body was not whole after {seconds:g} seconds; send it faster, or less at a time",
        Connection="close",
    )


async def _give_up(send: Send, seconds: float) -> None:
    sentence = (
        f"this was not answered within {seconds:g} seconds; try again, or send less at a time"
    )
    await send_refusal(send, 503, sentence, {"Retry-After": _RETRY_SECONDS})


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read, then what comes after it: that the client has gone."""
    is_given = False

    async def replay() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _bodiless(send: Send) -> Send:
    async def bodiless(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return bodiless


def _closing(send: Send) -> Send:
    async def closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["Connection"] = "close"
        await send(message)

    return closing
