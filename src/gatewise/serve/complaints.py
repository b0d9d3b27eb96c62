"""Errors on the way to an answer -> a status and one sentence, as JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from gatewise.base.errors import ConfigError, DataError
from gatewise.serve.description import methods_at
from gatewise.serve.guards import REQUEST_ID
from gatewise.serve.refusals import RefusedError, error_body, failure_body

__all__ = ["COMPLAINTS", "add_complaints", "complain"]

_HINT = "; /openapi.json describes what is allowed"
_SENTENCES = {
    400: "the body cannot be read as JSON; it is nested too deeply, or has a number of too many "
    "digits",
    404: "there is nothing at this address; /openapi.json lists what there is",
}


def add_complaints(app: FastAPI) -> None:
    """Let an application answer its errors in one sentence."""
    for kind, answer in _ANSWERS.items():
        app.add_exception_handler(kind, answer)
    app.add_exception_handler(Exception, _unforeseen)


async def complain(request: Request, error: Exception) -> Response:
    """Answer one of the ``COMPLAINTS`` as such an application does."""
    answer = next(answer for kind, answer in _ANSWERS.items() if isinstance(error, kind))
    return await answer(request, error)


def _answer(status: int, sentence: str, headers: Any = None) -> Response:
    return Response(error_body(sentence), status, headers, "application/json")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return _answer(error.status, error.sentence, error.headers)


async def _unusable(request: Request, error: Exception) -> Response:
    return _answer(422, str(error))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first, *others = error.errors()
    status = 400 if first["type"] == "json_invalid" else 422
    more = f" ({len(others)} more like it)" if others else ""
    return _answer(status, f"{_complaint(first)}{more}{_HINT}")


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code
    sentence, headers = _SENTENCES.get(status), dict(error.headers or {})
    if status == 405:
        # Starlette knows only the methods of one of several routes with the same path.
        if methods := methods_at(request.app, request.scope["path"]):
            headers["Allow"] = ", ".join(methods)
        allowed = headers.get("Allow", "another method")
        sentence = f"{request.method} is not answered here; use {allowed}"
    return _answer(status, sentence or HTTPStatus(status).phrase, headers)


async def _unforeseen(request: Request, error: Exception) -> Response:
    return Response(failure_body(request.scope[REQUEST_ID]), 500, None, "application/json")


_ANSWERS: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    RefusedError: _refused,
    ConfigError: _unusable,
    DataError: _unusable,
    RequestValidationError: _invalid,
    HTTPException: _http,
}
COMPLAINTS = tuple(_ANSWERS)


def _complaint(error: dict[str, Any]) -> str:
    """Say what is wrong without quoting what came, which may be a text."""
    if error["type"] == "json_invalid":
        place = error["loc"][-1]
        return f"the body is not JSON: {error['ctx']['error']} at character {place}"
    where = _place(error["loc"])
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{where}: {message[:1].lower()}{message[1:]}"


def _place(steps: Sequence[Any]) -> str:
    """Write a place as one would in JavaScript: texts[3]."""
    origin, *inner = steps
    path = ""
    for step in inner:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.lstrip(".")[:200] or f"the {origin}"
