"""Who is let in, and what every answer carries."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from gatewise.base.errors import ConfigError
from gatewise.serve.guards import GuardedApp
from gatewise.serve.settings import ServerSettings, is_loopback, read_token

TOKEN = "0123456789abcdef-token"
ASK = {"texts": ["my card is stuck"]}


@pytest.fixture(scope="module")
def guarded(serve):
    """A server that wants a token."""
    with serve(token=TOKEN, host_names=("Models.example",)) as client:
        yield client


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer \xff\xfe",
    ],
)
@pytest.mark.parametrize("path", ["/v1/models", "/metrics", "/openapi.json", "/v2", "/nothing"])
def test_without_the_token_nothing_is_told(guarded, refused, header, path):
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    answer = guarded.get(path, headers=headers)
    assert "token" in refused(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/v1/predict", "/v1/replay", "/v1/file"])
def test_without_the_token_nothing_is_answered(guarded, refused, path):
    refused(guarded.post(path, json=ASK), 401)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_with_the_token(guarded, scheme):
    headers = {"Authorization": f"{scheme} {TOKEN}"}
    assert guarded.post("/v1/predict", json=ASK, headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/v2/health/live", "/v2/health/ready"])
def test_probes_need_no_token(guarded, path):
    assert guarded.get(path).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "localhost.evil.example", "", "a@localhost", "[::1"],
)
def test_a_host_that_is_not_ours(client, refused, host):
    assert "Host header" in refused(client.get("/v2", headers={"Host": host}), 421)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "127.0.0.1:1", "[::1]:8000", "10.1.2.3"]
)
def test_a_host_that_is_ours(client, host):
    assert client.get("/v2", headers={"Host": host}).status_code == 200


def test_a_host_that_was_allowed(guarded):
    headers = {"Authorization": f"Bearer {TOKEN}", "Host": "models.EXAMPLE:8000"}
    assert guarded.get("/v2", headers=headers).status_code == 200


def test_any_host(serve):
    with serve(host_names=("*",)) as client:
        assert client.get("/v2", headers={"Host": "evil.example"}).status_code == 200


def test_a_page_from_elsewhere(client, refused):
    headers = {"Origin": "http://evil.example"}
    assert "evil.example" in refused(client.post("/v1/predict", json=ASK, headers=headers), 403)
    refused(client.post("/v1/predict", json=ASK, headers={"Origin": "null"}), 403)
    own = str(client.base_url).rstrip("/")
    answer = client.post("/v1/predict", json=ASK, headers={"Origin": own})
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", ["/v1/models", "/nothing", "/v2/health/ready"])
def test_every_answer_has_the_headers(client, path):
    headers = client.get(path).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'self'; ")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "server" not in headers


def test_the_log_has_no_text_and_no_query(client, caplog):
    with caplog.at_level(logging.INFO):
        client.post("/v1/predict", json={"texts": ["secret words"]})
        client.post("/v1/file?text=secret", content=b"secret\nwords")
        client.get("/secret/words")
    ours = [one.getMessage() for one in caplog.records if one.name.startswith("gatewise")]
    assert "secret" not in "".join(ours)
    lines = [one.getMessage() for one in caplog.records if one.name == "gatewise.access"]
    assert any(line.startswith("127.0.0.1 POST /v1/predict 200 ") for line in lines)


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        *((host, True) for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost")),
        *((host, False) for host in ("0.0.0.0", "::", "10.0.0.1", "example")),
    ],
)
def test_an_open_address_needs_a_token(host, is_ours):
    assert is_loopback(host) is is_ours
    assert ServerSettings(host=host, token=TOKEN).token == TOKEN
    assert ServerSettings(host=host, open_to_all=True).open_to_all
    if is_ours:
        ServerSettings(host=host)
    else:
        with pytest.raises(ConfigError, match="--token-file"):
            ServerSettings(host=host)


@pytest.mark.parametrize("is_begun", [False, True])
def test_what_the_end_of_the_server_cuts_off(caplog, is_begun):
    sent = []

    async def endless(scope, receive, send):
        if is_begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()

    async def keep(message):
        sent.append(message)

    async def main():
        scope = {"type": "http", "path": "/v1/file", "headers": [(b"host", b"localhost")]}
        app = GuardedApp(endless, ServerSettings())
        task = asyncio.create_task(app(scope, None, keep))
        await asyncio.sleep(0)
        task.cancel()
        await task  # uvicorn would log a traceback, and answer with plain text

    asyncio.run(main())
    assert [message.get("status") for message in sent] == ([200] if is_begun else [503, None])
    assert is_begun or "the server stops" in json.loads(sent[1]["body"])["error"]
    assert caplog.text.count("was not finished") == 1


def test_settings_do_not_show_the_token():
    assert TOKEN not in repr(ServerSettings(token=TOKEN))


@pytest.mark.parametrize("content", [TOKEN, f"  {TOKEN}\n", f"{TOKEN}\r\n"])
def test_a_token_file(tmp_path, content):
    (tmp_path / "token").write_text(content, newline="")
    assert read_token(tmp_path / "token") == TOKEN


@pytest.mark.parametrize(
    "content", [b"", b"short", b"two words of a token", b"\xff" * 20, b"x" * 9999]
)
def test_a_token_file_that_will_not_do(tmp_path, content):
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(ConfigError, match="16 to 4,096"):
        read_token(tmp_path / "token")
