"""Routes whose body is one object in JSON: read it, check it, answer.

FastAPI's own way solves a graph of dependencies for every request, which takes as long as
classifying a short text. The description of these routes, and their errors, are FastAPI's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

__all__ = ["JsonRoute"]


class JsonRoute(APIRoute):
    """Calls its endpoint with the parts of the path and, as ``question``, the checked body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Make what answers a request."""
        assert self.body_field is not None
        endpoint = self.endpoint
        question_type: Any = self.body_field.field_info.annotation

        async def handle(request: Request) -> Response:
            question = _checked(question_type, _parsed(await request.body()))
            answer: Response = await endpoint(question=question, **request.path_params)
            return answer

        return handle


def _parsed(body: bytes) -> Any:
    if not body:
        raise RequestValidationError([_complaint("missing", ("body",), "Field required")])
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        found = _complaint("json_invalid", ("body", error.pos), "JSON decode error")
        raise RequestValidationError([{**found, "ctx": {"error": error.msg}}]) from None
    except (RecursionError, ValueError):
        raise HTTPException(400) from None


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
