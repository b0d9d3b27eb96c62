"""Routes whose body is one object in JSON: read it, check it, answer.

FastAPI's own way tries one route after the other and solves a graph of dependencies for every
request, which takes as long as classifying a short text. The description of these routes, and their
errors, are FastAPI's.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from gatewise.serve.complaints import COMPLAINTS, complain
from gatewise.serve.refusals import RefusedError

__all__ = ["DirectApp", "JsonRoute", "StrictRoute", "check_query"]


class JsonRoute(APIRoute):
    """Calls its endpoint with the parts of the path and, as ``question``, the checked body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Tell FastAPI what answers a request."""
        return self.answer

    async def answer(self, request: Request) -> Response:
        """Answer a request."""
        assert self.body_field is not None
        check_query(request)
        question_type: Any = self.body_field.field_info.annotation
        question = _checked(question_type, _parsed(await request.body()))
        answer: Response = await self.endpoint(question=question, **request.path_params)
        return answer


class StrictRoute(APIRoute):
    """FastAPI's own route, that takes nothing which it would not look at."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Tell FastAPI what answers a request."""
        answer = super().get_route_handler()
        known = [parameter.alias for parameter in self.dependant.query_params]

        async def checked(request: Request) -> Response:
            check_query(request, known)
            body = await request.body()
            if body and self.body_field is not None:
                _parsed(body)
            return await answer(request)

        return checked


class DirectApp:
    """ASGI application: answers at routes without parameters itself, and leaves others to FastAPI.

    Parameters
    ----------
    app : ASGI application
        That of FastAPI, which has these routes, too.
    routes : iterable of BaseRoute
        Those that are no :class:`JsonRoute`, or have parameters, are left to it.
    first : iterable of BaseRoute
        Those that come before them there; what they have an address of is left to it, too.
    """

    def __init__(
        self, app: ASGIApp, routes: Iterable[BaseRoute], first: Iterable[BaseRoute] = ()
    ) -> None:
        self._app = app
        taken = {getattr(route, "path", None) for route in first}
        self._routes = {
            route.path: route
            for route in routes
            if isinstance(route, JsonRoute)
            and not route.param_convertors
            and route.path not in taken
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        is_question = scope["type"] == "http" and scope["method"] == "POST"
        route = self._routes.get(scope["path"]) if is_question else None
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = route
        request = Request(scope, receive)
        try:
            answer = await route.answer(request)
        except COMPLAINTS as error:
            answer = await complain(request, error)
        await answer(scope, receive, send)


def check_query(request: Request, known: Sequence[str] = ()) -> None:
    """Refuse what an address has behind its question mark and nobody would look at.

    Raises
    ------
    RefusedError
        If a name is none of those known, or stands twice.
    """
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if name not in known:
            own = "it belongs in the body" if request.method == "POST" else "it takes none"
            there = f"there are {', '.join(known)}" if known else own
            raise RefusedError(422, f"the address has a parameter {name[:40]!r}; {there}")
        if names.count(name) > 1:
            raise RefusedError(422, f"the address has {name!r} more than once; give it once")


def _parsed(body: bytes) -> Any:
    if not body:
        raise RequestValidationError([_complaint("missing", ("body",), "Field required")])
    try:
        return json.loads(body, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        found = _complaint("json_invalid", ("body", error.pos), "JSON decode error")
        raise RequestValidationError([{**found, "ctx": {"error": error.msg}}]) from None
    except (RecursionError, ValueError):
        raise HTTPException(400) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its members; of two of one name the first would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        (name, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise RefusedError(400, f"the key {name[:40]!r} stands twice in an object; give it once")
    return found


def _checked(question_type: type[BaseModel], value: Any) -> BaseModel:
    if not isinstance(value, dict):
        raise RequestValidationError(
            [_complaint("model_type", ("body",), "Input should be a JSON object in braces")]
        )
    try:
        return question_type.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise RequestValidationError(
            [{**one, "loc": ("body", *one["loc"])} for one in found]
        ) from None


def _complaint(kind: str, place: tuple[str | int, ...], message: str) -> dict[str, Any]:
    return {"type": kind, "loc": place, "msg": message}
