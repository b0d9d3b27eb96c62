"""What is too much, too slow or no JSON gets a clear answer, and the server goes on."""

from __future__ import annotations

import json
import re
import socket
import threading
import time

import numpy as np
import pytest

from gatewise.base.errors import ConfigError
from gatewise.serve import limits as limits_module
from gatewise.serve.settings import Limits

HEAD = "POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


def post(client, body, kind="application/json", path="/v1/predict", **headers):
    return client.post(path, content=body, headers={"Content-Type": kind, **headers})


def still_answers(client):
    return client.post("/v1/predict", json={"texts": ["my card"]}).status_code == 200


@pytest.fixture(scope="module")
def strict(serve):
    """A server with small limits."""
    limits = {"body_bytes": 2000, "texts": 3, "characters": 50, "seconds": 1.0}
    with serve(limits=limits) as client:
        yield client


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 422, "the body"),
        (b"{", 400, "not JSON"),
        (b"nonsense", 400, "not JSON"),
        (b'{"texts": ["a", ]}', 400, "not JSON"),
        (b'{"texts": ["\xff"]}', 400, "not UTF-8: byte 13"),
        (b"[" * 200_000, 400, "nested too deeply"),
        (b'{"texts": ["a"], "texts": ["b", "c"]}', 400, "'texts' stands twice"),
        (b'{"texts": ["a"], "top": %s}' % (b"9" * 400), 422, "less than or equal to"),
        (b'{"texts": ' + b"[" * 900 + b"]" * 900 + b"}", 422, "texts[0]"),
        (b'{"texts": [' + b"9" * 10_000 + b"]}", 400, "too many digits"),
        (b'{"texts": ["a\\u0000b"]}', 422, "texts[0]: a text has a NUL character"),
        (b'{"texts": ["a\\ud800b"]}', 422, "texts[0]"),
        (b'{"texts": "my card"}', 422, "texts"),
        (b'{"texts": [1]}', 422, "texts[0]"),
        (b'{"texts": [null]}', 422, "texts[0]"),
        (b'{"texts": []}', 422, "texts"),
        (b'{"text": "my card"}', 422, "texts"),
        (b'["my card"]', 422, "the body"),
        (b"null", 422, "the body"),
        (b'{"texts": ["a"], "more": 1}', 422, "more"),
        (b'{"texts": ["a"], "top": 0}', 422, "top"),
        (b'{"texts": ["a"], "top": 4}', 422, "top is 4; allowed is 1 to 3"),
        (b'{"texts": ["a"], "top": NaN}', 422, "top"),
        (b'{"texts": ["a"], "top": true}', 422, "top"),
        (b'{"texts": ["a"], "nearest": 1000}', 422, "nearest is 1000"),
        (b'{"texts": ["a"], "model": "other"}', 404, "there is 'tickets'"),
    ],
    ids=lambda value: repr(value)[:40] if isinstance(value, bytes) else "",
)
def test_what_cannot_be_read_is_said_in_one_sentence(client, refused, body, status, words):
    sentence = refused(post(client, body), status)
    assert words in sentence
    assert still_answers(client)


def test_a_text_is_never_quoted(client, refused):
    body = {"texts": ["secret", 7], "secret name": "secret", "top": "secret"}
    sentence = refused(post(client, json.dumps(body).encode()), 422)
    assert "secret name" not in sentence.partition(";")[0] or "secret" not in sentence


@pytest.mark.parametrize(
    ("kind", "headers"),
    [
        ("text/plain", {}),
        ("", {}),
        ("multipart/form-data; boundary=x", {}),
        ("application/json; charset=latin-1", {}),
        ("application/json", {"Content-Encoding": "gzip"}),
        ("application/json", {"Inference-Header-Content-Length": "7"}),
    ],
)
def test_another_content_type(client, refused, kind, headers):
    body = b'{"texts": ["my card"]}'
    assert "JSON" in refused(post(client, body, kind, **headers), 415)


def test_json_with_a_charset(client):
    body = '{"texts": ["我的卡"]}'.encode()
    assert post(client, body, 'Application/JSON; charset="UTF-8"').status_code == 200


def test_too_many_texts(strict, refused):
    sentence = refused(strict.post("/v1/predict", json={"texts": ["a"] * 4}), 422)
    assert "there are 4 texts; at most 3" in sentence
    assert strict.post("/v1/predict", json={"texts": ["a"] * 3}).status_code == 200


@pytest.mark.parametrize("path", ["/v1/predict", "/v1/replay", "/v2/models/tickets/infer"])
def test_a_text_that_is_too_long(strict, refused, path):
    text = "a" * 51
    tensor = {"name": "text", "datatype": "BYTES", "shape": [1], "data": [text]}
    body = {"texts": [text]} if "predict" in path else {"text": text}
    body = {"inputs": [tensor]} if "infer" in path else body
    assert "51 characters; at most 50" in refused(strict.post(path, json=body), 422)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_long(strict, refused, chunked):
    body = b'{"texts": ["' + b" " * 2000 + b'"]}'
    content = iter([body[:1500], body[1500:]]) if chunked else body
    assert "longer than 2,000 bytes" in refused(post(strict, content), 413)
    assert still_answers(strict)


def converse(client, sent, seconds=10):
    """Send bytes and return all that comes until the server closes."""
    with socket.create_connection((client.base_url.host, client.base_url.port), seconds) as line:
        line.sendall(sent)
        found = b""
        while chunk := line.recv(65536):
            found += chunk
    return found.decode()


