"""Who may ask: the Host and Origin headers, the token; and what every answer carries."""

from __future__ import annotations

import asyncio
import functools
import hmac
import ipaddress
import itertools
import logging
import re
import secrets
import traceback
from collections.abc import Iterable, Mapping

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gatewise.serve.refusals import RefusedError, failure_body, send_error, send_refusal
from gatewise.serve.settings import ServerSettings

__all__ = ["HEADERS", "REQUEST_ID", "GuardedApp", "is_public"]

REQUEST_ID = "gatewise.request_id"

# What an answer may do in a browser: nothing that comes from elsewhere.
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
# A probe has no token, and the page asks for one; neither holds anything of a model.
_PUBLIC = ("/v2/health/live", "/v2/health/ready", "/")
_PUBLIC_FOLDER = "/static/"
_LONGEST_HOST = 300  # a name has 253 characters at most
_LOCAL_NAMES = ("localhost",)
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:@/]+))(?::[0-9]+)?")
_STOPPED = "the server stops and could not finish this; ask again, or another server"

_log = logging.getLogger("gatewise.serve")


class GuardedApp:
    """ASGI middleware: lets in who may ask, and lets no traceback out.

    Parameters
    ----------
    app : ASGI application
        What answers.
    settings : ServerSettings
        The token and the names of this server.
    """

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app = app
        self._token = None if settings.token is None else settings.token.encode("ascii")
        # Asking the system for each would let go of the interpreter, and wait to get it back.
        self._start = secrets.token_hex(4)
        self._numbers = itertools.count()
        self._names = {name.casefold() for name in (*_LOCAL_NAMES, *settings.host_names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope[REQUEST_ID] = f"{self._start}{next(self._numbers):08x}"
        is_begun = False

        async def dressed(message: Message) -> None:
            nonlocal is_begun
            if message["type"] == "http.response.start":
                is_begun = True
                message["headers"] = _dressed(message["headers"], request_id)
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, receive, dressed)
        except RefusedError as error:
            await send_refusal(dressed, error.status, error.sentence, error.headers)
        except ClientDisconnect:
            pass  # nobody is left to be told
        except asyncio.CancelledError:  # the server stops, and has waited as long as it may
            _log.error("request %s was not finished when the server stopped", request_id)
            if not is_begun:
                await send_refusal(dressed, 503, _STOPPED)
        except Exception as error:
            _log.error("request %s failed: %s", request_id, _told(error))
            if not is_begun:
                await send_error(dressed, 500, failure_body(request_id))

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_ours(host):
            raise RefusedError(
                421,
                f"the Host header is {host[:80]!r}, which is not a name of this server; use its IP "
                "address, or start it with --allow-host NAME",
            )
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2].casefold() != host.casefold():
            raise RefusedError(
                403, f"the page that asks comes from {origin[:80]!r}; only pages of this server may"
            )
        if self._token is not None and not is_public(scope["path"]):
            self._check_token(headers)

    def _is_ours(self, host: str) -> bool:
        """Tell an IP address or one of our names; strangers may bind any other name to us."""
        if "*" in self._names:
            return True
        name = _host_name(host) if len(host) <= _LONGEST_HOST else ""
        return name.casefold() in self._names or _is_address(name)

    def _check_token(self, headers: Headers) -> None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = token.strip().encode("latin-1", "replace")
        if scheme.casefold() != "bearer" or not hmac.compare_digest(given, self._token or b""):
            raise RefusedError(
                401,
                "this server needs its token; send the header Authorization: Bearer TOKEN",
                WWW_Authenticate="Bearer",
            )


@functools.lru_cache(maxsize=256)
def _host_name(host: str) -> str:
    match = _HOST.fullmatch(host)
    return match[1] or match[2] if match else ""


@functools.lru_cache(maxsize=256)
def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _dressed(headers: Iterable[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
    """Add ours to an answer's headers, where it has none of that name."""
    given = [(name.lower(), value) for name, value in headers]
    names = {name for name, _ in given}
    ours = [(name, value) for name, value in _RAW_HEADERS if name not in names]
    return [*given, *ours, (b"x-request-id", request_id.encode("ascii"))]


def is_public(path: str) -> bool:
    """Tell whether an address is answered without the token."""
    return path in _PUBLIC or path.startswith(_PUBLIC_FOLDER)


def _told(error: Exception) -> str:
    """Say what failed and where; not the message of the error, which may quote a text."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in frames[::-1])
    return f"{type(error).__name__} in {places}"
