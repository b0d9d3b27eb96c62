"""A quick route answers and complains as FastAPI's own does."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import Response

from gatewise.base.errors import ConfigError
from gatewise.serve.complaints import add_complaints
from gatewise.serve.json_route import DirectApp, JsonRoute
from gatewise.serve.refusals import RefusedError
from gatewise.serve.schemas import InferRequest, PredictRequest

JSON = {"Content-Type": "application/json"}


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

    @router.post("/ask")
    async def ask_anyone(question: Question) -> Response:
        match question.texts[0]:
            case "refused":
                raise RefusedError(429, "too much", Retry_After="1")
            case "unusable":
                raise ConfigError("no such class")
            case "broken":
                raise ZeroDivisionError
        return Response(json.dumps(question.model_dump()), media_type="application/json")

    app = FastAPI()
    add_complaints(app)
    app.include_router(router)
    return app, router.routes


@pytest.fixture(scope="module")
def apps():
    return app_of(JsonRoute)[0], app_of(APIRoute)[0]


@pytest.fixture
def direct():
    """Answers at /ask itself; the application behind it is told of what is left to it."""
    app, routes = app_of(JsonRoute)
    left = []

    async def behind(scope, receive, send):
        left.append((scope["method"], scope["path"]))
        await app(scope, receive, send)

    return DirectApp(behind, routes), left


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
    found, expected = (ask(app, "POST", "/ask/bob", content=body, headers=JSON) for app in apps)
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


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"texts": ["a"]}', 200),
        ('{"texts": [1]}', 422),
        ("{", 400),
        ("[" * 200_000, 400),
        ('{"texts": ["refused"]}', 429),
        ('{"texts": ["unusable"]}', 422),
    ],
)
def test_a_route_without_parameters_is_found_at_once(apps, direct, body, status):
    found, expected = (
        ask(app, "POST", "/ask", content=body, headers=JSON) for app in (direct[0], apps[1])
    )
    assert found.status_code == expected.status_code == status
    assert found.json() == expected.json()
    assert found.headers == expected.headers
    assert direct[1] == []


def test_everything_else_is_left_to_fastapi(apps, direct):
    body = '{"texts": ["a"]}'
    for method, path in [("POST", "/ask/bob"), ("GET", "/ask"), ("POST", "/nothing")]:
        found, expected = (
            ask(app, method, path, content=body, headers=JSON) for app in (direct[0], apps[1])
        )
        assert (found.status_code, found.json()) == (expected.status_code, expected.json())
    assert direct[1] == [("POST", "/ask/bob"), ("GET", "/ask"), ("POST", "/nothing")]


def test_routes_that_come_first_stay_first():
    _, routes = app_of(JsonRoute)
    router = APIRouter()

    @router.post("/ask")
    async def first() -> str:
        return "first"

    behind = FastAPI()
    behind.include_router(router)
    for before, is_left in [(router.routes, True), ((), False)]:
        app = DirectApp(behind, routes, before)
        found = ask(app, "POST", "/ask", content='{"texts": ["a"]}')
        assert (found.json() == "first") is is_left


def test_what_was_not_foreseen_is_for_the_guard(direct):
    with pytest.raises(ZeroDivisionError):
        ask(direct[0], "POST", "/ask", content='{"texts": ["broken"]}')


MANY = [1] * 10_000
NAMES = {f"name {number}": 1 for number in range(10_000)}
TENSOR = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a"]}


@pytest.mark.parametrize(
    ("question_type", "value"),
    [
        (PredictRequest, {"texts": MANY}),
        (PredictRequest, {"texts": ["\0"] * 10_000}),
        (PredictRequest, {"texts": ["a"], **NAMES}),
        (InferRequest, {"inputs": [{**TENSOR, "data": MANY}]}),
        (InferRequest, {"inputs": [{**TENSOR, "data": [[1]] * 10_000}]}),
        (InferRequest, {"inputs": [TENSOR], "outputs": MANY}),
    ],
    ids=["numbers", "NUL", "names", "data", "nested data", "outputs"],
)
def test_one_of_many_wrong_items_is_enough(question_type, value):
    """To complain of each would stop all other answers for seconds."""
    with pytest.raises(ValidationError) as caught:
        question_type.model_validate(value)
    assert caught.value.error_count() == 1
