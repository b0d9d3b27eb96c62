"""The description of the server, and the server held against it by two thousand requests."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from requests.exceptions import ChunkedEncodingError
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    negative_data_rejection,
    positive_data_acceptance,
)

from gatewise.serve.corrections import CorrectionStore
from gatewise.serve.limits import FILE_PATH
from gatewise.serve.page import page_routes

ROUTES = [
    "POST /v1/predict",
    "POST /v1/replay",
    "POST /v1/file",
    "GET /v1/model",
    "GET /v1/models",
    "GET /v1/models/{name}",
    "GET /v1/models/{name}/report",
    "GET /v1/reviews",
    "POST /v1/reviews",
    "DELETE /v1/reviews/{number}",
    "GET /v1/reviews/{number}/records",
    "POST /v1/reviews/{number}/records",
    "POST /v1/reviews/{number}/corrections",
    "GET /v1/reviews/{number}/export",
    "GET /v2",
    "GET /v2/health/live",
    "GET /v2/health/ready",
    "GET /v2/models/{name}",
    "GET /v2/models/{name}/ready",
    "POST /v2/models/{name}/infer",
    "GET /metrics",
]
N_EXAMPLES = 100  # of each, so that there are more than 2,000


@pytest.fixture(scope="module")
def client(serve, tmp_path_factory):
    store = CorrectionStore(tmp_path_factory.mktemp("state"))
    with serve(more=[page_routes(store)]) as one:
        yield one


def test_it_names_every_route(client):
    paths = client.get("/openapi.json").json()["paths"]
    found = {
        f"{method.upper()} {path}": operation
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
    assert sorted(found) == sorted(ROUTES)
    assert all(operation["description"] for operation in found.values())


def test_it_names_the_token_only_where_one_is_wanted(client, serve):
    token = "0123456789abcdef-token"
    description = client.get("/openapi.json").json()
    assert "securitySchemes" not in description["components"]
    with serve(token=token) as guarded:
        headers = {"Authorization": f"Bearer {token}"}
        for _ in range(2):
            found = guarded.get("/openapi.json", headers=headers).json()
            assert found["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
            assert found["security"] == [{"token": []}]
            assert found["paths"]["/v2/health/live"]["get"]["security"] == []
            assert "security" not in found["paths"]["/v1/predict"]["post"]


@pytest.fixture(scope="module")
def described(client):
    return schemathesis.openapi.from_url(f"{client.base_url}/openapi.json")


def ask(operation, mode):
    # How many labels there are to name, and which models, no description can say; and what is no
    # text to the description may still be a row of JSON.
    aside = [positive_data_acceptance]
    aside += [negative_data_rejection] if operation.path == FILE_PATH else []

    @settings(max_examples=N_EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case):
        try:
            answer = case.call(timeout=20)
        except ChunkedEncodingError:  # of what turns out to be no table the answer has begun
            assert operation.path == FILE_PATH
            return
        assert answer.status_code < 500, answer.text
        case.validate_response(answer, excluded_checks=aside)

    check()


@pytest.mark.slow
@pytest.mark.parametrize("route", ROUTES)
def test_what_is_allowed_is_answered_as_described(described, route):
    method, path = route.split()
    ask(described[path][method], GenerationMode.POSITIVE)


@pytest.mark.slow
@pytest.mark.parametrize("route", [route for route in ROUTES if route.startswith("POST")])
def test_what_is_not_allowed_is_refused_as_described(described, route):
    method, path = route.split()
    ask(described[path][method], GenerationMode.NEGATIVE)


@pytest.mark.parametrize("number", [0, -1, 1 << 63, 10**30])
def test_numbers_that_no_review_can_have(client, refused, number):
    assert "number" in refused(client.get(f"/v1/reviews/{number}/records"), 422)
