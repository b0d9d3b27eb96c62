"""Heads of requests that are too long, too slow, or none; answers in one piece."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from gatewise.serve.protocol import GatheringTransport, HeadProtocol

GET = b"GET /v2 HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture
def converse(client):
    """Send bytes, and return the first status and all that comes until the server closes."""

    def send(*pieces):
        address = (client.base_url.host, client.base_url.port)
        found = b""
        with socket.create_connection(address, 10) as line:
            try:
                for piece in pieces:
                    line.sendall(piece)
                while chunk := line.recv(65536):
                    found += chunk
            except (ConnectionResetError, BrokenPipeError):
                pass
        return found

    return send


def sentence(found, status):
    head, _, body = found.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode()), head
    return json.loads(body)["error"]


def test_a_long_header(converse):
    found = converse(GET, b"X-Long: " + b"x" * (1 << 19))
    assert not found or "longer than 65,536 bytes" in sentence(found, 431)


def test_many_headers(converse):
    found = converse(GET, *(b"X-%d: %s\r\n" % (number, b"x" * 1000) for number in range(1000)))
    assert not found or "longer than 65,536 bytes" in sentence(found, 431)


def test_a_long_address(converse):
    found = converse(b"GET /v2?" + b"x" * (1 << 19))
    assert not found or "longer than 65,536 bytes" in sentence(found, 431)


def test_a_head_that_is_just_short_enough(converse):
    found = converse(GET, b"X-Long: " + b"x" * 60_000 + b"\r\nConnection: close\r\n\r\n")
    assert found.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("begun", [b"", b"GET", GET, GET + b"\r\n" + GET])
def test_a_head_that_does_not_come(converse, monkeypatch, begun):
    monkeypatch.setattr(HeadProtocol, "seconds", 0.2)
    found = converse(begun)
    if found.startswith(b"HTTP/1.1 200"):
        found = found[found.index(b"HTTP/1.1 408") :]
    assert "within 0.2 seconds" in sentence(found, 408)


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /v2 HTTP/1.1\r\nHost localhost\r\n\r\n",
        b"POST /v2 HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v2 HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
)
def test_what_is_no_request(converse, sent):
    assert "no request of HTTP/1.1" in sentence(converse(sent), 400)


def test_several_requests_over_one_connection(converse):
    body = b'{"texts": ["my card"]}'
    post = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    post += b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    found = converse(post, post, GET + b"\r\n" + post, GET + b"Connection: close\r\n\r\n")
    assert found.count(b"HTTP/1.1 200") == 5


UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n"
BODY = b'{"texts": ["my card"]}'


def posted(*, chunked, headers=UPGRADE):
    kind = b"Host: localhost\r\nContent-Type: application/json\r\n"
    size = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(BODY)
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY) if chunked else BODY
    return b"POST /v1/predict HTTP/1.1\r\n" + kind + headers + size + b"\r\n\r\n" + body


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("n_pieces", [1, 2, 7])
def test_the_offer_of_another_protocol_is_ignored(converse, caplog, chunked, n_pieces):
    get = GET + UPGRADE.replace(b"h2c", b"websocket") + b"\r\n"
    last = posted(chunked=chunked, headers=b"Connection: close\r\n")
    sent = posted(chunked=chunked) + get + posted(chunked=chunked) * 2 + last
    size = -(-len(sent) // n_pieces)
    found = converse(*(sent[start : start + size] for start in range(0, len(sent), size)))
    assert found.count(b"HTTP/1.1 200") == 5
    assert found.count(b'"predictions"') == 4
    assert "uvicorn[standard]" not in caplog.text


def test_many_offers_of_another_protocol(converse):
    last = GET + b"Connection: close\r\n\r\n"
    found = converse((GET + UPGRADE + b"\r\n") * 2000 + last)
    assert found.count(b"HTTP/1.1 200") == 2001


class Written:
    """A transport that notes what it is told."""

    def __init__(self):
        self.told = []
        self.is_lost = False

    def is_closing(self):
        return self.is_lost or "close" in self.told

    def write(self, data):
        assert not self.is_lost
        self.told.append(data)

    def close(self):
        self.told.append("close")

    def get_extra_info(self, name):
        return f"the {name}"


def gathered(*steps):
    async def main():
        transport = Written()
        gathering = GatheringTransport(transport, asyncio.get_running_loop())
        for step in steps:
            if step == "round":
                await asyncio.sleep(0)
            elif step == "close":
                gathering.close()
            elif step == "lost":
                transport.is_lost = True
            else:
                gathering.write(step)
        await asyncio.sleep(0)
        assert gathering.get_extra_info("socket") == "the socket"
        return transport.told

    return asyncio.run(main())


def test_head_and_body_are_written_in_one_piece():
    assert gathered(b"head ", b"body") == [b"head body"]
    assert gathered(b"head ", b"body", "round", b"next") == [b"head body", b"next"]


def test_much_is_written_at_once_and_in_order():
    much = b"x" * (1 << 15)
    assert gathered(b"head ", much, much, b"end") == [b"head " + much, much, b"end"]


def test_what_is_held_is_written_before_the_end():
    assert gathered(b"head ", b"body", "close") == [b"head body", "close"]
    assert gathered("close") == ["close"]


def test_what_is_held_for_a_client_that_has_gone_is_dropped():
    assert gathered(b"head ", "lost") == []
    assert gathered(b"head ", "round", b"next", "lost", "close") == [b"head ", "close"]
