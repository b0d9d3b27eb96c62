"""Files of the page, the report of a model, and answers that come in pieces."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

__all__ = ["REPORT", "STATIC", "PageFiles", "Pieces", "ReportFile", "Upload", "has_report"]

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
REPORT = "report.html"

# A report brings its script with it. In a sandbox it has no address, so it can ask for nothing.
_REPORT_HEADERS = {
    "Accept-Ranges": "none",
    "Content-Security-Policy": "sandbox allow-scripts; default-src 'none'; img-src data:; "
    "font-src data:; script-src 'unsafe-inline'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
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
    """The files of the page, each with its type on every system, and whole."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a file."""
        await super().__call__(_without_range(scope), receive, send)

    def file_response(self, full_path: Any, *args: Any, **options: Any) -> Response:
        """Answer with a file, or that the client has it."""
        response = super().file_response(full_path, *args, **options)
        ending = os.path.splitext(os.fspath(full_path))[1].casefold()
        if ending in _TYPES:
            response.headers["Content-Type"] = _TYPES[ending]
        response.headers["Cache-Control"] = "no-cache"  # asked for each time, sent when changed
        response.headers["Accept-Ranges"] = "none"
        return response


class ReportFile(FileResponse):
    """The report of the model in a folder, whole."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / REPORT, media_type="text/html", headers=_REPORT_HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with it."""
        await super().__call__(_without_range(scope), receive, send)


def has_report(folder: Path) -> bool:
    """Tell whether there is a report in a model's folder; a link may lead out of it, and is none.

    Parameters
    ----------
    folder : Path
        Of the model.

    Returns
    -------
    bool
    """
    try:
        return stat.S_ISREG((folder / REPORT).lstat().st_mode)
    except OSError:
        return False


def _without_range(scope: Scope) -> Scope:
    """Leave out a wish for a part of a file: Starlette answers one that is wrong with no JSON."""
    headers = [pair for pair in scope["headers"] if pair[0] != b"range"]
    return {**scope, "headers": headers}


class Upload:
    """A body that arrives while it is answered."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._is_over = asyncio.Event()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Give the body as it comes."""
        try:
            async for chunk in self._request.stream():
                yield chunk
        finally:
            self._is_over.set()

    async def until_gone(self) -> None:
        """Wait until the body is over, which others read, and then until its client has gone."""
        await self._is_over.wait()
        while (await self._request.receive())["type"] != "http.disconnect":
            pass


class Pieces(StreamingResponse):
    """An answer that comes while its question is still arriving.

    Starlette's own would read the rest of the question, to notice that the client has gone.
    """

    def __init__(
        self,
        first: bytes,
        rest: AsyncGenerator[bytes, None],
        patiently: Callable[[Awaitable[None]], Awaitable[None]],
        upload: Upload,
        media_type: str,
    ) -> None:
        # What is not read of a question that broke off must not be taken for the next one.
        closing = {"Connection": "close"}
        super().__init__(_joined(first, rest), headers=closing, media_type=media_type)
        self._rest = rest
        self._patiently = patiently
        self._upload = upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces.

        Raises
        ------
        ClientDisconnect
            If the client goes before the last.
        """
        is_last = False  # after it uvicorn says the same as when the client has gone

        async def sending(message: Message) -> None:
            nonlocal is_last
            is_last = not message.get("more_body", True)
            await self._patiently(send(message))

        async with contextlib.aclosing(self._rest):
            answer = asyncio.create_task(self.stream_response(sending))
            gone = asyncio.create_task(self._upload.until_gone())
            try:
                await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
                if not (answer.done() or is_last):
                    raise ClientDisconnect
                await answer
            finally:
                gone.cancel()
                if answer.cancel():  # what it reads can be closed only when it has ended
                    await asyncio.wait({answer})


async def _joined(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    yield first
    async for piece in rest:
        yield piece