def test_a_body_that_does_not_come(strict):
    found = converse(strict, (HEAD + "Content-Length: 100\r\n\r\n{").encode())
    assert found.startswith("HTTP/1.1 408")
    assert "not whole after 1 seconds" in found
    assert still_answers(strict)


def test_a_client_that_goes_away(client):
    address = (client.base_url.host, client.base_url.port)
    before = n_left(client)
    for body in ("", "{", '{"texts": ["my card"]}'):
        with socket.create_connection(address) as line:
            line.sendall((HEAD + "Content-Length: 22\r\n\r\n" + body).encode())
    until(lambda: n_left(client) == before + 2)
    assert still_answers(client)


def n_left(client):
    found = re.search(
        r'requests_total\{route="none",status="499"\} (\S+)', client.get("/metrics").text
    )
    return float(found[1]) if found else 0


class Slow:
    """A model that computes when it is let."""

    def __init__(self, model):
        self._model = model
        self.may_go = threading.Event()
        for name in ("labels", "language", "decision", "index"):
            setattr(self, name, getattr(model, name))

    def read(self, texts):
        assert self.may_go.wait(20)
        return self._model.read(texts)


@pytest.fixture
def slow(loader, tickets):
    return Slow(loader(tickets))


def ask_many(client, n_requests):
    """Ask n times at once from threads; gives a list that fills with answers."""
    answers = []

    def ask():
        answers.append(client.post("/v1/predict", json={"texts": ["my card"]}))

    threads = [threading.Thread(target=ask) for _ in range(n_requests)]
    for thread in threads:
        thread.start()
    return answers, threads


def until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_too_many_at_once_are_sent_away_and_the_others_answered(serve, slow, refused):
    with serve(loader=lambda _: slow, limits={"in_flight": 3}) as client:
        answers, threads = ask_many(client, 8)
        until(lambda: len(answers) == 5)
        slow.may_go.set()
        for thread in threads:
            thread.join()
        for answer in answers[:5]:
            assert "3 requests" in refused(answer, 429)
            assert answer.headers["Retry-After"] == "1"
        assert [answer.status_code for answer in answers[5:]] == [200] * 3
        assert still_answers(client)


def test_a_place_that_gets_free_in_time(serve, slow):
    with serve(loader=lambda _: slow, limits={"in_flight": 2}) as client:
        answers, threads = ask_many(client, 6)
        until(lambda: "gatewise_requests_in_flight 7.0" in client.get("/metrics").text)
        slow.may_go.set()
        for thread in threads:
            thread.join()
        assert [answer.status_code for answer in answers] == [200] * 6


def test_those_who_wait_are_not_too_many(serve, slow, refused, monkeypatch):
    monkeypatch.setattr(limits_module, "_PATIENCE", 10.0)
    with serve(loader=lambda _: slow, limits={"in_flight": 1}) as client:
        answers, threads = ask_many(client, 4)
        until(lambda: "gatewise_requests_in_flight 5.0" in client.get("/metrics").text)
        answer = client.post("/v1/predict", json={"texts": ["my card"]})
        assert "4 requests" in refused(answer, 429)
        slow.may_go.set()
        for thread in threads:
            thread.join()
        assert [answer.status_code for answer in answers] == [200] * 4


def test_a_request_that_takes_too_long(serve, slow, refused):
    with serve(loader=lambda _: slow, limits={"seconds": 0.3}) as client:
        answer = client.post("/v1/predict", json={"texts": ["my card"]})
        assert "not answered within 0.3 seconds" in refused(answer, 503)
        assert answer.headers["Retry-After"] == "1"
        slow.may_go.set()
        until(lambda: still_answers(client))


def test_probes_and_numbers_are_answered_when_all_places_are_taken(serve, slow):
    with serve(loader=lambda _: slow, limits={"in_flight": 1}) as client:
        _, threads = ask_many(client, 1)
        until(lambda: "gatewise_requests_in_flight 2.0" in client.get("/metrics").text)
        assert client.get("/v2/health/ready").json() == {"ready": True}
        slow.may_go.set()
        threads[0].join()


class Failing:
    """A model that fails for some texts."""

    def __init__(self, model):
        self._model = model
        for name in ("labels", "language", "decision", "index"):
            setattr(self, name, getattr(model, name))

    def read(self, texts):
        if "secret" in texts:
            raise RuntimeError(f"cannot read {texts}")
        return self._model.read(texts)


def test_an_error_that_was_not_foreseen(serve, loader, tickets, caplog):
    with serve(loader=lambda folder: Failing(loader(folder))) as client:
        answer = client.post("/v1/predict", json={"texts": ["secret"]})
        assert answer.status_code == 500
        found = answer.json()
        assert found["request_id"] == answer.headers["X-Request-Id"]
        until(lambda: f"request {found['request_id']} failed: RuntimeError" in caplog.text)
        assert "secret" not in answer.text + caplog.text
        assert still_answers(client)


@pytest.mark.parametrize("name", ["body_bytes", "texts", "characters", "in_flight", "seconds"])
@pytest.mark.parametrize("value", [0, -1, np.nan])
def test_limits_must_allow_something(name, value):
    with pytest.raises(ConfigError, match="is "):
        Limits(**{name: value})
