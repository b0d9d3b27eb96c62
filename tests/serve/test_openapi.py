"""The description of the server, and the server held against it by a thousand requests."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

ROUTES = {
    "/v1/predict": "post",
    "/v1/replay": "post",
    "/v1/file": "post",
    "/v1/model": "get",
    "/v1/models": "get",
    "/v1/models/{name}": "get",
    "/v1/models/{name}/report": "get",
    "/v2": "get",
    "/v2/health/live": "get",
    "/v2/health/ready": "get",
    "/v2/models/{name}": "get",
    "/v2/models/{name}/ready": "get",
    "/v2/models/{name}/infer": "post",
    "/metrics": "get",
}


def test_it_names_every_route(client):
    found = client.get("/openapi.json").json()["paths"]
    assert {path: next(iter(found[path])) for path in ROUTES} == ROUTES
    for path, method in ROUTES.items():
        assert found[path][method]["description"], path


@pytest.fixture(scope="module")
def described(client):
    return schemathesis.openapi.from_url(f"{client.base_url}/openapi.json")


def ask(operation, mode):
    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case):
        answer = case.call(timeout=20)
        assert answer.status_code < 500, answer.text
        # How many labels there are to name, and which models, no description can say.
        case.validate_response(answer, excluded_checks=[positive_data_acceptance])

    check()


@pytest.mark.slow
@pytest.mark.parametrize("path", ROUTES)
def test_what_is_allowed_is_answered_as_described(described, path):
    ask(described[path][ROUTES[path].upper()], GenerationMode.POSITIVE)


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in ROUTES if ROUTES[path] == "post"])
def test_what_is_not_allowed_is_refused_as_described(described, path):
    ask(described[path]["POST"], GenerationMode.NEGATIVE)
