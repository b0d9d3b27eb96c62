"""Files of the page, the report of a model, and answers that come in pieces."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

__all__ = ["REPORT", "REPORT_HEADERS", "STATIC", "PageFiles", "Pieces"]

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
REPORT = "report.html"

# A report brings its script with it. In a sandbox it has no address, so it can ask for nothing.
REPORT_HEADERS = {
    "Content-Security-Policy": "sandbox allow-scripts; default-src 'none'; img-src data:; "
    "font-src data:; script-src 'unsafe-inline'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
}

# Python asks the system for these, and systems differ.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


class PageFiles(StaticFiles):
    """The files of the page, each with its type on every system."""

    def file_response(self, full_path: Any, *args: Any, **options: Any) -> Response:
        """Answer with a file, or that the client has it."""
        response = super().file_response(full_path, *args, **options)
        ending = os.path.splitext(os.fspath(full_path))[1].casefold()
        if ending in _TYPES:
            response.headers["Content-Type"] = _TYPES[ending]
        response.headers["Cache-Control"] = "no-cache"  # asked for each time, sent when changed
        return response


class Pieces(StreamingResponse):
    """An answer that comes while its question is still arriving.

    Starlette's own would read the rest of the question, to notice that the client has gone.
    """

    def __init__(
        self,
        first: bytes,
        rest: AsyncGenerator[bytes, None],
        patiently: Callable[[Awaitable[None]], Awaitable[None]],
        media_type: str,
    ) -> None:
        # What is not read of a question that broke off must not be taken for the next one.
        closing = {"Connection": "close"}
        super().__init__(_joined(first, rest), headers=closing, media_type=media_type)
        self._rest = rest
        self._patiently = patiently

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces."""

        async def sending(message: Message) -> None:
            await self._patiently(send(message))

        async with contextlib.aclosing(self._rest):
            await self.stream_response(sending)


async def _joined(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    yield first
    async for piece in rest:
        yield piece
