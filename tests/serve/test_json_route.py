"""A quick route answers and complains as FastAPI's own does."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from gatewise.serve.complaints import add_complaints
from gatewise.serve.json_route import JsonRoute


class Inner(BaseModel):
    size: int = Field(ge=2)


class Question(BaseModel):
    model_config = ConfigDict(extra="forbid")

    texts: list[str] = Field(min_length=1)
    inner: Inner | None = None
    share: float = 0.5


def app_of(route_class):
    router = APIRouter(route_class=route_class)

    @router.post("/ask/{name}")
    async def ask(name: str, question: Question) -> Response:
        return Response(json.dumps([name, question.model_dump()]), media_type="application/json")

    app = FastAPI()
    add_complaints(app)
    app.include_router(router)
    return app


@pytest.fixture(scope="module")
def apps():
    return app_of(JsonRoute), app_of(APIRoute)


def ask(app, method, path, **more):
    async def send():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.request(method, path, **more)

    return asyncio.run(send())


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"texts": ["a", "b"], "inner": {"size": 3}, "share": "0.25"}', 200),
        ('{"texts": []}', 422),
        ('{"texts": [1, "a", null]}', 422),
        ('{"texts": ["a"], "more": 1}', 422),
        ('{"texts": ["a"], "inner": {"size": 1}}', 422),
        ("{}", 422),
        ("", 422),
        ("{", 400),
        ('{"texts": ["a"]} x', 400),
        ("nonsense", 400),
        ("[" * 200_000, 400),
        ('{"share": ' + "1" * 5000 + "}", 400),
    ],
)
def test_the_same_answers(apps, body, status):
    headers = {"Content-Type": "application/json"}
    found, expected = (ask(app, "POST", "/ask/bob", content=body, headers=headers) for app in apps)
    assert found.status_code == expected.status_code == status
    assert found.json() == expected.json()


@pytest.mark.parametrize("body", ["[]", "null", '"text"', "1.5"])
def test_what_is_no_object(apps, body):
    answer = ask(apps[0], "POST", "/ask/bob", content=body)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("the body: input should be a JSON object in braces")


def test_the_same_description(apps):
    found, expected = (ask(app, "GET", "/openapi.json").json() for app in apps)
    assert found == expected
    assert "Question" in found["components"]["schemas"]
